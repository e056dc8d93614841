"""Copying spool files from one folder to another, each checked by its name while it is copied."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from broker.spool.naming import Hash
from broker.spool.orphans import FOLDER as ORPHANS
from broker.spool.stored import HEX, folders_of, place_of

PIECE = 1 << 20
PARTIAL = ".partial-"
"""How the name of a file begins that is not yet complete."""
NAME_LENGTH = 64


class Found(Enum):
    """What became of a file that was to be copied."""

    COPIED = "copied"
    MISSING = "missing"
    DAMAGED = "damaged"


def place_in(spool: Path, name: str) -> Path:
    """Where the spool of a broker has the pixels of that name: it may have set them aside, and
    brings them back when they are needed."""
    place, aside = place_of(spool, name), spool / ORPHANS / name
    return aside if not place.exists() and aside.exists() else place


def copy_pixels(source: Path, target: Path, name: str) -> tuple[Found, int]:
    """Copy the pixels of that name from a file to a spool folder, and the bytes copied.

    A file has its name in the target only when all of it is there, is what its name says, and is on
    stable storage. What cannot be read, for whatever reason of its own, counts as damaged.

    Raises:
        OSError: the target cannot be written.
    """
    if not is_name(name):
        return Found.MISSING, 0
    place = place_of(target, name)
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return Found.MISSING, 0
    except OSError:
        return Found.DAMAGED, 0
    partial = place.with_name(f"{PARTIAL}{uuid.uuid4().hex}")
    try:
        for each in (target, place.parent):
            each.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(partial, flags, 0o600), "wb", 0) as fresh:
            digest, size = Hash(), 0
            for piece in _pieces(descriptor):
                if piece is None:
                    return Found.DAMAGED, 0
                digest.update(piece)
                size += len(piece)
                left = memoryview(piece)
                while left:
                    left = left[fresh.write(left) :]
            if digest.hexdigest() != name:
                return Found.DAMAGED, 0
            os.fsync(fresh.fileno())
        partial.replace(place)
        return Found.COPIED, size
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)


def check_pixels(folder: Path, name: str, length: int | None = None) -> Found | None:
    """Whether the pixels of that name are there and are what they were; None when all is well."""
    if not is_name(name):
        return Found.MISSING
    try:
        descriptor = os.open(place_of(folder, name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except (FileNotFoundError, NotADirectoryError):
        return Found.MISSING
    except OSError:
        return Found.DAMAGED
    try:
        digest, size = Hash(), 0
        for piece in _pieces(descriptor):
            if piece is None:
                return Found.DAMAGED
            digest.update(piece)
            size += len(piece)
    finally:
        os.close(descriptor)
    right = digest.hexdigest() == name and length in (None, size)
    return None if right else Found.DAMAGED


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
    """Every file that lies where a spool keeps pixels, complete or not. OSError."""
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
