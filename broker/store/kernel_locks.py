"""The locks on files that the kernel lists in /proc/locks: who holds which, of which file."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LISTING = Path("/proc/locks")


@dataclass(frozen=True)
class KernelLock:
    """One line of the list: a lock that is held."""

    kind: str
    """FLOCK for flock(2), POSIX for fcntl(2), OFDLCK for an open file description's."""
    mode: str
    """READ or WRITE."""
    process: int
    """The number of the process; 0 or less where this process may not know it, as for another
    container's."""
    device: str
    """Major and minor number in hex: `08:02`. On btrfs it is another one than stat(2) gives."""
    inode: int
    first: int
    last: int | None
    """The bytes that are locked; None means to the end of the file."""

    def is_of(self, status: os.stat_result) -> bool:
        """Whether it is on this file."""
        device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
        return (self.device, self.inode) == (device, status.st_ino)


def parsed(text: str) -> list[KernelLock]:
    """The locks of a list as /proc/locks has it (proc_locks(5)); lines of another form, and of
    processes that wait for a lock, are left out.

    `1: POSIX  ADVISORY  READ 4711 08:02:1234567 124 EOF`
    """
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != 8:
            continue  # of one that waits: an arrow is before it
        _, kind, _, mode, process, file, first, last = words
        device, _, inode = file.rpartition(":")
        with suppress(ValueError):
            end = None if last == "EOF" else int(last)
            found.append(KernelLock(kind, mode, int(process), device, int(inode), int(first), end))
    return found


def listed() -> list[KernelLock]:
    """The locks of this moment; none where the system does not list them."""
    try:
        return parsed(LISTING.read_text(encoding="ascii"))
    except OSError:
        return []
