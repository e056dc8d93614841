"""One broker for one data directory: the second says who the first is, and leaves."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

FILE = "broker.lock"


class Occupied(Exception):
    """Another broker runs on this data directory."""


class Occupancy:
    """Holds a data directory until it is closed or its process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, directory: Path) -> Self:
        """Take the directory; Occupied names the process that has it."""
        path = directory / FILE
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise Occupied(
                f"{directory}: another broker (process {holder}) runs on this data directory; "
                "stop it first, or give this one its own data_dir"
            ) from None
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
