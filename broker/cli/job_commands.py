"""`broker jobs hold`, `release` and so on: operator commands for jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, ReasonOption, job_number
from broker.model.jobs.job import Priority
from broker.operations.words.failures import FAILED

if TYPE_CHECKING:
    from broker.model.jobs.reprint import ReprintChoice
    from broker.operations.commands.recorded import JobCommands
    from broker.operations.jobs.job_status import JobStatus
    from broker.operations.opened import Store

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; without a terminal nothing is asked.")
]
IdsArgument = Annotated[
    list[int],
    typer.Argument(metavar="ID", parser=job_number, help="The jobs' numbers, one or more."),
]


def hold(
    ctx: typer.Context,
    job_ids: IdsArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Keep jobs from printing until they are released.

    Example: broker jobs hold 42 43 -r "wrong film size"
    """

    _each(ctx, config, job_ids, lambda jobs, each, seen: jobs.hold(each, reason, seen=seen))


def release(
    ctx: typer.Context,
    job_ids: IdsArgument,
    printed: Annotated[
        bool,
        typer.Option(
            "--printed", help="Films that may be on paper are there: do not print them again."
        ),
    ] = False,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Let held jobs print. Uncertain films are printed again, unless --printed.

    Example: broker jobs release 42 --printed
    """

    _each(
        ctx,
        config,
        job_ids,
        lambda jobs, each, seen: jobs.release(each, printed=printed, seen=seen),
        asks=lambda found: questions_of(found, "release-printed" if printed else "release"),
        yes=yes,
        prints=True,
    )


def cancel(
    ctx: typer.Context,
    job_ids: IdsArgument,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Cancel jobs: nothing more of them is printed.

    Example: broker jobs cancel 42
    """

    _each(
        ctx,
        config,
        job_ids,
        lambda jobs, each, seen: jobs.cancel(each, seen=seen),
        asks=lambda found: questions_of(found, "cancel"),
        yes=yes,
    )


def move(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="ID... [PRINTER]", help="The jobs' numbers, then the printer's name."
        ),
    ],
    any_printer: Annotated[
        bool, typer.Option("--any", help="Undo that: any printer may print them.")
    ] = False,
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Bind jobs to one printer, or with --any to none.

    Example: broker jobs move 42 43 oki-2
    """
    job_ids, printer = ids_and_word(words, last=not any_printer)
    if any_printer != (not printer):
        raise typer.BadParameter("name one PRINTER behind the numbers, or give --any")

    _each(
        ctx,
        config,
        job_ids,
        lambda jobs, each, seen: jobs.move(each, printer, seen=seen),
        asks=lambda found: questions_of(found, "move", printer),
        yes=yes,
        prints=True,
    )


def reprint(
    ctx: typer.Context,
    job_ids: IdsArgument,
    again: Annotated[
        bool, typer.Option("--again", help="Even where it was printed again within a minute.")
    ] = False,
    printer: Annotated[
        str, typer.Option("--printer", metavar="NAME", help="On this printer and no other.")
    ] = "",
    elsewhere: Annotated[
        bool, typer.Option("--elsewhere", help="Not on the printer that made it.")
    ] = False,
    copies: Annotated[
        int | None, typer.Option("--copies", metavar="N", help="So many of each film.")
    ] = None,
    film_size: Annotated[
        str, typer.Option("--film-size", metavar="SIZE", help="A Film Size ID, as 14INX17IN.")
    ] = "",
    medium: Annotated[
        str, typer.Option("--medium", metavar="TYPE", help='A Medium Type, as "BLUE FILM".')
    ] = "",
    films: Annotated[
        str, typer.Option("--films", metavar="LIST", help="These films alone, as 1,3-5.")
    ] = "",
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Print finished or held jobs again, as new jobs.

    All of each, as it was, unless something else is named.

    Example: broker jobs reprint 42 --films 2 --elsewhere
    """
    from broker.model.jobs.reprint import ReprintChoice, UnfitChoice, film_numbers

    try:
        numbers = film_numbers(films)
    except UnfitChoice as error:
        raise typer.BadParameter(error.words) from error
    choice = ReprintChoice(printer, elsewhere, copies, film_size, medium, numbers)

    _each(
        ctx,
        config,
        job_ids,
        lambda jobs, each, seen: jobs.reprint(each, choice, again=again, seen=seen),
        asks=lambda found: questions_of(found, "reprint", choice=choice),
        yes=yes,
        prints=True,
    )


def priority(
    ctx: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(metavar="ID... HIGH|MED|LOW", help="The jobs' numbers, then how urgent."),
    ],
    first: Annotated[
        bool, typer.Option("--first", help="An emergency: before all that wait now.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Change how urgent jobs are.

    HIGH goes before MED, MED before LOW; within one priority the oldest goes first.

    Example: broker jobs priority 42 HIGH --first
    """
    job_ids, urgency = ids_and_word(words)
    if urgency.upper() not in tuple(Priority):
        raise typer.BadParameter(
            f"{urgency or 'nothing'} is not a priority; use {', '.join(Priority)}"
        )
    wanted = Priority(urgency.upper())

    _each(
        ctx,
        config,
        job_ids,
        lambda jobs, each, seen: jobs.priority(each, wanted, first=first, seen=seen),
        last_first=first,
    )


def ids_and_word(words: list[str], *, last: bool = True) -> tuple[list[int], str]:
    """The jobs' numbers, and the word behind them, which may be a number, too; with `last` false
    there is none, unless it is no number. Raises: BadParameter: what stands where a number must."""
    word = ""
    if len(words) > 1 and (last or not words[-1].isdigit()):
        *words, word = words
    return [job_number(each) for each in words], word


def questions_of(
    found: JobStatus, command: str, printer: str = "", choice: ReprintChoice | None = None
) -> str:
    """What a person on a terminal is asked first."""
    from broker.operations.commands import questions
    from broker.store.queue.commands import AS_IT_WAS

    return questions.of_job(found, command, printer, choice or AS_IT_WAS)


def _each(
    ctx: typer.Context,
    config: Path | None,
    job_ids: list[int],
    command: Callable[[JobCommands, int, str], str],
    *,
    asks: Callable[[JobStatus], str] = lambda _: "",
    yes: bool = True,
    prints: bool = False,
    last_first: bool = False,
) -> None:
    """Give the command for each job; a failure does not stop the others.

    On a terminal a person is asked first, once for all of them, and the command is for what the
    question says: `command` gets the version of the job then (promise 12).
    """
    from broker.cli.options import opened
    from broker.cli.output.local_time import told
    from broker.cli.owner import person
    from broker.operations.commands.recorded import JobCommands
    from broker.operations.commands.several import Target, carry_out
    from broker.operations.jobs.missing_pixels import spool_gone
    from broker.store.queue.commands import NotAllowed

    failed = False
    with opened(ctx, config, queue_alone=True) as store:
        jobs = JobCommands(store, person()).together()
        numbers = list(dict.fromkeys(job_ids))
        seen = {} if yes or not asked_on_a_terminal() else _confirmed(store, numbers, asks)
        targets = [Target(each, seen.get(each, "")) for each in numbers]
        give = partial(command, jobs)
        for each in carry_out(targets, give, last_first=last_first):
            failed = failed or each.error is not None
            typer.echo(told(each.words), err=each.error is not None)
            if isinstance(each.error, NotAllowed) and (cut := jobs.cut_off(each.name)):
                typer.echo(told(cut), err=True)
        if prints and not failed and not store.running:
            start = spool_gone(store) or "`broker serve` prints it"
            typer.echo(f"no broker is running here; {start}", err=True)
    if failed:
        raise typer.Exit(FAILED)


def asked_on_a_terminal() -> bool:
    """Whether a person reads and answers."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirmed(
    store: Store, job_ids: list[int], asks: Callable[[JobStatus], str]
) -> dict[int, str]:
    """Ask; the versions of the jobs that the person has seen then.

    Raises: Exit: when the answer is no.
    """
    from broker.cli.output.local_time import told
    from broker.operations.jobs.job_status import job_status
    from broker.store.reading.job_rows import NoSuchJob

    seen: dict[int, str] = {}
    questions: list[str] = []
    for job_id in job_ids:
        try:
            found = job_status(store, store.jobs.get(job_id))
        except NoSuchJob:
            continue  # which the command tells
        seen[job_id] = found.version
        questions += filter(None, [asks(found)])
    if not questions:
        return seen
    for each in questions:
        typer.echo(told(each), err=True)
    if not typer.confirm("Do it?", err=True):
        typer.echo("Nothing was done.", err=True)
        raise typer.Exit(FAILED)
    return seen


COMMANDS = (hold, release, cancel, move, reprint, priority)
