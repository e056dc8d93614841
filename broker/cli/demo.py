"""`broker demo`: all of it on one machine, with nothing installed or configured before."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli import queue_tables, tables
from broker.config.file import load
from broker.emulator.modality import Modality
from broker.emulator.paper_path import Sheet
from broker.emulator.printer import EmulatedPrinter
from broker.emulator.sample_films import sample_films
from broker.events import Event, Facts
from broker.model.film import Film
from broker.model.job import FINISHED, Level
from broker.model.printer import Health
from broker.model.trouble import Trouble
from broker.operations.text import count
from broker.service.service import Service

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

MODALITIES = {"CT1": Level.FILM_BOX, "MR1": Level.FILM_SESSION, "US1": Level.FILM_BOX}
"""AE title, and where it sends its N-ACTION: both habits are met in hospitals."""
PRINTERS = ("oki-1", "oki-2", "oki-3")
SECONDS_PER_FILM = 0.3
PATIENCE_S = 120.0

News = Callable[[Event, Facts], None]

_CONFIGURATION = """\
# Written by `broker demo`: a broker and three emulated printers on this machine.
[broker]
ae_title = "BROKER"
host = "127.0.0.1"
port = {port}
data_dir = "broker-data"

[health]
interval_s = 0.5

[retry]
first_delay_s = 0.5
"""
_PRINTER = """
[[printers]]
name = "{name}"
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}
"""

Paper = tuple[str, str, tuple[str, ...]]
"""What tells one film from another: format, size, and the pixels in its places."""


@dataclass
class Hospital:
    """Everything that the demo shows, in one process and one folder."""

    folder: Path
    news: News
    films: tuple[Film, ...] = ()
    refused: list[str] = field(default_factory=list)
    """What a modality was told that was not success; there must be nothing."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.films, self._pixels = sample_films()
        self.printers = {
            name: EmulatedPrinter(
                name,
                name.replace("-", "").upper(),
                self.folder / name,
                seconds_per_film=SECONDS_PER_FILM,
            )
            for name in PRINTERS
        }
        self._changed = threading.Condition()

    @property
    def total(self) -> int:
        """Films that the modalities will print, all together."""
        return len(self.films) * len(MODALITIES)

    @property
    def configuration(self) -> Path:
        """The file that every other command can be given while the demo runs."""
        return self.folder / "broker.toml"

    def open(self) -> None:
        """Switch the printers on, then the broker; returns when all printers are up."""
        for printer in self.printers.values():
            printer.start()
        self._configure(0)
        self.service = Service(load(self.configuration), self._note)
        self.service.start()
        self._configure(self.service.port)
        self._wait_for(
            lambda: all(each.health is Health.UP for each in self.service.printers.list())
        )

    def _configure(self, port: int) -> None:
        text = _CONFIGURATION.format(port=port)
        for printer in self.printers.values():
            text += _PRINTER.format(name=printer.name, ae_title=printer.ae_title, port=printer.port)
        self.configuration.write_text(text)

    def print_films(self) -> None:
        """Every modality prints every film; returns when all of them were taken or refused."""
        threads = [
            threading.Thread(target=self._print, args=(name, level), name=name)
            for name, level in MODALITIES.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _print(self, name: str, level: Level) -> None:
        try:
            answers = Modality(name).print(
                "127.0.0.1",
                self.service.port,
                "BROKER",
                self.films,
                self._pixels.__getitem__,
                level=level,
            )
        except Trouble as trouble:
            self.refused.append(f"{name}: {trouble.words}")
            return
        for answer in answers:
            if not answer.printed:
                self.refused.append(f"{name}: {answer.step} answered 0x{answer.status:04X}")

    def break_printer(self, name: str) -> None:
        """The printer will die while it receives its next image."""
        self.printers[name].set_scenario("dies-in-set")

    def wait_for_films(self, number: int) -> None:
        """Wait until so many films are on paper."""
        self._wait_for(lambda: len(self.sheets()) >= number)

    def wait_for_jobs(self) -> bool:
        """Wait until every job is finished; False when some are not after two minutes."""
        return self._wait_for(
            lambda: all(job.state in FINISHED for job in self.service.jobs.queries.list())
        )

    def sheets(self) -> list[Sheet]:
        """What lies in the trays."""
        return [sheet for printer in self.printers.values() for sheet in printer.sheets]

    def audit(self) -> tuple[int, int]:
        """Films that are missing on paper, and sheets too many."""
        expected = Counter(_of_film(film) for film in self.films)
        wanted = Counter({paper: n * len(MODALITIES) for paper, n in expected.items()})
        printed = Counter(_of_sheet(sheet) for sheet in self.sheets())
        return (wanted - printed).total(), (printed - wanted).total()

    def close(self) -> None:
        """Stop the broker, then the printers."""
        self.service.stop()
        for printer in self.printers.values():
            printer.kill()

    def _note(self, event: Event, facts: Facts) -> None:
        self.news(event, facts)
        with self._changed:
            self._changed.notify_all()

    def _wait_for(self, so: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(so, PATIENCE_S)


def _of_film(film: Film) -> Paper:
    return film.display_format, film.film_size, film.spooled


def _of_sheet(sheet: Sheet) -> Paper:
    return sheet.display_format, sheet.film_size, tuple(each.pixels for each in sheet.images)


DOOMED = "oki-2"


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
        bool, typer.Option("--keep-running", help="Stay up afterwards, until Ctrl-C.")
    ] = False,
) -> None:
    """Show the broker at work with emulated printers and modalities.

    Three printers, of which one dies, and three modalities.
    Exits 0 only if every film came out exactly once.

    Example: broker demo --keep-running, and in another window the commands that it names.
    """
    from broker.cli.demo import Hospital

    place = folder or Path("broker-demo") / time.strftime("%Y-%m-%d-%H%M%S")
    if place.exists():
        typer.echo(f"{place} is there already; name another folder", err=True)
        raise typer.Exit(1)
    screen = _Screen()
    hospital = Hospital(place, screen.news)
    try:
        _run(hospital, screen)
        good = _report(hospital)
        if keep_running and good:
            _keep(hospital)
    finally:
        hospital.close()
    raise typer.Exit(0 if good else 1)


def _run(hospital: Hospital, screen: _Screen) -> None:
    with screen.progress:
        screen.say("Three emulated printers and a broker start on this machine.")
        hospital.open()
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
    from broker.operations.job_status import Standing

    console = tables.terminal()
    now = time.time()
    console.print("\n$ broker jobs --all", style="bold")
    jobs = [Standing(job) for job in hospital.service.jobs.queries.list()]
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


def _keep(hospital: Hospital) -> None:
    """Stay up until Ctrl-C."""
    hospital.printers[DOOMED].revive()
    config = hospital.configuration
    typer.echo(f"\n{DOOMED} is repaired. The broker stays up until Ctrl-C. In another window:")
    typer.echo(f"  export BROKER_CONFIG={config.absolute()}")
    typer.echo("  broker jobs --watch")
    typer.echo("  broker printers drain oki-1 -r 'new toner'")
    typer.echo("  broker test-print --printer oki-3")
    typer.echo(f"Or print on it: AE title BROKER, 127.0.0.1, port {hospital.service.port}.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        typer.echo("\nStopped.")


class _Screen:
    """Live progress on a terminal; off it, one line for each thing worth telling."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.progress: Progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            console=tables.terminal(),
        )
        self._taken: TaskID | None = None
        self._on_paper: dict[str, TaskID] = {}

    def expect(self, hospital: Hospital) -> None:
        """Show a bar for the films taken, and one for each printer."""
        self._taken = self.progress.add_task("taken, safe", total=hospital.total)
        for name in hospital.printers:
            self._on_paper[name] = self.progress.add_task(f"on {name}", total=hospital.total)

    def say(self, words: str) -> None:
        """One line above the bars."""
        self.progress.console.print(words)

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
