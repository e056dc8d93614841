"""A data set in pieces says what it says as a whole, and its pixels are nowhere in it."""

from __future__ import annotations

import gc
import struct
import tracemalloc

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.dicom.upper_layer.dataset import read_raw
from broker.dicom.upper_layer.dataset_reader import (
    EXPLICIT_LE,
    IMPLICIT_LE,
    MAX_DEPTH,
    Elsewhere,
    UnreadableDataset,
)
from broker.dicom.upper_layer.message import MAX_WHILE_COMING
from tests.peers.coming_dataset import (
    ALL_SYNTAXES,
    BORDERS,
    COLOR_SEQUENCE,
    GRAYSCALE_SEQUENCE,
    ICC_PROFILE,
    LABEL,
    LUT_DATA,
    LUT_SEQUENCE,
    OTHER_SEQUENCE,
    OVERLAY_DATA,
    PIXEL_DATA,
    PRIVATE,
    ROWS,
    SYNTAXES,
    UNDEFINED,
    UNKNOWN,
    Coming,
    NoMore,
    check,
    data_sets,
    element,
    image,
    item,
    mark,
    plain,
    sequence,
)


@given(st.data(), SYNTAXES, BORDERS)
def test_in_pieces_it_is_the_same_as_whole(
    data: st.DataObject, syntax: str, borders: list[int]
) -> None:
    """Wherever a data set is cut, what is read of it afterwards is what it said."""
    check(syntax, data.draw(data_sets(syntax)), borders)


@given(st.data(), SYNTAXES, BORDERS)
def test_damage_is_judged_the_same_as_whole(
    data: st.DataObject, syntax: str, borders: list[int]
) -> None:
    """Changed, missing or further bytes make it unreadable exactly where they make the whole so."""
    good = bytearray(data.draw(data_sets(syntax)) or image(syntax, bytes(20)))
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.sampled_from([0, 1, 8, 255]))
    check(syntax, bytes(good[: data.draw(st.integers(1, len(good)))]), borders)


@given(st.binary(max_size=100), SYNTAXES, BORDERS)
@example(b"", IMPLICIT_LE, [])
@example(bytes.fromhex("2800100000000008"), IMPLICIT_LE, [])
def test_garbage_is_judged_the_same_as_whole(data: bytes, syntax: str, borders: list[int]) -> None:
    """Whatever comes, both say the same of it."""
    check(syntax, data, borders)


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
def test_pixels_are_read_as_they_come(syntax: str) -> None:
    """Every piece of the value is handed on at once, and what is cut off is not a data set."""
    whole = image(syntax, bytes(range(200)))
    around = len(image(syntax, b""))

    coming = Coming(syntax, whole[:120], [], finished=False)

    assert coming.announced == [200]
    assert coming.pixels == [bytes(range(120 - around))]
    assert isinstance(coming.error, NoMore)
    with pytest.raises(UnreadableDataset, match="the pixels are cut off"):
        Coming(syntax, whole[:120], []).read()


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
def test_only_the_first_pixels_are_stopped_at(syntax: str) -> None:
    """A second item's pixels, and a second value in one item, are skipped and told apart."""
    pixels = element(syntax, PIXEL_DATA, "OW", b"1234")
    data = sequence(
        syntax, GRAYSCALE_SEQUENCE, [item(pixels, syntax), item(pixels + pixels, syntax)]
    )

    coming = Coming(syntax, data, [])
    items = plain(coming.read())[GRAYSCALE_SEQUENCE]

    assert coming.pixels == [b"1234"]
    assert items == [{PIXEL_DATA: Elsewhere(4, True)}, {PIXEL_DATA: Elsewhere(4, False)}]


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
def test_pixels_elsewhere_are_elements_like_any_other(syntax: str) -> None:
    """At top level, in another sequence or deeper down they are kept, as far as there is room."""
    pixels = element(syntax, PIXEL_DATA, "OW", bytes(600))
    inner = sequence(syntax, 0x00880200, [item(pixels, syntax)])
    icon = sequence(syntax, GRAYSCALE_SEQUENCE, [item(inner, syntax)])
    for data in (pixels, sequence(syntax, OTHER_SEQUENCE, [item(pixels, syntax)]), icon):
        assert Coming(syntax, data, []).pixels == []
        assert plain(Coming(syntax, data, []).read()) == plain(read_raw(data, syntax))
        assert Coming(syntax, data, [], max_size=600).too_large


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
@pytest.mark.parametrize(
    "after",
    [
        pytest.param(b"garbage.", id="garbage"),
        pytest.param(b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff", id="compressed"),
        pytest.param(b"\x7f\xe0\x00\x10OB\x00\x00\xff\xff\xff\xff", id="compressed, big"),
    ],
)
def test_a_broken_data_set_is_noticed_at_once(syntax: str, after: bytes) -> None:
    """What comes after the pixels breaks the rules: nothing waits for the end."""
    inside = element(syntax, PIXEL_DATA, "OW", b"1234") + after
    length = len(inside) + 1000
    data = element(syntax, GRAYSCALE_SEQUENCE, "SQ", b"", length + 8)
    data += mark(syntax, 0xE000, length) + inside

    coming = Coming(syntax, data + bytes(12), [len(data) - len(after)], finished=False)

    assert coming.pixels == [b"1234"]
    assert isinstance(coming.error, UnreadableDataset)


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
@pytest.mark.parametrize(
    ("tag", "vr"),
    [
        (OVERLAY_DATA, "OW"),
        (ICC_PROFILE, "OB"),
        (PRIVATE, "UN"),
        (UNKNOWN, "OB"),
        (PIXEL_DATA, "OW"),
    ],
)
@pytest.mark.parametrize("delimited", [False, True])
def test_long_values_that_are_not_read_are_not_kept(
    syntax: str, tag: int, vr: str, delimited: bool
) -> None:
    """However long and however deep down, they cost nothing and are read as empty."""
    long = element(syntax, tag, vr, bytes(300_000))
    label = element(syntax, LABEL, "LO", b"kept")
    inside = item(long + label, syntax, delimited=delimited)
    deep = sequence(syntax, OTHER_SEQUENCE, [inside], delimited=delimited)
    pixels = element(syntax, PIXEL_DATA, "OW", bytes(range(100)))
    data = long + sequence(syntax, COLOR_SEQUENCE, [item(deep + pixels, syntax)]) + deep + label

    coming = Coming(syntax, data, list(range(0, len(data), 9000)), max_size=400)

    assert not coming.too_large
    assert coming.pixels == [bytes(range(100))]
    inner = [{tag: b"", LABEL: b"kept"}]
    assert plain(coming.read()) == {
        tag: b"",
        COLOR_SEQUENCE: [{OTHER_SEQUENCE: inner, PIXEL_DATA: Elsewhere(100, True)}],
        OTHER_SEQUENCE: inner,
        LABEL: b"kept",
    }


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
@pytest.mark.parametrize("vr", ["OW", "UN"])
def test_what_is_read_is_kept_however_long(syntax: str, vr: str) -> None:
    """The table of a Presentation LUT, and what is no bytes, even where it says it were."""
    table = element(syntax, LUT_DATA, vr, bytes(range(256)) * 400)
    label = element(syntax, LABEL, vr, b"x" * 100_000)
    plain_label = element(IMPLICIT_LE, LABEL, vr, b"x" * 100_000)
    hidden = element(syntax, GRAYSCALE_SEQUENCE, vr, item(plain_label)) if vr == "UN" else b""
    data = sequence(syntax, LUT_SEQUENCE, [item(table, syntax)]) + label + hidden

    coming = Coming(syntax, data, [])

    assert plain(coming.read()) == plain(read_raw(data, syntax))
    assert Coming(syntax, data, [], max_size=100_000).too_large


def test_a_known_sequence_of_unknown_vr_is_read() -> None:
    """Its items are in Implicit VR, whatever its length says (PS3.5 6.2.2)."""
    pixels = element(IMPLICIT_LE, PIXEL_DATA, "OW", b"1234")
    data = element(EXPLICIT_LE, GRAYSCALE_SEQUENCE, "UN", item(pixels))

    coming = Coming(EXPLICIT_LE, data, [])

    assert coming.pixels == [b"1234"]
    assert plain(coming.read()) == {GRAYSCALE_SEQUENCE: [{PIXEL_DATA: Elsewhere(4, True)}]}


@pytest.mark.parametrize("syntax", ALL_SYNTAXES)
def test_a_long_value_that_breaks_off_makes_it_unreadable(syntax: str) -> None:
    """It is not complete without its last byte, though that is not read."""
    data = element(syntax, OVERLAY_DATA, "OW", bytes(300_000))

    assert plain(Coming(syntax, data, [1000]).read()) == {OVERLAY_DATA: b""}
    with pytest.raises(UnreadableDataset):
        Coming(syntax, data[:-1], [1000]).read()


def test_what_stands_around_the_pixels_is_bounded() -> None:
    """However much comes, a bounded part is kept; the pixels do not count."""
    rest = element(IMPLICIT_LE, 0x20300010, "LO", bytes(5000))
    coming = Coming(IMPLICIT_LE, image(IMPLICIT_LE, bytes(9000)) + rest, [], max_size=4000)

    assert coming.too_large
    assert coming.pixels == [bytes(9000)]


def test_what_would_cost_too_much_is_not_followed() -> None:
    """Neither depth nor number of elements cost more in pieces than whole."""
    begin = struct.pack("<HHI", 0x2020, 0x0130, UNDEFINED) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, UNDEFINED
    )
    deep = begin * (MAX_DEPTH + 1)
    many = element(EXPLICIT_LE, ROWS, "US", b"") * MAX_WHILE_COMING

    with pytest.raises(UnreadableDataset, match="within each other"):
        Coming(IMPLICIT_LE, deep + bytes(1000), []).read()
    with pytest.raises(UnreadableDataset, match="elements"):
        Coming(EXPLICIT_LE, many + many, []).read()
    assert list(plain(Coming(EXPLICIT_LE, many, []).read())) == [ROWS]


@pytest.mark.parametrize("end", ["unfinished", "broken", "dropped"])
def test_what_a_peer_leaves_unfinished_costs_little(end: str) -> None:
    """Many small elements cost far more memory than their bytes: there are not many of them."""
    items = item(b"") * (MAX_WHILE_COMING - 10)
    begun = element(EXPLICIT_LE, OTHER_SEQUENCE, "SQ", items, 1 << 20)
    more = {
        "unfinished": b"",
        "broken": b"garbage.",
        "dropped": item(element(EXPLICIT_LE, LABEL, "UN", bytes(60_000))),
    }
    gc.collect()
    gc.disable()
    tracemalloc.start()
    coming = Coming(EXPLICIT_LE, begun + more[end], [], max_size=50_000, finished=False)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gc.enable()

    assert coming.too_large == (end == "dropped")
    assert held < (3 << 19 if end == "unfinished" else 1 << 17)
