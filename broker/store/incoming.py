"""Pixels on their way into the spool: a file without a lasting name."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BUFFER = 256 * 1024
"""Bytes written at once."""


@dataclass(frozen=True)
class Incoming:
    """Pixels that were received, are on stable storage, and that no job refers to yet."""

    name: str
    """SHA-256 of the bytes, in hex."""
    length: int
    """In bytes."""
    path: Path


class Writer:
    """Pixels that are being received; in the end, either `finish` or `discard`.

    OSError when the disk does not take them: then they are to be discarded.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / uuid.uuid4().hex
        self._digest = hashlib.sha256()
        self._length = 0
        self._file = open(self._path, "xb", BUFFER, opener=_private)  # noqa: SIM115

    def write(self, piece: bytes | memoryview) -> None:
        """The next bytes."""
        self._digest.update(piece)
        self._length += self._file.write(piece)

    def finish(self) -> Incoming:
        """There is no more to come: it is on stable storage when this returns."""
        self._file.flush()
        _sync(self._file)
        self._file.close()
        return Incoming(self._digest.hexdigest(), self._length, self._path)

    def discard(self) -> None:
        """Leave nothing behind. OSError when the file cannot be removed."""
        self._path.unlink(missing_ok=True)
        try:
            self._file.close()
        except OSError:
            # What the disk did not take is not wanted any more; it is closed all the same.
            return


def _sync(file: BinaryIO) -> None:
    """Its content is on stable storage when this returns. OSError."""
    os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
