"""Image Display Format (PS3.3 C.13.3, C.13.5.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.films.film import dimensions_mm
from broker.model.films.layout import MAX_BOXES, Layout, Rectangle, UnknownLayout, UnreadableLayout


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        (r"STANDARD\1,1", 1),
        (r"STANDARD\2,3", 6),
        (r"ROW\1,2", 3),
        (r"COL\3,1,2", 6),
        (r"standard\2,3", 6),
        (r" STANDARD \ 2 , 3 ", 6),
        (r"ROW\5", 5),
    ],
)
def test_a_format_says_how_many_boxes(text: str, boxes: int) -> None:
    """Counts come from the format alone, spaces and case aside."""
    layout = Layout.parse(text)
    assert layout.boxes == boxes
    assert len(layout.places()) == boxes


@pytest.mark.parametrize(
    "text",
    [
        "",
        "STANDARD",
        r"STANDARD\1",
        r"STANDARD\1,2,3",
        r"STANDARD\0,1",
        r"STANDARD\-1,1",
        r"STANDARD\1.5,1",
        r"STANDARD\\1,1",
        r"STANDARD\100,100",
        r"ROW\1,0",
        r"ROW\1,",
        r"DIAGONAL\1,1",
        r"SLIDE\1",
        r"CUSTOM",
        r"CUSTOM\1,2",
        r"ROW",
        "STANDARD\\١,١",
        "ROW\\" + "9" * 5000,
    ],
)
def test_what_is_no_format_is_refused(text: str) -> None:
    """Anything that names no layout is refused."""
    with pytest.raises(UnreadableLayout):
        Layout.parse(text)


def test_standard_is_numbered_to_the_right_then_down() -> None:
    r"""STANDARD\2,1 has two columns: the second box lies right of the first."""
    assert Layout.parse(r"STANDARD\2,1").places() == (
        Rectangle(0, 0, 0.5, 1),
        Rectangle(0.5, 0, 0.5, 1),
    )


def test_columns_are_numbered_down_then_to_the_right() -> None:
    r"""COL\2,1: two boxes in the first column, one in the second."""
    assert Layout.parse(r"COL\2,1").places() == (
        Rectangle(0, 0, 0.5, 0.5),
        Rectangle(0, 0.5, 0.5, 0.5),
        Rectangle(0.5, 0, 0.5, 1),
    )


def test_rows_share_the_height() -> None:
    r"""ROW\1,2: one wide box above two."""
    assert Layout.parse(r"ROW\1,2").places() == (
        Rectangle(0, 0, 1, 0.5),
        Rectangle(0, 0.5, 0.5, 0.5),
        Rectangle(0.5, 0.5, 0.5, 0.5),
    )


@given(st.text(max_size=40) | st.from_regex(r"(STANDARD|ROW|COL)\\[0-9, ]{0,12}", fullmatch=True))
def test_any_text_is_a_layout_or_is_refused(text: str) -> None:
    """No text does anything else; a layout covers the sheet exactly, and reads back as itself."""
    try:
        layout = Layout.parse(text)
    except UnreadableLayout:
        return
    places = layout.places()
    assert 1 <= layout.boxes == len(places) <= MAX_BOXES
    assert sum(place.width * place.height for place in places) == pytest.approx(1)
    assert Layout.parse(layout.text) == layout


def test_landscape_lies_on_its_side() -> None:
    """Film sizes are portrait; LANDSCAPE swaps them, and an unknown size is drawn as A4."""
    assert dimensions_mm("14INX17IN", "PORTRAIT") == pytest.approx((355.6, 431.8))
    assert dimensions_mm("14INX17IN", "LANDSCAPE") == pytest.approx((431.8, 355.6))
    assert dimensions_mm("CURRENT", "") == (210, 297)


@pytest.mark.parametrize("text", ["SLIDE", "SUPERSLIDE", r"CUSTOM\3", "slide"])
def test_a_printers_own_format_has_as_many_boxes_as_it_made(text: str) -> None:
    """They are drawn in equal rows; without their number it is not known what the format is."""
    with pytest.raises(UnknownLayout):
        Layout.parse(text)
    for made in (1, 2, 5, 12):
        layout = Layout.parse(text, made)
        assert (layout.boxes, layout.text) == (made, text.upper())
        assert len(set(layout.places())) == made
    with pytest.raises(UnreadableLayout):
        Layout.parse(text, MAX_BOXES + 1)


def test_a_number_of_boxes_changes_no_other_format() -> None:
    """The standard's own formats say it themselves."""
    assert Layout.parse(r"STANDARD\2,3", 99) == Layout.parse(r"STANDARD\2,3")
