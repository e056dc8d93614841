"""`broker jobs`: the queue, one job in full, why a job waits; and the operator commands for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.job_list import (
    AllOption,
    CsvOption,
    LimitOption,
    ListOptions,
    ModalityOption,
    PrinterOption,
    SinceOption,
    StateOption,
    TextOption,
    UntilOption,
    WatchOption,
    list_jobs_asked,
)
from broker.cli.options import ConfigOption, JsonOption, ReasonOption, job_number
from broker.model.job import Priority
from broker.operations.failures import FAILED

if TYPE_CHECKING:
    from broker.operations.commands import JobCommands

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
IdsArgument = Annotated[
    list[int],
    typer.Argument(metavar="ID", parser=job_number, help="The jobs' numbers, one or more."),
]


@app.callback(invoke_without_command=True)
def jobs(
    ctx: typer.Context,
    state: StateOption = None,
    modality: ModalityOption = "",
    printer: PrinterOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    text: TextOption = "",
    limit: LimitOption = None,
    everything: AllOption = False,
    watch: WatchOption = False,
    as_document: JsonOption = False,
    as_csv: CsvOption = False,
    config: ConfigOption = None,
) -> None:
    """List jobs, the newest last, or do something to one of them.

    Without an option: all that are not finished, and those that finished within the last hour.
    With --all, or an option that says which: jobs of every state and age.

    PRINTER is where a job prints or was printed, the last one of several; in brackets: where a
    queued one has lined up, to which it is not bound. KEPT is shown once it differs: all, or the
    row alone, as pixels are removed after a time and the job can then not be printed again.

    Example: broker jobs --modality CT1 --since 2h
    """
    if ctx.invoked_subcommand is None:
        asked = ListOptions(state or [], modality, printer, since, until, text, limit, everything)
        list_jobs_asked(ctx, config, asked, watch=watch, as_document=as_document, as_csv=as_csv)


@app.command("list")
def list_jobs(
    ctx: typer.Context,
    state: StateOption = None,
    modality: ModalityOption = "",
    printer: PrinterOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    text: TextOption = "",
    limit: LimitOption = None,
    everything: AllOption = False,
    watch: WatchOption = False,
    as_document: JsonOption = False,
    as_csv: CsvOption = False,
    config: ConfigOption = None,
) -> None:
    """List jobs, as `broker jobs` alone does.

    Example: broker jobs list --all --json
    """
    asked = ListOptions(state or [], modality, printer, since, until, text, limit, everything)
    list_jobs_asked(ctx, config, asked, watch=watch, as_document=as_document, as_csv=as_csv)


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


@app.command()
def hold(
    ctx: typer.Context,
    job_ids: IdsArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Keep jobs from printing until they are released.

    Example: broker jobs hold 42 43 -r "wrong film size"
    """

    _each(ctx, config, job_ids, lambda jobs, job_id: jobs.hold(job_id, reason))


@app.command()
def release(
    ctx: typer.Context,
    job_ids: IdsArgument,
    printed: Annotated[
        bool,
        typer.Option(
            "--printed", help="Films that may be on paper are there: do not print them again."
        ),
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Let held jobs print. Uncertain films are printed again, unless --printed.

    Example: broker jobs release 42 --printed
    """

    _each(
        ctx,
        config,
        job_ids,
        lambda jobs, job_id: jobs.release(job_id, printed=printed),
        prints=True,
    )


@app.command()
def cancel(ctx: typer.Context, job_ids: IdsArgument, config: ConfigOption = None) -> None:
    """Cancel jobs: nothing more of them is printed.

    Example: broker jobs cancel 42
    """

    _each(ctx, config, job_ids, lambda jobs, job_id: jobs.cancel(job_id))


@app.command()
def move(
    ctx: typer.Context,
    job_id: IdArgument,
    printer: Annotated[str, typer.Argument(metavar="PRINTER", help="The printer's name.")] = "",
    any_printer: Annotated[
        bool, typer.Option("--any", help="Undo that: any printer may print it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Bind a job to one printer, or with --any to none.

    Example: broker jobs move 42 oki-2
    """
    if bool(printer) == any_printer:
        raise typer.BadParameter("name one PRINTER, or give --any")

    _each(ctx, config, [job_id], lambda jobs, each: jobs.move(each, printer), prints=True)


@app.command()
def reprint(ctx: typer.Context, job_id: IdArgument, config: ConfigOption = None) -> None:
    """Print a finished or held job again, all of it, as a new job.

    Example: broker jobs reprint 42
    """

    _each(ctx, config, [job_id], lambda jobs, each: jobs.reprint(each), prints=True)


@app.command()
def priority(
    ctx: typer.Context,
    job_id: IdArgument,
    urgency: Annotated[str, typer.Argument(metavar="HIGH|MED|LOW", help="How urgent.")],
    config: ConfigOption = None,
) -> None:
    """Change how urgent a job is.

    HIGH goes before MED, MED before LOW; within one priority the oldest goes first.

    Example: broker jobs priority 42 HIGH
    """

    if urgency.upper() not in tuple(Priority):
        raise typer.BadParameter(f"{urgency} is not a priority; use {', '.join(Priority)}")
    wanted = Priority(urgency.upper())

    _each(ctx, config, [job_id], lambda jobs, each: jobs.priority(each, wanted))


def _each(
    ctx: typer.Context,
    config: Path | None,
    job_ids: list[int],
    command: Callable[[JobCommands, int], str],
    *,
    prints: bool = False,
) -> None:
    """Give the command for each job; a failure does not stop the others."""
    from broker.cli.local_time import told
    from broker.cli.options import opened
    from broker.cli.owner import person
    from broker.operations.commands import JobCommands
    from broker.operations.missing_pixels import spool_gone
    from broker.store.commands import NotAllowed
    from broker.store.job_rows import NoSuchJob

    failed = False
    with opened(ctx, config) as store:
        jobs = JobCommands(store, person())
        for job_id in dict.fromkeys(job_ids):
            try:
                typer.echo(told(command(jobs, job_id)))
            except (NoSuchJob, NotAllowed) as error:
                failed = True
                typer.echo(told(error.words), err=True)
                if isinstance(error, NotAllowed) and (cut := jobs.cut_off(job_id)):
                    typer.echo(told(cut), err=True)
        if prints and not failed and not store.running:
            start = spool_gone(store) or "`broker serve` prints it"
            typer.echo(f"no broker is running here; {start}", err=True)
    if failed:
        raise typer.Exit(FAILED)
