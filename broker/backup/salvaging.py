"""Reading what is left of a damaged database into a new one that a broker can start on.

Each table is read row by row, around the pages that cannot be read. A row that refers to a row that
is lost goes, too; a job that is not finished and has lost a part is held, as it must not print
otherwise than it was accepted, and must not count as printed. The damaged file is kept beside it.
The spool stays as it is: pixels of jobs that are lost are set aside there when a broker starts.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from broker.backup.backup import Watcher
from broker.backup.snapshot import remove_copy
from broker.model.jobs.job import FINISHED
from broker.model.printers.trouble import PRINT_AGAIN
from broker.spool.stored import sync_folder
from broker.store import identity, schema
from broker.store.database import Database
from broker.store.occupancy import Occupancy
from broker.store.queue.recovery import hold_unsettled
from broker.store.queue.spool_references import SpoolReferences
from broker.store.reading.job_rows import JOB_ALTERED, lacks_parts
from broker.store.sqlite import examine
from broker.store.tables import jobs
from broker.store.version_by_tables import version_by_tables

FRESH = ".salvaging"
PIECE = 2_000
"""Rows that are copied at a time."""
PROBES = 20_000
"""Numbers at which a table is looked at again behind a page that cannot be read."""
BEYOND = 100_000
"""How far it is looked for rows where the last page cannot be read."""
LARGEST_STEP = 40
"""The power of two that is the longest step in which rows are looked for."""
UNREADABLE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_CORRUPT_INDEX,
        sqlite3.SQLITE_CORRUPT_SEQUENCE,
        sqlite3.SQLITE_CORRUPT_VTAB,
        sqlite3.SQLITE_IOERR_READ,
        sqlite3.SQLITE_IOERR_SHORT_READ,
    }
)
"""What SQLite says of a page that it cannot read."""

WAYS = (
    "With a backup: move it away with its -wal and -shm, leave the spool, then `broker restore "
    "DIR`. Without one: `broker spool` says how to begin with a new one, for which the spool is "
    "kept"
)
"""Where the database cannot be used."""


class SalvageRefused(Exception):
    """Nothing was changed. `words` is one line: what is in the way, and what to do."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class Salvaged:
    """What came of it."""

    rows: int
    """That were read."""
    damaged: tuple[str, ...]
    """Tables of which not everything could be read."""
    dropped: int
    """Rows that were read and referred to one that is lost."""
    jobs: int
    """That are there."""
    held: tuple[int, ...]
    """Jobs that were not finished and have lost a part."""
    kept: Path
    """The folder that has the damaged file now."""


def salvage(data_dir: Path, file: Path, watcher: Watcher, clock: Callable[[], float]) -> Salvaged:
    """Put a database in place of a damaged one that has all rows which can be read.

    Raises:
        Occupied: a broker runs on it.
        SalvageRefused: it is in order, or so damaged that its tables are not known.
        OSError, sqlite3.Error: something cannot be written.
    """
    with closing(Occupancy.take(data_dir)):
        if Occupancy.database_taken(file):
            raise SalvageRefused(f"{file}: a broker is running on it; stop it first")
        if not examine(file, full=True).faults:
            raise SalvageRefused(f"{file}: the database is in order; there is nothing to salvage")
        fresh = file.with_name(f".{file.name}{FRESH}")
        remove_copy(fresh)
        try:
            copied = _Copy(file, fresh, watcher).made()
            watcher.begin("holding jobs that have lost a part", 1)
            number, held = _made_whole(file, fresh, clock())
            _make_stable(fresh)
            kept = _set_aside(file, clock())
            fresh.replace(file)
            sync_folder(file.parent, where_possible=True)
        finally:
            remove_copy(fresh)
    return Salvaged(copied.rows, tuple(copied.damaged), copied.dropped, number, held, kept)


class _Copy:
    """The rows of one database in another one."""

    def __init__(self, file: Path, fresh: Path, watcher: Watcher) -> None:
        self._file = file
        self._fresh = fresh
        self._watcher = watcher
        self.rows = 0
        self.dropped = 0
        self.damaged: list[str] = []

    def made(self) -> _Copy:
        """The same, once all is copied."""
        os.close(os.open(self._fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        address = f"{self._file.absolute().as_uri()}?mode=ro"
        with closing(
            sqlite3.connect(self._fresh.absolute().as_uri(), uri=True, isolation_level=None)
        ) as to:
            # One that is broken off is thrown away, so it needs no journal of its own.
            to.execute("PRAGMA journal_mode = OFF")
            to.execute("PRAGMA synchronous = OFF")
            to.execute("PRAGMA foreign_keys = OFF")
            try:
                to.execute("ATTACH ? AS old", (address,))
                made = to.execute(
                    "SELECT type, name, sql FROM old.sqlite_master "
                    "WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
                ).fetchall()
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                raise SalvageRefused(
                    f"{self._file}: not even the tables of this database can be read. {WAYS}"
                ) from error
            tables = [(name, sql) for kind, name, sql in made if kind == "table"]
            indexes = [sql for kind, _, sql in made if kind == "index"]
            unique = [sql for sql in indexes if "UNIQUE" in sql.upper()]
            for sql in [*(sql for _, sql in tables), *unique]:
                to.execute(sql)
            self._watcher.begin("reading rows", len(tables))
            for number, (name, _) in enumerate(tables, start=1):
                self._copy(to, name)
                self._watcher.reached(number)
            self._numbers(to)
            for sql in indexes:
                if sql not in unique:
                    to.execute(sql)
            self._drop_orphans(to)
        return self

    def _copy(self, to: sqlite3.Connection, table: str) -> None:
        """All rows of a table that can be read."""
        found, whole = _row_numbers(to, table)
        for first in range(0, len(found), PIECE):
            whole = self._piece(to, table, found[first : first + PIECE]) and whole
        if not whole:
            self.damaged.append(table)

    def _piece(self, to: sqlite3.Connection, table: str, numbers: Sequence[int]) -> bool:
        """Copy these rows, which are all between the first and the last; whether all could be."""
        try:
            copied = to.execute(
                f'INSERT OR IGNORE INTO main."{table}" SELECT * FROM old."{table}" NOT INDEXED '
                "WHERE rowid BETWEEN ? AND ? ORDER BY rowid",
                (numbers[0], numbers[-1]),
            ).rowcount
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in UNREADABLE:
                raise
            if len(numbers) == 1:
                return False
            middle = len(numbers) // 2
            first = self._piece(to, table, numbers[:middle])
            return self._piece(to, table, numbers[middle:]) and first
        self.rows += copied
        return copied == len(numbers)

    def _numbers(self, to: sqlite3.Connection) -> None:
        """No number is given twice: the highest that were given are taken over."""
        try:
            given = to.execute("SELECT name, seq FROM old.sqlite_sequence").fetchall()
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            self.damaged.append("sqlite_sequence")
            return
        to.execute("DELETE FROM main.sqlite_sequence")
        to.executemany("INSERT INTO main.sqlite_sequence (name, seq) VALUES (?, ?)", given)

    def _drop_orphans(self, to: sqlite3.Connection) -> None:
        """Rows that refer to a lost one go, as others refer to them; a job and a recorded command
        stay, without what they refer to."""
        while orphans := to.execute("PRAGMA foreign_key_check").fetchall():
            for table, row, _, key in orphans:
                keys = to.execute(f'PRAGMA foreign_key_list("{table}")').fetchall()
                column, action = next((each[3], each[6]) for each in keys if each[0] == key)
                if action == "SET NULL" or table == "orders":
                    to.execute(f'UPDATE "{table}" SET "{column}" = NULL WHERE rowid = ?', (row,))
                else:
                    to.execute(f'DELETE FROM "{table}" WHERE rowid = ?', (row,))
                    self.dropped += 1


def _row_numbers(to: sqlite3.Connection, table: str) -> tuple[list[int], bool]:
    """The numbers of a table's rows that can be read, in their order; and whether those are all."""
    first, last = _end(to, table, "min", 0), _end(to, table, "max", None)
    if last is None:
        last = _last_readable(to, table) + BEYOND
    found_all: set[int] = set()
    whole = True
    open_ranges = deque([(first or 0, last)])
    probes = 0
    while open_ranges and probes < PROBES:
        low, high = open_ranges.popleft()
        probes += 1
        up, done = _read(to, table, low, high, "ASC")
        found_all.update(up)
        if done:
            continue
        whole = False
        low = up[-1] + 1 if up else low
        down, _ = _read(to, table, low, high, "DESC")
        found_all.update(down)
        high = down[-1] - 1 if down else high
        if low < high:
            middle = (low + high) // 2
            open_ranges += [(low, middle), (middle + 1, high)]
    return sorted(found_all), whole


def _end(to: sqlite3.Connection, table: str, which: str, otherwise: int | None) -> int | None:
    """The first or the last number of a table's rows."""
    try:
        (found,) = to.execute(f'SELECT {which}(rowid) FROM old."{table}" NOT INDEXED').fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in UNREADABLE:
            raise
        return otherwise
    return 0 if found is None else int(found)


def _last_readable(to: sqlite3.Connection, table: str) -> int:
    """A row near the last one that can be read, where the end cannot be: it is looked for in steps
    of all lengths."""
    at, further = 0, True
    while further:
        further = False
        for power in range(LARGEST_STEP, -1, -1):
            found, _ = _read(to, table, at + 2**power, None, "ASC", most=1)
            if found:
                at, further = found[0], True
                break
    return at


def _read(
    to: sqlite3.Connection, table: str, low: int, high: int | None, order: str, most: int = -1
) -> tuple[list[int], bool]:
    """Numbers in that order, up to the first page that cannot be read; whether there was none."""
    found: list[int] = []
    try:
        for (number,) in to.execute(
            f'SELECT rowid FROM old."{table}" NOT INDEXED WHERE rowid BETWEEN ? AND ? '
            f"ORDER BY rowid {order} LIMIT ?",
            (low, 2**63 - 1 if high is None else high, most),
        ):
            found.append(number)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in UNREADABLE:
            raise
        return found, False
    return found, True


def _made_whole(file: Path, fresh: Path, now: float) -> tuple[int, tuple[int, ...]]:
    """Put into the rows what follows from others; how many jobs there are, and those that are held
    for what they have lost.

    Raises: SalvageRefused: it is not known which version the tables of `file` have.
    """
    database = Database.open(f"sqlite:///{fresh}")
    try:
        if schema.current(database) is None:
            version = version_by_tables(database)
            if version is None:
                raise SalvageRefused(
                    f"{file}: the version of the tables of this database cannot be read, and they "
                    f"are not those of one that this broker knows. {WAYS}"
                )
            schema.stamp(database, version)
        schema.upgrade(database)
        identity.begin_where_lost(database)
        SpoolReferences(database).refer_again()
        with database.write() as connection:
            numbers = connection.execute(select(jobs.c.id).order_by(jobs.c.id)).scalars().all()
            unfinished = connection.execute(
                select(jobs.c.id).where(jobs.c.state.not_in(FINISHED)).order_by(jobs.c.id)
            ).scalars()
            held = tuple(each for each in unfinished if lacks_parts(connection, each))
            hold_unsettled(connection, held, now, f"{JOB_ALTERED}; {PRINT_AGAIN}")
    finally:
        database.close()
    return len(numbers), held


def _make_stable(fresh: Path) -> None:
    with fresh.open("rb") as content:
        os.fsync(content.fileno())


def _set_aside(file: Path, now: float) -> Path:
    """Put the damaged files into a folder of their own; its path. The database keeps its own name,
    too, until the new one takes it: a power cut leaves no spool without a database. Only a file
    system without hard links moves it."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    folder = file.with_name(f"{file.name}.damaged-{at}")
    folder.mkdir(mode=0o700)
    try:
        os.link(file, folder / file.name)
    except OSError:
        file.replace(folder / file.name)
    for suffix in ("-wal", "-shm"):
        path = file.with_name(f"{file.name}{suffix}")
        if path.exists():
            path.replace(folder / path.name)
    sync_folder(folder, where_possible=True)
    return folder
