"""The grammar of data sets in the two little-endian, uncompressed transfer syntaxes (PS3.5 7).

A walk asks for the bytes that it needs next, so the same rules hold for a data set that is there
and for one that is still coming in: what is wrong is noticed at the same byte.
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Generic, Protocol, TypeVar

from pydicom.tag import BaseTag

from broker.dicom.upper_layer.vr import BINARY, LONG, NUMBERS, TEXT, dictionary_vr

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

MAX_DEPTH = 16
"""Sequences within sequences; print needs two."""
MAX_ELEMENTS = 20_000
"""Elements, items and values in one data set: each costs far more memory than its bytes."""

ITEM = 0xFFFEE000
_DELIMITERS = 0xFFFE
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF

TAG = struct.Struct("<HH")
LENGTH = struct.Struct("<I")
SHORT_LENGTH = struct.Struct("<H")

_PIXEL_DATA = 0x7FE00010
_IMAGE_SEQUENCES = frozenset({0x20200110, 0x20200111})
"""Basic Grayscale and Basic Color Image Sequence, of an image box."""
_LUT_DATA = 0x00283006
_LUT_SEQUENCE = 0x20500010
"""Presentation LUT Sequence."""
LONGEST_UNREAD = 4096
"""Bytes of a value that nobody reads and that is kept all the same: it does no harm."""
_ENDLESS = 1 << 62


class UnreadableDataset(Exception):
    """A data set cannot be decoded. The words name the element, never its value."""


class Want(Enum):
    """What the bytes are that a walk asks for."""

    HEAD = auto()
    """Tag, VR and length, or a part of them: the walk looks at them."""
    VALUE = auto()
    """The whole value of an element: for the maker alone."""
    PIXELS = auto()
    """The same, of Pixel Data in an item of an image sequence. Never of length 0."""
    UNREAD = auto()
    """The same, long, of an element that nobody reads: it may be left out, and is empty then."""


@dataclass(frozen=True)
class Elsewhere:
    """Stands for the pixels of an image box, which are never kept in a data set."""

    length: int
    """In bytes, as the data set says."""
    first: bool
    """Whether they are what the sink got: only the first pixels of a data set are."""


Value = memoryview | Elsewhere
Step = tuple[Want, int]
"""What the bytes are, and how many."""

D = TypeVar("D")
T = TypeVar("T")
_Steps = Generator[Step, Value, T]


class Maker(Protocol[D]):
    """Makes data sets of what a walk comes upon."""

    def dataset(self) -> D:
        """A data set without elements."""

    def further_values(self, vr: str, value: Value) -> int:
        """At least as many as there are beyond the first, and cost memory."""

    def element(self, dataset: D, tag: BaseTag, vr: str, value: Value) -> None:
        """Add an element. Raises UnreadableDataset."""

    def sequence(self, dataset: D, tag: BaseTag, items: list[D]) -> None:
        """Add a sequence."""


def is_explicit(transfer_syntax: str) -> bool:
    """Whether elements say their VR. Raises UnreadableDataset for any other transfer syntax."""
    if transfer_syntax not in (IMPLICIT_LE, EXPLICIT_LE):
        raise UnreadableDataset(f"transfer syntax {transfer_syntax} is not known here")
    return transfer_syntax == EXPLICIT_LE


class Walk(Generic[D]):
    """Walks over a data set once; every length is checked before anything is asked for.

    What breaks the rules is noticed as soon as it was sent, never before.
    """

    def __init__(
        self, make: Maker[D], transfer_syntax: str, *, elements: int = MAX_ELEMENTS
    ) -> None:
        """`elements` are the most that there may be, with items and values."""
        self._make = make
        self._explicit = is_explicit(transfer_syntax)
        self._at = 0
        self._most = self._left = elements
        self.whole: D | None = None
        """The data set, wherever it may end: between two elements of its own."""

    def steps(self, size: int = _ENDLESS) -> _Steps[D]:
        """What is asked for in turn: send the bytes for each; returns the data set.

        Without its size, it never ends. Raises UnreadableDataset.
        """
        return (yield from self._elements(size, self._explicit, 0, 0, to_delimiter=False))

    def _count(self, more: int) -> None:
        self._left -= more
        if self._left < 0:
            raise UnreadableDataset(f"more than {self._most} elements and values")

    def _elements(
        self, end: int, explicit: bool, depth: int, within: int, *, to_delimiter: bool
    ) -> _Steps[D]:
        """`within` is the tag of the innermost sequence."""
        dataset = self._make.dataset()
        while self._at < end:
            if not depth:
                self.whole = dataset
            tag, vr, length = yield from self._header(end, explicit)
            self._count(1)
            if to_delimiter and tag == _ITEM_END:
                return dataset
            if tag >> 16 == _DELIMITERS:
                # PS3.5 7.5: they are no elements of a data set.
                raise UnreadableDataset(f"{tag} stands where no item or sequence ends")
            if vr == "SQ" or (vr == "UN" and length == UNDEFINED):
                # PS3.5 6.2.2: an element of unknown VR and undefined length is a sequence in
                # Implicit VR.
                nested = explicit and vr == "SQ"
                items = yield from self._sequence(tag, end, length, nested, depth + 1)
                self._make.sequence(dataset, tag, items)
                continue
            if length > end - self._at or length == UNDEFINED:
                raise UnreadableDataset(f"{tag} is longer than what holds it")
            value = yield _wanted(tag, length, depth, within), length
            self._at += length
            self._count(self._make.further_values(vr, value))
            self._make.element(dataset, tag, vr, value)
        if to_delimiter:
            raise UnreadableDataset("an item has no end")
        return dataset

    def _header(self, end: int, explicit: bool) -> _Steps[tuple[BaseTag, str, int]]:
        """Tag, VR and length."""
        head = yield from self._head(8, end)
        group, element = TAG.unpack_from(head)
        tag = BaseTag(group << 16 | element)
        if group == 0xFFFE or not explicit:
            vr = "" if group == 0xFFFE else dictionary_vr(tag)
            return tag, vr, LENGTH.unpack_from(head, 4)[0]
        vr = bytes(head[4:6]).decode("latin-1")
        if vr in LONG:
            length = LENGTH.unpack((yield from self._head(4, end)))[0]
            if vr == "UN" and length != UNDEFINED:
                vr = dictionary_vr(tag)
                vr = "UN" if vr == "SQ" else vr
            return tag, vr, length
        if vr not in TEXT and vr not in NUMBERS and vr != "AT":
            raise UnreadableDataset(f"{tag} has no VR that is known")
        return tag, vr, SHORT_LENGTH.unpack_from(head, 6)[0]

    def _head(self, size: int, end: int) -> _Steps[memoryview]:
        if size > end - self._at:
            raise UnreadableDataset("an element is cut off")
        head = yield Want.HEAD, size
        assert isinstance(head, memoryview)
        self.whole = None
        self._at += size
        return head

    def _sequence(
        self, tag: BaseTag, end: int, length: int, explicit: bool, depth: int
    ) -> _Steps[list[D]]:
        if depth > MAX_DEPTH:
            raise UnreadableDataset(f"more than {MAX_DEPTH} sequences within each other")
        if length != UNDEFINED:
            if length > end - self._at:
                raise UnreadableDataset(f"{tag} is longer than what holds it")
            end = self._at + length
        items: list[D] = []
        while self._at < end:
            mark, _, inside = yield from self._header(end, explicit)
            self._count(1)
            if mark == _SEQUENCE_END and length == UNDEFINED:
                return items
            if mark != ITEM:
                raise UnreadableDataset(f"{tag} holds something that is not an item")
            if inside != UNDEFINED and inside > end - self._at:
                raise UnreadableDataset(f"an item of {tag} is longer than what holds it")
            to_delimiter = inside == UNDEFINED
            until = end if to_delimiter else self._at + inside
            items.append(
                (
                    yield from self._elements(
                        until, explicit, depth, int(tag), to_delimiter=to_delimiter
                    )
                )
            )
        if length == UNDEFINED:
            raise UnreadableDataset(f"{tag} has no end")
        return items


def _wanted(tag: BaseTag, length: int, depth: int, within: int) -> Want:
    """What a value is to those who read data sets, by what the dictionary says of its element.

    Not by the VR that came with it: what is read must not vanish because it is sent as UN.
    """
    if tag == _PIXEL_DATA and depth == 1 and within in _IMAGE_SEQUENCES:
        return Want.PIXELS if length else Want.VALUE
    if length <= LONGEST_UNREAD or (tag == _LUT_DATA and within == _LUT_SEQUENCE):
        return Want.VALUE
    return Want.UNREAD if dictionary_vr(tag) in BINARY else Want.VALUE
