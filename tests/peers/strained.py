"""Data sets as they are strained, and what may be said of them when they were read whole."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from broker.dicom.upper_layer.dataset import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    Elsewhere,
    UnreadableDataset,
    read_raw,
)
from broker.dicom.upper_layer.dataset_stream import Strainer
from broker.dicom.upper_layer.dataset_walk import LONGEST_UNREAD
from tests.peers.acceptor import Kept

GRAYSCALE_SEQUENCE = 0x20200110
COLOR_SEQUENCE = 0x20200111
OTHER_SEQUENCE = 0x20200130
LUT_SEQUENCE = 0x20500010
PIXEL_DATA = 0x7FE00010
LUT_DATA = 0x00283006
ICC_PROFILE = 0x00282000
OVERLAY_DATA = 0x60023000
PRIVATE = 0x00091001
UNKNOWN = 0x20200777
LABEL = 0x20000050
ROWS = 0x00280010
LONG = ("OB", "OW", "SQ", "UN")
UNDEFINED = 0xFFFFFFFF
ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
SEQUENCE_END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def element(syntax: str, tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One encoded element, whose length may be a lie."""
    said = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT_LE:
        return head + struct.pack("<I", said) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack("<HI", 0, said) + value
    return head + vr.encode() + struct.pack("<H", said) + value


def item(content: bytes, *, delimited: bool = False) -> bytes:
    """An item of a sequence."""
    length = UNDEFINED if delimited else len(content)
    end = ITEM_END if delimited else b""
    return struct.pack("<HHI", 0xFFFE, 0xE000, length) + content + end


def sequence(syntax: str, tag: int, items: list[bytes], *, delimited: bool = False) -> bytes:
    """A sequence of encoded items."""
    content = b"".join(items)
    if delimited:
        return element(syntax, tag, "SQ", content + SEQUENCE_END, UNDEFINED)
    return element(syntax, tag, "SQ", content)


def image(syntax: str, pixels: bytes) -> bytes:
    """An image box with rows and pixels in its one item."""
    rows = element(syntax, ROWS, "US", b"\x10\x00")
    content = rows + element(syntax, PIXEL_DATA, "OW", pixels)
    return sequence(syntax, GRAYSCALE_SEQUENCE, [item(content)])


class Strained:
    """A data set that went through a strainer, cut at these places."""

    def __init__(
        self, syntax: str, data: bytes, borders: list[int], *, max_size: int = 1 << 20
    ) -> None:
        self.syntax = syntax
        self.sinks: list[Kept] = []
        self.announced: list[int] = []
        self.strainer = Strainer(syntax, self._open, max_size)
        places = sorted({0, len(data), *(border % (len(data) + 1) for border in borders)})
        for begin, end in pairwise(places):
            piece = bytearray(data[begin:end])
            self.strainer.feed(memoryview(piece))
            piece[:] = bytes(len(piece))

    def read(self) -> Dataset:
        """What is read of it afterwards."""
        return self.strainer.dataset()

    def _open(self, size: int) -> Kept:
        self.announced.append(size)
        self.sinks.append(Kept())
        return self.sinks[-1]


def plain(dataset: Dataset) -> dict[int, Any]:
    """Tags and bytes, deep down."""
    found: dict[int, Any] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating converts the elements
        value = dataset.get_item(tag).value
        found[int(tag)] = value if isinstance(value, bytes | Elsewhere) else list(map(plain, value))
    return found


def unread(tag: int) -> bool:
    """Whether the dictionary calls an element binary, or does not know it."""
    known = Tag(tag)
    if known.is_private_creator or known.element == 0:
        return False
    if known.is_private or not dictionary_has_tag(known):
        return True
    return dictionary_VR(known).split(" or ")[-1] in {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}


def blanked(found: dict[int, Any], within: int = 0, depth: int = 0) -> dict[int, Any]:
    """The same without the long values that are not read."""
    made: dict[int, Any] = {}
    for tag, value in found.items():
        if isinstance(value, list):
            made[tag] = [blanked(each, tag, depth + 1) for each in value]
            continue
        image = tag == PIXEL_DATA and within in (GRAYSCALE_SEQUENCE, COLOR_SEQUENCE) and depth == 1
        table = tag == LUT_DATA and within == LUT_SEQUENCE
        long = len(value) > LONGEST_UNREAD and unread(tag) and not image and not table
        made[tag] = b"" if long else value
    return made


def agree(whole: Any, strained: Any, pixels: bytes) -> bool:
    """Whether both are the same, where pixels that are elsewhere are as long, or those there."""
    if isinstance(strained, Elsewhere):
        same = strained.length == len(whole)
        return same and (not strained.first or whole == pixels)
    if isinstance(whole, dict) and isinstance(strained, dict):
        return list(whole) == list(strained) and all(
            agree(whole[tag], strained[tag], pixels) for tag in whole
        )
    if isinstance(whole, list) and isinstance(strained, list):
        return len(whole) == len(strained) and all(
            agree(one, other, pixels) for one, other in zip(whole, strained, strict=True)
        )
    return bool(whole == strained)


def check(syntax: str, data: bytes, borders: list[int]) -> None:
    """The same is read of it as of the whole with its long values blanked, or neither can be."""
    strained = Strained(syntax, data, borders)
    try:
        whole = blanked(plain(read_raw(data, syntax)))
    except UnreadableDataset:
        with pytest.raises(UnreadableDataset):
            strained.read()
        return
    pixels = bytes(strained.sinks[0].content) if strained.sinks else b""

    assert len(strained.sinks) <= 1
    assert strained.announced == [len(pixels)] * len(strained.sinks)
    assert agree(whole, plain(strained.read()), pixels)


SYNTAXES = st.sampled_from([IMPLICIT_LE, EXPLICIT_LE])
BORDERS = st.lists(st.integers(0, 40_000), max_size=12)
SEQUENCES = [GRAYSCALE_SEQUENCE, COLOR_SEQUENCE, LUT_SEQUENCE, OTHER_SEQUENCE]
LONG_ELEMENTS = [
    (ICC_PROFILE, "OB"),
    (OVERLAY_DATA, "OW"),
    (PRIVATE, "UN"),
    (PRIVATE, "LT"),
    (UNKNOWN, "OB"),
    (LUT_DATA, "OW"),
    (LUT_DATA, "US"),
    (LABEL, "LO"),
    (PIXEL_DATA, "OW"),
]


@st.composite
def data_sets(draw: st.DrawFn, syntax: str, depth: int = 0) -> bytes:
    """Encoded elements in any order, sequences and pixels among them, deep down."""
    made = []
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(["value", "value", "long", "pixels", "sequence"]))
        if kind == "value":
            tag, vr = draw(st.sampled_from([(ROWS, "US"), (LABEL, "LO"), (PRIVATE, "UN")]))
            made.append(element(syntax, tag, vr, draw(st.binary(max_size=6))))
        elif kind == "long":
            tag, vr = draw(st.sampled_from(LONG_ELEMENTS))
            size = LONGEST_UNREAD + 2 * draw(st.integers(-1, 3))
            made.append(element(syntax, tag, vr, draw(st.sampled_from([b"\0", b"\xfe"])) * size))
        elif kind == "pixels":
            made.append(element(syntax, PIXEL_DATA, "OW", draw(st.binary(max_size=60))))
        elif depth < 3:
            tag = draw(st.sampled_from(SEQUENCES))
            items = draw(st.lists(data_sets(syntax, depth + 1), max_size=3))
            delimited = draw(st.booleans())
            made.append(
                sequence(
                    syntax,
                    tag,
                    [item(each, delimited=draw(st.booleans())) for each in items],
                    delimited=delimited,
                )
            )
    return b"".join(made)
