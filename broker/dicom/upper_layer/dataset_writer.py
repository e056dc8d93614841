"""Data sets from pydicom to bytes (PS3.5 7), without copying pixels.

Text is Latin-1, whatever SpecificCharacterSet says: see `dataset`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import BaseTag, Tag

from broker.dicom.upper_layer.dataset import Buffer
from broker.dicom.upper_layer.dataset_reader import (
    AMBIGUOUS,
    BINARY,
    ITEM,
    LENGTH,
    LONG,
    NUMBERS,
    SHORT_LENGTH,
    TAG,
    TEXT,
    UNDEFINED,
    dictionary_vr,
    is_explicit,
)

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
    pieces, _ = _encoded(dataset, explicit=is_explicit(transfer_syntax))
    return pieces


def buffers(encoded: Iterable[Buffer | Pieces]) -> Iterator[Buffer]:
    """All of it, one after the other."""
    for each in encoded:
        if isinstance(each, Pieces):
            yield from each
        else:
            yield each


def _encoded(dataset: Dataset, *, explicit: bool) -> tuple[list[Buffer | Pieces], int]:
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
            value, length = _encoded_items(element.value, explicit=explicit)
        else:
            one = _encoded_value(vr, element)
            value, length = [one], len(one)
        padding = length % 2
        head = _encoded_header(tag, vr, length + padding, explicit=explicit)
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


def _encoded_items(
    items: Sequence[Dataset] | None, *, explicit: bool
) -> tuple[list[Buffer | Pieces], int]:
    pieces: list[Buffer | Pieces] = []
    total = 0
    for item in items or ():
        inside, length = _encoded(item, explicit=explicit)
        pieces.append(TAG.pack(ITEM >> 16, ITEM & 0xFFFF) + LENGTH.pack(length))
        pieces += inside
        total += 8 + length
    return pieces, total


def _encoded_header(tag: BaseTag, vr: str, length: int, *, explicit: bool) -> bytes:
    head = TAG.pack(tag.group, tag.element)
    if not explicit:
        return head + LENGTH.pack(length)
    if vr in LONG:
        return head + vr.encode("ascii") + b"\0\0" + LENGTH.pack(length)
    if length > 0xFFFF:
        raise ValueError(f"{tag} is too long for {vr} in Explicit VR")
    return head + vr.encode("ascii") + SHORT_LENGTH.pack(length)


def _encoded_value(vr: str, element: DataElement) -> Buffer:
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
        return b"".join(TAG.pack(tag.group, tag.element) for tag in map(Tag, values))
    if vr not in TEXT:
        raise ValueError(f"{element.tag} has no VR that is known")
    if vr in ("DS", "IS"):
        # They keep the spelling they came in.
        values = [getattr(value, "original_string", value) for value in values]
    return "\\".join(map(str, values)).encode("latin-1")
