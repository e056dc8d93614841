"""The database: one file, many threads, and several processes at once.

Its `Backend` knows what kind of database it is. Writers queue up: threads of this process on a
lock, other processes on the database's own lock.

Connections that are open go on with a file that was moved away or removed: what they write is not
in the file that the next start finds, and may be in no file at all. So the file of that name is
compared with the one that was opened whenever something is written (`OpenedFile`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import ColumnElement, Connection, Engine, Table, event, make_url, select, update
from sqlalchemy.exc import SQLAlchemyError

from broker.model.seconds import seconds_told
from broker.store.backend import BACKEND, Backend, Checkpoint
from broker.store.sqlite import Sqlite


class DatabaseReplaced(RuntimeError):
    """The database was replaced while it was in use. Nothing was written. `words` says what is
    seen."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


class OpenedFile:
    """The file of that path, as it was opened. For any thread.

    A descriptor keeps it, so that its number is no other file's. It is one of O_PATH: closing any
    other one would end the locks that SQLite has on the file in this process (fcntl(2)).
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._place: tuple[int, int] | None = None
        """Device and number of the file that was opened: the descriptor keeps both its own."""
        self._descriptor: int | None = None
        self._closed = False
        self._stamp: tuple[int, int] | None = None
        """Time of its last change and its size, when they were looked at last."""
        self._changed = False
        self._using = threading.Lock()
        """Held while the descriptor is opened or closed."""

    def remember(self) -> None:
        """It is open now; only the first time counts. Raises: OSError: when it is not there."""
        if self._descriptor is not None or self._closed:
            return
        with self._using:
            if self._descriptor is None and not self._closed:
                self._descriptor = os.open(self._path, os.O_PATH | os.O_CLOEXEC)
                opened = os.fstat(self._descriptor)
                self._place = (opened.st_dev, opened.st_ino)

    def missing(self) -> str:
        """What is there in its place, in words; empty as long as it is in its place.

        A file that cannot be looked at, for another reason than that it is gone, is not taken for
        another one: what SQLite says of it counts.
        """
        place = self._place
        if place is None:
            return ""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - twice with each film: pathlib takes longer
        except (FileNotFoundError, NotADirectoryError):
            return f"{self._path} was moved away or removed while it was in use"
        except OSError:
            return ""
        if (found.st_dev, found.st_ino) == place:
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._changed, self._stamp = self._stamp is not None, stamp
            return ""
        return f"another file was put in the place of {self._path} while it was in use"

    def was_written(self) -> bool:
        """Whether anything was written into it since this was asked last, as far as `missing` has
        seen: by a checkpoint of its log, or by another program."""
        if not self._changed:
            return False
        self._changed = False
        return True

    def close(self) -> None:
        """From now on nothing is compared."""
        with self._using:
            self._closed = True
            self._place = None
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


BUSY_S = 10.0
"""How long a writer waits for its turn in all: for other threads, then for other processes."""


IDLE = 8
"""Connections that stay open, for the next transactions."""
PATIENCE = "patience"
"""Under this name a connection's `info` says how long its transaction may wait."""


@dataclass(frozen=True)
class Patience:
    """How long a transaction may wait for others, in seconds."""

    busy_s: float
    write_by: float | None
    """When (`time.monotonic()`) it must have its turn to write; None for one that reads."""

    def left(self, now: float) -> float:
        """Seconds that are left."""
        return self.busy_s if self.write_by is None else max(0.0, self.write_by - now)


Count = Callable[[Connection], Callable[[], None] | None]
"""Counts a change within its transaction; returns what is to be called when it is committed. It
raises DatabaseReplaced where the count shows that this is another database."""


BACKENDS: Mapping[str, Backend] = {"sqlite": Sqlite()}


class DatabaseBusy(RuntimeError):
    """A writer's turn has not come in time. Nothing was written."""


FAILURES = (SQLAlchemyError, DatabaseBusy, DatabaseReplaced)
"""What any question or change may raise because of the database itself, not of what was asked."""


def damage(error: BaseException) -> str:
    """What a database says of damage; empty when the error is another one."""
    return next(filter(None, (each.damage(error) for each in BACKENDS.values())), "")


def in_words(error: BaseException) -> str:
    """What went wrong, in one line; of what the database says, without SQL and web addresses."""
    origin = getattr(error, "orig", None)
    if origin is not None:
        return f"the database: {origin}"
    return str(error) if isinstance(error, DatabaseBusy | DatabaseReplaced) else repr(error)


class Database:
    """An open database; `close` it at the end."""

    def __init__(self, engine: Engine, backend: Backend, busy_s: float) -> None:
        self._engine = engine
        self._backend = backend
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
        """Open, and not in use: a pool of SQLAlchemy's takes longer than most questions."""

    @classmethod
    def open(cls, url: str, *, busy_s: float | None = None) -> Self:
        """Open the database that the URL names; its file is made when it is not there.

        A transaction waits for its turn for `busy_s` at most: BUSY_S, when none is given.

        Tables are made by `schema`. Raises: ValueError: for a kind of database that the broker
        does not know. OSError: when the file cannot be made.
        """
        busy_s = BUSY_S if busy_s is None else busy_s
        parts = make_url(url)
        backend = BACKENDS.get(parts.get_backend_name())
        if backend is None:
            raise ValueError("the database must be a file: sqlite:////path/to/broker.db")
        engine = backend.engine(parts, busy_s)
        event.listen(engine, "begin", _begin)
        return cls(engine, backend, busy_s)

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
        """Close it. Transactions that run are not waited for."""
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
        its end, as no other transaction writes meanwhile. Never nested: the second would wait for
        the first.

        Raises:
            DatabaseBusy, SQLAlchemyError: its turn did not come in time: in `busy_s` seconds,
                where that is given.
            DatabaseReplaced: the file is no longer the one that was opened; that is looked at
                last before it is committed.
        """
        self.look()
        if self._opened.was_written():
            self.on_written()
        busy_s = self._busy_s if busy_s is None else busy_s
        end = time.monotonic() + busy_s
        if not self._writing.acquire(timeout=busy_s):
            raise DatabaseBusy(f"other writers took longer than {seconds_told(busy_s)}")
        try:
            with self._lent(end) as connection:
                committed: Callable[[], None] | None = None
                with connection.begin():
                    before = self._backend.changes(connection)
                    yield connection
                    if self._count is not None and self._backend.changes(connection) != before:
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
        elif words := self._backend.damage(error):
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
        return any(each.is_full(error) for each in BACKENDS.values())

    @staticmethod
    def is_busy(error: BaseException) -> bool:
        """Whether it says no more than that others were writing."""
        busy = any(each.is_busy(error) for each in BACKENDS.values())
        return busy or isinstance(error, DatabaseBusy)

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
        with self._lent() as connection:
            return self._backend.checkpoint(connection, cut=cut, busy_s=busy_s)

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
            # Whatever is wrong with it, it is not used again.
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
        except Exception as error:
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


def _begin(connection: Connection) -> None:
    """Begin a transaction as its backend does; one that may write has its turn at once."""
    patience: Patience = connection.info[PATIENCE]
    backend: Backend = connection.info[BACKEND]
    left = patience.left(time.monotonic())
    backend.begin(connection, left, write=patience.write_by is not None)
