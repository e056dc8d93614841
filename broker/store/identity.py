"""The database's identity, and the count of its changes: see `broker.model.storage.spool_fit`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from sqlalchemy import Connection, update

from broker.model.storage.spool_fit import DatabaseSeen, Progress
from broker.store.backend import BACKEND, Backend, Prepared
from broker.store.database import Database
from broker.store.tables import queue

ROW = 1
"""The number of the one row in `queue`."""

_BOUND = Prepared(update(queue).where(queue.c.id == ROW), "bound")


class Changes:
    """Counts each committed change, and tells those who want to know how far it has come."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.committed: Callable[[Progress], None] | None = None
        """Called after each commit of this process, in their order. It must not raise."""
        self.check: Callable[[Progress], None] | None = None
        """Called before each commit. Raises: DatabaseReplaced: when it is another database's."""

    def __call__(self, connection: Connection) -> Callable[[], None] | None:
        """Count one more, in the transaction."""
        backend: Backend = connection.info[BACKEND]
        progress = backend.count_change(connection, round(self._clock(), 3))
        if progress is None:
            return None
        if self.check is not None:
            self.check(progress)
        tell = self.committed
        if tell is None:
            return None
        return lambda: tell(progress)


def count(database: Database, clock: Callable[[], float] = time.time) -> Changes:
    """Have every change of the database counted from now on; its tables must be the newest."""
    changes = Changes(clock)
    database.count_changes(changes)
    return changes


def seen(database: Database) -> DatabaseSeen:
    """What an open database says of itself, whatever version its tables have."""
    with database.read() as connection:
        backend: Backend = connection.info[BACKEND]
        return backend.seen(connection)


def progress(connection: Connection) -> Progress:
    """How far the database has come, in this transaction."""
    backend: Backend = connection.info[BACKEND]
    return backend.progress(connection)


def begin_where_lost(database: Database) -> None:
    """Give the database a new identity if it has lost its own: it fits no spool that has a mark
    until a person has it adopted."""
    with database.write() as connection:
        backend: Backend = connection.info[BACKEND]
        first = {"id": ROW, "identity": uuid.uuid4().hex, "changes": 0, "changed_at": 0.0}
        connection.execute(backend.insert_missing(queue), {**first, "bound": False})


def bind(database: Database) -> None:
    """Note that a spool has the database's mark."""
    with database.write() as connection:
        _BOUND.change(connection, bound=True)
