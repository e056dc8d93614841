"""The database's write-ahead log: how large it is, and which processes keep it from shrinking.

A process that reads holds one of SQLite's read marks, a lock on a byte of the file `-shm`; pages
that were written after its mark stay in the log until it ends. Neither that file nor the database
is opened here: closing it would end the locks that this process has on it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from broker.model.printable import one_line
from broker.store.database import LOG_BYTES, Checkpoint, Database

MARKS = range(123, 128)
"""Bytes of the `-shm` file that stand for read marks (WAL_READ_LOCK in SQLite's wal.c)."""

__all__ = ["LOG_BYTES", "WriteAheadLog", "readers_of"]


class WriteAheadLog:
    """The log of one database."""

    def __init__(self, database: Database, file: Path) -> None:
        self._file = file
        self.checkpoint: Callable[..., Checkpoint] = database.checkpoint

    def size(self) -> int:
        """Bytes of the log on the disk. OSError."""
        try:
            return self._beside("-wal").stat().st_size
        except FileNotFoundError:
            return 0

    def readers(self) -> Mapping[int, str]:
        """Other processes that read now: number -> name of the program."""
        return readers_of(self._beside("-shm"))

    def _beside(self, suffix: str) -> Path:
        return self._file.with_name(f"{self._file.name}{suffix}")


def readers_of(shared: Path) -> Mapping[int, str]:
    """Other processes that hold a read mark in that `-shm` file, as the kernel lists locks.

    Where it lists none of them, as for another container, they are those that have the file open,
    as far as this process may see that.
    """
    try:
        inode = shared.stat().st_ino
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    found = {number for line in lines if (number := _holder(line, inode))} - {os.getpid()}
    if not found:
        found = _having_open(shared.resolve()) - {os.getpid()}
    return {number: _name(number) for number in sorted(found)}


def _holder(line: str, inode: int) -> int:
    """The process of a line of /proc/locks that has a read mark of the file locked; or 0.

    `1: POSIX  ADVISORY  READ 4711 08:02:1234567 124 124`
    """
    words = line.split()
    if len(words) < 8 or words[1] != "POSIX" or words[3] != "READ":
        return 0
    with suppress(ValueError):
        marks = range(int(words[6]), int(words[7]) + 1)
        same = int(words[5].rpartition(":")[2]) == inode
        if same and any(each in MARKS for each in marks[:8]):
            return max(0, int(words[4]))
    return 0


def _having_open(file: Path) -> set[int]:
    """Processes that have the file open; those of other users are seen by root alone."""
    found = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):
            if any(each.readlink() == file for each in (process / "fd").iterdir()):
                found.add(int(process.name))
    return found


def _name(number: int) -> str:
    try:
        name = Path(f"/proc/{number}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"
    return one_line(name)
