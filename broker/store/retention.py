"""Retention: what is finished goes after its time, pixels first, rows later (promise 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from broker.model.job import FINISHED
from broker.store.documents import attributes_from_json, attributes_to_json
from broker.store.reading import JobReading
from broker.store.releases import release
from broker.store.tables import jobs, spooled

LABEL = "FilmSessionLabel"
BATCH = 200
"""Jobs of one transaction: nobody waits long for it."""


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


class Retention(JobReading):
    """The questions and the removals. Files go with the next sweep of the spool."""

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
        """Let some go, in one transaction; call it again until nothing went."""
        with self._database.write() as connection:
            chosen = select(jobs.c.id).where(_pixels_due(terms)).order_by(jobs.c.id).limit(BATCH)
            bare = list(connection.execute(chosen).scalars())
            release(connection, bare, self._clock())
            _forget_labels(connection, bare)
            connection.execute(
                update(jobs).where(jobs.c.id.in_(bare)).values(pixels_removed_at=self._clock())
            )
            chosen = select(jobs.c.id).where(_rows_due(terms)).order_by(jobs.c.id).limit(BATCH)
            gone = list(connection.execute(chosen).scalars())
            connection.execute(delete(jobs).where(jobs.c.id.in_(gone)))
        return Removal(len(bare), len(gone))


def _forget_labels(connection: Connection, job_ids: Sequence[int]) -> None:
    rows = connection.execute(select(jobs.c.id, jobs.c.session).where(jobs.c.id.in_(job_ids))).all()
    for job_id, session in rows:
        left = without_label(session)
        if left is not None:
            connection.execute(
                # It is not what was accepted any more, nor printed any more.
                update(jobs).where(jobs.c.id == job_id).values(session=left, digest="")
            )


def without_label(session: str) -> str | None:
    """A film session's attributes, as JSON, without their label; None where they have none.

    The label is free text, and names patients; without pixels nothing needs it any more.
    """
    try:
        attributes = attributes_from_json(session)
    except (ValueError, TypeError, AttributeError):
        return "{}"  # damaged: what can be read of it may be a label
    if LABEL not in attributes:
        return None
    return attributes_to_json({key: each for key, each in attributes.items() if key != LABEL})


def _ended(before: float) -> ColumnElement[bool]:
    """A finished job is not changed any more, so its last change was its end."""
    return and_(jobs.c.state.in_(FINISHED), jobs.c.updated_at < before)


def _pixels_due(terms: Terms) -> ColumnElement[bool]:
    return and_(_ended(terms.pixels_before), jobs.c.pixels_removed_at.is_(None))


def _rows_due(terms: Terms) -> ColumnElement[bool]:
    return and_(_ended(terms.rows_before), jobs.c.pixels_removed_at.is_not(None))
