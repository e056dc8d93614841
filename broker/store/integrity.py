"""Whether a database file holds together: SQLite's own checks of its pages and references.

The file is only read. A check may be bounded in time, and may be broken off.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from broker.model.finding import salvage

START_S = 2.0
"""A check at a start takes no longer, however large the file is."""
AT_MOST = 50
"""Faults that are listed; a damaged page gives many of them."""
STEPS = 20_000
"""Instructions of SQLite's machine between two looks at the clock: some milliseconds."""

MALFORMED = "database disk image is malformed"
"""What SQLite says of most damage."""
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Primary result codes of a file that is not what SQLite wrote."""


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
            "it is, then `broker restore DIR`. Without a backup: keep a copy of the file; "
            f"{salvage(str(file))}"
        )
        super().__init__(self.words)


def damage(error: BaseException | None) -> str:
    """What SQLite says of a damaged file; empty when the error is another one."""
    origin = getattr(error, "orig", None) or error
    if isinstance(origin, UnicodeDecodeError):
        return MALFORMED  # the driver's, as SQLite's own words quote what is damaged
    if not isinstance(origin, sqlite3.Error):
        return ""
    code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
    return str(origin) if code in DAMAGE else ""


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
    """A connection that cannot write. sqlite3.Error when the file cannot be opened."""
    how = "mode=ro&immutable=1" if immutable else "mode=ro"
    address = f"{file.absolute().as_uri()}?{how}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    # One damaged byte in one text must not keep the others from being read.
    connection.text_factory = lambda content: content.decode("utf-8", "replace")
    return connection
