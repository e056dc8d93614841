"""What a person orders for a job: hold, release, cancel, move, reprint, priority."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.failures import FAILED
from broker.cli.options import ConfigOption, ReasonOption
from broker.model.job import FilmState, Job, Priority, State
from broker.model.printer import Duty

if TYPE_CHECKING:
    from broker.cli.opening import Store

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="The job's number.")]
IdsArgument = Annotated[
    list[int], typer.Argument(metavar="ID", help="The jobs' numbers, one or more.")
]


def register(app: typer.Typer) -> None:
    """Add the orders to `broker jobs`."""
    for order in (hold, release, cancel, move, reprint, priority):
        app.command()(order)


def hold(
    ctx: typer.Context,
    job_ids: IdsArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Keep jobs from printing until they are released.

    Example: broker jobs hold 42 43 -r "wrong film size"
    """

    def order(store: Store, job_id: int) -> str:
        store.jobs.hold(
            job_id, f"held by the operator: {reason}" if reason else "held by the operator"
        )
        if cut := _cut_off(store, job_id):
            return cut
        if store.jobs.get(job_id).state is State.PRINTING:
            return (
                f"job {job_id} is printing: the film in hand is finished, then it is held; "
                f"`broker jobs release {job_id}` prints the rest"
            )
        return f"job {job_id} is held; `broker jobs release {job_id}` prints it"

    _each(ctx, config, job_ids, order)


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

    def order(store: Store, job_id: int) -> str:
        states = [film.state for film in store.jobs.films(job_id)]
        uncertain = states.count(FilmState.UNCERTAIN) + states.count(FilmState.ASKED)
        store.jobs.release(job_id, printed=printed)
        found = store.jobs.get(job_id)
        settled = ", its uncertain films settled as printed" if printed else ""
        if cut := _cut_off(store, job_id):
            return f"hold or cancel of job {job_id} is taken back; {cut}"
        if found.state is State.PRINTING:
            return f"job {job_id} goes on printing: hold or cancel is taken back"
        if found.state is State.SENT:
            return f"job {job_id} is sent{settled}: nothing is left to print{_remark(found)}"
        left = found.films - found.films_accepted
        words = f"job {job_id} is queued{settled}: {left} of {_films(found.films)} left to print"
        if uncertain and not printed:
            words += ", uncertain ones among them: they may be on paper twice then"
        return words + _remark(found)

    _each(ctx, config, job_ids, order, prints=True)


def cancel(ctx: typer.Context, job_ids: IdsArgument, config: ConfigOption = None) -> None:
    """Give jobs up: nothing more of them is printed.

    Example: broker jobs cancel 42
    """

    def order(store: Store, job_id: int) -> str:
        store.jobs.cancel(job_id)
        if cut := _cut_off(store, job_id):
            return cut
        if store.jobs.get(job_id).state is State.PRINTING:
            return f"job {job_id} is printing: the film in hand is finished, then it is cancelled"
        return f"job {job_id} is cancelled; `broker jobs reprint {job_id}` prints it after all"

    _each(ctx, config, job_ids, order)


def move(
    ctx: typer.Context,
    job_id: IdArgument,
    printer: Annotated[str, typer.Argument(metavar="PRINTER", help="The printer's name.")] = "",
    any_printer: Annotated[
        bool, typer.Option("--any", help="Take that back: any printer may print it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Send a job to one printer and no other, or with --any to whichever is best.

    Example: broker jobs move 42 oki-2
    """
    if bool(printer) == any_printer:
        raise typer.BadParameter("name one PRINTER, or give --any")

    def order(store: Store, job_id: int) -> str:
        from broker.cli.tables import clean

        before = store.jobs.get(job_id)
        store.jobs.move(job_id, printer)
        found = store.jobs.get(job_id)
        where, waits = f"{printer} and no other printer" if printer else "any printer", ""
        if printer and (duty := store.printers.get(printer).duty) is not Duty.READY:
            waits = f", once it is ready: it is in {duty} now"
        held = (
            f"released, though {clean(before.reason)}, and " if before.state is State.HELD else ""
        )
        words = f"job {job_id} is {held}queued for {where}{waits}"
        return words + _remark(found)

    _each(ctx, config, [job_id], order, prints=True)


def reprint(ctx: typer.Context, job_id: IdArgument, config: ConfigOption = None) -> None:
    """Print a finished or held job again, all of it, as a new job.

    Example: broker jobs reprint 42
    """

    def order(store: Store, job_id: int) -> str:
        new = store.jobs.get(store.jobs.reprint(job_id))
        each = f", {new.copies} copies each" if new.copies > 1 else ""
        return (
            f"job {new.id} is queued: {_films(new.films)} of job {job_id} again{each}{_remark(new)}"
        )

    _each(ctx, config, [job_id], order, prints=True)


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

    def order(store: Store, job_id: int) -> str:
        store.jobs.priority(job_id, wanted)
        found = store.jobs.get(job_id)
        if found.state is State.HELD:
            return f"job {job_id} has priority {wanted} once it is released"
        before = sum(_is_before(each, found) for each in store.jobs.waiting())
        jobs = "1 job" if before == 1 else f"{before or 'no'} jobs"
        return f"job {job_id} has priority {wanted}; {jobs} before it"

    _each(ctx, config, [job_id], order)


def _is_before(other: Job, job: Job) -> bool:
    return (other.priority.rank, other.created_at, other.id) < (
        job.priority.rank,
        job.created_at,
        job.id,
    )


def _each(
    ctx: typer.Context,
    config: Path | None,
    job_ids: list[int],
    order: Callable[[Store, int], str],
    *,
    prints: bool = False,
) -> None:
    """Give the order for each job; one that cannot be done does not stop the others."""
    from broker.cli.opening import opened
    from broker.store.jobs import NoSuchJob, NotAllowed

    failed = False
    with opened(ctx, config) as store:
        for job_id in dict.fromkeys(job_ids):
            try:
                typer.echo(order(store, job_id))
            except (NoSuchJob, NotAllowed) as error:
                failed = True
                typer.echo(error.words, err=True)
                if isinstance(error, NotAllowed) and (cut := _cut_off(store, job_id)):
                    typer.echo(cut, err=True)
        if prints and not failed and not store.running:
            typer.echo("no broker is running here; `broker serve` prints it", err=True)
    if failed:
        raise typer.Exit(FAILED)


def _cut_off(store: Store, job_id: int) -> str:
    """What is true of a job that reads `printing` while no broker is running; empty of others."""
    from broker.cli.standings import standing

    cut_off = standing(store, store.jobs.get(job_id)).cut_off
    return f"job {job_id} is {cut_off.remark}" if cut_off else ""


def _remark(found: Job) -> str:
    """What is to be known of a job that goes on: which other has the same films."""
    return f"; {found.remark}" if found.remark else ""


def _films(number: int) -> str:
    return "1 film" if number == 1 else f"{number} films"
