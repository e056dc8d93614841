"""Pins: second names of the spool files that a backup is about to copy.

    pinned/<random>/<name>  the same file as the one in its place

A film that was taken before the backup's moment is in the backup whatever becomes of its file
meanwhile: the spool goes on removing what is not needed any more, and the disk gives the room of a
pinned file back once it is copied. A lock on the folder, which ends with the process, tells the
pins of a backup that runs from what one that was killed has left.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from broker.spool.pixel_copies import is_name, place_in

FOLDER = "pinned"


class Pins:
    """The pins of one backup, in a folder of their own beside the files."""

    def __init__(self, spool: Path, folder: Path) -> None:
        self._spool = spool
        self._folder = folder

    @classmethod
    @contextmanager
    def begin(cls, spool: Path) -> Iterator[Self]:
        """None yet; all are removed at the end. Raises: OSError."""
        folder, descriptor = _own_folder(spool / FOLDER)
        try:
            yield cls(spool, folder)
        finally:
            shutil.rmtree(folder)
            os.close(descriptor)

    def pin(self, name: str) -> None:
        """Keep the file of that name, as far as it is there. Raises: OSError."""
        if not is_name(name):
            return
        # What cannot be linked is missing, or no file: the copy tells of it.
        with suppress(FileNotFoundError, PermissionError):
            os.link(place_in(self._spool, name), self._folder / name, follow_symlinks=False)

    def places(self, name: str) -> list[Path]:
        """Where the pixels of that name may be. A pinned file that is damaged may have been put
        right since under its other name."""
        pinned = self._folder / name
        found = [pinned] if is_name(name) and pinned.exists() else []
        return [*found, place_in(self._spool, name)]

    def unpin(self, name: str) -> None:
        """The file is needed no longer. Raises: OSError."""
        if is_name(name):
            (self._folder / name).unlink(missing_ok=True)


def is_pinned(spool: Path, name: str) -> bool:
    """Whether a backup is about to copy that file, so that removing it frees nothing yet."""
    return any((folder / name).exists() for folder in _folders(spool / FOLDER))


def remove_left(spool: Path) -> int:
    """Remove what backups that were killed have left; how many folders. Raises: OSError."""
    removed = 0
    for folder in _folders(spool / FOLDER):
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # a backup has just ended
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        except BlockingIOError:
            continue
        finally:
            os.close(descriptor)
    return removed


def _folders(parent: Path) -> list[Path]:
    try:
        return list(parent.iterdir())
    except FileNotFoundError:
        return []


def _own_folder(parent: Path) -> tuple[Path, int]:
    """A new folder, and a descriptor that has its lock."""
    parent.mkdir(mode=0o700, exist_ok=True)
    while True:
        folder = parent / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        descriptor = -1
        try:
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.exists():
                return folder, descriptor
        except (FileNotFoundError, BlockingIOError):
            pass  # before it was locked, a sweep took it for one that was left
        except BaseException:
            if descriptor >= 0:
                os.close(descriptor)
            raise
        if descriptor >= 0:
            os.close(descriptor)
