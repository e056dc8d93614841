"""SQLite: everything of the store that another kind of database does in another way.

`Sqlite` is the contract with the rest of the store (`backend`); below it, what is asked of a file.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    Table,
    TextClause,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from broker.model.storage.finding import SALVAGE
from broker.model.storage.spool_fit import DatabaseSeen, Progress
from broker.store.backend import BACKEND, Checkpoint

LOG_BYTES = 8 << 20
"""The write-ahead log is cut to this size once everything in it is in the database."""
LOG_AHEAD_S = 10.0
"""For so long it is tried to have a write-ahead log."""
BUSY_TENTHS = "busy_tenths"
"""What SQLite was told of how long to wait, on this connection."""
MALFORMED = "database disk image is malformed"
"""What SQLite says of most damage."""
SqliteError = sqlite3.Error
"""What is raised where a file is asked directly, without SQLAlchemy."""
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Primary result codes of a file that is not what SQLite wrote."""

_JOBS = "(SELECT max(seq) FROM sqlite_sequence WHERE name = 'jobs')"
_PROGRESS = f"SELECT identity, changes, {_JOBS}, changed_at, bound FROM queue WHERE id = 1"
_COUNT = (
    f"UPDATE queue SET changes = changes + 1, changed_at = :at WHERE id = 1 "
    f"RETURNING identity, changes, {_JOBS}, changed_at"
)


class Sqlite:
    """One file, many threads, and several processes at once. Reading never waits for a writer, nor
    a writer for readers (write-ahead log)."""

    def file(self, url: URL) -> Path:
        if not url.database:
            raise ValueError("the database must be a file: sqlite:////path/to/broker.db")
        return Path(url.database)

    def engine(self, url: URL, busy_s: float) -> Engine:
        file = self.file(url)
        make_file(file)

        def connect() -> sqlite3.Connection:
            # Never made here: a new file in the place of one that was moved away hides the loss.
            place = f"file:{quote(str(file.absolute()))}?mode=rw"
            return sqlite3.connect(place, uri=True, timeout=busy_s, check_same_thread=False)

        def connected(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
            record.info[BACKEND] = self
            _prepare(connection)

        engine = create_engine(
            url, creator=connect, poolclass=NullPool, hide_parameters=True, paramstyle="named"
        )
        event.listen(engine, "connect", connected)
        return engine

    def begin(self, connection: Connection, wait_s: float, *, write: bool) -> None:
        # A transaction that reads first and locks later may be refused without any waiting, as
        # what it has read is stale by then.
        how = "BEGIN IMMEDIATE" if write else "BEGIN DEFERRED"
        # On the driver's own connection: this comes before each question.
        driver, info = _driver(connection), connection.info
        tenths = round(wait_s * 10)  # SQLite need not be told each time
        try:
            if info.get(BUSY_TENTHS) != tenths:
                driver.execute(f"PRAGMA busy_timeout = {tenths * 100}")
                info[BUSY_TENTHS] = tenths
            driver.execute(how)
        except sqlite3.Error as error:
            raise OperationalError(how, None, error) from error

    def run(self, connection: Connection, sql: str, values: Mapping[str, object]) -> sqlite3.Cursor:
        try:
            return _driver(connection).execute(sql, values)
        except sqlite3.Error as error:
            raise as_failure(error, sql) from error

    def rows(self, cursor: Any, sql: str) -> list[tuple[Any, ...]]:
        try:
            found: list[tuple[Any, ...]] = cursor.fetchall()
        except sqlite3.Error as error:
            raise as_failure(error, sql) from error
        return found

    def changes(self, connection: Connection) -> int:
        return _driver(connection).total_changes

    def count_change(self, connection: Connection, at: float) -> Progress | None:
        found = self.rows(self.run(connection, _COUNT, {"at": at}), _COUNT)
        return _progress(found[0]) if found else None

    def progress(self, connection: Connection) -> Progress:
        return _progress(self.rows(self.run(connection, _PROGRESS, {}), _PROGRESS)[0])

    def seen(self, connection: Connection) -> DatabaseSeen:
        try:
            return _seen(_driver(connection))
        except sqlite3.Error as error:
            raise as_failure(error) from error

    def checkpoint(self, connection: Connection, *, cut: bool, busy_s: float) -> Checkpoint:
        how = "TRUNCATE" if cut else "PASSIVE"
        driver = _driver(connection)
        connection.info.pop(BUSY_TENTHS, None)
        try:
            driver.execute(f"PRAGMA busy_timeout = {round(busy_s * 1000)}")
            _, pages, done = driver.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        except sqlite3.Error as error:
            raise as_failure(error, how) from error
        return Checkpoint(max(0, pages), max(0, done))

    def through_index(self, table: Table, index: str) -> TextClause:
        # SQLite would read the table itself where its own order is asked for.
        return text(f"{table.name} INDEXED BY {index}")

    def insert_missing(self, table: Table) -> Insert:
        return insert(table).on_conflict_do_nothing()

    def is_busy(self, error: BaseException) -> bool:
        return _code(error) == sqlite3.SQLITE_BUSY

    def is_full(self, error: BaseException) -> bool:
        return _code(error) == sqlite3.SQLITE_FULL

    def damage(self, error: BaseException) -> str:
        return damage(error)


def as_failure(error: sqlite3.Error, sql: str | None = None) -> SQLAlchemyError:
    """What SQLite itself raised, as SQLAlchemy's error, without parameters."""
    return DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True)


def damage(error: BaseException | None) -> str:
    """What SQLite says of a damaged file; empty when the error is another one."""
    if isinstance(origin := _origin(error), UnicodeDecodeError):
        return MALFORMED  # the driver's, as SQLite's own words quote what is damaged
    return str(origin) if _code(error) in DAMAGE else ""


def _origin(error: BaseException | None) -> BaseException | None:
    """What the driver raised, where SQLAlchemy has made it its own."""
    return getattr(error, "orig", None) or error


def _code(error: BaseException | None) -> int:
    """SQLite's primary result code; 0 when the error is none of its."""
    return getattr(_origin(error), "sqlite_errorcode", 0) & 0xFF


class FileFault(Enum):
    """Why a file could not be read or written, as far as there is a remedy of its own."""

    LOCKED = "locked"
    FULL = "full"
    READ_ONLY = "read-only"
    CANNOT_OPEN = "cannot open"
    DAMAGED = "damaged"
    DISK = "disk"
    OTHER = "other"


_FAULTS = {
    sqlite3.SQLITE_BUSY: FileFault.LOCKED,
    sqlite3.SQLITE_LOCKED: FileFault.LOCKED,
    sqlite3.SQLITE_FULL: FileFault.FULL,
    sqlite3.SQLITE_READONLY: FileFault.READ_ONLY,
    sqlite3.SQLITE_PERM: FileFault.READ_ONLY,
    sqlite3.SQLITE_AUTH: FileFault.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: FileFault.CANNOT_OPEN,
    sqlite3.SQLITE_NOTADB: FileFault.DAMAGED,
    sqlite3.SQLITE_CORRUPT: FileFault.DAMAGED,
    sqlite3.SQLITE_IOERR: FileFault.DISK,
}
"""By SQLite's primary result code (sqlite.org/rescode.html)."""


def fault_of(error: BaseException) -> FileFault | None:
    """What SQLite reported; None where the error is none of SQLite's."""
    if not isinstance(_origin(error), SqliteError):
        return None
    return _FAULTS.get(_code(error), FileFault.OTHER)


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.driver_connection
    found: sqlite3.Connection = driver
    return found


def make_file(path: Path) -> None:
    """Make the file when it is missing: labels of patients are in it, so it is its owner's alone.

    The write-ahead log takes its mode from it. A file that is there is not even opened: closing it
    would end the locks that other connections of this process have on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def malformed() -> sqlite3.DatabaseError:
    """What SQLite means where its own words cannot be read: they quote what is damaged."""
    error = sqlite3.DatabaseError(MALFORMED)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def _prepare(connection: sqlite3.Connection) -> None:
    """Make a new connection durable, and leave the beginning of transactions to `begin`."""
    try:
        _make_durable(connection)
    except UnicodeDecodeError:
        raise malformed() from None


def _make_durable(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None
    connection.text_factory = _readable
    _log_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")


def _log_ahead(connection: sqlite3.Connection) -> None:
    """Have a write-ahead log, which stays with the file once it is made.

    SQLite does not wait when two processes want to make it at the same moment; so this does.
    """
    end = time.monotonic() + LOG_AHEAD_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.01)
        else:
            return


def _readable(content: bytes) -> str:
    """One damaged byte in one text must not make the queue unreadable."""
    return content.decode("utf-8", "replace")


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
    with closing(sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)) as connection:
        try:
            return _seen(connection)
        except UnicodeDecodeError:
            raise malformed() from None


def _seen(connection: sqlite3.Connection) -> DatabaseSeen:
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


START_S = 2.0
"""A check at a start takes no longer, however large the file is."""
AT_MOST = 50
"""Faults that are listed; a damaged page gives many of them."""
STEPS = 20_000
"""Instructions of SQLite's machine between two looks at the clock: some milliseconds."""


@dataclass(frozen=True)
class Integrity:
    """What a check has found."""

    pages: tuple[str, ...] = ()
    """Faults of pages, trees and indexes, in SQLite's words."""
    references: tuple[str, ...] = ()
    """Rows that refer to a row that is not there, a line each."""
    complete: bool = True
    """False when the check was broken off before it had seen everything."""

    @property
    def faults(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.pages, *self.references)


class DatabaseDamaged(Exception):
    """The database file is not what SQLite wrote. `words` names it and each way on."""

    def __init__(self, file: Path, faults: tuple[str, ...]) -> None:
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        self.words = (
            f"{file}: the database is damaged ({faults[0]}{more}). Nothing was changed or removed. "
            "`broker db check` says what is hit. To go on from a backup: move this file, and those "
            f"named {file.name}-wal and {file.name}-shm, out of the folder, leave the spool where "
            f"it is, then `broker restore DIR`. Without a backup: {SALVAGE}"
        )
        super().__init__(self.words)


def examine(
    file: Path,
    *,
    full: bool = False,
    within_s: float | None = None,
    stop: Callable[[], bool] = lambda: False,
    immutable: bool = False,
) -> Integrity:
    """Check the pages and the references of a database file.

    Without `full` the content of indexes is not compared with their tables, which takes most of the
    time. With `within_s` (in seconds), or once `stop` says so, the rest is left out. `immutable` is
    for a file that no process writes, in a folder that may be read-only.

    Raises:
        OSError: there is no such file.
        sqlite3.OperationalError: it cannot be read now.
    """
    file.stat()
    end = None if within_s is None else time.monotonic() + within_s
    pages: list[str] = []
    references: list[str] = []
    complete = True

    def over() -> bool:
        return stop() or (end is not None and time.monotonic() >= end)

    with closing(open_to_read(file, immutable=immutable)) as connection:
        connection.set_progress_handler(over, STEPS)
        check = "integrity_check" if full else "quick_check"
        try:
            for (words,) in connection.execute(f"PRAGMA {check}({AT_MOST})"):
                if words != "ok":
                    pages += [line for line in str(words).splitlines() if line]
            for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
                references.append(f"{table} row {row} refers to a row of {parent} that is missing")
                if len(references) >= AT_MOST:
                    break
        except (sqlite3.Error, UnicodeDecodeError) as error:
            if words := damage(error):
                pages.append(words)
            elif not isinstance(error, sqlite3.Error):
                raise
            elif error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                complete = False
            else:
                raise
    return Integrity(tuple(dict.fromkeys(pages)), tuple(references), complete)


def open_to_read(file: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """A connection that cannot write. Raises: sqlite3.Error: when the file cannot be opened."""
    how = "mode=ro&immutable=1" if immutable else "mode=ro"
    address = f"{file.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    connection.text_factory = _readable
    return connection


class Watch:
    """Says whether any process has changed the database since it was last asked. For any thread."""

    def __init__(self, file: Path) -> None:
        """Raises: OSError: when there is no such file."""
        self._file = file
        self._inode = _inode(file)
        self._connection = sqlite3.connect(file, check_same_thread=False)
        self._lock = threading.Lock()
        self._seen = -1

    def changed(self) -> bool:
        """Whether it has; the first time it has. Raises: sqlite3.Error: when it cannot be read."""
        with self._lock:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            changed, self._seen = version != self._seen, version
        return bool(changed)

    def in_place(self) -> bool:
        """Whether the file that was opened still has its name: else its rows are of the past, and
        no other process sees what is written to them."""
        try:
            return _inode(self._file) == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """No more questions."""
        with self._lock:
            self._connection.close()


def _inode(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino
