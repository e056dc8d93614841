"""The list of jobs: which are asked for, and how they are shown."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.model.jobs.job import LISTED_S, URGENCY, State
from broker.model.jobs.job_filter import JobFilter

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from broker.operations.jobs.job_status import JobStatus
    from broker.operations.opened import Store

NEWEST = 500
"""At most this many finished jobs, unless it is said which."""
TABLE = 1000
"""Rows of a table, unless it is said how many."""
PIECE = 500
"""Jobs that are in memory at a time where programs read the list."""
REDRAW_S = 1.0
LAST = "\n]"
"""Ends a JSON list that has an entry."""

StateOption = Annotated[
    list[State] | None,
    typer.Option(
        "--state",
        metavar="STATE",
        help=f"Only jobs in this state ({', '.join(State)}); may be given again.",
    ),
]
ModalityOption = Annotated[
    str,
    typer.Option("--modality", metavar="NAME", help="Only jobs from this AE title, or nickname."),
]
PrinterOption = Annotated[
    str,
    typer.Option(
        "--printer", metavar="NAME", help="Only jobs printed, tried or lined up there, or bound."
    ),
]
SinceOption = Annotated[
    str,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only jobs that came since: 2h, 30m, 2d, 08:15, 2026-01-31, 2026-01-31T08:15.",
    ),
]
UntilOption = Annotated[
    str,
    typer.Option(
        "--until", metavar="TIME", help="Only jobs that came until then, as --since; with that day."
    ),
]
TextOption = Annotated[
    str,
    typer.Option(
        "--text",
        metavar="TEXT",
        help="Only jobs with this in an AE title, printer or reason, or of this number.",
    ),
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only the newest N."),
]
AllOption = Annotated[bool, typer.Option("--all", help="Finished jobs too, of any age.")]
WatchOption = Annotated[bool, typer.Option("--watch", help="Draw again each second, to Ctrl-C.")]
CsvOption = Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")]


@dataclass(frozen=True)
class ListOptions:
    """What was given on the command line."""

    states: Sequence[State]
    modality: str
    printer: str
    since: str
    until: str
    text: str
    limit: int | None
    everything: bool


@dataclass(frozen=True)
class _Choice:
    """Which jobs are listed."""

    wanted: JobFilter
    limit: int | None
    recent: bool
    """Only those that are not finished, or have finished lately."""


def list_jobs_asked(
    ctx: typer.Context,
    config: Path | None,
    asked: ListOptions,
    *,
    watch: bool,
    as_document: bool,
    as_csv: bool,
) -> None:
    """Show the list, as a table or for programs.

    Raises: BadParameter: what was given contradicts itself, or cannot be understood.
    """
    from broker.cli.options import opened
    from broker.cli.output import tables

    if as_document and as_csv:
        raise typer.BadParameter("--json and --csv: choose one")
    console = tables.terminal()
    if watch and (as_document or as_csv):
        raise typer.BadParameter("--watch draws a table; use --json or --csv without it")
    if watch and not console.is_terminal:
        raise typer.BadParameter("--watch needs a terminal; without one, leave it out")
    with opened(ctx, config, queue_alone=True) as store:
        choice = _chosen(store, asked)
        if watch:
            _watch(store, console, choice)
        elif as_document:
            _write_json(store, choice)
        elif as_csv:
            _write_csv(store, choice)
        else:
            tables.show(_table(store, console, choice), console)


def _chosen(store: Store, asked: ListOptions) -> _Choice:
    import time

    from broker.operations.jobs.job_filters import InvalidFilter, filter_given

    try:
        wanted = filter_given(
            time.time(),
            states=asked.states,
            modality=asked.modality,
            printer=asked.printer,
            since=asked.since,
            until=asked.until,
            text=asked.text,
            nicknames=store.nicknames,
        )
    except InvalidFilter as error:
        raise typer.BadParameter(error.words, param_hint=f"--{error.name}") from None
    recent = wanted.empty and asked.limit is None and not asked.everything
    return _Choice(wanted, asked.limit, recent)


def _pieces(store: Store, choice: _Choice) -> Iterator[list[JobStatus]]:
    """The jobs that were asked for, the newest last, some at a time."""
    import time

    from broker.operations.jobs.job_status import job_statuses

    if choice.recent:
        unfinished, finished = store.jobs.overview(time.time() - LISTED_S, NEWEST)
        yield job_statuses(store, sorted(unfinished + finished, key=lambda job: job.id))
        return
    numbers = store.search.numbers(choice.wanted, choice.limit)
    numbers.reverse()
    for first in range(0, len(numbers), PIECE):
        yield job_statuses(store, store.search.jobs(numbers[first : first + PIECE]))


def _write_json(store: Store, choice: _Choice) -> None:
    """What `as_json` makes of the whole list, without having the whole list in memory."""
    from broker.cli.output.tables import as_json
    from broker.operations import documents

    before = "["
    for found in _pieces(store, choice):
        if found:
            piece = as_json([documents.of_job(each) for each in found])
            typer.echo(f"{before}{piece.removeprefix('[').removesuffix(LAST)}", nl=False)
            before = ","
    typer.echo("[]" if before == "[" else LAST)


def _write_csv(store: Store, choice: _Choice) -> None:
    from broker.operations.jobs import csv_lines

    typer.echo(csv_lines.heading(), nl=False)
    for found in _pieces(store, choice):
        typer.echo(csv_lines.lines(found), nl=False)


def _table(store: Store, console: Console, choice: _Choice, *, watched: bool = False) -> list[Text]:
    import time

    from broker.cli.output import queue_tables
    from broker.cli.output.tables import around, head
    from broker.operations.condition.alarms import above
    from broker.operations.jobs.job_groups import FEW

    bounded = _Choice(choice.wanted, choice.limit or TABLE + 1, choice.recent)
    found = [each for piece in _pieces(store, bounded) for each in piece]
    now = time.time()
    seen = above(store, now)
    lines = head(seen, now, console.width)
    if not found:
        return [*lines, *_none(store, choice, console.width)]
    left_out = choice.limit is None and not choice.recent and len(found) > TABLE
    if left_out:
        found = found[-TABLE:]
    if watched:
        found.sort(key=lambda each: (URGENCY.get(each.job.state, len(URGENCY)), each.job.id))
        return [*lines, *queue_tables.jobs(found, now, console.width, runs_begin=True)]
    if choice.recent and len(found) > FEW:
        table = queue_tables.jobs_in_groups(found, now, console.width)
    else:
        table = queue_tables.jobs(found, now, console.width)
    if left_out:
        from broker.cli.output.tables import folded

        words = (
            f"These are the newest {TABLE}. `--limit N` shows the newest N; --csv and --json give "
            "all."
        )
        table = [*table, *folded(words, console.width)]
    return around(table, lines, console.height, alarming=seen.alarming)


def _none(store: Store, choice: _Choice, width: int) -> list[Text]:
    """That there are none, and of a name that nothing has, which there are."""
    from broker.cli.output.tables import folded
    from broker.operations.jobs.job_filters import filter_words
    from broker.operations.words.text import and_more

    if choice.recent:
        return folded("No jobs; `broker jobs --all` lists finished ones too.", width)
    wanted = choice.wanted
    said = [f"No jobs {filter_words(wanted)}".rstrip() + "."]
    callers = store.search.callers() if wanted.modality else ()
    known = wanted.nicknamed or wanted.modality.lower() in map(str.lower, callers)
    if callers and not known:
        named = [store.nicknames.named(each) for each in callers]
        said.append(f"Modalities that printed lately: {and_more(named, 20)}.")
    printers = [each.name for each in store.printers.list()] if wanted.printer else []
    if printers and wanted.printer.lower() not in map(str.lower, printers):
        said.append(f"Printers: {and_more(printers, 40)}.")
    return [line for each in said for line in folded(each, width)]


def _watch(store: Store, console: Console, choice: _Choice) -> None:
    """Draw the table again and again until Ctrl-C; held jobs first, so that they always fit."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    def draw() -> Group:
        lines = _table(store, console, choice, watched=True)
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
