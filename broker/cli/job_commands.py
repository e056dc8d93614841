"""The operator commands for a job: hold, release, cancel, move, reprint, priority."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, ReasonOption, job_number
from broker.model.job import Priority
from broker.operations.failures import FAILED

if TYPE_CHECKING:
    from broker.operations.commands import JobCommands

IdArgument = Annotated[
    int, typer.Argument(metavar="ID", parser=job_number, help="The job's number.")
]
IdsArgument = Annotated[
    list[int],
    typer.Argument(metavar="ID", parser=job_number, help="The jobs' numbers, one or more."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to `broker jobs`."""
    for command in (hold, release, cancel, move, reprint, priority):
        app.command()(command)


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


def cancel(ctx: typer.Context, job_ids: IdsArgument, config: ConfigOption = None) -> None:
    """Cancel jobs: nothing more of them is printed.

    Example: broker jobs cancel 42
    """

    _each(ctx, config, job_ids, lambda jobs, job_id: jobs.cancel(job_id))


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


def reprint(ctx: typer.Context, job_id: IdArgument, config: ConfigOption = None) -> None:
    """Print a finished or held job again, all of it, as a new job.

    Example: broker jobs reprint 42
    """

    _each(ctx, config, [job_id], lambda jobs, each: jobs.reprint(each), prints=True)


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
    from broker.cli.options import opened
    from broker.cli.owner import person
    from broker.model.printable import printable_lines
    from broker.operations.commands import JobCommands
    from broker.operations.missing_pixels import spool_gone
    from broker.store.commands import NotAllowed
    from broker.store.job_rows import NoSuchJob

    failed = False
    with opened(ctx, config) as store:
        jobs = JobCommands(store, person())
        for job_id in dict.fromkeys(job_ids):
            try:
                typer.echo(printable_lines(command(jobs, job_id)))
            except (NoSuchJob, NotAllowed) as error:
                failed = True
                typer.echo(printable_lines(error.words), err=True)
                if isinstance(error, NotAllowed) and (cut := jobs.cut_off(job_id)):
                    typer.echo(cut, err=True)
        if prints and not failed and not store.running:
            start = spool_gone(store) or "`broker serve` prints it"
            typer.echo(f"no broker is running here; {start}", err=True)
    if failed:
        raise typer.Exit(FAILED)
