"""Data sets as they come in: pixels go to a sink in pieces, and of what stands around them only
what somebody may read is kept.

They are read while they come, by the same rules as one that is there (`dataset.read_raw`): where
one breaks them, nothing more of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.dataset import Raw
from broker.dicom.upper_layer.dataset_walk import Elsewhere, UnreadableDataset, Value, Walk, Want


class Sink(Protocol):
    """Where the pixels of one data set go. Neither method raises."""

    def write(self, piece: memoryview, /) -> None:
        """The next bytes; the view is valid only now. What cannot be kept is dropped."""

    def discard(self) -> None:
        """The association has no more use for them; not after each piece, but always in the end.

        What was taken out of the sink meanwhile stays.
        """


MAX_WHILE_COMING = 2000
"""Elements, items and values of a data set that is read while it comes. A slow peer may leave it
unfinished, and then they are held, at up to half a kilobyte each; print has a few dozen."""

OpenSink = Callable[[int], Sink | None]
"""Number of bytes that are announced -> where they shall go; None: nowhere."""


class Strainer:
    """A data set without the pixels of an image box; the first of them go to a sink.

    Nor are long values kept that nobody reads: overlays, profiles, what is private. There is no
    limit to what is not kept; that of the pixels is the sink's.
    """

    def __init__(self, transfer_syntax: str, open_sink: OpenSink, max_size: int) -> None:
        self.sink: Sink | None = None
        self.dropped = False
        """It was larger than what may be kept, and is thrown away as it comes."""
        self._open_sink = open_sink
        self._max_size = max_size
        self._size = 0
        """Bytes that were kept."""
        self._walk = Walk(Raw(), transfer_syntax, elements=MAX_WHILE_COMING)
        self._steps = self._walk.steps()
        self._want, self._asked = next(self._steps)
        self._left = self._asked
        self._part = bytearray()
        """Of what is asked for now, where it comes in pieces."""
        self._images = 0
        self._error: UnreadableDataset | None = None

    def feed(self, part: memoryview) -> None:
        """The next bytes."""
        while part and self._error is None and not self.dropped:
            taken = part[: self._left]
            part = part[len(taken) :]
            self._left -= len(taken)
            if self._want not in _KEPT:
                if self._want is Want.PIXELS and self._images == 1 and self.sink is not None:
                    self.sink.write(taken)
                taken = _NO_VALUE
            self._keep(taken)
            while not self._left and self._error is None and not self.dropped:
                self._step(taken)
                taken = _NO_VALUE
        if self._error is not None or self.dropped:
            self._let_go()

    def dataset(self) -> Dataset:
        """All of it, values left as their bytes; Elsewhere stands for the pixels, and other values
        that were not kept are empty. Raises UnreadableDataset.
        """
        if self._error is not None:
            raise self._error
        if self._walk.whole is None or self._part:
            raise UnreadableDataset("the data set is cut off")
        return self._walk.whole

    def discard(self) -> None:
        """What the sink got is of no use: it is told so."""
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.discard()

    def _let_go(self) -> None:
        """Nothing of it is held any more."""
        self.discard()
        self._steps.close()
        self._walk.whole = None
        self._part = bytearray()

    def _keep(self, taken: memoryview) -> None:
        self._size += len(taken)
        if self._size > self._max_size:
            self.dropped = True
        elif self._left or self._part:
            self._part += taken

    def _step(self, last: memoryview) -> None:
        """Go on to what comes next; `last` is what came last of what was asked for."""
        value: Value = last
        if self._want is Want.PIXELS:
            value = Elsewhere(self._asked, first=self._images == 1)
        elif self._part:
            value = memoryview(bytes(self._part))
            self._part = bytearray()
        try:
            self._want, self._asked = self._steps.send(value)
        except UnreadableDataset as error:
            self._error = error.with_traceback(None)  # that holds what was read so far
            return
        self._left = self._asked
        if self._want is Want.PIXELS:
            self._images += 1
            if self._images == 1:
                self.sink = self._open_sink(self._left)


_KEPT = frozenset({Want.HEAD, Want.VALUE})
_NO_VALUE = memoryview(b"")
