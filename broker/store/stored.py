"""Pixels out of the spool, in pieces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from broker.model.trouble import SpoolDamaged
from broker.store.naming import Hash

PIECE = 256 * 1024
"""Bytes read at once."""


def place_of(directory: Path, name: str) -> Path:
    """Where the spool in that directory keeps pixels of that name."""
    return directory / name[:2] / name


class Stored:
    """One spool file, open for reading: it may be removed meanwhile.

    SpoolDamaged when it is missing, OSError when it cannot be read now. Its content is checked
    while it is read: the last piece is given only when all of it is what its name says.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise SpoolDamaged(f"spool file {path.name} is missing") from None
        self.length = os.fstat(self._descriptor).st_size
        """In bytes, as it was opened."""

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
