"""`broker jobs`: the queue, one job in full, and why a job waits."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.job_commands import COMMANDS
from broker.cli.options import ConfigOption, JsonOption, job_number
from broker.model.job import LISTED_S, URGENCY, State

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from broker.model.job import Job
    from broker.operations.job_status import JobStatus
    from broker.operations.opened import Store

NEWEST = 500
"""At most this many finished jobs, unless all are asked for."""
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


IdArgument = Annotated[
    int, typer.Argument(metavar="ID", parser=job_number, help="The job's number.")
]


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

    In --json, film_list and attempt_list are arrays, film_count and attempt_count numbers, as in
    lists. The arrays are also there as films and attempts, for scripts.

    With --preview it writes a picture of a film instead. The picture shows the film as it will lie
    on the sheet, with the patient's name where it stands in the image: only you can read the file.

    Example: broker jobs show 42 --preview film.png --film 2
    """
    import time

    from broker.cli import queue_tables, tables
    from broker.cli.options import opened
    from broker.operations import documents
    from broker.operations.job_status import job_status

    if preview is not None:
        from broker.cli import film_picture  # here: NumPy and Pillow are for pictures alone

        film_picture.require_writable_name(preview)
        if as_document:
            raise typer.BadParameter("--preview writes a picture; use --json without it")
    with opened(ctx, config) as store:
        found = job_status(store, store.jobs.get(job_id))
        films, attempts = store.jobs.films(job_id), store.jobs.attempts(job_id)
        if preview is not None:
            film_picture.write(store, found.job, films, film, preview)
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
    from broker.operations import documents, job_status

    with opened(ctx, config) as store:
        found = job_status.job_status(store, store.jobs.get(job_id))
        explanation = job_status.explanation(store, found.job)
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


def _found(store: Store, states: list[State] | None, everything: bool) -> list[JobStatus]:
    """The jobs that were asked for, the newest last."""
    from broker.operations.job_status import job_statuses

    return job_statuses(store, _listed(store, states, everything))


def _listed(store: Store, states: list[State] | None, everything: bool) -> list[Job]:
    import time

    if states:
        return store.jobs.list(set(states))
    if everything:
        return store.jobs.list()
    unfinished, recent = store.jobs.overview(time.time() - LISTED_S, NEWEST)
    return sorted(unfinished + recent, key=lambda job: job.id)


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
    alarms = banners(store, console.width)
    if not found:
        asked = f" in state {', '.join(states)}" if states else ""
        hint = "" if states or everything else "; `broker jobs --all` lists finished ones too"
        return [*alarms, Text(f"No jobs{asked}{hint}.")]
    if watched:
        found.sort(key=lambda each: (URGENCY.get(each.job.state, len(URGENCY)), each.job.id))
        return [*alarms, *queue_tables.jobs(found, time.time(), console.width, runs_begin=True)]
    return around(queue_tables.jobs(found, time.time(), console.width), alarms, console.height)


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


for _command in COMMANDS:
    app.command()(_command)
