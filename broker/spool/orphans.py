"""Orphans: spool files that no job refers to, for a reason that is not known, set aside for a time.

A database that was lost, replaced or damaged no longer refers to films that were accepted. Their
pixels are moved to `orphans/` in the spool, and are removed only when their time is over, or when
room is needed; one that a job refers to again comes back.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FOLDER = "orphans"


@dataclass(frozen=True)
class Orphan:
    """One file that was set aside."""

    name: str
    since: float
    """When it was set aside, in seconds since the epoch; never before its pixels were written."""
    size: int
    """In bytes."""


class Orphans:
    """The folder of what was set aside. When that was done is its files' time of change (ctime),
    which renaming sets, whatever user owns them. Where the clock was set back then, it is the time
    at which they were written (mtime).
    """

    def __init__(self, spool: Path) -> None:
        self.folder = spool / FOLDER

    def found(self) -> list[Orphan]:
        """Those that there are, the oldest first."""
        found = []
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):  # another process may remove it just now
                    status = path.lstat()
                    since = max(status.st_ctime, status.st_mtime)
                    found.append(Orphan(path.name, since, status.st_size))
        return sorted(found, key=lambda each: (each.since, each.name))

    def set_aside(self, path: Path) -> bool:
        """Move a file here; whether it was still there. Raises: OSError."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        target = self.folder / path.name
        if os.path.lexists(target):
            # Set aside before, and never less than once: which of the two is right is not known.
            target = target.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            path.rename(target)
        except FileNotFoundError:
            return False
        return True

    def bring_back(self, name: str, target: Path) -> bool:
        """Move a file back to its place, unless something is there; whether it came back.

        Raises: OSError.
        """
        if os.path.lexists(target):
            return False
        try:
            (self.folder / name).rename(target)
        except FileNotFoundError:
            return False
        return True

    def remove_older(self, before: float, wanted: Collection[str]) -> list[Orphan]:
        """Remove those that were set aside before this time, and are not `wanted`; which went."""
        over = [each for each in self.found() if each.since <= before and each.name not in wanted]
        return [each for each in over if _remove(self.folder / each.name)]

    def make_room(self, size: int, wanted: Collection[str]) -> list[Orphan]:
        """Remove the oldest that are not `wanted`, until at least `size` bytes have gone or none is
        left; which went. Raises: OSError.
        """
        gone: list[Orphan] = []
        freed = 0
        for each in self.found():
            if each.name in wanted:
                continue
            if freed >= size:
                break
            if _remove(self.folder / each.name):
                gone.append(each)
                freed += each.size
        return gone


def _remove(path: Path) -> bool:
    """Remove it; whether it went. A folder that is not empty is a person's affair."""
    try:
        if stat.S_ISDIR(path.lstat().st_mode):
            path.rmdir()
        else:
            path.unlink()
    except FileNotFoundError:
        return False
    except OSError:
        if path.is_dir():
            return False
        raise
    return True
