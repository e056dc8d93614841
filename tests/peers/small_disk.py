"""A small file system of its own, so that it can be filled, or made read-only, for real."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.required import cannot_run


class Disk:
    """A small file system that can be filled and emptied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @property
    def free(self) -> int:
        """Bytes."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Take all free space but `leave` bytes."""
        with self._ballast.open("ab") as file:
            while (size := self.free - leave) > 0:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), size)
                except OSError as error:
                    # A broker that is running has taken some of it meanwhile.
                    if error.errno != errno.ENOSPC:
                        raise

    def empty(self) -> None:
        """Give it back."""
        self._ballast.unlink()

    def remount(self, options: str) -> None:
        """Mount it again with other options: `ro`, `rw`, `nr_inodes=N`."""
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)


@contextmanager
def mounted(folder: Path, size: int, options: str = "") -> Iterator[Disk]:
    """A file system of `size` bytes, empty, mounted on a new folder."""
    folder.mkdir()
    said = f"size={size}{',' if options else ''}{options}"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", said, "none", folder], capture_output=True, check=False
    )
    if done.returncode:
        cannot_run("only root can mount the small file system that this test fills")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
