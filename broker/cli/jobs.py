"""`broker jobs`: the queue, one job in full, and why a job waits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.job_commands import COMMANDS
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
from broker.cli.options import ConfigOption, JsonOption, job_number

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
    """Show one job with its films, its attempts, and who ordered what.

    In --json, film_list and attempt_list are arrays, film_count and attempt_count numbers, as in
    lists. The arrays are also there as films and attempts, for scripts.

    With --preview it writes a picture of a film instead. The picture shows the film as it will lie
    on the sheet, with the patient's name where it stands in the image: only you can read the file.

    Example: broker jobs show 42 --preview film.png --film 2
    """
    import time

    from broker.cli.options import opened
    from broker.cli.output import queue_tables, tables
    from broker.operations import documents
    from broker.operations.jobs.job_status import films_of, job_status

    if preview is not None:
        from broker.cli.output import film_picture  # here: NumPy and Pillow are for pictures alone

        film_picture.require_writable_name(preview)
        if as_document:
            raise typer.BadParameter("--preview writes a picture; use --json without it")
    with opened(ctx, config, queue_alone=True) as store:
        found = job_status(store, store.jobs.get(job_id))
        films, attempts = films_of(store, job_id), store.jobs.attempts(job_id)
        given = store.command_log.of_job(job_id)
        if preview is not None:
            film_picture.write(store, found.job, films, film, preview)
            typer.echo(f"Film {film} of {found.job.films} of job {job_id} is in {preview}.")
            return
    if as_document:
        typer.echo(tables.as_json(documents.of_job_whole(found, films, attempts)))
        return
    console = tables.terminal()
    table = queue_tables.job(found, films, attempts, time.time(), console.width)
    tables.show([*table, *queue_tables.recorded(given, console.width)], console)


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
    from broker.cli.options import opened
    from broker.cli.output import tables
    from broker.operations import documents
    from broker.operations.jobs import job_status

    with opened(ctx, config, queue_alone=True) as store:
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


for _command in COMMANDS:
    app.command()(_command)
