"""Data sets between bytes and pydicom (PS3.5 7), without copying pixels more than once.

Text is Latin-1 in both directions, whatever SpecificCharacterSet says: the broker passes labels
through and must not change a byte of them. Only the two little-endian, uncompressed transfer
syntaxes are known here, because no others are ever accepted.
"""

from __future__ import annotations

import struct
from typing import Any

from pydicom import config
from pydicom.dataelem import DataElement, RawDataElement, empty_value_for_VR
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag, Tag

from broker.dicom.transport.vr import (
    BINARY,
    LONG,
    NUMBERS,
    ONE_TEXT,
    TEXT,
    TRIMMED,
    dictionary_vr,
)

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

Buffer = bytes | memoryview

MAX_DEPTH = 16
"""Sequences within sequences; print needs two."""
MAX_ELEMENTS = 20_000
"""Elements, items and values in one data set: each costs far more memory than its bytes."""
MAX_TEXT = 1 << 20
"""Bytes of one value that is not binary."""

ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
UNDEFINED = 0xFFFFFFFF

TAG = struct.Struct("<HH")
LENGTH = struct.Struct("<I")
SHORT_LENGTH = struct.Struct("<H")


class UnreadableDataset(Exception):
    """A data set cannot be decoded. The words name the element, never its value."""


def decode_dataset(data: bytes, transfer_syntax: str) -> Dataset:
    """The data set in `data`, every element converted, deep down. Raises UnreadableDataset."""
    return _Reader(data, explicit=is_explicit(transfer_syntax)).whole()


def read_raw(data: bytes, transfer_syntax: str) -> Dataset:
    """The data set in `data`, values left as their bytes. Raises UnreadableDataset."""
    return _Reader(data, explicit=is_explicit(transfer_syntax), raw=True).whole()


def is_explicit(transfer_syntax: str) -> bool:
    if transfer_syntax not in (IMPLICIT_LE, EXPLICIT_LE):
        raise UnreadableDataset(f"transfer syntax {transfer_syntax} is not known here")
    return transfer_syntax == EXPLICIT_LE


class _Reader:
    """Walks over the bytes once; every length is checked before anything is taken."""

    def __init__(self, data: bytes, *, explicit: bool, raw: bool = False) -> None:
        self._raw = raw
        self._data = memoryview(data)
        self._explicit = explicit
        self._left = MAX_ELEMENTS

    def whole(self) -> Dataset:
        """All of it as one data set."""
        dataset, _ = self._elements(0, len(self._data), self._explicit, 0, to_delimiter=False)
        return dataset

    def _count(self, more: int) -> None:
        self._left -= more
        if self._left < 0:
            raise UnreadableDataset(f"more than {MAX_ELEMENTS} elements and values")

    def _elements(
        self, at: int, end: int, explicit: bool, depth: int, *, to_delimiter: bool
    ) -> tuple[Dataset, int]:
        dataset = Dataset()
        while at < end:
            self._count(1)
            tag, vr, length, at = self._header(at, end, explicit)
            if to_delimiter and tag == _ITEM_END:
                return dataset, at
            if vr == "SQ" or (vr == "UN" and length == UNDEFINED):
                # PS3.5 6.2.2: an element of unknown VR and undefined length is a sequence in
                # Implicit VR.
                nested = explicit and vr == "SQ"
                items, at = self._sequence(tag, at, end, length, nested, depth + 1)
                dataset.add(DataElement(tag, "SQ", items))
                continue
            if length > end - at:
                raise UnreadableDataset(f"{tag} is longer than what holds it")
            value = self._data[at : at + length]
            if self._raw:
                dataset._dict[tag] = RawDataElement(tag, vr, length, bytes(value), 0, False, True)
            else:
                self._count(_extra_values(vr, value))
                dataset.add(_element(tag, vr, value))
            at += length
        if to_delimiter:
            raise UnreadableDataset("an item has no end")
        return dataset, at

    def _header(self, at: int, end: int, explicit: bool) -> tuple[BaseTag, str, int, int]:
        """Tag, VR, length and where the value begins."""
        if end - at < 8:
            raise UnreadableDataset("an element is cut off")
        group, element = TAG.unpack_from(self._data, at)
        tag = Tag(group, element)
        if group == 0xFFFE or not explicit:
            vr = "" if group == 0xFFFE else dictionary_vr(tag)
            return tag, vr, LENGTH.unpack_from(self._data, at + 4)[0], at + 8
        vr = bytes(self._data[at + 4 : at + 6]).decode("latin-1")
        if vr in LONG:
            if end - at < 12:
                raise UnreadableDataset("an element is cut off")
            length = LENGTH.unpack_from(self._data, at + 8)[0]
            if vr == "UN" and length != UNDEFINED:
                vr = dictionary_vr(tag)
                vr = "UN" if vr == "SQ" else vr
            return tag, vr, length, at + 12
        if vr not in TEXT and vr not in NUMBERS and vr != "AT":
            raise UnreadableDataset(f"{tag} has no VR that is known")
        return tag, vr, SHORT_LENGTH.unpack_from(self._data, at + 6)[0], at + 8

    def _sequence(
        self, tag: BaseTag, at: int, end: int, length: int, explicit: bool, depth: int
    ) -> tuple[Items, int]:
        if depth > MAX_DEPTH:
            raise UnreadableDataset(f"more than {MAX_DEPTH} sequences within each other")
        if length != UNDEFINED:
            if length > end - at:
                raise UnreadableDataset(f"{tag} is longer than what holds it")
            end = at + length
        items: list[Dataset] = []
        while at < end:
            self._count(1)
            mark, _, item_length, at = self._header(at, end, explicit)
            if mark == _SEQUENCE_END and length == UNDEFINED:
                return Items(items), at
            if mark != ITEM:
                raise UnreadableDataset(f"{tag} holds something that is not an item")
            if item_length == UNDEFINED:
                item, at = self._elements(at, end, explicit, depth, to_delimiter=True)
            elif item_length > end - at:
                raise UnreadableDataset(f"an item of {tag} is longer than what holds it")
            else:
                item, at = self._elements(at, at + item_length, explicit, depth, to_delimiter=False)
            items.append(item)
        if length == UNDEFINED:
            raise UnreadableDataset(f"{tag} has no end")
        return Items(items), at


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
