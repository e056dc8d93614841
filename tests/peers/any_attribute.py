"""Every attribute that the dictionary of pydicom has, with values that fit each of its VRs."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

from tests.peers.encoded_tree import Node, Tree

NUMBERS = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_BYTES = {"OB": 1, "OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8, "UN": 1}
_WORD = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_ANY = bytes(sorted({*range(0x20, 0x7F), *range(0xA0, 0x100), 0x1B} - {0x5C})).decode("latin-1")
"""Text of any character set, byte by byte: what it means is not known on the way."""


@cache
def dictionary() -> dict[int, tuple[str, ...]]:
    """Tag -> its VRs. A repeating group has its first tag only; delimiters are no attributes."""
    whole = {int(tag): entry[0] for tag, entry in DicomDictionary.items()}
    whole |= {int(mask.replace("x", "0"), 16): vr[0] for mask, vr in RepeatersDictionary.items()}
    return {
        tag: tuple(vr.split(" or "))
        for tag, vr in sorted(whole.items())
        if vr != "NONE" and tag & 0xFFFF
    }


def _padded(text: str, vr: str) -> bytes:
    value = text.encode("latin-1")
    return value + (b"\0" if vr == "UI" else b" ") * (len(value) % 2)


@cache
def texts(vr: str) -> st.SearchStrategy[str]:
    """One value of text."""
    free = st.text(_ANY, max_size=40)
    return {
        "AE": st.text(_WORD, min_size=1, max_size=16),
        "AS": st.builds("{:03d}{}".format, st.integers(0, 999), st.sampled_from("DWMY")),
        "CS": st.text(_WORD + " ", min_size=1, max_size=16),
        "DA": st.dates().map(lambda day: day.strftime("%Y%m%d").zfill(8)),
        "DS": st.floats(-1e9, 1e9).map(lambda number: f"{number:.6g}"),
        "DT": st.datetimes().map(lambda time: time.strftime("%Y%m%d%H%M%S").zfill(14)),
        "IS": st.integers(-(2**31), 2**31 - 1).map(str),
        "TM": st.times().map(lambda time: time.strftime("%H%M%S.%f")),
        "UI": st.lists(st.integers(0, 99999), min_size=2, max_size=9).map(
            lambda parts: ".".join(map(str, parts))
        ),
        "UR": st.text(_WORD.lower() + ":/.", max_size=60),
    }.get(vr, free)


@cache
def values(vr: str) -> st.SearchStrategy[bytes]:
    """Values that fit a VR, of one or more parts, some of none; in little endian."""
    if vr in NUMBERS:
        whole = st.binary(max_size=3 * struct.calcsize(NUMBERS[vr]))
        return whole.map(lambda some: some[: len(some) - len(some) % struct.calcsize(NUMBERS[vr])])
    if vr == "AT":
        return st.binary(max_size=12).map(lambda some: some[: len(some) & ~3])
    if vr in _BYTES:
        short, word = st.binary(max_size=48), max(_BYTES[vr], 2)
        long = st.builds(bytes.__mul__, st.binary(min_size=8, max_size=8), st.integers(500, 700))
        return st.one_of(short, short, short, long).map(lambda some: some[: len(some) & -word])
    if vr in ("LT", "ST", "UT", "UR"):
        return st.one_of(texts(vr), st.just("a\\b")).map(lambda text: _padded(text, vr))
    return st.lists(texts(vr), min_size=1, max_size=3).map(
        lambda parts: _padded("\\".join(parts), vr)
    )


@st.composite
def attributes(draw: st.DrawFn, tag: int, depth: int = 0) -> Node:
    """An attribute of the dictionary, in a VR that it may have; now and then it is sent as UN, or
    as another kind of text."""
    vr = draw(st.sampled_from(dictionary()[tag]))
    odd = draw(st.integers(0, 9))
    unknown = odd == 0
    if odd == 1 and vr in ("CS", "DS", "IS", "SH", "ST"):
        return Node(tag, "LO", draw(values(vr)))
    if vr == "SQ":
        items = st.lists(data_sets(depth=depth + 1, most=3), max_size=2 if depth < 2 else 0)
        return Node(tag, "UN" if unknown else "SQ", draw(items))
    return Node(tag, "UN" if unknown else vr, draw(values(vr)))


@st.composite
def private_blocks(draw: st.DrawFn) -> Tree:
    """A private creator and elements of it, of any VR (PS3.5 7.8)."""
    group, block = (
        draw(st.sampled_from([0x0009, 0x0029, 0x2011, 0x7FE1])),
        draw(st.integers(16, 99)),
    )
    made = [Node(group << 16 | block, "LO", _padded(draw(texts("LO")) or "ACME", "LO"))]
    for number in sorted(draw(st.sets(st.integers(0, 255), max_size=4))):
        vr = draw(st.sampled_from([*NUMBERS, *_BYTES, "AT", "LO", "DS", "UT", "PN"]))
        made.append(Node(group << 16 | block << 8 | number, vr, draw(values(vr))))
    return made


@st.composite
def data_sets(
    draw: st.DrawFn,
    without: frozenset[int] = frozenset(),
    often: frozenset[int] = frozenset(),
    *,
    depth: int = 0,
    most: int = 12,
) -> Tree:
    """Attributes in the order of their tags; those that come `often`, and private ones."""
    tags = st.sampled_from(sorted(dictionary().keys() - without))
    if often:
        tags = st.one_of(tags, tags, st.sampled_from(sorted(often - without)))
    made = {tag: draw(attributes(tag, depth)) for tag in draw(st.sets(tags, max_size=most))}
    if draw(st.booleans()):
        made |= {each.tag: each for each in draw(private_blocks())}
    return [made[tag] for tag in sorted(made)]


_FITTING = {
    **{"AE": "PRINTER", "AS": "018M", "CS": "WORD", "DA": "20260102", "DS": "1.50", "IS": "7"},
    **{"DT": "20260102030405", "TM": "030405.5", "UI": "1.2.3", "UR": "http://a", "PN": "A^B"},
}


def fitting(tags: Iterable[int], *, of: int = 0) -> Tree:
    """A short value for each attribute, in the VR that is the `of`-th of those it may have."""
    made = []
    for tag in tags:
        vrs = dictionary()[tag]
        vr = vrs[of % len(vrs)]
        value: bytes | list[Tree]
        if vr == "SQ":
            value = [[Node(0x00080100, "SH", b"T-D1"), Node(0x00280010, "US", b"\1\2")]]
        elif vr in NUMBERS or vr in _BYTES or vr == "AT":
            value = bytes(range(1, 9))[: 2 if vr in ("US", "SS") else 8]
        else:
            value = _padded(_FITTING.get(vr, f"text {vr}"), vr)
        made.append(Node(tag, vr, value))
    return made
