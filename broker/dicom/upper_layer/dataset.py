"""Data sets between bytes and pydicom, without copying pixels (PS3.5 7).

Text is Latin-1 in both directions, whatever SpecificCharacterSet says: the broker passes labels
through and must not change a byte of them. Values that are bytes are little endian, whatever they
came in or leave in. Only the uncompressed transfer syntaxes are known here, because no others are
ever accepted.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag, Tag

from broker.dicom.upper_layer.dataset_reader import (
    AMBIGUOUS,
    BINARY,
    ITEM,
    LONG,
    NUMBERS,
    ONE_TEXT,
    TEXT,
    TRIMMED,
    UNDEFINED,
    DatasetReader,
    Elsewhere,
    Maker,
    Value,
    dictionary_vr,
)
from broker.dicom.upper_layer.transfer_syntax import (
    EXPLICIT,
    Encoding,
    UnreadableDataset,
    encoding_of,
    turned,
    turned_pieces,
)
from broker.model.storage.disk import MB

Buffer = bytes | memoryview

MAX_TEXT = MB
"""Bytes of one value that is not binary."""


def decode_dataset(data: bytes, transfer_syntax: str) -> Dataset:
    """The data set in `data`, every element converted, at every depth; those whose value is none of
    their VR are left out.

    Raises: UnreadableDataset: when a rule of the encoding is broken.
    """
    return _whole(data, transfer_syntax, _Decoded())


def read_raw(data: bytes, transfer_syntax: str) -> Dataset:
    """The data set in `data`, values left as their bytes.

    Raises: UnreadableDataset: when a rule is broken.
    """
    return _whole(data, transfer_syntax, Raw())


def _whole(data: bytes, transfer_syntax: str, make: Maker[Dataset]) -> Dataset:
    source = InMemory(data)
    reader = DatasetReader(source, transfer_syntax, make, size=len(data))
    return reader.to_end()


class InMemory:
    """A data set's bytes that are there."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def take(self, count: int) -> memoryview:
        """The next bytes."""
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def pieces(self, count: int) -> Iterator[memoryview]:
        """The next bytes, in one piece."""
        if taken := self.take(count):
            yield taken

    def at_end(self) -> bool:
        """Whether there are no more."""
        return not self._left


class Raw:
    """Leaves values as their bytes."""

    def dataset(self) -> Dataset:
        """An empty one."""
        return Dataset()

    def further_values(self, vr: str, value: Value) -> int:  # noqa: ARG002
        """Bytes are one value."""
        return 0

    def element(self, dataset: Dataset, tag: BaseTag, vr: str, value: Value) -> None:
        """As its bytes, or as what says that they are elsewhere."""
        content: Any = bytes(value) if isinstance(value, memoryview) else value
        length = value.length if isinstance(value, Elsewhere) else len(value)
        dataset._dict[tag] = RawDataElement(tag, vr, length, content, 0, False, True)

    def skipped(self, dataset: Dataset, tag: BaseTag, vr: str, length: int) -> None:
        """Without its value: its length says that it had one."""
        dataset._dict[tag] = RawDataElement(tag, vr, length, b"", 0, False, True)

    def sequence(self, dataset: Dataset, tag: BaseTag, items: list[Dataset]) -> None:
        """With its items."""
        # Not by `add`, which converts other elements: Pixel Representation, private creators.
        dataset._dict[tag] = DataElement(tag, "SQ", Items(items))


class _Decoded(Raw):
    """Converts every value; what is not valid is left out: one bad element does not take away the
    others, which may be all that is wanted."""

    def further_values(self, vr: str, value: Value) -> int:
        assert isinstance(value, memoryview)
        return _extra_values(vr, value)

    def element(self, dataset: Dataset, tag: BaseTag, vr: str, value: Value) -> None:
        assert isinstance(value, memoryview)
        with suppress(UnreadableDataset):
            dataset.add(_element(tag, vr, value))


def _extra_values(vr: str, value: memoryview) -> int:
    """At least as many as there are beyond the first."""
    if vr in BINARY or vr in ONE_TEXT:
        return 0
    if vr in TEXT:
        return bytes(value).count(b"\\") if len(value) <= MAX_TEXT else 0
    return len(value) // 4


def _element(tag: BaseTag, vr: str, value: memoryview) -> DataElement:
    if vr in BINARY:
        return DataElement(tag, vr, bytes(value), already_converted=True)
    if not value:
        return DataElement(tag, vr, empty_value_for_VR(vr), already_converted=True)
    if len(value) > MAX_TEXT:
        raise UnreadableDataset(f"{tag} is longer than {MAX_TEXT} bytes")
    try:
        return DataElement(tag, vr, _values(vr, value), validation_mode=config.IGNORE)
    except (ValueError, TypeError, ArithmeticError, struct.error):
        # Without the cause: it would quote the value.
        raise UnreadableDataset(f"{tag} is not a valid {vr}") from None


def _values(vr: str, value: memoryview) -> Any:
    if vr in NUMBERS:
        code = NUMBERS[vr]
        count = len(value) // struct.calcsize("<" + code)
        return _alone(list(struct.unpack(f"<{count}{code}", value)))
    if vr == "AT":
        parts = struct.unpack(f"<{len(value) // 2}H", value)
        return _alone([Tag(*parts[at : at + 2]) for at in range(0, len(parts), 2)])
    text = bytes(value).decode("latin-1")
    if vr in ONE_TEXT:
        return text.rstrip(" \0")
    parts_ = [part.rstrip(" \0") for part in text.split("\\")]
    if vr in TRIMMED:
        parts_ = [part.strip() for part in parts_]
    if parts_ == [""]:
        return empty_value_for_VR(vr)
    return _alone(parts_)


def _alone(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values


LARGE = 4096
"""Bytes from which a value is sent as a view on itself instead of being copied."""


class Pieces:
    """A raw element's value that is never in memory as a whole: `length` bytes in pieces.

    What iterating it raises comes out where the data set is sent.
    """

    def __init__(self, length: int, pieces: Iterable[Buffer]) -> None:
        self._length = length
        self._pieces = pieces

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Buffer]:
        return iter(self._pieces)


def encode_dataset(dataset: Dataset, transfer_syntax: str) -> Sequence[Buffer | Pieces]:
    """The data set as pieces of bytes; large values are views on the data set's own.

    Raises: ValueError, TypeError: when a value does not fit its element or the transfer syntax.
    """
    pieces, _ = _encoded(dataset, encoding_of(transfer_syntax))
    return pieces


def buffers(encoded: Iterable[Buffer | Pieces]) -> Iterator[Buffer]:
    """All of it, one after the other."""
    for each in encoded:
        if isinstance(each, Pieces):
            yield from each
        else:
            yield each


def _encoded(dataset: Dataset, encoding: Encoding) -> tuple[list[Buffer | Pieces], int]:
    pieces: list[Buffer | Pieces] = []
    small = bytearray()
    total = 0
    for tag in sorted(dataset.keys()):
        element: DataElement | RawDataElement = dataset.get_item(tag)
        vr = AMBIGUOUS.get(str(element.VR), str(element.VR))
        if isinstance(element, RawDataElement):
            vr = dictionary_vr(tag) if element.VR is None else vr
            if vr == "SQ" or element.length == UNDEFINED:
                # Not as they are: their bytes depend on the syntax that they came in.
                element, vr = dataset[tag], "SQ"
        value: Sequence[Buffer | Pieces]
        if isinstance(element, RawDataElement):
            # Bytes that only pass through: no process needs to read them.
            # A value of 0 bytes is a value: what gives none of the bytes it should is asked, too.
            sent: Buffer | Pieces = b"" if element.value is None else element.value
            value, length = [sent], len(sent)
        elif vr == "SQ":
            value, length = _encoded_items(element.value, encoding)
        else:
            one = _encoded_value(vr, element)
            value, length = [one], len(one)
        padding = length % 2
        if word := encoding.turned.get(vr):
            value, length, padding = [_turned(value, padding, word)], length + padding, 0
        head = _encoded_header(tag, vr, length + padding, encoding)
        total += len(head) + length + padding
        small += head
        for piece in value:
            if not isinstance(piece, Pieces) and len(piece) < LARGE:
                small += piece
            else:
                pieces += (bytes(small), piece)
                small.clear()
        if padding:
            small += b" " if vr in TEXT and vr != "UI" else b"\0"
    if small:
        pieces.append(bytes(small))
    return pieces, total


def _turned(value: Sequence[Buffer | Pieces], padding: int, word: int) -> Buffer | Pieces:
    """A value of words, in big endian: its padding is of the last of them."""
    (one,) = value
    if isinstance(one, Pieces):
        padded = chain(one, [bytes(padding)])
        return Pieces(len(one) + padding, turned_pieces(padded, word))
    return turned(bytes(one) + bytes(padding) if padding else one, word)


def _encoded_items(
    items: Sequence[Dataset] | None, encoding: Encoding
) -> tuple[list[Buffer | Pieces], int]:
    pieces: list[Buffer | Pieces] = []
    total = 0
    for item in items or ():
        inside, length = _encoded(item, encoding)
        pieces.append(encoding.tag.pack(ITEM >> 16, ITEM & 0xFFFF) + encoding.length.pack(length))
        pieces += inside
        total += 8 + length
    return pieces, total


def _encoded_header(tag: BaseTag, vr: str, length: int, encoding: Encoding) -> bytes:
    head = encoding.tag.pack(tag.group, tag.element)
    if not encoding.explicit:
        return head + encoding.length.pack(length)
    if vr in LONG:
        return head + vr.encode("ascii") + b"\0\0" + encoding.length.pack(length)
    if length > 0xFFFF:
        raise ValueError(f"{tag} is too long for {vr} in Explicit VR")
    return head + vr.encode("ascii") + encoding.short_length.pack(length)


def _encoded_value(vr: str, element: DataElement) -> Buffer:
    """In little endian."""
    value = element.value
    if value is None or value == "":
        return b""
    if vr in BINARY:
        if isinstance(value, (bytes, bytearray, memoryview)):
            view = memoryview(value).cast("B")
            return view if len(view) >= LARGE else bytes(view)
        vr = "US"
        # LUT data are words, however they were set.
    values = list(value) if isinstance(value, (MultiValue, list, tuple)) else [value]
    if vr in NUMBERS:
        try:
            return struct.pack(f"<{len(values)}{NUMBERS[vr]}", *values)
        except struct.error:
            raise ValueError(f"{element.tag} does not fit {vr}") from None
    if vr == "AT":
        return b"".join(EXPLICIT.tag.pack(tag.group, tag.element) for tag in map(Tag, values))
    if vr not in TEXT:
        raise ValueError(f"{element.tag} has no VR that is known")
    if vr in ("DS", "IS"):
        # They keep the spelling they came in.
        values = [getattr(value, "original_string", value) for value in values]
    return "\\".join(map(str, values)).encode("latin-1")
