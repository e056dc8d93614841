"""Copies of pixels for a backup, and the links that keep them in place until they are copied."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from typing import Self

from broker.spool.orphans import FOLDER as ORPHANS
from broker.spool.stored import HEX, Hash, folders_of, place_of

PIECE = 1 << 20
PARTIAL = ".partial-"
"""How the name of a file begins that is not yet complete."""
NAME_LENGTH = 64


class PixelsFound(Enum):
    """What became of a file that was to be copied."""

    COPIED = "copied"
    MISSING = "missing"
    DAMAGED = "damaged"


def place_in(spool: Path, name: str) -> Path:
    """Where the spool of a broker has the pixels of that name: it may have set them aside, and
    brings them back when they are needed."""
    place, aside = place_of(spool, name), spool / ORPHANS / name
    return aside if not place.exists() and aside.exists() else place


def copy_pixels(source: Path, target: Path, name: str) -> tuple[PixelsFound, int]:
    """Copy the pixels of that name from a file to a spool folder, and the bytes copied.

    A file has its name in the target only when all of it is there, is what its name says, and is on
    stable storage. What cannot be read, for whatever reason of its own, counts as damaged.

    Raises:
        OSError: the target cannot be written.
    """
    if not is_name(name):
        return PixelsFound.MISSING, 0
    place = place_of(target, name)
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return PixelsFound.MISSING, 0
    except OSError:
        return PixelsFound.DAMAGED, 0
    partial = place.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        for each in (target, place.parent):
            each.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(partial, flags, 0o600), "wb", 0) as fresh:
            digest, size = Hash(), 0
            for piece in _pieces(descriptor):
                if piece is None:
                    return PixelsFound.DAMAGED, 0
                digest.update(piece)
                size += len(piece)
                left = memoryview(piece)
                while left:
                    left = left[fresh.write(left) :]
            if digest.hexdigest() != name:
                return PixelsFound.DAMAGED, 0
            os.fsync(fresh.fileno())
        partial.replace(place)
        return PixelsFound.COPIED, size
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)


def check_pixels(folder: Path, name: str, length: int | None = None) -> PixelsFound | None:
    """Whether the pixels of that name are there and are what they were; None when all is well."""
    if not is_name(name):
        return PixelsFound.MISSING
    try:
        descriptor = os.open(place_of(folder, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return PixelsFound.MISSING
    except OSError:
        return PixelsFound.DAMAGED
    try:
        digest, size = Hash(), 0
        for piece in _pieces(descriptor):
            if piece is None:
                return PixelsFound.DAMAGED
            digest.update(piece)
            size += len(piece)
    finally:
        os.close(descriptor)
    right = digest.hexdigest() == name and length in (None, size)
    return None if right else PixelsFound.DAMAGED


def size_of(folder: Path, name: str) -> int | None:
    """Bytes of the pixels of that name; None when they are not there, or are no file."""
    if not is_name(name):
        return None
    place = place_of(folder, name)
    try:
        found = place.lstat()
    except OSError:
        return None
    return found.st_size if place.is_file() and not place.is_symlink() else None


def is_name(name: str) -> bool:
    """Whether it can name pixels: a damaged row may say anything, also a path elsewhere."""
    return len(name) == NAME_LENGTH and set(name) <= HEX


def names_in(folder: Path) -> Iterator[Path]:
    """Every file that lies where a spool keeps pixels, complete or not. Raises: OSError."""
    for each in sorted(folders_of(folder)):
        yield from each.iterdir()


def _pieces(descriptor: int) -> Iterator[bytes | None]:
    """What is read; None, as the last one, where it cannot be read."""
    while True:
        try:
            piece = os.read(descriptor, PIECE)
        except OSError as error:
            if error.errno not in (errno.EIO, errno.EISDIR, errno.EINVAL, errno.ESTALE):
                raise
            yield None
            return
        if not piece:
            return
        yield piece


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
