"""Data sets as they come in: pixels go to a sink in pieces, and of what stands around them only
what somebody may read is kept.

What is kept can be read afterwards (`dataset.read_raw`), by the same rules. Where a data set breaks
them, it is kept as far as that, so the reader comes upon it again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydicom.tag import BaseTag

from broker.dicom.transport.dataset_walk import Cut, UnreadableDataset, Value, Walk, Want


class Sink(Protocol):
    """Where the pixels of one data set go. Neither method raises."""

    def write(self, piece: memoryview, /) -> None:
        """The next bytes; the view is valid only now. What cannot be kept is dropped."""

    def discard(self) -> None:
        """The association has no more use for them; not after each piece, but always in the end.

        What was taken out of the sink meanwhile stays.
        """


OpenSink = Callable[[int], Sink | None]
"""Number of bytes that are announced -> where they shall go; None: nowhere."""


class Whole:
    """A data set that is kept as it comes."""

    def __init__(self, max_size: int) -> None:
        self.cuts: list[Cut] = []
        """Where something was left out of what was kept."""
        self.sink: Sink | None = None
        self._max_size = max_size
        self._kept = bytearray()
        self.dropped = False
        """It was larger than what may be kept, and is thrown away as it comes."""

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    def feed(self, part: memoryview) -> None:
        """The next bytes."""
        if len(self._kept) + len(part) > self._max_size:
            self.dropped = True
        if self.dropped:
            self._kept = bytearray()
        else:
            self._kept += part

    def discard(self) -> None:
        """It will not be completed."""


class Strainer(Whole):
    """A data set without the pixels of an image box; the first of them go to a sink.

    Nor are long values kept that nobody reads: overlays, profiles, what is private. There is no
    limit to what is not kept; that of the pixels is the sink's.
    """

    def __init__(self, transfer_syntax: str, open_sink: OpenSink, max_size: int) -> None:
        super().__init__(max_size)
        self._open_sink = open_sink
        self._steps = Walk(_Nothing(), transfer_syntax).steps()
        self._readable = True
        self._want, self._left = next(self._steps)
        self._head = self._left
        self._images = 0

    def feed(self, part: memoryview) -> None:
        """The next bytes."""
        while part and self._readable and not self.dropped:
            taken = part[: self._left]
            part = part[len(taken) :]
            self._left -= len(taken)
            if self._want in _CUT:
                self._cut(taken)
            else:
                super().feed(taken)
            while not self._left and self._readable and not self.dropped:
                self._step()
        if self.dropped or not self._readable:
            self.discard()

    def discard(self) -> None:
        """What the sink got is of no use: it is told so."""
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.discard()

    def _cut(self, taken: memoryview) -> None:
        cut = self.cuts[-1]
        self.cuts[-1] = Cut(cut.at, cut.length + len(taken))
        if self._want is Want.PIXELS and self._images == 1 and self.sink is not None:
            self.sink.write(taken)

    def _step(self) -> None:
        """Go on to what comes next."""
        head = memoryview(bytes(self._kept[-self._head :])) if self._head else _NO_VALUE
        try:
            self._want, self._left = self._steps.send(head)
        except UnreadableDataset:
            self._readable = False
            return
        self._head = self._left if self._want is Want.HEAD else 0
        if self._want is Want.PIXELS:
            self._images += 1
            if self._images == 1:
                self.sink = self._open_sink(self._left)
        if self._want in _CUT:
            self.cuts.append(Cut(len(self._kept), 0))


_CUT = frozenset({Want.PIXELS, Want.UNREAD})
_NO_VALUE = memoryview(b"")


class _Nothing:
    """Makes nothing of what a walk comes upon."""

    def dataset(self) -> None:
        pass

    def further_values(self, vr: str, value: Value) -> int:  # noqa: ARG002
        return 0

    def element(self, dataset: None, tag: BaseTag, vr: str, value: Value) -> None:
        pass

    def sequence(self, dataset: None, tag: BaseTag, items: list[None]) -> None:
        pass
