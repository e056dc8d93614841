"""The database's identity, and the count of its changes: see `broker.model.spool_fit`."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from sqlite3 import Error, connect
from urllib.parse import quote

from sqlalchemy import Connection, update
from sqlalchemy.exc import DBAPIError

from broker.model.spool_fit import DatabaseSeen, Progress
from broker.store.database import Database, damaged
from broker.store.prepared import Prepared
from broker.store.tables import queue

ROW = 1
"""The number of the one row in `queue`."""

_JOBS = "(SELECT max(seq) FROM sqlite_sequence WHERE name = 'jobs')"
_PROGRESS = f"SELECT identity, changes, {_JOBS}, changed_at, bound FROM queue WHERE id = {ROW}"
_COUNT = (
    f"UPDATE queue SET changes = changes + 1, changed_at = ? WHERE id = {ROW} "
    f"RETURNING identity, changes, {_JOBS}, changed_at"
)
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
        try:
            row = _driver(connection).execute(_COUNT, (round(self._clock(), 3),)).fetchone()
        except Error as error:  # a disk that is full, for one: as any other statement's
            raise DBAPIError.instance(_COUNT, None, error, Error, hide_parameters=True) from error
        if row is None:
            return None
        progress = _progress(row)
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
        return _seen(_driver(connection))


def seen_in(file: Path) -> DatabaseSeen:
    """What the database in that file says of itself; the file is neither made nor changed.

    Raises: sqlite3.Error: when it is no database, or damaged. OSError: when it cannot be read.
    """
    try:
        if not file.stat().st_size:
            return DatabaseSeen(None)
    except FileNotFoundError:
        return DatabaseSeen(None)
    # Read-only: what was lost may be put back, and shall find everything as it was.
    with closing(connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
        try:
            return _seen(connection)
        except UnicodeDecodeError:
            raise damaged() from None


def progress(connection: Connection) -> Progress:
    """How far the database has come, in this transaction."""
    return _progress(_driver(connection).execute(_PROGRESS).fetchone())


def bind(database: Database) -> None:
    """Note that a spool has the database's mark."""
    with database.write() as connection:
        _BOUND.change(connection, bound=True)


def _seen(connection: SqliteConnection) -> DatabaseSeen:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if "sqlite_sequence" not in names:
        return DatabaseSeen(None)  # no tables of ours
    (jobs,) = connection.execute(f"SELECT {_JOBS}").fetchone()
    row = connection.execute(_PROGRESS).fetchone() if "queue" in names else None
    if row is None:
        return DatabaseSeen(None, jobs or 0)
    return DatabaseSeen(_progress(row), jobs or 0, bool(row[4]))


def _progress(row: tuple[object, ...]) -> Progress:
    identity, changes, jobs, at = row[:4]
    return Progress(str(identity), int(str(changes)), int(str(jobs or 0)), float(str(at)))


def _driver(connection: Connection) -> SqliteConnection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, SqliteConnection)
    return driver
