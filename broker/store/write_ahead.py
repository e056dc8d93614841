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
from broker.store.backend import Checkpoint
from broker.store.database import Database
from broker.store.occupancy import KernelLock, listed

MARKS = range(123, 128)
"""Bytes of the `-shm` file that stand for read marks (WAL_READ_LOCK in SQLite's wal.c)."""


class WriteAheadLog:
    """The log of one database."""

    def __init__(self, database: Database, file: Path) -> None:
        self._file = file
        self.checkpoint: Callable[..., Checkpoint] = database.checkpoint

    def size(self) -> int:
        """Bytes of the log on the disk. Raises: OSError."""
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
    except OSError:
        return {}
    # By the inode alone: on btrfs the kernel lists another device than the file has.
    found = {each.process for each in listed() if each.inode == inode and _is_read_mark(each)}
    found = {number for number in found if number > 0} - {os.getpid()}
    if not found:
        found = _having_open(shared.resolve()) - {os.getpid()}
    return {number: _name(number) for number in sorted(found)}


def _is_read_mark(lock: KernelLock) -> bool:
    """Whether a lock on a `-shm` file is one of a process that reads."""
    if (lock.kind, lock.mode) != ("POSIX", "READ"):
        return False
    last = MARKS[-1] if lock.last is None else lock.last
    return lock.first <= MARKS[-1] and last >= MARKS[0]


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
