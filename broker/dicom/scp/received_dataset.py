"""The data set of a request, read from the association; pixels of an image box go to the spool."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from pydicom.datadict import dictionary_has_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID

from broker.dicom import statuses
from broker.dicom.scp.open_film import Received
from broker.dicom.statuses import Fault
from broker.dicom.upper_layer.dataset_reader import DatasetReader, UnreadableDataset, WantedElements
from broker.dicom.upper_layer.message import Request
from broker.model.jobs.job import PrintRequest
from broker.model.peers.refusal import Refusal
from broker.model.printers.printer import PoolStatus
from broker.model.printers.trouble import CannotStore, QueueFull

R = TypeVar("R", bound=Received)
R_co = TypeVar("R_co", bound=Received, covariant=True)


class TakesPixels(Protocol[R_co]):
    """Takes the pixels of one image box, as they come, into the spool, not yet for good.

    In the end either `finish` or `discard`. Raises: CannotStore: when there is no room.
    """

    def fill(self, pieces: Iterable[memoryview], /) -> None:
        """Take them all, piece by piece; each view is valid until the next."""

    def finish(self, length: int, /) -> R_co:
        """The first `length` bytes are on stable storage; what is behind them is padding."""

    def discard(self) -> None:
        """They are not wanted: remove what has come."""


class FilmIntake(Protocol[R]):
    """Where films go, and what is said of the printers behind."""

    def check_room(self, calling_ae: str, peer: str) -> None:
        """Raises: CannotStore: when there is no room for a new film session of this modality."""

    def receive(self, size: int, calling_ae: str, peer: str) -> TakesPixels[R]:
        """`size` bytes of pixels of this modality begin to come.

        Raises: CannotStore: when there is no room for them.
        """

    def accept(self, request: PrintRequest, received: Sequence[R], came: float) -> int:
        """Put a print request on stable storage, its pixels first; the job's number.

        `came` is when it was there, of `time.monotonic()`.

        Raises: CannotStore: when that cannot be done: then nothing of it is left.
        """

    def forget(self, received: Sequence[R]) -> None:
        """Remove pixels that no print request uses."""

    def status(self) -> PoolStatus:
        """Printer Status and Printer Status Info as the modality shall see them."""


_PIXEL_DATA = 0x7FE00010
_LUT_DATA = 0x00283006
WANTED = WantedElements(
    # Basic Grayscale and Basic Color Image Sequence, of an image box.
    pixels=frozenset({(0x20200110, _PIXEL_DATA), (0x20200111, _PIXEL_DATA)}),
    # Presentation LUT Sequence.
    long=frozenset({(0x20500010, _LUT_DATA)}),
)
"""What print reads in a data set."""

BeginUpload = Callable[[int], TakesPixels[R]]
"""Announced bytes -> what takes them. Raises: Fault, CannotStore: when they are not taken."""


class ReceivedDataset(Generic[R]):
    """What has come with one request; in the end `discard`.

    What is wrong with it, or with the disk, does not end the association: it is raised when the
    data set, or the pixels, are asked for.
    """

    def __init__(self, request: Request, begin: BeginUpload[R] | None) -> None:
        """Read all of it, even what cannot be read: a request that broke off is not to be done.
        Without `begin` its pixels are skipped."""
        self._upload: TakesPixels[R] | None = None
        self._fault: Fault | None = None
        self._unreadable: UnreadableDataset | None = None
        self._dataset: Dataset | None = None
        self._syntax = "" if request.context is None else request.context.transfer_syntax
        if request.data is None:
            return
        try:
            reader = request.reader(WANTED)
            size = reader.to_pixels()
            if size is not None and begin is not None:
                self._take_pixels(begin, size, reader)
            self._dataset = reader.to_end()
        except UnreadableDataset as error:
            self._unreadable = error
            self.discard()
            request.data.skip()
        except BaseException:
            self.discard()
            raise

    def dataset(self) -> Dataset:
        """Its elements still raw; empty where there was none.

        Raises: Fault: 0x0110 when it cannot be read.
        """
        if self._unreadable is not None:
            said = f"the data set cannot be read as {UID(self._syntax).name}"
            words = f"{said}: {_without_text(self._unreadable)}"
            raise Fault(statuses.PROCESSING_FAILURE, words) from self._unreadable
        return Dataset() if self._dataset is None else self._dataset

    def finish_pixels(self, length: int) -> R:
        """The first `length` bytes of the pixels, which are all or all but one, in the spool.

        Raises: Fault: 0xC605 when they are not.
        """
        upload, self._upload = self._upload, None
        if upload is None:
            raise self._fault or Fault(statuses.NO_MEMORY_FOR_IMAGE, "the image was not stored")
        try:
            return upload.finish(length)
        except CannotStore as error:
            upload.discard()
            raise _not_stored(error) from error

    def discard(self) -> None:
        """Pixels that were not finished are removed."""
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.discard()

    def _take_pixels(
        self, begin: BeginUpload[R], size: int, reader: DatasetReader[Dataset]
    ) -> None:
        try:
            self._upload = begin(size)
            self._upload.fill(reader.pixels())
        except Fault as fault:
            self._fault = fault
            self.discard()
        except CannotStore as error:
            self._fault = _not_stored(error)
            self.discard()


_TAG = re.compile(r"\(([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)")


def _without_text(error: UnreadableDataset) -> str:
    """Its words. A tag that the dictionary does not have may be four bytes of a name that was read
    as one (promise 10): no known tag is made of printable bytes."""

    def shown(found: re.Match[str]) -> str:
        return found[0] if dictionary_has_tag(int(found[1] + found[2], 16)) else "an element"

    return _TAG.sub(shown, str(error))


def _not_stored(error: CannotStore) -> Fault:
    if isinstance(error, QueueFull):
        fault = Fault(statuses.NO_MEMORY_FOR_IMAGE, str(error), kind=Refusal.QUEUE_FULL)
    else:
        fault = Fault(statuses.NO_MEMORY_FOR_IMAGE, "the image cannot be stored")
    fault.__cause__ = error
    return fault
