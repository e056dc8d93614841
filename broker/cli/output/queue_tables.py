"""Jobs and printers as tables for people, and their columns, for `broker top` too: a face chooses
among them, and may give one another heading.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from rich.text import Text

from broker.cli.output.local_time import time_column
from broker.cli.output.tables import Column, Row, fact, fits, folded, lay_out
from broker.model.films.capabilities import Capability
from broker.model.jobs.job import Attempt, FilmState, Sending, State
from broker.model.peers.hosts import at_port
from broker.model.printers.printer import Printer
from broker.model.printers.standing import seems
from broker.model.reasons.causes import grouped
from broker.model.reasons.remedies import Face
from broker.model.recorded_command import RecordedCommand
from broker.operations.condition.printer_groups import group_remedy
from broker.operations.jobs.job_groups import job_groups, shares
from broker.operations.jobs.job_status import (
    JobStatus,
    held_remedies,
    held_remedy,
    identity_facts,
    job_remarks,
    learned,
    place_of,
    printer_remarks,
)
from broker.operations.jobs.uncertain_films import uncertain_text
from broker.operations.words.text import (
    age,
    clock,
    copies,
    count,
    moment,
    why_removed,
)
from broker.store.reading.queries import Unanswered

T = TypeVar("T")
NO_MORE: Mapping[int, str] = {}


@dataclass(frozen=True)
class Field(Generic[T]):
    """A column, and what it says of one row at a time (seconds since the epoch)."""

    column: Column
    cell: Callable[[T, float], str]

    def under(self, heading: str) -> Field[T]:
        """The same with another heading."""
        return replace(self, column=replace(self.column, heading=heading))


def columns(fields: Sequence[Field[T]]) -> tuple[Column, ...]:
    """Their columns, in this order."""
    return tuple(each.column for each in fields)


def cells(fields: Sequence[Field[T]], row: T, now: float) -> tuple[str, ...]:
    """The cells of a row, in this order."""
    return tuple(each.cell(row, now) for each in fields)


def place(printer: Printer) -> str:
    """AE title, host and port in one word."""
    address = printer.address
    return f"{address.ae_title}@{at_port(address.host, address.port)}"


def _last_check(printer: Printer, now: float, after: str = "") -> str:
    checked = printer.last_check_at
    return "never" if checked is None else f"{age(now - checked)}{after}"


def _pixels(found: JobStatus, _now: float) -> str:
    return "all" if found.job.pixels_removed_at is None else "row"


ID = Field[JobStatus](Column("ID", right=True), lambda found, _: str(found.job.id))
STATE = Field[JobStatus](Column("STATE"), lambda found, _: str(found.job.state))
MODALITY = Field[JobStatus](Column("MODALITY"), lambda found, _: found.job.calling_ae)
NICKNAME = Field[JobStatus](Column("NICKNAME", below=True), lambda found, _: found.nickname)
FILMS = Field[JobStatus](
    Column("FILMS", right=True), lambda found, _: f"{found.job.films_accepted}/{found.job.films}"
)
COPIES = Field[JobStatus](Column("COPIES", right=True), lambda found, _: str(found.job.copies))
PRIORITY = Field[JobStatus](Column("PRIO"), lambda found, _: str(found.job.priority))
WHERE = Field[JobStatus](Column("PRINTER"), lambda found, _: place_of(found))
TRIES = Field[JobStatus](Column("TRIES", right=True), lambda found, _: str(found.job.attempts))
AGE = Field[JobStatus](
    Column("AGE", right=True), lambda found, now: age(now - found.job.created_at)
)
ARRIVED = Field[JobStatus](
    Column("ARRIVED", below=True), lambda found, now: clock(found.job.created_at, now)
)
KEPT = Field[JobStatus](Column("KEPT"), _pixels)
"""Whether the pixels are still there."""

NAME = Field[Printer](Column("NAME"), lambda printer, _: printer.name)
PLACE = Field[Printer](Column("AE@HOST:PORT", below=True), lambda printer, _: place(printer))
HEALTH = Field[Printer](Column("HEALTH"), lambda printer, _: seems(printer))
DUTY = Field[Printer](Column("DUTY"), lambda printer, _: str(printer.duty))
WEIGHT = Field[Printer](Column("WGHT", right=True), lambda printer, _: str(printer.address.weight))
LOAD = Field[Printer](Column("LOAD", right=True), lambda printer, _: str(printer.load))
BUSY = Field[Printer](Column("BUSY", right=True), lambda printer, _: str(printer.claims))
ACCEPTED = Field[Printer](
    Column("DONE", right=True), lambda printer, _: str(printer.films_accepted)
)
FAILURES = Field[Printer](Column("FAIL", right=True), lambda printer, _: str(printer.failures))
CHECKED = Field[Printer](Column("CHECK", right=True), _last_check)
CHECKED_AGO = Field[Printer](
    Column("LAST-CHECK", right=True), lambda printer, now: _last_check(printer, now, " ago")
)


JOBS = (
    ID,
    STATE,
    MODALITY,
    FILMS,
    COPIES,
    WHERE,
    TRIES,
    AGE,
    ARRIVED,
)
PRINTERS = (
    NAME,
    PLACE,
    HEALTH.under("STATUS"),
    DUTY,
    WEIGHT,
    LOAD,
    ACCEPTED,
    FAILURES,
    CHECKED_AGO,
)
FILM_COLUMNS = (
    Column("FILM", right=True),
    Column("PASS", right=True),
    Column("COPIES", right=True),
    Column("STATE"),
    Column("SIZE"),
    Column("FORMAT", below=True),
    Column("PRINTER"),
    Column("ASKED"),
    Column("ACCEPTED"),
)
"""The last two with their zone, see `time_column`; so in ATTEMPTS."""
ATTEMPTS = (
    Column("TRY", right=True),
    Column("PRINTER"),
    Column("OUTCOME"),
    Column("BEGAN"),
    Column("ENDED"),
)


def jobs_in_groups(found: Sequence[JobStatus], now: float, width: int) -> list[Text]:
    """A long list: some jobs of each group, with how many more there are; what a person has to see
    stands at the end."""
    groups = job_groups(found)
    lines: list[Text] = []
    shown: list[JobStatus] = []
    more: dict[int, str] = {}
    for group, share in zip(groups, shares(groups), strict=True):
        some = group.some(share)
        shown += some
        if left := len(group.jobs) - len(some):
            which = f"{count(left, 'more job')} {group.state}"
            more[some[-1].job.id] = f"and {which}: {group.why}" if group.why else f"and {which}"
    lines += jobs(shown, now, width, more=more)
    words = "; ".join(group.words for group in reversed(groups))
    return [*lines, *folded(f"{words}. `broker jobs --state STATE` lists all of one.", width)]


def jobs(
    found: Sequence[JobStatus],
    now: float,
    width: int,
    *,
    runs_begin: bool = False,
    more: Mapping[int, str] = NO_MORE,
) -> list[Text]:
    """One row for each job; why it is where it is, and what an operator asked for, below; and what
    `more` says of jobs that are left out behind it.

    A sentence that several in a row have in common stands once: below the last of them, as the end
    of a long list is what stays on the screen, or with `runs_begin` below the first. What to do
    about held ones stands below all, once for each cause; before it the nicknames of modalities,
    where they have no room in the rows.
    """
    removed = any(each.job.pixels_removed_at is not None for each in found)
    fields: tuple[Field[JobStatus], ...] = (*JOBS[:-1], KEPT, ARRIVED) if removed else JOBS
    below = _once([(each.job.id, job_remarks(each, now)) for each in found], runs_begin=runs_begin)
    said = [
        (*words, *filter(None, [more.get(each.job.id)]))
        for each, words in zip(found, below, strict=True)
    ]
    named = {each.job.calling_ae: each.nickname for each in found if each.nickname}
    at = fields.index(MODALITY) + 1
    its_columns, rows = _job_rows(fields, found, said, now)
    beside = False
    if named:
        its_own = _job_rows((*fields[:at], NICKNAME, *fields[at:]), found, said, now)
        if beside := fits(*its_own, width):
            its_columns, rows = its_own
    lines = lay_out(its_columns, rows, width)
    if named and not beside:
        who = "; ".join(f"{title} is {name}" for title, name in sorted(named.items()))
        lines += folded(f"Modalities: {who}.", width)
    for sentence in held_remedies(found):
        lines += folded(sentence, width)
    return lines


def _job_rows(
    fields: Sequence[Field[JobStatus]],
    found: Sequence[JobStatus],
    said: Sequence[tuple[str, ...]],
    now: float,
) -> tuple[tuple[Column, ...], list[Row]]:
    """Columns and rows, the last of which says when the jobs arrived, with the zone."""
    heading, arrived = time_column("ARRIVED", [each.job.created_at for each in found], now)
    rows = [
        Row((*cells(fields[:-1], each, now), at), below)
        for each, at, below in zip(found, arrived, said, strict=True)
    ]
    return (*columns(fields)[:-1], Column(heading)), rows


def _once(
    found: Sequence[tuple[int, tuple[str, ...]]], *, runs_begin: bool
) -> list[tuple[str, ...]]:
    """The sentences below each job; one that several in a row have in common stands once."""
    shown: list[list[str]] = [[] for _ in found]
    since: dict[str, int] = {}
    for index, (_, said) in enumerate(found):
        after = found[index + 1][1] if index + 1 < len(found) else ()
        since = {each: since.get(each, index) for each in said}
        for each in since:
            first = since[each]
            if each in after:
                continue
            if first == index:
                shown[index].append(each)
                continue
            words = (
                f"each of {_numbered([number for number, _ in found[first : index + 1]])}: {each}"
            )
            shown[first if runs_begin else index].append(words)
    return [tuple(each) for each in shown]


def _numbered(numbers: Sequence[int]) -> str:
    """Two or more jobs, in their order; a gap between them is visible."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 2:
        return f"jobs {first} and {last}"
    gaps = abs(last - first) >= len(numbers)
    return f"the {len(numbers)} jobs from {first} to {last}" if gaps else f"jobs {first} to {last}"


def job(
    status: JobStatus, films: Sequence[Sending], attempts: Sequence[Attempt], now: float, width: int
) -> list[Text]:
    """Everything about one job, but nothing of a patient."""
    found = status.job
    lines = [Text(f"Job {found.id}: {found.state}", "bold")]
    for remark in job_remarks(status, now):
        lines += folded(remark, width, 2)
    if (remedy := held_remedy(status)) is not None:
        lines += folded(remedy.at(Face.COMMANDS), width, 2)
    facts = {
        "modality": f"{status.modality} at {found.peer}, called {found.called_ae}",
        "asked for": f"{count(found.films, 'film')}, {copies(found.copies)}, "
        f"priority {found.priority}, as one {found.level}",
        "accepted": f"{found.films_accepted} of {count(found.films, 'film')}",
        "printer": _printer(status),
        "created": f"{moment(found.created_at)} UTC, {age(now - found.created_at)} ago",
        "changed": f"{moment(found.updated_at)} UTC, {age(now - found.updated_at)} ago",
    }
    if found.pixels_removed_at is not None:
        facts["pixels"] = (
            f"removed {moment(found.pixels_removed_at)} UTC, {why_removed(found)}: it cannot be "
            "printed again"
        )
    for name, words in facts.items():
        lines += fact(name, words, width, 14)
    passes = len({each.pass_number for each in films})
    asked = [film.asked_at for film in films], [film.accepted_at for film in films]
    rows = [_film(film, passes) for film in films]
    lines += [Text(), *_with_times(FILM_COLUMNS, rows, asked, now, width)]
    if attempts:
        end = "cut off" if status.cut_off else "running"
        tries = [_attempt(number, each, end) for number, each in enumerate(attempts, start=1)]
        ran = [each.began_at for each in attempts], [each.ended_at for each in attempts]
        lines += [Text(), *_with_times(ATTEMPTS, tries, ran, now, width)]
    return lines


def _with_times(
    columns: Sequence[Column],
    rows: Sequence[Row],
    times: Sequence[Sequence[float | None]],
    now: float,
    width: int,
) -> list[Text]:
    """A table whose last columns are of these times, one for each row; its rows lack them yet."""
    rest, own = columns[: -len(times)], columns[-len(times) :]
    found = [time_column(each.heading, at, now) for each, at in zip(own, times, strict=True)]
    headed = (*rest, *(Column(heading) for heading, _ in found))
    filled = [
        replace(row, cells=(*row.cells, *(shown[index] for _, shown in found)))
        for index, row in enumerate(rows)
    ]
    return lay_out(headed, filled, width)


def _printer(status: JobStatus) -> str:
    """Its printer, in words."""
    job = status.job
    if job.state is not State.QUEUED:
        return job.printer or "none yet"
    if job.pinned:
        return f"{job.pinned} and no other"
    return f"lined up with {status.line}, not bound to it" if status.line else "none yet"


def _film(film: Sending, passes: int) -> Row:
    below = [film.words] if film.words else []
    if film.state is FilmState.UNCERTAIN:
        below = below or ["asked for and not answered: it may be on paper"]
        uncertain = Unanswered(film.job_id, film.number, film.printer, film.asked_at)
        below.append(uncertain_text([uncertain]))
    return Row(
        (
            str(film.number),
            f"{film.pass_number}/{passes}",
            str(film.copies),
            str(film.state),
            film.film.film_size or "default",
            film.film.display_format,
            film.printer,
        ),
        tuple(below),
    )


def _attempt(number: int, attempt: Attempt, end: str) -> Row:
    """`end` stands where it has not ended."""
    return Row(
        (
            str(number),
            attempt.printer,
            str(attempt.outcome) if attempt.outcome else end,
        ),
        (attempt.words,) if attempt.words else (),
    )


def printers(
    found: Sequence[Printer], now: float, width: int, *, running: bool = True
) -> list[Text]:
    """One row for each printer; what it or its operator says of it below, and what to do. What
    several have to be done to stands once, below the first of them."""
    first = {names[0]: (names, cause) for names, cause in grouped(found, now)}
    rows = []
    for each in found:
        said = printer_remarks(each, now, running=running)
        if each.name in first:
            names, cause = first[each.name]
            said = (*said, group_remedy(names, cause, Face.COMMANDS))
        rows.append(Row(cells(PRINTERS, each, now), said))
    return lay_out(columns(PRINTERS), rows, width)


def capabilities(
    printer: Printer, known: Sequence[Capability], now: float, width: int
) -> list[Text]:
    """Who a printer says it is, what was learned of it, and what the site has set for it, below its
    row."""
    address = printer.address
    lines = [Text()]
    keys = {
        **dict(identity_facts(printer)),
        "adapt": ", ".join(address.adapt),
        "omit": ", ".join(address.omit),
        "implicit_only": "true" if address.implicit_only else "",
        "max_pdu": str(address.max_pdu or ""),
        "identify": "" if address.identify else "false",
        "lut_level": address.lut_level if address.lut_level != "film box" else "",
    }
    for name, value in keys.items():
        if value:
            lines += fact(name, value, width, 17)
    if not known:
        return [*lines, *folded("Nothing was learned of what it takes and refuses.", width)]
    lines += folded("Learned:", width)
    for each in learned(known):
        words = f"{each.sentence}; {moment(each.learned_at)} UTC, {age(now - each.learned_at)} ago"
        lines += folded(words, width, 2)
    return [*lines, *folded(f"`broker printers forget {printer.name}` forgets that.", width)]


def recorded(commands: Sequence[RecordedCommand], width: int) -> list[Text]:
    """Who ordered what of a job or printer, and what they were told; empty without any command."""
    if not commands:
        return []
    lines = [Text(), *folded("Commands:", width)]
    for each in commands:
        words = f"{moment(each.at)} UTC, {each.who}, {each.command}: {each.words}"
        lines += folded(words, width, 2)
    return lines
