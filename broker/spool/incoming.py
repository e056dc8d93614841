"""Pixels on their way into the spool: a file without a lasting name."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from broker.spool.digesting import Digest


@dataclass(frozen=True)
class Incoming:
    """Pixels that were received, are on stable storage, and that no job refers to yet."""

    name: str
    """What its bytes are called: see `naming`."""
    length: int
    """In bytes."""
    path: Path


class Writer:
    """Pixels that are being received; in the end, either `finish` or `discard`.

    OSError when the disk does not take them: then they are to be discarded.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / uuid.uuid4().hex
        self._length = 0
        # Pieces are large as they come: a buffer would only copy them once more.
        self._file = open(self._path, "x+b", 0, opener=_private)  # noqa: SIM115
        self._digest = Digest(self._file.fileno())

    def write(self, piece: bytes | memoryview) -> None:
        """The next bytes."""
        left = memoryview(piece)
        while left:
            written = left[: self._file.write(left)]
            self._digest.wrote(written)
            self._length += len(written)
            left = left[len(written) :]

    def finish(self) -> Incoming:
        """There is no more to come: it is on stable storage when this returns."""
        name = self._digest.hexdigest()
        _sync(self._file)
        self._file.close()
        return Incoming(name, self._length, self._path)

    def discard(self) -> None:
        """Leave nothing behind. OSError when the file cannot be removed."""
        self._digest.abandon()
        self._path.unlink(missing_ok=True)
        self._file.close()


def _sync(file: FileIO) -> None:
    """Its content is on stable storage when this returns. OSError."""
    os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
