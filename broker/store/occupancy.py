"""One broker for one data directory and one database: the second names the first, and leaves."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Self

FILE = "broker.lock"
LOOKED_AT_S = 1.0
"""For so long nobody looks at the lock, unless there is a broker."""


class Occupied(Exception):
    """Another broker runs on this data directory, or on this database."""


class Occupancy:
    """Holds a data directory until it is closed or its process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> Self:
        """Take the directory; Occupied names the process that has it."""
        return cls._take(directory / FILE, f"{directory}: another broker", "data_dir")

    @classmethod
    def take_database(cls, file: Path) -> Self:
        """Take a database that is not in the data directory: two spools cannot share one queue."""
        lock = file.with_name(f"{file.name}.lock")
        return cls._take(lock, f"{file}: another broker", "database.url")

    @classmethod
    def _take(cls, path: Path, who: str, key: str) -> Self:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _locked(descriptor):
            holder = os.read(descriptor, 32).strip(b"\0\n").decode("ascii", "replace") or "unknown"
            os.close(descriptor)
            raise Occupied(
                f"{who} (process {holder}) runs on it; stop it first, or give this one its own "
                f"{key}"
            )
        # The number is for a person; on a full disk the lock holds without it.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    @staticmethod
    def taken(directory: Path) -> bool:
        """Whether a broker runs on this directory now."""
        try:
            descriptor = os.open(directory / FILE, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def close(self) -> None:
        """Let the directory go."""
        os.close(self._descriptor)


def _locked(descriptor: int) -> bool:
    """Lock it for us alone. Somebody may look at the lock in this moment (`taken`), and looking
    holds it: so it is tried for a while."""
    end = time.monotonic() + LOOKED_AT_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.02)
        else:
            return True
