"""Finding jobs, however many there are: what one question reads is bounded.

The index `ix_jobs_found` has every column that a filter names, in the order of numbers. It is read
from the cursor downwards until enough jobs are found, and their rows are read then. It is small, so
that reading all of it is quick, too; free text has no other way. One question looks at LOOKED_AT
numbers at most: what it has not come to is found from the cursor that it gives.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal_column, or_, select

from broker.model.jobs.job import Job, State
from broker.model.jobs.job_filter import FoundJobs, JobFilter
from broker.store.backend import BACKEND, Backend
from broker.store.database import Database
from broker.store.reading.job_rows import LARGEST, JobList, several, shown
from broker.store.reading.shown_state import KNOWN, NO_TURN
from broker.store.tables import attempts, jobs

INDEX = "ix_jobs_found"
LOOKED_AT = 300_000
"""Numbers that one question looks at."""
PIECE = 50_000
"""Numbers that are read at a time where all are asked for."""
RECENT = 20_000
"""Numbers among which callers are looked for, to be offered."""
CALLERS = 200
"""That are offered at most."""


def _column(name: str) -> ColumnElement[Any]:
    """A column, without its table: that is read through the index."""
    return literal_column(f"jobs.{name}", jobs.c[name].type)


_ID = _column("id")
_TEXTS = [
    _column(name) for name in ("calling_ae", "called_ae", "printer", "pinned", "remark", "reason")
]


class JobSearch:
    """Each answer is of one moment. For any thread, in any process."""

    def __init__(self, database: Database, looked_at: int = LOOKED_AT) -> None:
        self._database = database
        self._looked_at = looked_at

    def page(self, wanted: JobFilter, limit: int, cursor: int | None = None) -> FoundJobs:
        """The newest jobs that the filter means, those below the cursor; at most `limit`.

        There may be fewer, and further ones below the cursor that is given back.
        """
        with self._database.read() as connection:
            numbers, rest = self._numbers(connection, wanted, limit, cursor)
            return FoundJobs(_jobs(connection, numbers)[::-1], rest)

    def numbers(self, wanted: JobFilter, limit: int | None = None) -> array[int]:
        """The numbers of all jobs that the filter means, or of the newest `limit`; the newest
        first. Eight bytes each: their rows are read some at a time (`jobs`)."""
        found = array("q")
        cursor: int | None = None
        while limit is None or len(found) < limit:
            most = PIECE if limit is None else min(PIECE, limit - len(found))
            with self._database.read() as connection:
                numbers, cursor = self._numbers(connection, wanted, most, cursor)
            found.extend(numbers)
            if cursor is None:
                break
        return found

    def jobs(self, numbers: Sequence[int]) -> Sequence[Job]:
        """Those of these numbers that are still there, by number."""
        with self._database.read() as connection:
            return _jobs(connection, numbers)

    def _numbers(
        self, connection: Connection, wanted: JobFilter, limit: int, cursor: int | None
    ) -> tuple[Sequence[int], int | None]:
        """Numbers of jobs, and the cursor below which further ones may be."""
        first, last = _ends(connection)
        top = last if cursor is None else min(last, max(cursor, 0) - 1)
        floor = max(first, top - self._looked_at + 1)
        statement = _through_index(connection, select(_ID), wanted, floor, top)
        numbers = list(connection.execute(statement.limit(limit + 1)).scalars())
        if len(numbers) <= limit:
            return numbers, floor if floor > first else None
        return numbers[:limit], numbers[limit - 1]

    def count(self, wanted: JobFilter, most: int) -> int:
        """How many jobs the filter means, no more than `most`, among the newest numbers."""
        with self._database.read() as connection:
            first, last = _ends(connection)
            floor = max(first, last - self._looked_at + 1)
            some = _through_index(connection, select(_ID), wanted, floor, last).limit(most)
            found: int = connection.execute(
                select(func.count()).select_from(some.subquery())
            ).scalar_one()
            return found

    def callers(self) -> Sequence[str]:
        """Calling AE titles of recent jobs, in their order."""
        with self._database.read() as connection:
            _, last = _ends(connection)
            caller = _column("calling_ae")
            some = _through_index(
                connection, select(caller).distinct(), JobFilter(), last - RECENT, last, order=False
            )
            return sorted(connection.execute(some.limit(CALLERS)).scalars())


def _ends(connection: Connection) -> tuple[int, int]:
    """The smallest and the largest number of a job; (1, 0) without any."""
    first = connection.execute(select(func.min(jobs.c.id))).scalar()
    last = connection.execute(select(func.max(jobs.c.id))).scalar()
    return (first, last) if first is not None and last is not None else (1, 0)


def _jobs(connection: Connection, numbers: Sequence[int]) -> JobList:
    """By number."""
    chosen = shown().where(jobs.c.id.in_(numbers)).order_by(jobs.c.id)
    return several(connection, chosen, list(numbers))


def _through_index(
    connection: Connection,
    columns: Select[Any],
    wanted: JobFilter,
    floor: int,
    top: int,
    *,
    order: bool = True,
) -> Select[Any]:
    """The question for what the filter means, from number `top` down to `floor`."""
    backend: Backend = connection.info[BACKEND]
    statement = columns.select_from(backend.through_index(jobs, INDEX))
    statement = statement.where(_ID.between(floor, top), *_conditions(wanted))
    return statement.order_by(_ID.desc()) if order else statement


def _conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.states:
        conditions.append(_in_state(wanted.states))
    if wanted.modality:
        caller = _column("calling_ae")
        named = _same(caller, wanted.modality)
        called = caller.in_(sorted(wanted.nicknamed))
        conditions.append(or_(named, called) if wanted.nicknamed else named)
    if wanted.printer:
        conditions.append(_of_printer(wanted.printer))
    if wanted.since is not None:
        conditions.append(_column("created_at") >= wanted.since)
    if wanted.until is not None:
        conditions.append(_column("created_at") < wanted.until)
    if wanted.text:
        conditions.append(_has(wanted.text, wanted.nicknames_with_text))
    return conditions


def _in_state(states: frozenset[State]) -> ColumnElement[bool]:
    state = _column("state")
    named = state.in_(sorted(states))
    damaged = _ID.in_(select(jobs.c.id).where(NO_TURN))
    if State.HELD in states:
        return or_(named, state.not_in(sorted(KNOWN["state"])), damaged)
    return and_(named, ~damaged) if State.QUEUED in states else named


def _same(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return func.lower(column) == func.lower(text)


def _of_printer(name: str) -> ColumnElement[bool]:
    """The last printer stands in the row; of earlier ones there are attempts."""
    tried = (
        select(attempts.c.id)
        .where(attempts.c.job_id == _ID, _same(attempts.c.printer, name))
        .exists()
    )
    return or_(
        _same(_column("printer"), name),
        _same(_column("pinned"), name),
        and_(_column("attempts") > 0, _column("printer") == "", tried),
        and_(_column("attempts") > 1, tried),
    )


def _has(text: str, callers: frozenset[str]) -> ColumnElement[bool]:
    found = [column.contains(text, autoescape=True) for column in _TEXTS]
    if callers:
        found.append(_column("calling_ae").in_(sorted(callers)))
    if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST:
        found.append(_ID.in_([int(text)]))
    return or_(*found)
