"""A copy of the database at one moment, and what its rows say of the spool.

The copy is made with SQLite's online backup, within one read transaction: writers go on meanwhile.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.model.jobs.job import FINISHED
from broker.spool.stored import Hash
from broker.store.queue.retention import without_label
from broker.store.sqlite import open_to_read

_FINISHED = ", ".join(f"'{each}'" for each in sorted(FINISHED))
PAGES = 2000
"""Pages of one step, 8 MB: the progress is told between two of them."""
PIECE = 1 << 20

Tell = Callable[[int, int], None]
"""Is told how many pages are copied, and of how many."""


@dataclass(frozen=True)
class WantedPixels:
    """One spool file that rows refer to."""

    name: str
    length: int | None
    """In bytes, as the film says; None when its row cannot be read."""
    unfinished: bool
    """Whether a job that is not finished needs it: it is pinned until it is copied."""


def copy_database(
    source: Path, target: Path, tell: Tell, begun: Callable[[Snapshot], None] = lambda _: None
) -> None:
    """Copy the database as it is at one moment; what was committed before the call is in it.

    `begun` is called at that moment, with the database as it is copied then. The copy is one file
    without a log, on stable storage, and its owner's alone.

    Raises:
        sqlite3.Error: the source cannot be read, or is damaged.
        OSError: the target cannot be written.
    """
    remove_copy(target)
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(open_to_read(source)) as live, closing(sqlite3.connect(target)) as copy:
        # The transaction keeps the moment: without it, each step might begin all over.
        # A copy that is broken off is thrown away, so it needs no journal of its own.
        copy.execute("PRAGMA journal_mode = OFF")
        copy.execute("PRAGMA synchronous = OFF")
        live.execute("BEGIN")
        live.execute("SELECT count(*) FROM sqlite_master").fetchone()
        begun(Snapshot(live))

        def progress(_status: int, remaining: int, total: int) -> None:
            tell(total - remaining, total)

        live.backup(copy, pages=PAGES, progress=progress)
        live.execute("COMMIT")
        # No log beside it: the folder may be read-only when it is read again.
        copy.execute("PRAGMA journal_mode = DELETE")
    descriptor = os.open(target, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_copy(target: Path) -> None:
    """Remove a copy, and the journal of one that was broken off: another must not meet it."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        target.with_name(f"{target.name}{suffix}").unlink(missing_ok=True)


def hash_of(file: Path) -> str:
    """BLAKE3 of a file, in hex. Raises: OSError."""
    digest = Hash()
    with file.open("rb") as source:
        while piece := source.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


class Snapshot:
    """Questions about a copy of the database. Errors are sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def of(cls, file: Path) -> Iterator[Snapshot]:
        """Open a copy that no process writes."""
        with closing(open_to_read(file, immutable=True)) as connection:
            yield cls(connection)

    @classmethod
    @contextmanager
    def live(cls, file: Path) -> Iterator[Snapshot]:
        """Open the database itself, which a broker may be writing: each answer is of its moment."""
        with closing(open_to_read(file)) as connection:
            yield cls(connection)

    def referred(self, names: Iterable[str]) -> set[str]:
        """Those of the names in the spool that jobs refer to."""
        ask = "SELECT 1 FROM spooled WHERE name = ? LIMIT 1"
        return {name for name in names if self._connection.execute(ask, (name,)).fetchone()}

    def identity(self) -> tuple[str, int]:
        """The database's identity, and its count of changes; empty and 0 of an older version."""
        try:
            ask = "SELECT identity, changes FROM queue"
            row = self._connection.execute(ask).fetchone()
        except sqlite3.OperationalError:
            row = None
        return (str(row[0]), int(row[1])) if row else ("", 0)

    def last_job(self) -> int:
        """The highest job number that was given."""
        ask = "SELECT max(seq) FROM sqlite_sequence WHERE name = 'jobs'"
        return int(self._connection.execute(ask).fetchone()[0] or 0)

    @property
    def schema(self) -> str:
        """Version of its tables; empty without tables."""
        try:
            row = self._connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return ""
        return str(row[0]) if row else ""

    def jobs(self) -> dict[str, int]:
        """State -> number of jobs."""
        rows = self._connection.execute("SELECT state, count(*) FROM jobs GROUP BY state")
        return {str(state): int(number) for state, number in sorted(rows)}

    def films(self) -> int:
        """How many films these jobs have."""
        return int(self._connection.execute("SELECT count(*) FROM films").fetchone()[0])

    def needed(self) -> list[str]:
        """The spool files that jobs which are not finished refer to."""
        rows = self._connection.execute(
            "SELECT DISTINCT s.name FROM spooled AS s JOIN jobs AS j ON j.id = s.job_id "
            f"WHERE j.state NOT IN ({_FINISHED})"
        )
        return [str(name) for (name,) in rows]

    def wanted(self) -> list[WantedPixels]:
        """The spool files that its rows refer to, those of unfinished jobs first."""
        lengths = self._lengths()
        rows = self._connection.execute(
            f"SELECT s.name, max(j.state NOT IN ({_FINISHED})) AS needed FROM spooled AS s "
            "JOIN jobs AS j ON j.id = s.job_id GROUP BY s.name ORDER BY needed DESC, s.name"
        )
        return [
            WantedPixels(str(name), lengths.get(str(name)), bool(needed)) for name, needed in rows
        ]

    def _lengths(self) -> Mapping[str, int]:
        """Name -> bytes, as films of jobs with pixels say."""
        found: dict[str, int] = {}
        rows = self._connection.execute(
            "SELECT content FROM films WHERE job_id IN (SELECT job_id FROM spooled)"
        )
        for (content,) in rows:
            try:
                images = [box["image"] for box in json.loads(content)["image_boxes"]]
                found |= {image["pixels"]: int(image["length"]) for image in images if image}
            except (ValueError, KeyError, TypeError):
                continue  # `broker db check` tells of it; its files are copied all the same
        return found


def forget_pixels(file: Path, names: Iterable[str], now: float) -> int:
    """Have the copy say that retention removed the pixels of those finished jobs, as it did in the
    database meanwhile; how many jobs. sqlite3.Error.
    """
    with closing(sqlite3.connect(file)) as copy, copy:
        numbers = {
            row[0]
            for name in names
            for row in copy.execute("SELECT job_id FROM spooled WHERE name = ?", (name,))
        }
        columns = {row[1] for row in copy.execute("PRAGMA table_info(jobs)")}
        for number in numbers:
            (session,) = copy.execute("SELECT session FROM jobs WHERE id = ?", (number,)).fetchone()
            copy.execute("DELETE FROM spooled WHERE job_id = ?", (number,))
            copy.execute(
                "UPDATE jobs SET pixels_removed_at = ?, session = ? WHERE id = ?",
                (now, without_label(session), number),
            )
            if "digest" in columns:  # which an earlier version has not
                copy.execute("UPDATE jobs SET digest = '' WHERE id = ?", (number,))
    return len(numbers)
