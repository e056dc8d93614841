"""Pixels that the spool keeps: their names, places and content."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from blake3 import blake3

from broker.model.printers.trouble import SpoolDamaged

NO_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF)
"""What network file systems say that cannot do this with a folder."""


def sync_folder(folder: Path, *, where_possible: bool = False) -> None:
    """Put the names in a folder on stable storage (fsync(2)).

    With `where_possible`, a file system that cannot do that is no error: a backup may lie on one,
    and the spool may not (promise 1). Raises: OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (where_possible and error.errno in NO_SYNC):
            raise
    finally:
        os.close(descriptor)


Hash = blake3
"""Of bytes that come in pieces: `update`, then `hexdigest`."""


def name_of(content: bytes) -> str:
    """The name of these pixels."""
    return Hash(content).hexdigest()


HEX = frozenset("0123456789abcdef")
PIECE = 256 * 1024
"""Bytes read at once."""


def place_of(directory: Path, name: str) -> Path:
    """Where the spool in that directory keeps pixels of that name."""
    return directory / name[:2] / name


def folders_of(directory: Path) -> Iterator[Path]:
    """The folders in which the spool in that directory keeps pixels, in no order.

    Raises: OSError.
    """
    for each in directory.iterdir() if directory.is_dir() else ():
        if len(each.name) == 2 and set(each.name) <= HEX and each.is_dir():
            yield each


def kept(directory: Path) -> Iterator[Path]:
    """Every file that the spool in that directory keeps, in no order. Raises: OSError."""
    for folder in folders_of(directory):
        for path in folder.iterdir():
            # What lies in another folder than its own cannot be found by its name.
            if place_of(directory, path.name) == path:
                yield path


PASSING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN)
"""What the system may say of any file, and not because of this one."""


@contextmanager
def _told(name: str) -> Iterator[None]:
    """What the disk says of the file, as damage: trying it again every few seconds mends nothing.

    Raises: SpoolDamaged. OSError: one of `PASSING`.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise SpoolDamaged(f"spool file {name} is missing") from None
    except OSError as error:
        if error.errno in PASSING:
            raise
        why = (error.strerror or type(error).__name__).lower()
        raise SpoolDamaged(f"spool file {name} cannot be read ({why})") from error


class Stored:
    """One spool file, open for reading: it may be removed meanwhile.

    Its content is checked while it is read: the last piece is given only when all of it is what its
    name says.
    """

    def __init__(self, path: Path, length: int | None = None) -> None:
        """Open it; `length` is what it must have, in bytes.

        Raises: SpoolDamaged: when it is missing, is no file, cannot be read, or has another length.
        OSError: when the system has no room to open it now.
        """
        self._name = path.name
        with _told(path.name):
            # A FIFO in its place must not be waited for.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(self._descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SpoolDamaged(f"spool file {path.name} is not a file")
            self.length = status.st_size
            """In bytes, as it was opened."""
            if length is not None and self.length != length:
                raise SpoolDamaged(
                    f"spool file {path.name} was altered: it has {self.length} bytes, and had "
                    f"{length}"
                )
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def __iter__(self) -> Iterator[bytes]:
        """`length` bytes in pieces. SpoolDamaged instead of the last one when they are others."""
        digest = Hash()
        at = 0
        held = b""
        while at < self.length:
            with _told(self._name):
                piece = os.pread(self._descriptor, min(PIECE, self.length - at), at)
            if not piece:
                break
            digest.update(piece)
            at += len(piece)
            if held:
                yield held
            held = piece
        if digest.hexdigest() != self._name:
            raise SpoolDamaged(
                f"spool file {self._name} was altered: its content is not what it was"
            )
        yield held
