"""Pixels on their way in: what was announced of them counts as if the disk held it already."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from broker.model.trouble import CannotStore
from broker.store.spool import Incoming, Writer

UNWRITTEN = "pixels cannot be written"


class Announced:
    """Bytes that modalities have announced and that are not on the disk yet. For any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """How many that are now."""
        return self._bytes

    @contextmanager
    def adding(self, size: int) -> Iterator[int]:
        """Announce so many; all that are announced now. Taken back when this ends by an
        exception."""
        with self._lock:
            self._bytes += size
            coming = self._bytes
        try:
            yield coming
        except BaseException:
            self.take_off(size)
            raise

    def take_off(self, size: int) -> None:
        """So many have come, or will not come."""
        with self._lock:
            self._bytes -= size


class Receiving:
    """The pixels of one image. What the disk says against them is CannotStore, and noted."""

    def __init__(
        self,
        writer: Writer,
        size: int,
        announced: Announced,
        cannot: Callable[[str, Exception], CannotStore],
    ) -> None:
        self._writer = writer
        self._left = size
        self._announced = announced
        self._cannot = cannot

    def write(self, piece: memoryview) -> None:
        """The next bytes."""
        try:
            self._writer.write(piece)
        except OSError as error:
            raise self._cannot(UNWRITTEN, error) from error
        self._less(len(piece))

    def finish(self) -> Incoming:
        """That was all; it is on stable storage, without a lasting name."""
        try:
            received = self._writer.finish()
        except OSError as error:
            raise self._cannot(UNWRITTEN, error) from error
        self._less(self._left)
        return received

    def discard(self) -> None:
        """Remove what has come. Where that fails, it is noted; the next start removes it."""
        self._less(self._left)
        try:
            self._writer.discard()
        except OSError as error:
            self._cannot("pixels cannot be removed", error)

    def _less(self, size: int) -> None:
        self._announced.take_off(size)
        self._left -= size
