"""The pixels of an image box, while they go from the socket to the spool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic

from broker.dicom import statuses
from broker.dicom.scp.intake import PixelWriter, R
from broker.dicom.statuses import Fault
from broker.model.refusal import Refusal
from broker.model.trouble import CannotStore, QueueFull


class Arriving(Generic[R]):
    """The pixels of one N-SET: the transport's Sink.

    An association must go on whatever the disk says. So nothing is raised while they come; what
    cannot be stored is dropped, and `take` says why.
    """

    def __init__(self, begin: Callable[[], PixelWriter[R]], size: int) -> None:
        """So many bytes; `begin` may refuse them by a Fault or CannotStore."""
        self._left = size
        self._size = size
        self._last = b""
        """The last byte is padding or not: whoever knows rows and columns can tell."""
        self._fault: Fault | None = None
        self._writer: PixelWriter[R] | None = None
        try:
            self._writer = begin()
        except Fault as fault:
            self._fault = fault
        except CannotStore as error:
            self._fault = _fault(error)

    def write(self, piece: memoryview) -> None:
        """The next bytes."""
        self._left -= len(piece)
        if self._writer is None:
            return
        if not self._left and piece:
            self._last = bytes(piece[-1:])
            piece = piece[:-1]
        try:
            self._writer.write(piece)
        except CannotStore as error:
            self._fault = _fault(error)
            self.discard()

    def take(self, length: int) -> R:
        """The first `length` bytes, which are all or all but one, in the spool.

        Fault 0xC605 when they are not.
        """
        writer, self._writer = self._writer, None
        if writer is None:
            raise self._fault or Fault(statuses.NO_MEMORY_FOR_IMAGE, "the image was not stored")
        try:
            if length == self._size:
                writer.write(memoryview(self._last))
            return writer.finish()
        except CannotStore as error:
            writer.discard()
            raise _fault(error) from error

    def discard(self) -> None:
        """What was not taken is removed."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.discard()


def _fault(error: CannotStore) -> Fault:
    if isinstance(error, QueueFull):
        fault = Fault(statuses.NO_MEMORY_FOR_IMAGE, str(error), kind=Refusal.QUEUE_FULL)
    else:
        fault = Fault(statuses.NO_MEMORY_FOR_IMAGE, "the image cannot be stored")
    fault.__cause__ = error
    return fault
