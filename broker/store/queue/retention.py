"""What finished jobs lose, and when: pixels first, rows later; and why pixels were given up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    and_,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)

from broker.model.jobs.job import FINISHED
from broker.model.storage.disk import KeptJob, SheddingChoice, choose
from broker.store.database import Database
from broker.store.queue.spool_references import release
from broker.store.reading.job_rows import (
    attributes_from_json,
    attributes_to_json,
    digest_of,
    film_to_json,
    without_others,
)
from broker.store.tables import KEPT, SHED, films, jobs, spooled

LABEL = "FilmSessionLabel"
BATCH = 200
"""Jobs of one transaction: other writers wait for it."""
MOST_LOOKED_AT = 5000
"""Jobs that are looked at, the oldest first, to find some whose pixels can go."""

_OLDEST_KEPT = (
    select(jobs.c.id)
    .where(KEPT)
    # What is known to have no file any more frees nothing, however many such jobs there are.
    .where(text("coalesce(jobs.bytes, 1) > 0"))
    .order_by(jobs.c.updated_at, jobs.c.id)
    .limit(bindparam("most", type_=Integer))
    .offset(bindparam("after", type_=Integer))
)


@dataclass(frozen=True)
class Terms:
    """Up to when what has ended goes, in seconds since the epoch."""

    pixels_before: float
    rows_before: float


@dataclass(frozen=True)
class Removal:
    """What goes, or went."""

    pixels: int = 0
    """Jobs that lose their pixels."""
    rows: int = 0
    """Jobs that are forgotten."""


class Retention:
    """The questions and the removals. Files go with the next sweep of the spool."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        *,
        batch: int = BATCH,
        most_looked_at: int = MOST_LOOKED_AT,
    ) -> None:
        self._batch, self._most_looked_at = batch, most_looked_at
        self._database = database
        self._clock = clock

    def due(self, terms: Terms) -> Removal:
        """What would go now."""
        with self._database.read() as connection:
            pixels, rows = (
                connection.execute(select(func.count()).select_from(jobs).where(which)).scalar_one()
                for which in (_pixels_due(terms), _ended(terms.rows_before))
            )
        return Removal(pixels, rows)

    def alone(self, terms: Terms) -> set[str]:
        """Names in the spool that only jobs refer to which would lose their pixels now."""
        due = select(jobs.c.id).where(_pixels_due(terms))
        theirs = select(spooled.c.name).where(spooled.c.job_id.in_(due))
        others = select(spooled.c.name).where(spooled.c.job_id.not_in(due))
        with self._database.read() as connection:
            return set(connection.execute(theirs.except_(others)).scalars())

    def remove(self, terms: Terms) -> Removal:
        """Remove some, in one transaction; call it again until nothing was removed."""
        with self._database.write() as connection:
            chosen = (
                select(jobs.c.id).where(_pixels_due(terms)).order_by(jobs.c.id).limit(self._batch)
            )
            bare = list(connection.execute(chosen).scalars())
            self._strip(connection, bare, "")
            chosen = (
                select(jobs.c.id).where(_rows_due(terms)).order_by(jobs.c.id).limit(self._batch)
            )
            gone = list(connection.execute(chosen).scalars())
            connection.execute(delete(jobs).where(jobs.c.id.in_(gone)))
        return Removal(len(bare), len(gone))

    def shed_early(self, since: float, kept_s: float) -> int:
        """How many jobs have lost their pixels for room since then, within `kept_s` seconds of
        their end."""
        statement = (
            select(func.count())
            .select_from(jobs)
            .where(SHED, jobs.c.pixels_removed_at >= since)
            .where(jobs.c.pixels_removed_at - jobs.c.updated_at < kept_s)
        )
        with self._database.read() as connection:
            return int(connection.execute(statement).scalar_one())

    def to_shed(self, need: int, size: Callable[[str], int]) -> SheddingChoice:
        """Which finished jobs lose their pixels so that `need` bytes are free; see `choose`."""
        kept: list[KeptJob] = []
        users: dict[str, set[int]] = defaultdict(set)
        choice = SheddingChoice()
        with self._database.read() as connection:
            while len(kept) < self._most_looked_at and choice.bytes < need:
                page = {"most": self._batch, "after": len(kept)}
                numbers = list(connection.execute(_OLDEST_KEPT, page).scalars())
                if not numbers:
                    break
                names: dict[int, set[str]] = {number: set() for number in numbers}
                for job_id, name in connection.execute(
                    select(spooled.c.job_id, spooled.c.name).where(spooled.c.job_id.in_(numbers))
                ):
                    names[job_id].add(name)
                fresh = set().union(*names.values()) - users.keys()
                for name, job_id in connection.execute(
                    select(spooled.c.name, spooled.c.job_id).where(spooled.c.name.in_(fresh))
                ):
                    users[name].add(job_id)
                kept += [KeptJob(number, frozenset(names[number])) for number in numbers]
                choice = choose(kept, users, size, need)
        return choice

    def shed(self, job_ids: Sequence[int], why: str) -> list[int]:
        """Take the pixels of these finished jobs from them, and write down why; of which it was
        done. Their files go when no job refers to them any more (`Spool.remove`)."""
        bare: list[int] = []
        for start in range(0, len(job_ids), self._batch):
            some = job_ids[start : start + self._batch]
            with self._database.write() as connection:
                chosen = select(jobs.c.id).where(KEPT, jobs.c.id.in_(some))
                found = list(connection.execute(chosen).scalars())
                self._strip(connection, found, why)
            bare += found
        return bare

    def referred_besides(self, names: Collection[str], job_ids: Collection[int]) -> set[str]:
        """Those of the names that other jobs refer to than these, which are finished."""
        referring = select(spooled.c.name, spooled.c.job_id, jobs.c.state).join(
            jobs, jobs.c.id == spooled.c.job_id
        )
        with self._database.read() as connection:
            rows = connection.execute(referring.where(spooled.c.name.in_(names))).all()
        return {
            row.name for row in rows if row.state not in FINISHED or row.job_id not in set(job_ids)
        }

    def weigh(self, size: Callable[[str], int]) -> int:
        """Fill in the bytes of some rows that are older than the column; how many. Call it again
        until it is 0."""
        unweighed = (
            select(spooled.c.name).where(spooled.c.bytes.is_(None)).distinct().limit(self._batch)
        )
        with self._database.read() as connection:
            names = list(connection.execute(unweighed).scalars())
        if not names:
            return 0
        sizes = {name: size(name) for name in names}
        with self._database.write() as connection:
            for name, length in sizes.items():
                connection.execute(
                    update(spooled).where(spooled.c.name == name).values(bytes=length)
                )
            theirs = select(spooled.c.job_id).where(spooled.c.name.in_(names))
            _add_up(connection, jobs.c.id.in_(theirs))
        return len(names)

    def count_missing(self, size: Callable[[str], int]) -> int:
        """Have files that are gone count as nothing, as a lost spool's, and those that are back as
        what they are; how many references that changed.

        `size` says how many bytes a file has, and 0 where there is none. A reference stays: its
        file may be put back.
        """
        statement = select(spooled.c.name, spooled.c.job_id, spooled.c.bytes).where(
            spooled.c.bytes.is_not(None)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(spooled.c.name)).all()
        sizes: dict[str, int] = {}
        wrong = []
        for row in rows:
            if row.name not in sizes:
                sizes[row.name] = size(row.name)
            if (row.bytes == 0) != (sizes[row.name] == 0):
                wrong.append(row)
        for at in range(0, len(wrong), self._batch):
            some = wrong[at : at + self._batch]
            with self._database.write() as connection:
                for row in some:
                    # Not by its name alone: a film that came meanwhile has brought the file again.
                    which = (spooled.c.name == row.name) & (spooled.c.job_id == row.job_id)
                    connection.execute(update(spooled).where(which).values(bytes=sizes[row.name]))
                _add_up(connection, jobs.c.id.in_({row.job_id for row in some}))
        return len(wrong)

    def _strip(self, connection: Connection, job_ids: Sequence[int], why: str) -> None:
        release(connection, job_ids, self._clock())
        _forget_labels(connection, job_ids)
        _forget_others(connection, job_ids)
        connection.execute(
            update(jobs)
            .where(jobs.c.id.in_(job_ids))
            .values(pixels_removed_at=self._clock(), pixels_removed_why=why)
        )


def _add_up(connection: Connection, which: ColumnElement[bool]) -> None:
    """Write down what the files of these jobs have, in all."""
    total = select(func.sum(spooled.c.bytes)).where(spooled.c.job_id == jobs.c.id).scalar_subquery()
    connection.execute(update(jobs).where(which).values(bytes=total))


def without_label(session: str) -> str:
    """A film session's attributes, as JSON, without its label: that is free text, and names
    patients; without pixels nothing needs it any more.
    """
    try:
        attributes = attributes_from_json(session)
    except (ValueError, TypeError, AttributeError):
        return "{}"  # damaged: what can be read of it may be a label
    if LABEL not in attributes:
        return session
    return attributes_to_json({name: of for name, of in attributes.items() if name != LABEL})


def _forget_labels(connection: Connection, job_ids: Sequence[int]) -> None:
    rows = connection.execute(select(jobs.c.id, jobs.c.session).where(jobs.c.id.in_(job_ids))).all()
    for job_id, session in rows:
        if (left := without_label(session)) != session:
            connection.execute(
                # It is not what was accepted any more, nor printed any more.
                update(jobs).where(jobs.c.id == job_id).values(session=left, digest="")
            )


def _forget_others(connection: Connection, job_ids: Sequence[int]) -> None:
    """Elements that print does not name may be patient text; without pixels nothing needs them."""
    rows = select(films.c.job_id, films.c.number, films.c.content)
    for job_id, number, content in connection.execute(
        rows.where(films.c.job_id.in_(job_ids))
    ).all():
        if (left := without_others(content)) is not None:
            which = (films.c.job_id == job_id) & (films.c.number == number)
            changed = {"content": film_to_json(left), "digest": digest_of(left)}
            connection.execute(update(films).where(which).values(changed))


def _ended(before: float) -> ColumnElement[bool]:
    """A finished job is not changed any more, so its last change was its end."""
    return and_(jobs.c.state.in_(FINISHED), jobs.c.updated_at < before)


def _pixels_due(terms: Terms) -> ColumnElement[bool]:
    return and_(_ended(terms.pixels_before), jobs.c.pixels_removed_at.is_(None))


def _rows_due(terms: Terms) -> ColumnElement[bool]:
    return and_(_ended(terms.rows_before), jobs.c.pixels_removed_at.is_not(None))
