"""Which spool files jobs refer to, and which of the others may be removed at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path

from sqlalchemy import Connection, Table, case, delete, func, select

from broker.model.jobs.job import FINISHED
from broker.model.storage.spool_fit import DatabaseSeen
from broker.store.backend import BACKEND, Backend
from broker.store.database import Database
from broker.store.identity import seen
from broker.store.tables import films, jobs, released, spooled

RELEASED_AT_ONCE = 200
"""Names in one question."""

_NEEDED = (
    select(spooled.c.name)
    .join(jobs, jobs.c.id == spooled.c.job_id)
    .where(jobs.c.state.not_in(FINISHED))  # one that is damaged may have to be printed
    .distinct()
)
_KEPT_FILES = (
    select(func.max(spooled.c.bytes).label("bytes"))
    .join(jobs, jobs.c.id == spooled.c.job_id)
    .group_by(spooled.c.name)
    .having(func.sum(case((jobs.c.state.in_(FINISHED), 0), else_=1)) == 0)
    .subquery()
)


class SpoolReferences:
    """Questions about spool files, by their names. For any thread, in any process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def file(self) -> Path:
        """The database that they are in."""
        return self._database.file

    def seen(self) -> DatabaseSeen:
        """Which database this is, and how far it has come."""
        return seen(self._database)

    def needed(self) -> set[str]:
        """The names in the spool that jobs which are not finished refer to."""
        with self._database.read() as connection:
            return set(connection.execute(_NEEDED).scalars())

    def kept_bytes(self) -> int:
        """Of the files that only finished jobs refer to, each counted once."""
        with self._database.read() as connection:
            found = connection.execute(select(func.sum(_KEPT_FILES.c.bytes))).scalar()
        return int(found or 0)

    def spooled(self, names: Collection[str] | None = None) -> set[str]:
        """The names in the spool that jobs refer to: of these, or all."""
        found = select(spooled.c.name).distinct()
        if names is not None:
            found = found.where(spooled.c.name.in_(names))
        with self._database.read() as connection:
            return set(connection.execute(found).scalars())

    def released(self, names: Collection[str]) -> set[str]:
        """Those of the names that retention has released."""
        statement = select(released.c.name).where(released.c.name.in_(names))
        with self._database.read() as connection:
            return set(connection.execute(statement).scalars())

    def refer_again(self, names: Collection[str] | None = None) -> set[str]:
        """Have each job whose pixels are not removed refer to those of the names, or to all, that
        its films are made of: the reference was damaged, and is made again. The names that films
        are made of."""
        statement = (
            select(films.c.job_id, films.c.content)
            .join(jobs, jobs.c.id == films.c.job_id)
            .where(jobs.c.pixels_removed_at.is_(None))
        )
        with self._database.read() as connection:
            found = {
                (name, job_id)
                for job_id, content in connection.execute(statement)
                for name in _names_in(content)
                if names is None or name in names
            }
        if found:
            rows = [{"name": name, "job_id": job_id} for name, job_id in sorted(found)]
            with self._database.write() as connection:
                _insert_missing(connection, spooled, rows)
        return {name for name, _ in found}

    def forget_released(self, there: Callable[[str], bool]) -> None:
        """Forget released names that are no longer `there`, or that jobs refer to again."""
        with self._database.read() as connection:
            names = list(connection.execute(select(released.c.name)).scalars())
            again = select(released.c.name).where(released.c.name.in_(select(spooled.c.name)))
            over = set(connection.execute(again).scalars()) if names else set()
        over |= {name for name in names if not there(name)}
        some = sorted(over)
        for at in range(0, len(some), RELEASED_AT_ONCE):
            with self._database.write() as connection:
                batch = some[at : at + RELEASED_AT_ONCE]
                connection.execute(delete(released).where(released.c.name.in_(batch)))


def release(connection: Connection, job_ids: Collection[int], now: float) -> None:
    """These jobs need their pixels no longer: what no other job refers to may be removed."""
    names = select(spooled.c.name).where(spooled.c.job_id.in_(job_ids)).distinct()
    gone = list(connection.execute(names).scalars())
    connection.execute(delete(spooled).where(spooled.c.job_id.in_(job_ids)))
    for at in range(0, len(gone), RELEASED_AT_ONCE):
        some = gone[at : at + RELEASED_AT_ONCE]
        still = select(spooled.c.name).where(spooled.c.name.in_(some))
        left = set(connection.execute(still).scalars())
        rows = [{"name": name, "at": now} for name in some if name not in left]
        if rows:
            _insert_missing(connection, released, rows)


def _insert_missing(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    backend: Backend = connection.info[BACKEND]
    connection.execute(backend.insert_missing(table), rows)


def _names_in(content: str) -> set[str]:
    """The names of pixels in a film's text; none where it is damaged."""
    try:
        boxes = json.loads(content)["image_boxes"]
        return {str(box["image"]["pixels"]) for box in boxes if box["image"] is not None}
    except (ValueError, TypeError, KeyError):
        return set()
