"""Data sets in the uncompressed transfer syntaxes (PS3.5 7), read in one pass: values come out of
it in little endian, whatever they came in.

A data set is pulled: the reader takes from its source what it needs next, and stops at the pixels
that its caller wants, which are read from it piece by piece. So the same rules hold for a data set
that is there and for one that is still coming: what is wrong is noticed at the same byte, and
nothing is taken before its length was checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from pydicom.datadict import dictionary_VR
from pydicom.tag import BaseTag

from broker.dicom.upper_layer.transfer_syntax import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT,
    IMPLICIT_LE,
    Encoding,
    UnreadableDataset,
    encoding_of,
    turned,
    turned_pieces,
)

__all__ = [
    "EXPLICIT_BE",
    "EXPLICIT_LE",
    "IMPLICIT_LE",
    "DatasetReader",
    "DatasetTooLarge",
    "UnreadableDataset",
    "WantedElements",
]

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
NUMBERS = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
ONE_TEXT = frozenset({"LT", "ST", "UR", "UT"})
"""Text in which a backslash is a backslash."""
TEXT = ONE_TEXT | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
TRIMMED = frozenset({"AE", "CS", "DS", "IS", "UI"})
"""Leading spaces do not count either."""
LONG = BINARY | {"SQ", "SV", "UC", "UR", "UT", "UV"}
"""Explicit VRs with a length of four bytes (PS3.5 7.1.2)."""
AMBIGUOUS = {"US or SS": "US", "US or OW": "OW", "US or SS or OW": "OW", "OB or OW": "OW"}
"""Print has unsigned pixels only (PS3.3 C.13.5)."""


@lru_cache(maxsize=4096)
def dictionary_vr(tag: BaseTag) -> str:
    """The VR of an element in Implicit VR; UN when it is not known (PS3.5 6.2.2)."""
    if tag.is_private_creator:
        return "LO"
    if tag.element == 0:
        return "UL"
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return AMBIGUOUS.get(vr, vr)


MAX_DEPTH = 16
"""Sequences within sequences; print needs two."""
MAX_ELEMENTS = 20_000
"""Elements, items and values in one data set: each costs far more memory than its bytes."""

ITEM = 0xFFFEE000
_DELIMITERS = 0xFFFE
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF

LONGEST_UNREAD = 4096
"""Bytes of a value that is not read and is kept all the same: it does no harm."""
_ENDLESS = 1 << 62


class DatasetTooLarge(Exception):
    """A data set has more than may be kept of it, beside pixels."""


class Source(Protocol):
    """The bytes of one data set, in order. Views are valid until the next call."""

    def take(self, count: int, /) -> memoryview:
        """Exactly the next `count` bytes; fewer where it ends before."""

    def pieces(self, count: int, /) -> Iterator[memoryview]:
        """The next `count` bytes, as they come; fewer where it ends before."""

    def at_end(self) -> bool:
        """Whether there are no more; waits until that is known."""


Place = tuple[int, int]
"""The tag of a sequence, and that of an element in an item of it."""


@dataclass(frozen=True)
class WantedElements:
    """What the caller of a reader needs of a data set."""

    pixels: frozenset[Place] = frozenset()
    """Where the sequence is at top level: the element is never kept, and the reader stops at the
    first."""
    long: frozenset[Place] = frozenset()
    """Kept however long. Other values that the dictionary calls binary, or does not know, are left
    out where they are long: overlays, profiles, what is private."""


@dataclass(frozen=True)
class Elsewhere:
    """Stands for pixels, which are never kept in a data set."""

    length: int
    """In bytes, as the data set says."""
    first: bool
    """Whether they are the pixels that the reader stopped at: only the first of a data set are."""
    unordered: bool = False
    """Whether they came as bytes in big endian: if they are words, their order is not known."""


Value = memoryview | Elsewhere

D = TypeVar("D")


class Maker(Protocol[D]):
    """Makes data sets of what a reader comes upon."""

    def dataset(self) -> D:
        """A data set without elements."""

    def further_values(self, vr: str, value: Value) -> int:
        """At least as many as there are beyond the first, and cost memory."""

    def element(self, dataset: D, tag: BaseTag, vr: str, value: Value) -> None:
        """Add an element. Raises: UnreadableDataset: when its value cannot be what its VR says."""

    def skipped(self, dataset: D, tag: BaseTag, vr: str, length: int) -> None:
        """Add an element whose value, of so many bytes, was not kept."""

    def sequence(self, dataset: D, tag: BaseTag, items: list[D]) -> None:
        """Add a sequence."""


@dataclass
class _Elements(Generic[D]):
    """Where the elements of a data set, or of an item, are read."""

    dataset: D
    end: int
    encoding: Encoding
    delimited: bool
    """Whether an Item Delimitation Item ends it."""


@dataclass
class _Items(Generic[D]):
    """Where the items of a sequence are read."""

    tag: BaseTag
    end: int
    encoding: Encoding
    delimited: bool
    """Whether a Sequence Delimitation Item ends it."""
    items: list[D] = field(default_factory=list)


class DatasetReader(Generic[D]):
    """Reads one data set, from its beginning to its end.

    Raises: UnreadableDataset: when a rule is broken; nothing is held of it any more then.
    DatasetTooLarge: when more than `max_size` bytes would have to be kept.
    """

    def __init__(
        self,
        source: Source,
        transfer_syntax: str,
        make: Maker[D],
        *,
        size: int | None = None,
        max_size: int = _ENDLESS,
        max_elements: int = MAX_ELEMENTS,
        wanted: WantedElements | None = None,
    ) -> None:
        """`size` is the data set's, where it is known; `max_elements` counts items and values, too.

        Without `wanted` all of it is kept.
        """
        encoding = encoding_of(transfer_syntax)
        self._source = source
        self._make = make
        self._max_size = max_size
        self._kept = 0
        """Bytes that were taken and are not left out."""
        self._most = self._countdown = max_elements
        self._wanted = wanted
        self._at = 0
        self._pixels = 0
        """Bytes of the pixels that are being read."""
        self._word = 0
        """Of how many bytes their words are that are to be turned; 0 where none are."""
        self._stopped = False
        """Whether it has come upon pixels."""
        self._whole = make.dataset()
        end = _ENDLESS if size is None else size
        self._levels: list[_Elements[D] | _Items[D]] = [
            _Elements(self._whole, end, encoding, delimited=False)
        ]

    def to_pixels(self) -> int | None:
        """Read until the first pixels that are wanted: their length in bytes, which is never 0;
        None where there are none, and then all was read."""
        try:
            return self._advance()
        except (UnreadableDataset, DatasetTooLarge) as error:
            self._levels.clear()
            del self._whole
            raise error.with_traceback(None) from None  # its frames hold what was read so far

    def pixels(self) -> Iterator[memoryview]:
        """The pixels that `to_pixels` came upon, in pieces as they come, in little endian; each is
        valid until the next. Raises: UnreadableDataset: when they are cut off."""
        pieces = self._pixels_as_sent()
        return turned_pieces(pieces, self._word) if self._word else pieces

    def _pixels_as_sent(self) -> Iterator[memoryview]:
        for piece in self._source.pieces(self._pixels):
            self._pixels -= len(piece)
            yield piece
        if self._pixels:
            self._levels.clear()
            raise UnreadableDataset("the pixels are cut off")

    def to_end(self) -> D:
        """Read the rest; the data set."""
        while True:
            for _ in self._pixels_as_sent():
                continue
            if self.to_pixels() is None:
                return self._whole

    def _advance(self) -> int | None:
        while self._levels:
            level = self._levels[-1]
            if isinstance(level, _Items):
                self._item(level)
            elif self._element(level):
                return self._pixels
        return None

    def _element(self, level: _Elements[D]) -> bool:
        """The next element, or the end; whether it is pixels to stop at."""
        if self._at >= level.end or (len(self._levels) == 1 and self._source.at_end()):
            self._close(level)
            return False
        tag, vr, length, word = self._header(level.end, level.encoding)
        self._count(1)
        if level.delimited and tag == _ITEM_END:
            self._levels.pop()
            return False
        if tag >> 16 == _DELIMITERS:
            # PS3.5 7.5: they are no elements of a data set.
            raise UnreadableDataset(f"{tag} stands where no item or sequence ends")
        if vr == "SQ" or (
            vr == "UN" and (length == UNDEFINED or (length and dictionary_vr(tag) == "SQ"))
        ):
            # PS3.5 6.2.2: an element of unknown VR is a sequence in Implicit VR where it has
            # undefined length, or where it is known to be one; and then in little endian.
            self._open_sequence(level, tag, length, level.encoding if vr == "SQ" else IMPLICIT)
            return False
        if length > level.end - self._at or length == UNDEFINED:
            raise UnreadableDataset(f"{tag} is longer than what holds it")
        self._at += length
        if self._wanted is not None and length:
            if len(self._levels) == _IN_TOP_SEQUENCE and self._place(tag) in self._wanted.pixels:
                self._word = word
                return self._come_upon(level, tag, vr, length)
            if length > LONGEST_UNREAD and self._is_unread(tag, self._wanted):
                self._skip(length, tag)
                self._make.skipped(level.dataset, tag, vr, length)
                return False
        value = self._take(length, tag)
        if word:
            value = turned(value, word)
        self._count(self._make.further_values(vr, value))
        self._make.element(level.dataset, tag, vr, value)
        return False

    def _close(self, level: _Elements[D]) -> None:
        if level.delimited:
            raise UnreadableDataset("an item has no end")
        self._levels.pop()

    def _come_upon(self, level: _Elements[D], tag: BaseTag, vr: str, length: int) -> bool:
        """Pixels: only the first are stopped at."""
        first, self._stopped = not self._stopped, True
        unordered = vr == "OB" and bool(level.encoding.turned)
        self._make.element(level.dataset, tag, vr, Elsewhere(length, first, unordered))
        if first:
            self._pixels = length
        else:
            self._skip(length, tag)
        return first

    def _open_sequence(
        self, level: _Elements[D], tag: BaseTag, length: int, encoding: Encoding
    ) -> None:
        if len(self._levels) > 2 * MAX_DEPTH:
            raise UnreadableDataset(f"more than {MAX_DEPTH} sequences within each other")
        end = level.end
        if length != UNDEFINED:
            if length > end - self._at:
                raise UnreadableDataset(f"{tag} is longer than what holds it")
            end = self._at + length
        self._levels.append(_Items(tag, end, encoding, delimited=length == UNDEFINED))

    def _item(self, level: _Items[D]) -> None:
        """The next item, or the end of the sequence."""
        if self._at >= level.end:
            if level.delimited:
                raise UnreadableDataset(f"{level.tag} has no end")
            self._close_sequence(level)
            return
        mark, _, inside, _ = self._header(level.end, level.encoding)
        self._count(1)
        if mark == _SEQUENCE_END and level.delimited:
            self._close_sequence(level)
            return
        if mark != ITEM:
            raise UnreadableDataset(f"{level.tag} holds something that is not an item")
        delimited = inside == UNDEFINED
        if not delimited and inside > level.end - self._at:
            raise UnreadableDataset(f"an item of {level.tag} is longer than what holds it")
        made = self._make.dataset()
        level.items.append(made)
        end = level.end if delimited else self._at + inside
        self._levels.append(_Elements(made, end, level.encoding, delimited=delimited))

    def _close_sequence(self, level: _Items[D]) -> None:
        self._levels.pop()
        holding = self._levels[-1]
        assert isinstance(holding, _Elements)
        self._make.sequence(holding.dataset, level.tag, level.items)

    def _header(self, end: int, encoding: Encoding) -> tuple[BaseTag, str, int, int]:
        """Tag, VR and length; and of how many bytes the words in its value are that are to be
        turned, 0 where none are."""
        head = self._head(8, end)
        group, element = encoding.tag.unpack_from(head)
        tag = BaseTag(group << 16 | element)
        if group == 0xFFFE or not encoding.explicit:
            vr = "" if group == 0xFFFE else dictionary_vr(tag)
            return tag, vr, encoding.length.unpack_from(head, 4)[0], 0
        vr = bytes(head[4:6]).decode("latin-1")
        word = encoding.turned.get(vr, 0)
        if vr in LONG:
            length = encoding.length.unpack(self._head(4, end))[0]
            if vr == "UN" and length != UNDEFINED:
                known = dictionary_vr(tag)
                vr = "UN" if known == "SQ" else known  # its items are in Implicit VR
            return tag, vr, length, word
        if vr not in TEXT and vr not in NUMBERS and vr != "AT":
            raise UnreadableDataset(f"{tag} has no VR that is known")
        return tag, vr, encoding.short_length.unpack_from(head, 6)[0], word

    def _head(self, size: int, end: int) -> memoryview:
        if size > end - self._at:
            raise UnreadableDataset("an element is cut off")
        self._at += size
        return self._take(size)

    def _take(self, count: int, of: object = "the data set") -> memoryview:
        """The next bytes, which are kept."""
        self._kept += count
        if self._kept > self._max_size:
            raise DatasetTooLarge(f"more than {self._max_size} bytes beside the pixels")
        taken = self._source.take(count)
        if len(taken) < count:
            raise UnreadableDataset(f"{of} is cut off")
        return taken

    def _skip(self, count: int, of: object) -> None:
        for piece in self._source.pieces(count):
            count -= len(piece)
        if count:
            raise UnreadableDataset(f"{of} is cut off")

    def _count(self, more: int) -> None:
        self._countdown -= more
        if self._countdown < 0:
            raise UnreadableDataset(f"more than {self._most} elements and values")

    def _place(self, tag: BaseTag) -> Place | None:
        """Where an element stands; None at top level."""
        sequence = self._levels[-2] if len(self._levels) > 1 else None
        return (sequence.tag, tag) if isinstance(sequence, _Items) else None

    def _is_unread(self, tag: BaseTag, wanted: WantedElements) -> bool:
        """By what the dictionary says of its element, not by the VR that came with it: what is read
        must not vanish because it is sent as UN."""
        return self._place(tag) not in wanted.long and dictionary_vr(tag) in BINARY


_IN_TOP_SEQUENCE = 3
"""Levels where an item of a sequence at top level is read."""
