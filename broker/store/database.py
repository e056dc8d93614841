"""The database: one file, many threads, and several processes at once.

Only this file knows which database it is. Reading never waits for a writer, nor a writer for
readers (write-ahead log). Writers queue up: threads of this process on a lock, other processes on
the database's own lock.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import (
    SQLITE_BUSY,
    SQLITE_CORRUPT,
    SQLITE_FULL,
    DatabaseError,
    Error,
    OperationalError,
    connect,
)
from sqlite3 import Connection as SqliteConnection
from typing import Self
from urllib.parse import quote

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    make_url,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import OperationalError as Refused
from sqlalchemy.pool import NullPool

from broker.store.integrity import damage
from broker.store.replacement import DatabaseReplaced, OpenedFile

BUSY_S = 10.0
"""How long a writer waits for its turn in all: for other threads, then for other processes."""


LOG_BYTES = 8 << 20
"""The write-ahead log is cut to this size once everything in it is in the database."""
IDLE = 8
"""So many connections stay open for whoever comes next."""
PATIENCE, BUSY_TENTHS = "patience", "busy_tenths"
"""What is known of a connection: how long this transaction may wait, and what SQLite was told."""


@dataclass(frozen=True)
class Patience:
    """How long a transaction may wait for others, in seconds."""

    busy_s: float
    write_by: float | None
    """When (`time.monotonic()`) it must have its turn to write; None for one that reads."""

    def tenths(self, now: float) -> int:
        """Tenths of a second that are left, rounded: SQLite need not be told each time."""
        left = self.busy_s if self.write_by is None else max(0.0, self.write_by - now)
        return round(left * 10)


Count = Callable[[Connection], Callable[[], None] | None]
"""Counts a change within its transaction; returns what is to be called when it is committed. It
raises DatabaseReplaced where the count shows that this is another database."""


class DatabaseBusy(RuntimeError):
    """A writer's turn has not come in time. Nothing was written."""


@dataclass(frozen=True)
class Checkpoint:
    """How far the write-ahead log was brought into the database file, in pages."""

    pages: int
    """In the log."""
    done: int
    """Of these, those that the database file has."""

    @property
    def complete(self) -> bool:
        """Whether the log is needed no longer."""
        return self.done >= self.pages


FAILURES = (SQLAlchemyError, DatabaseBusy, DatabaseReplaced)
"""What any question or change may raise because of the database itself, not of what was asked."""


def as_failure(error: sqlite3.Error) -> SQLAlchemyError:
    """What SQLite itself raised, as one of FAILURES."""
    return DBAPIError.instance(None, None, error, sqlite3.Error)


def in_words(error: BaseException) -> str:
    """What went wrong, in one line; of what the database says, without SQL and web addresses."""
    origin = getattr(error, "orig", None)
    if origin is not None:
        return f"the database: {origin}"
    return str(error) if isinstance(error, DatabaseBusy | DatabaseReplaced) else repr(error)


class Database:
    """An open database; `close` it at the end."""

    def __init__(self, engine: Engine, busy_s: float) -> None:
        self._engine = engine
        self._busy_s = busy_s
        self._writing = threading.RLock()
        """Held by the thread that writes, which may see meanwhile that the file is another one."""
        self._closed = False
        self._count: Count | None = None
        self.damage = ""
        """What SQLite said when it met a damaged page; empty as long as it has met none."""
        self.on_damage: Callable[[str], None] = lambda _words: None
        """Called the first time, in the thread that met it. It must not raise."""
        self.replaced = ""
        """How it was seen that the database was replaced while it was in use; else empty. From then
        on nothing is written."""
        self.on_replaced: Callable[[str], None] = lambda _words: None
        """Called the first time, in the thread that saw it. It must not raise."""
        self.on_written: Callable[[], None] = lambda: None
        """Called before a change once something was written into the file itself, which happens
        seldom. Raises: DatabaseReplaced: when its content was replaced."""
        self._opened = OpenedFile(self.file)
        self._telling = threading.Lock()
        self._idle: list[Connection] = []
        """Open, and in nobody's hands: a pool of SQLAlchemy's takes longer than most questions."""

    @classmethod
    def open(cls, url: str, *, busy_s: float | None = None) -> Self:
        """Open the database that the URL names; its file is made when it is not there.

        Whoever wants something of it waits for `busy_s` at most: BUSY_S, when none is given.

        ValueError for a kind of database that the broker does not know, OSError when the file
        cannot be made. Tables are the schema's affair.
        """
        busy_s = BUSY_S if busy_s is None else busy_s
        parts = make_url(url)
        if parts.get_backend_name() != "sqlite" or not parts.database:
            raise ValueError("the database must be a file: sqlite:////path/to/broker.db")
        file = Path(parts.database)
        make_file(file)

        def connect_to_it() -> SqliteConnection:
            # Never made here: a new file in the place of one that was moved away hides the loss.
            place = f"file:{quote(str(file.absolute()))}?mode=rw"
            return connect(place, uri=True, timeout=busy_s, check_same_thread=False)

        # Parameters stay out of exceptions: labels of patients are among them (promise 10).
        engine = create_engine(
            parts,
            creator=connect_to_it,
            poolclass=NullPool,
            hide_parameters=True,
            paramstyle="named",
        )
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
        return cls(engine, busy_s)

    def count_changes(self, count: Count) -> None:
        """From now on, `count` is called in each transaction that has changed something, as the
        last thing before it is committed.

        What it returns is called once that is done, before any other thread of this process
        writes. It must not raise.
        """
        self._count = count

    def refuse_changes(self, why: Exception) -> None:
        """From now on, each transaction that has changed something raises `why` in place of being
        committed."""

        def refuse(_connection: Connection) -> None:
            raise why

        self._count = refuse

    def close(self) -> None:
        """Let the file go. Transactions in hand are not waited for."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        self._opened.close()

    @property
    def file(self) -> Path:
        """The file that it is in."""
        return Path(str(self._engine.url.database))

    @contextmanager
    def write(self, busy_s: float | None = None) -> Iterator[Connection]:
        """A transaction that may write, committed at the end, rolled back by any exception.

        When this returns, what was written survives a power cut. What it reads stays true until
        its end, as nobody else writes meanwhile. Never nested: the second would wait for the first.
        DatabaseBusy, or the database's own error, when its turn does not come in time: in `busy_s`
        seconds, where that is given. DatabaseReplaced: when the file is no longer the one that was
        opened; that is looked at last before it is committed.
        """
        self.look()
        if self._opened.was_written():
            self.on_written()
        busy_s = self._busy_s if busy_s is None else busy_s
        end = time.monotonic() + busy_s
        if not self._writing.acquire(timeout=busy_s):
            raise DatabaseBusy(f"other writers took longer than {busy_s:g} s")
        try:
            with self._lent(end) as connection:
                committed: Callable[[], None] | None = None
                with connection.begin():
                    before = _total_changes(connection)
                    yield connection
                    if self._count is not None and _total_changes(connection) != before:
                        committed = self._count(connection)
                    self.look()
                if committed is not None:
                    committed()
        finally:
            self._writing.release()

    def look(self) -> None:
        """Look whether the file is the one that was opened. Some microseconds.

        Raises: DatabaseReplaced: when it is not, or was not before.
        """
        if words := self.replaced or self._opened.missing():
            error = DatabaseReplaced(words)
            self.met(error)
            raise error

    def written_is_known(self) -> None:
        """What was written into the file itself until now is about to be looked at."""
        self._opened.missing()
        self._opened.was_written()

    def met(self, error: BaseException) -> None:
        """Note, and tell the first time, where an error shows that the database is damaged or was
        replaced."""
        if isinstance(error, DatabaseReplaced):
            with self._telling:
                first, self.replaced = not self.replaced, self.replaced or error.words
            if first:
                # A commit in hand first: what it has brought is in the database that was opened.
                waited = self._writing.acquire(timeout=self._busy_s)
                try:
                    self.on_replaced(error.words)
                finally:
                    if waited:
                        self._writing.release()
        elif words := damage(error):
            self.met_damage(words)

    def met_damage(self, words: str) -> None:
        """Note that a damaged page was met, and tell it the first time."""
        with self._telling:
            first, self.damage = not self.damage, self.damage or words
        if first:
            self.on_damage(words)

    @property
    def distrusted(self) -> str:
        """Why what it does not refer to may be needed all the same; empty when all is well."""
        return self.replaced or self.damage

    @staticmethod
    def is_full(error: BaseException) -> bool:
        """Whether the disk has no room for what was to be written."""
        return getattr(getattr(error, "orig", None), "sqlite_errorcode", 0) & 0xFF == SQLITE_FULL

    @staticmethod
    def is_busy(error: BaseException) -> bool:
        """Whether it says no more than that others were writing."""
        code = getattr(getattr(error, "orig", None), "sqlite_errorcode", 0)
        return isinstance(error, DatabaseBusy) or code & 0xFF == SQLITE_BUSY

    def change_some(self, table: Table, which: ColumnElement[bool], **values: object) -> int:
        """Change the rows that are so, mostly none: then no writer is kept waiting. How many."""
        with self.read() as connection:
            if connection.execute(select(table).where(which).limit(1)).first() is None:
                return 0
        with self.write() as connection:
            return connection.execute(update(table).where(which).values(**values)).rowcount

    def checkpoint(self, *, cut: bool = False, busy_s: float = 0.05) -> Checkpoint:
        """Bring what is in the write-ahead log into the database file, as far as readers allow.

        Writers are not kept waiting; but with `cut`, for a moment, and the log has no byte
        afterwards, where no reader and no writer was in the way within `busy_s` seconds.
        """
        how = "TRUNCATE" if cut else "PASSIVE"
        with self._lent() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            connection.info.pop(BUSY_TENTHS, None)
            try:
                raw.execute(f"PRAGMA busy_timeout = {round(busy_s * 1000)}")
                _, pages, done = raw.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
            except Error as error:
                raise DBAPIError.instance(how, None, error, Error, hide_parameters=True) from error
        return Checkpoint(max(0, pages), max(0, done))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads: one and the same moment throughout."""
        with self._lent() as connection, connection.begin():
            yield connection

    @contextmanager
    def _lent(self, write_by: float | None = None) -> Iterator[Connection]:
        """A connection, for one transaction: one that may write, and begins by then; or none."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connected()
        patience = Patience(self._busy_s, write_by)
        try:
            connection.info[PATIENCE] = patience
            yield connection
        except BaseException as error:
            # Whatever is wrong with it, nobody else gets it.
            connection.close()
            self.met(error)
            raise
        if self._closed or len(self._idle) >= IDLE:
            connection.close()
        else:
            self._idle.append(connection)

    def _connected(self) -> Connection:
        self.look()
        try:
            connection = self._engine.connect()
        except (Error, SQLAlchemyError) as error:
            self.look()  # it may have gone just now
            self.met(error)
            raise
        try:
            self._opened.remember()
            self.look()  # what was opened is the file that the others have
        except BaseException:
            connection.close()
            raise
        return connection


def _total_changes(connection: Connection) -> int:
    """Rows that were changed on this connection so far."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return int(driver.total_changes)


def make_file(path: Path) -> None:
    """Make the file when it is missing: labels of patients are in it, so it is its owner's alone.

    The write-ahead log takes its mode from it. A file that is there is not even opened: closing it
    would end the locks that other connections of this process have on it.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def damaged() -> DatabaseError:
    """What SQLite means where its own words cannot be read: they quote what is damaged."""
    error = DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = SQLITE_CORRUPT
    return error


def _prepare(connection: SqliteConnection, _record: object) -> None:
    """Make a new connection durable, and hand the transactions' beginnings to `_begin`."""
    try:
        _make_durable(connection)
    except UnicodeDecodeError:
        raise damaged() from None


def _make_durable(connection: SqliteConnection) -> None:
    connection.isolation_level = None
    # One damaged byte in one text must not make the queue unreadable: it is shown as unreadable.
    connection.text_factory = lambda content: content.decode("utf-8", "replace")
    _log_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")


def _log_ahead(connection: SqliteConnection) -> None:
    """Have a write-ahead log, which stays with the file once it is made.

    SQLite does not wait when two processes want to make it at the same moment; so this does.
    """
    end = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except OperationalError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and locks later may be refused
    without any waiting, as what it has read is stale by then.
    """
    info = connection.info
    patience: Patience = info[PATIENCE]
    # On the driver's own connection: this comes before each question.
    raw = connection.connection.driver_connection
    assert raw is not None
    begin = "BEGIN DEFERRED" if patience.write_by is None else "BEGIN IMMEDIATE"
    tenths = patience.tenths(time.monotonic())
    try:
        if info.get(BUSY_TENTHS) != tenths:
            raw.execute(f"PRAGMA busy_timeout = {tenths * 100}")
            info[BUSY_TENTHS] = tenths
        raw.execute(begin)
    except Error as error:
        raise Refused(begin, None, error) from error
