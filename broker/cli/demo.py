"""`broker demo`: all of it on one machine, with nothing installed or configured before."""

from __future__ import annotations

import os
import shlex
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.events import Event, Facts
from broker.operations.words.text import count

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from broker.cli.demo_hospital import Hospital

DOOMED = "oki-2"
SHOW_PAGES = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
"""Without any of these variables there is no browser with a window of its own."""


def demo(
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            help="Where films and data go; else broker-demo/ with the time, in this folder.",
            metavar="DIR",
        ),
    ] = None,
    keep_running: Annotated[
        bool,
        typer.Option(
            "--keep-running",
            help="Stay up afterwards, until Ctrl-C, with a film that waits for you.",
        ),
    ] = False,
    show_page: Annotated[
        bool, typer.Option("--open", help="Open the page in a browser at once.")
    ] = False,
    web_port: Annotated[
        int,
        typer.Option(
            "--web-port",
            min=0,
            max=65535,
            help="Where the page listens on 127.0.0.1; else a port that is free.",
            metavar="PORT",
        ),
    ] = 0,
) -> None:
    """Show the broker and its page at work with emulated printers.

    Four printers, of which one dies, and three modalities. The page's address comes first.
    Exits 0 only if every film came out exactly once.

    Example: broker demo --open --keep-running
    """
    from broker.cli.demo_hospital import Hospital

    place = folder or Path("broker-demo") / time.strftime("%Y-%m-%d-%H%M%S")
    if place.exists():
        typer.echo(f"{place} is there already; name another folder", err=True)
        raise typer.Exit(1)
    screen = _Screen()
    hospital = Hospital(place, screen.news, web_port)
    try:
        hospital.start()
        screen.begin(f"The page: {hospital.url}")
        if show_page:
            _open(hospital.url)
        _run(hospital, screen)
        good = _report(hospital)
        if keep_running and good:
            _keep(hospital)
        elif good:
            typer.echo("The page has ended with the demo; --keep-running keeps both up.")
    finally:
        hospital.close()
    raise typer.Exit(0 if good else 1)


def _run(hospital: Hospital, screen: _Screen) -> None:
    with screen.progress:
        number = len(hospital.printers)
        screen.say(f"{number} emulated printers and a broker start on this machine.")
        hospital.wait_for_printers()
        screen.expect(hospital)
        modalities = threading.Thread(target=hospital.print_films, name="modalities")
        screen.say(f"CT1, MR1 and US1 print {len(hospital.films)} films each on BROKER.")
        modalities.start()
        hospital.wait_for_films(hospital.total // 4)
        screen.say(f"{DOOMED} will now die while it receives a film.")
        hospital.break_printer(DOOMED)
        modalities.join()
        screen.say("Every modality has heard success for every film and has gone home.")
        hospital.wait_for_jobs()


def _report(hospital: Hospital) -> bool:
    """Tables, trays and the verdict."""
    from broker.cli.output import queue_tables, tables
    from broker.operations.jobs.job_status import JobStatus

    console = tables.terminal()
    now = time.time()
    console.print("\n$ broker jobs --all", style="bold")
    jobs = [JobStatus(job) for job in hospital.service.jobs.queries.list()]
    tables.show(queue_tables.jobs(jobs, now, console.width), console)
    console.print("\n$ broker printers", style="bold")
    tables.show(
        queue_tables.printers(hospital.service.printers.list(), now, console.width), console
    )
    console.print("\nFinished films, as pictures, each with a slip beside it (JSON):")
    for printer in hospital.printers.values():
        sheets = count(len(printer.sheets), "film")
        console.print(f"  {hospital.folder / printer.name}  {sheets}", soft_wrap=True)
    missing, too_many = hospital.audit()
    console.print()
    for words in hospital.refused:
        console.print(f"A modality saw an error: {words}")
    if missing or too_many or hospital.refused:
        console.print(f"NOT WELL: {missing} films missing, {too_many} sheets too many.")
        return False
    console.print(
        f"All {hospital.total} films came out exactly once, though {DOOMED} died on the way.",
        style="bold green",
    )
    return True


def _open(url: str) -> None:
    """Show the page in the person's browser; films do not wait for that. One that would take the
    terminal is not begun."""
    import webbrowser

    def show() -> None:
        shows = any(os.environ.get(each) for each in SHOW_PAGES)
        if not (shows and webbrowser.open(url)):
            typer.echo(f"No browser could be opened here; the page is {url}", err=True)

    threading.Thread(target=show, name="browser", daemon=True).start()


def _keep(hospital: Hospital) -> None:
    """Leave something to look at, say where, and stay up until Ctrl-C."""
    left = hospital.leave_trouble()
    file = shlex.quote(str(hospital.configuration.absolute()))
    lines = (
        "",
        f"{DOOMED} is repaired. {left.jammed} has a film jam now: films go to the others.",
        f"Job {left.job} is held: {left.printer} printed its film and died before it answered,",
        "so that the broker cannot know. The sheet is the last one in its folder: say",
        "on the page, or with `broker jobs release`, that it is on paper.",
        "",
        f"  page      {hospital.url}",
        f"  printing  AE title BROKER, 127.0.0.1, port {hospital.service.port}",
        f"  folder    {hospital.folder.absolute()}",
        "",
        "Commands to try in another window:",
        *(
            f"  broker {each} -c {file}"
            for each in (
                "jobs",
                f"jobs explain {left.job}",
                f"jobs release {left.job} --printed",
                "printers drain oki-1 -r 'new toner'",
                "test-print",
                "top",
            )
        ),
        "",
        "All of it stays up until Ctrl-C.",
    )
    typer.echo("\n".join(lines))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        typer.echo("\nStopped.")


class _Screen:
    """Live progress on a terminal; off it, one line for each thing worth telling."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        from broker.cli.output import tables

        self.progress: Progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            console=tables.terminal(),
        )
        self._taken: TaskID | None = None
        self._on_paper: dict[str, TaskID] = {}
        self._order = threading.RLock()
        """Held while a line is said: parts of the broker say theirs from their own threads."""
        self._early: list[str] | None = []
        """What is said before `begin`."""

    def begin(self, words: str) -> None:
        """The first line; then what was said before."""
        with self._order:
            early, self._early = self._early or [], None
            for each in (words, *early):
                self.say(each)

    def expect(self, hospital: Hospital) -> None:
        """Show a bar for the films taken, and one for each printer."""
        self._taken = self.progress.add_task("taken, safe", total=hospital.total)
        for name in hospital.printers:
            self._on_paper[name] = self.progress.add_task(f"on {name}", total=hospital.total)

    def say(self, words: str) -> None:
        """One line above the bars."""
        with self._order:
            if self._early is None:
                self.progress.console.print(words)
            else:
                self._early.append(words)

    def news(self, event: Event, facts: Facts) -> None:
        """What the broker notes, where it is worth a bar or a line."""
        printer = str(facts.get("printer", ""))
        match event:
            case Event.FILMS_ACCEPTED if self._taken is not None:
                self.progress.advance(self._taken, int(str(facts["films"])))
            case Event.FILM_ACCEPTED:
                self.progress.advance(self._on_paper[printer])
            case Event.ATTEMPT_FAILED:
                self.say(f"  job {facts['job']}: {facts['why']}")
            case Event.PRINTER_CHANGED:
                reason = f": {facts['reason']}" if facts["reason"] else ""
                self.say(f"  {printer} was {facts['was']}, is {facts['health']}{reason}")
            case Event.STORAGE_FAILED | Event.ATTEMPT_BROKE | Event.ASSOCIATION_FAULT:
                self.say(f"  {event}: {dict(facts)}")
