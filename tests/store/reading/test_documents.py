"""Documents: what is read back is what was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from broker.model.films.film import Film, Image, ImageBox, PresentationLut
from broker.store.reading.job_rows import (
    attributes_from_json,
    attributes_to_json,
    film_from_json,
    film_to_json,
)

TEXT = st.text(st.characters(max_codepoint=0xFF), max_size=20)
ATTRIBUTES = st.dictionaries(TEXT, st.lists(TEXT, max_size=3).map(tuple), max_size=4)
NUMBERS = st.integers(0, 65535)
OTHERS = st.binary(max_size=9)
"""Elements that print does not name: any bytes, here."""
LUTS = st.builds(
    PresentationLut,
    shape=st.sampled_from(["", "IDENTITY", "LIN OD"]),
    descriptor=st.none() | st.tuples(NUMBERS, NUMBERS, NUMBERS),
    table=st.binary(max_size=64),
    more=OTHERS,
    table_more=OTHERS,
)
IMAGES = st.builds(
    Image,
    pixels=st.binary(min_size=32, max_size=32).map(bytes.hex),
    length=st.integers(0, 2**40),
    rows=NUMBERS,
    columns=NUMBERS,
    bits_allocated=st.sampled_from([8, 16]),
    bits_stored=st.sampled_from([8, 12]),
    photometric=st.sampled_from(["MONOCHROME1", "MONOCHROME2", "RGB"]),
    samples=st.sampled_from([1, 3]),
    aspect_ratio=st.just(()) | st.tuples(TEXT, TEXT),
)
IMAGE_BOXES = st.builds(
    ImageBox,
    position=st.integers(1, 99),
    attributes=ATTRIBUTES,
    image=st.none() | IMAGES,
    lut=st.none() | LUTS,
    more=OTHERS,
    image_more=OTHERS,
)
FILMS = st.builds(
    Film,
    attributes=ATTRIBUTES,
    image_boxes=st.lists(IMAGE_BOXES, max_size=4).map(tuple),
    lut=st.none() | LUTS,
    more=OTHERS,
    session_more=OTHERS,
)


@given(FILMS)
def test_a_film_comes_back_as_it_was(film: Film) -> None:
    """Every film is read back equal, empty places and the bytes of its tables too."""
    assert film_from_json(film_to_json(film)) == film


@given(ATTRIBUTES)
def test_attributes_come_back_as_they_were(attributes: dict[str, tuple[str, ...]]) -> None:
    """Any bytes of any text, and the order of the attributes, are kept."""
    found = attributes_from_json(attributes_to_json(attributes))

    assert list(found.items()) == list(attributes.items())


def test_documents_are_plain_text() -> None:
    """Whatever a label holds, what is stored is ASCII: every database can keep it."""
    assert attributes_to_json({"FilmSessionLabel": ("\x00M\xfcller",)}).isascii()
