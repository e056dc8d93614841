"""What a Print SCP hands its films to: the edge that its owner gives it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from broker.dicom.scp.open_film import Received
from broker.model.job import PrintRequest
from broker.model.pool import PoolStatus

R = TypeVar("R", bound=Received)
R_co = TypeVar("R_co", bound=Received, covariant=True)


class TakesPixels(Protocol[R_co]):
    """Takes the pixels of one image box, as they come, into the spool, not yet for good.

    In the end either `finish` or `discard`. Raises: CannotStore: when there is no room.
    """

    def fill(self, pieces: Iterable[memoryview], /) -> None:
        """Take them all, piece by piece; each view is valid until the next."""

    def finish(self, length: int, /) -> R_co:
        """The first `length` bytes, which are all or all but one, are on stable storage."""

    def discard(self) -> None:
        """They are not wanted: remove what has come."""


class FilmIntake(Protocol[R]):
    """Where films go, and what is said of the printers behind."""

    def check_room(self, calling_ae: str, peer: str) -> None:
        """CannotStore when there is no room for a new film session of this modality."""

    def receive(self, size: int, calling_ae: str, peer: str) -> TakesPixels[R]:
        """`size` bytes of pixels of this modality begin to come; CannotStore when there is no room
        for them."""

    def accept(self, request: PrintRequest, received: Sequence[R], came: float) -> int:
        """Put a print request on stable storage, its pixels first; the job's number.

        `came` is when it was there, of `time.monotonic()`.
        CannotStore when that cannot be done: then nothing of it is left.
        """

    def forget(self, received: Sequence[R]) -> None:
        """Remove pixels that nobody asked to print."""

    def status(self) -> PoolStatus:
        """Printer Status and Printer Status Info as the modality shall see them."""
