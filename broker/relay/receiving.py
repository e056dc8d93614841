"""Pixels on their way in."""

from __future__ import annotations

from collections.abc import Callable

from broker.model.room import MB
from broker.model.trouble import CannotStore
from broker.spool.files import Incoming, Writer

UNWRITTEN = "pixels cannot be written"
STEP = 8 * MB
"""So many bytes come before the disk is looked at again: others write to it meanwhile."""


class Receiving:
    """The pixels of one image. What the disk says against them is CannotStore, and noted."""

    def __init__(
        self,
        writer: Writer,
        size: int,
        check_fit: Callable[[int], object],
        cannot: Callable[[str, Exception], CannotStore],
    ) -> None:
        self._writer = writer
        self._left = size
        self._until_check = STEP
        self._check_fit = check_fit
        self._cannot = cannot

    def write(self, piece: memoryview) -> None:
        """The next bytes."""
        self._left -= len(piece)
        self._until_check -= len(piece)
        if self._until_check <= 0:
            self._check_fit(len(piece) + self._left)
            self._until_check = STEP
        try:
            self._writer.write(piece)
        except OSError as error:
            raise self._cannot(UNWRITTEN, error) from error

    def finish(self) -> Incoming:
        """That was all; it is on stable storage, without a lasting name."""
        try:
            return self._writer.finish()
        except OSError as error:
            raise self._cannot(UNWRITTEN, error) from error

    def discard(self) -> None:
        """Remove what has come. Where that fails, it is noted; the next start removes it."""
        try:
            self._writer.discard()
        except OSError as error:
            self._cannot("pixels cannot be removed", error)
