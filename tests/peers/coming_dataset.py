"""Data sets that are read while they come, and what may be said of them when read whole."""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from broker.dicom.scp.received_dataset import WANTED
from broker.dicom.upper_layer.command_set import Command, command_of
from broker.dicom.upper_layer.dataset import read_raw
from broker.dicom.upper_layer.dataset_reader import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    LONGEST_UNREAD,
    DatasetTooLarge,
    Elsewhere,
    UnreadableDataset,
)
from broker.dicom.upper_layer.message import Context, DataStream, Fragments, Request
from tests.peers.raw import data_pdu

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
LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
WORDS = {
    **{"AT": 2, "OW": 2, "SS": 2, "US": 2},
    **{"FL": 4, "OF": 4, "OL": 4, "SL": 4, "UL": 4},
    **{"FD": 8, "OD": 8, "OV": 8, "SV": 8, "UV": 8},
}
"""VR -> bytes of its words, where the order of bytes matters (PS3.5 7.3)."""
UNDEFINED = 0xFFFFFFFF
ALL_SYNTAXES = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE)


def element(syntax: str, tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """One encoded element, whose length may be a lie; `value` is in little endian."""
    said = len(value) if length is None else length
    order = ">" if syntax == EXPLICIT_BE else "<"
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if syntax == IMPLICIT_LE:
        return head + struct.pack("<I", said) + value
    if syntax == EXPLICIT_BE and vr in WORDS:
        value = in_big_endian(value, WORDS[vr])
    if vr in LONG:
        return head + vr.encode() + struct.pack(f"{order}HI", 0, said) + value
    return head + vr.encode() + struct.pack(f"{order}H", said) + value


def in_big_endian(value: bytes, word: int) -> bytes:
    """Each whole word with its bytes the other way round."""
    whole = len(value) - len(value) % word
    turned = b"".join(value[at : at + word][::-1] for at in range(0, whole, word))
    return turned + value[whole:]


def mark(syntax: str, element_number: int, length: int) -> bytes:
    """An item's beginning, or the end of an item or a sequence."""
    return struct.pack(">HHI" if syntax == EXPLICIT_BE else "<HHI", 0xFFFE, element_number, length)


def item(content: bytes, syntax: str = EXPLICIT_LE, *, delimited: bool = False) -> bytes:
    """An item of a sequence."""
    length = UNDEFINED if delimited else len(content)
    end = mark(syntax, 0xE00D, 0) if delimited else b""
    return mark(syntax, 0xE000, length) + content + end


def sequence(syntax: str, tag: int, items: list[bytes], *, delimited: bool = False) -> bytes:
    """A sequence of encoded items."""
    content = b"".join(items)
    if delimited:
        return element(syntax, tag, "SQ", content + mark(syntax, 0xE0DD, 0), UNDEFINED)
    return element(syntax, tag, "SQ", content)


def image(syntax: str, pixels: bytes) -> bytes:
    """An image box with rows and pixels in its one item."""
    rows = element(syntax, ROWS, "US", b"\x10\x00")
    content = rows + element(syntax, PIXEL_DATA, "OW", pixels)
    return sequence(syntax, GRAYSCALE_SEQUENCE, [item(content, syntax)])


class NoMore(Exception):
    """Nothing more comes, and the data set is not at its end."""


class Coming:
    """A data set that comes in fragments, cut at these places, and is read meanwhile."""

    def __init__(
        self,
        syntax: str,
        data: bytes,
        borders: list[int],
        *,
        max_size: int = 1 << 20,
        finished: bool = True,
    ) -> None:
        """Without `finished`, more was to come."""
        self.announced: list[int] = []
        self.pixels: list[bytes] = []
        """Those that the reader stopped at, as far as they have come."""
        self.error: Exception | None = None
        places = sorted({0, len(data), *(border % (len(data) + 1) for border in borders)})
        parts = [data[begin:end] for begin, end in pairwise(places)] or [b""]
        self._bodies = [data_pdu(1, 0x00, each)[6:] for each in parts[:-1]]
        self._bodies.append(data_pdu(1, 0x02 if finished else 0x00, parts[-1])[6:])
        self._buffer = bytearray()
        stream = DataStream(Fragments(self._next_body))
        command = command_of({"CommandField": Command.N_SET, "MessageID": 1})
        request = Request(Context(1, "1.2", syntax), command, stream, max_size)
        self._dataset = Dataset()
        try:
            self._read(request)
        except (UnreadableDataset, DatasetTooLarge, NoMore) as error:
            self.error = error.with_traceback(None)

    @property
    def too_large(self) -> bool:
        """Whether more would have to be kept than may be."""
        return isinstance(self.error, DatasetTooLarge)

    def read(self) -> Dataset:
        """What was read of it."""
        if self.error is not None:
            raise self.error
        return self._dataset

    def _read(self, request: Request) -> None:
        reader = request.reader(WANTED)
        size = reader.to_pixels()
        if size is not None:
            self.announced.append(size)
            self.pixels.append(b"")
            for piece in reader.pixels():
                self.pixels[-1] += bytes(piece)
        self._dataset = reader.to_end()

    def _next_body(self) -> memoryview:
        """As from a wire: what was handed out before is overwritten."""
        self._buffer[:] = bytes(len(self._buffer))
        if not self._bodies:
            raise NoMore
        self._buffer = bytearray(self._bodies.pop(0))
        return memoryview(self._buffer)


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


def agree(whole: Any, read: Any, pixels: bytes) -> bool:
    """Whether both are the same, where pixels that are elsewhere are as long, or those there."""
    if isinstance(read, Elsewhere):
        same = read.length == len(whole)
        return same and (not read.first or whole == pixels)
    if isinstance(whole, dict) and isinstance(read, dict):
        return list(whole) == list(read) and all(
            agree(whole[tag], read[tag], pixels) for tag in whole
        )
    if isinstance(whole, list) and isinstance(read, list):
        return len(whole) == len(read) and all(
            agree(one, other, pixels) for one, other in zip(whole, read, strict=True)
        )
    return bool(whole == read)


def check(syntax: str, data: bytes, borders: list[int]) -> None:
    """The same is read of it as of the whole with its long values blanked, or neither can be: what
    is announced beyond the bound ends it before it is known to be cut off.
    """
    coming = Coming(syntax, data, borders)
    try:
        whole = blanked(plain(read_raw(data, syntax)))
    except UnreadableDataset:
        with pytest.raises((UnreadableDataset, DatasetTooLarge)):
            coming.read()
        return
    pixels = coming.pixels[0] if coming.pixels else b""

    assert len(coming.pixels) <= 1
    assert coming.announced == [len(each) for each in coming.pixels]
    assert agree(whole, plain(coming.read()), pixels)


SYNTAXES = st.sampled_from(ALL_SYNTAXES)
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
                    [item(each, syntax, delimited=draw(st.booleans())) for each in items],
                    delimited=delimited,
                )
            )
    return b"".join(made)
