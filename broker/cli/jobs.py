"""`broker jobs`: what is in the queue, one job in full, and why it is where it is."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli import job_commands
from broker.cli.job_commands import IdArgument
from broker.cli.options import ConfigOption, JsonOption
from broker.model.job import FINISHED, State
from broker.model.trouble import PRINT_AGAIN, SpoolDamaged
from broker.operations.failures import Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from broker.model.job import Job, Sending
    from broker.operations.job_status import Standing
    from broker.operations.opened import Store

DPI = 100
"""Pixels for an inch of paper: 1400 x 1700 of 14 x 17 inches."""


def checked(path: Path) -> Path:
    """A path that a picture can be written to; Failure names the remedy otherwise."""
    if path.suffix.lower() != ".png":
        raise Failure(f"{path}: pictures are PNG files; give it a name that ends in .png")
    if path.is_dir():
        raise Failure(f"{path}: is a folder; name the file in it")
    if not path.parent.is_dir():
        raise Failure(f"{path.parent}: there is no such folder; make it, or name another")
    return path


def write(store: Store, job: Job, films: Sequence[Sending], number: int, path: Path) -> None:
    """Write film `number` of the job, from 1. Failure when there is no such film, or no pixels.

    Only its owner may read the file, as it may name the patient. An older one is replaced when the
    new one is whole.
    """
    from broker.cli.owner import account
    from broker.preview.paper import SAMPLES, compose

    found = next((each for each in films if each.number == number), None)
    if found is None:
        raise Failure(f"job {job.id} has no film {number}: its films are 1 to {job.films}")
    if job.pixels_removed_at is not None:
        raise Failure(f"job {job.id}: its pixels have been removed since; {PRINT_AGAIN}")
    try:
        picture = compose(found.film, store.spool().read, DPI, samples=SAMPLES)
    except SpoolDamaged as error:
        raise Failure(f"film {number} of job {job.id}: {error}; {PRINT_AGAIN}") from error
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Failure(
            f"{path.parent}: {account().words} cannot write there, and commands act as the owner "
            "of the data folder; name a folder that all may write, such as /tmp"
        )
    partial = path.with_name(f".{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            picture.save(file, format="PNG", dpi=(DPI, DPI))
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


RECENT_S = 3600.0
"""Finished jobs are listed for so long."""
URGENCY = {State.HELD: 0, State.PRINTING: 1, State.QUEUED: 2}
"""What a person has to see first."""
NEWEST = 500
"""Of so many finished jobs at most, unless all are asked for."""
REDRAW_S = 1.0

StateOption = Annotated[
    list[State] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help=f"Only jobs in this state ({', '.join(State)}), of any age; may be given again.",
    ),
]
AllOption = Annotated[bool, typer.Option("--all", help="Finished jobs too, of any age.")]
WatchOption = Annotated[bool, typer.Option("--watch", help="Draw again each second, to Ctrl-C.")]
PreviewOption = Annotated[
    Path | None,
    typer.Option("--preview", metavar="FILE", help="Write a picture of a film, as PNG."),
]
FilmOption = Annotated[
    int, typer.Option("--film", metavar="N", min=1, help="Which film of the job is pictured.")
]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def jobs(
    ctx: typer.Context,
    state: StateOption = None,
    everything: AllOption = False,
    watch: WatchOption = False,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List jobs, the newest last, or do something to one of them.

    Without an option: all that are not finished, and those that finished within the last hour.

    PRINTER is where a job prints or was printed, the last one of several; in brackets: where a
    queued one has lined up, to which it is not bound. KEPT is shown once it differs: all, or the
    row alone, as pixels are removed after a time and the job can then not be printed again.

    Example: broker jobs --state held
    """
    if ctx.invoked_subcommand is None:
        _list(ctx, config, state, everything, watch, as_document)


@app.command("list")
def list_jobs(
    ctx: typer.Context,
    state: StateOption = None,
    everything: AllOption = False,
    watch: WatchOption = False,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List jobs, as `broker jobs` alone does.

    Example: broker jobs list --all --json
    """
    _list(ctx, config, state, everything, watch, as_document)


@app.command()
def show(
    ctx: typer.Context,
    job_id: IdArgument,
    as_document: JsonOption = False,
    preview: PreviewOption = None,
    film: FilmOption = 1,
    config: ConfigOption = None,
) -> None:
    """Show one job with its films and attempts.

    With --preview it writes a picture of a film instead. The picture shows the film as it will lie
    on the sheet, with the patient's name where it stands in the image: only you can read the file.

    Example: broker jobs show 42 --preview film.png --film 2
    """
    import time

    from broker.cli import jobs as previews
    from broker.cli import queue_tables, tables
    from broker.cli.options import opened
    from broker.operations import documents
    from broker.operations.job_status import standing

    if preview is not None:
        previews.checked(preview)
        if as_document:
            raise typer.BadParameter("--preview writes a picture; use --json without it")
    with opened(ctx, config) as store:
        found = standing(store, store.jobs.get(job_id))
        films, attempts = store.jobs.films(job_id), store.jobs.attempts(job_id)
        if preview is not None:
            previews.write(store, found.job, films, film, preview)
            typer.echo(f"Film {film} of {found.job.films} of job {job_id} is in {preview}.")
            return
    if as_document:
        typer.echo(tables.as_json(documents.of_job_whole(found, films, attempts)))
        return
    console = tables.terminal()
    tables.show(queue_tables.job(found, films, attempts, time.time(), console.width), console)


@app.command()
def explain(
    ctx: typer.Context,
    job_id: IdArgument,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Say why a job is where it is, and what happens next.

    Example: broker jobs explain 42
    """
    from broker.cli import tables
    from broker.cli.options import opened
    from broker.operations import documents
    from broker.operations import job_status as standings

    with opened(ctx, config) as store:
        found = standings.standing(store, store.jobs.get(job_id))
        explanation = standings.explanation(store, found.job)
        attempts = store.jobs.attempts(job_id)
    if as_document:
        document = documents.of_job(found) | {
            "sentences": list(explanation.sentences),
            "blocked_by": explanation.blocked_by,
            "choice": documents.of_choice(explanation.choice) if explanation.choice else None,
            "attempts": [documents.of_attempt(attempt) for attempt in attempts],
        }
        typer.echo(tables.as_json(document))
        return
    console = tables.terminal()
    for sentence in explanation.sentences:
        tables.show(tables.folded(sentence, console.width), console)


job_commands.register(app)


def _list(
    ctx: typer.Context,
    config: Path | None,
    states: list[State] | None,
    everything: bool,
    watch: bool,
    as_document: bool,
) -> None:
    from broker.cli import tables
    from broker.cli.options import opened
    from broker.operations import documents

    console = tables.terminal()
    if watch and as_document:
        raise typer.BadParameter("--watch draws a table; use --json without it")
    if watch and not console.is_terminal:
        raise typer.BadParameter("--watch needs a terminal; without one, leave it out")
    with opened(ctx, config) as store:
        if watch:
            _watch(store, console, states, everything)
        elif as_document:
            found = _found(store, states, everything)
            typer.echo(tables.as_json([documents.of_job(job) for job in found]))
        else:
            tables.show(_table(store, console, states, everything), console)


def _found(store: Store, states: list[State] | None, everything: bool) -> list[Standing]:
    """The jobs that were asked for, the newest last."""
    from broker.operations.job_status import standings

    return standings(store, _listed(store, states, everything))


def _listed(store: Store, states: list[State] | None, everything: bool) -> list[Job]:
    import time

    if states:
        return store.jobs.list(set(states))
    if everything:
        return store.jobs.list()
    since = time.time() - RECENT_S
    finished = store.jobs.list(FINISHED, limit=NEWEST, newest_first=True)
    recent = [job for job in finished if job.updated_at >= since]
    return sorted(recent + store.jobs.list(set(State) - FINISHED), key=lambda job: job.id)


def _table(
    store: Store,
    console: Console,
    states: list[State] | None,
    everything: bool,
    *,
    watched: bool = False,
) -> list[Text]:
    import time

    from rich.text import Text

    from broker.cli import queue_tables
    from broker.cli.tables import around, banners

    found = _found(store, states, everything)
    said = banners(store, console.width)
    if not found:
        asked = f" in state {', '.join(states)}" if states else ""
        hint = "" if states or everything else "; `broker jobs --all` lists finished ones too"
        return [*said, Text(f"No jobs{asked}{hint}.")]
    if watched:
        found.sort(key=lambda each: (URGENCY.get(each.job.state, len(URGENCY)), each.job.id))
        return [*said, *queue_tables.jobs(found, time.time(), console.width, runs_begin=True)]
    return around(queue_tables.jobs(found, time.time(), console.width), said, console.height)


def _watch(store: Store, console: Console, states: list[State] | None, everything: bool) -> None:
    """Draw the table again and again until Ctrl-C; held jobs first, so that they always fit."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    def draw() -> Group:
        lines = _table(store, console, states, everything, watched=True)
        room = max(3, console.height - 1)
        if len(lines) > room:
            left_out = Text(f"({len(lines) - room + 1} lines below do not fit)", "dim")
            lines = [*lines[: room - 1], left_out]
        return Group(*lines)

    pause = threading.Event()
    try:
        with Live(draw(), console=console, auto_refresh=False) as live:
            while not pause.wait(REDRAW_S):
                live.update(draw(), refresh=True)
    except KeyboardInterrupt:
        return
