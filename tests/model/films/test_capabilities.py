"""What a film asks of a printer, and what printers are known to refuse: pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace

import pytest

from broker.model.films.capabilities import (
    DEPTH,
    LUT,
    Capability,
    Lesson,
    PrintObject,
    Trait,
    combinations,
    impossible,
    refused,
)
from broker.model.films.film import Film, Image, ImageBox, PresentationLut

SESSION, BOX, IMAGE = PrintObject.SESSION, PrintObject.FILM_BOX, PrintObject.IMAGE_BOX
PICTURE = Image("00", 64, 8, 8, 8, 8, "MONOCHROME2")
DEEP = replace(PICTURE, length=128, bits_allocated=16, bits_stored=12)
A3 = Trait(BOX, "FilmSizeID", "A3")


def _table(entries: int, bits: int, steps: int = 1) -> PresentationLut:
    """A ramp, in so many steps for each entry."""
    highest = (1 << bits) - 1
    values = [min(highest, each * steps * highest // (entries - 1)) for each in range(entries)]
    return PresentationLut("", (entries, 0, bits), struct.pack(f"<{entries}H", *values))


def _film(image: Image = PICTURE, lut: PresentationLut | None = None, **attributes: str) -> Film:
    values = {key: tuple(value.split("\\")) for key, value in attributes.items()}
    return Film(
        {"ImageDisplayFormat": (r"STANDARD\1,1",), **values}, (ImageBox(1, {}, image),), lut
    )


def _refuses(
    trait: Trait, *, beside: Iterable[Trait] = (), status: int = 0x0106
) -> tuple[Capability]:
    return (Capability(Lesson.REFUSES, trait, frozenset({trait, *beside}), status),)


def test_an_ordinary_film_asks_for_nothing_that_can_be_refused() -> None:
    """One image of eight bits, and what a printer does anyhow; copies, priority and labels follow
    from how it is asked for, or name a patient."""
    session = {
        "NumberOfCopies": ("3",),
        "PrintPriority": ("HIGH",),
        "FilmSessionLabel": ("DOE^JANE",),
        "OwnerID": ("RUTH",),
    }
    assert combinations(session, _film(RequestedDecimateCropBehavior="DECIMATE")) == set()


def test_all_else_matters() -> None:
    """A printer may refuse a value for any other one beside it."""
    (asked,) = combinations({}, _film(Trim="YES", BorderDensity="BLACK"))
    assert {each.words for each in asked} == {"Trim YES", "BorderDensity BLACK"}


def test_what_makes_another_film_is_asked_for() -> None:
    """Medium, size, orientation, depth, and a LUT that changes gray levels: by film session, film
    box and image, each with what is above it."""
    film = _film(DEEP, PresentationLut("LIN OD"), FilmSizeID="A3", FilmOrientation="LANDSCAPE")
    session = frozenset({Trait(SESSION, "MediumType", "BLUE FILM")})
    box = session | {
        A3,
        Trait(BOX, "FilmOrientation", "LANDSCAPE"),
        Trait(BOX, LUT, "LIN OD"),
    }
    image = box | {Trait(IMAGE, DEPTH, "12 in 16 with LIN OD")}
    assert combinations({"MediumType": ("BLUE FILM",)}, film) == {session, box, image}


def test_a_table_and_the_depth_of_its_images_are_one_thing() -> None:
    """Printers refuse them for each other."""
    asked = combinations({}, _film(DEEP, _table(256, 12, steps=2)))
    assert Trait(IMAGE, LUT, "of 256 entries of 12 bits with images of 12 in 16 bits") in (
        frozenset().union(*asked)
    )


@pytest.mark.parametrize(("entries", "bits"), [(256, 10), (256, 12), (4096, 12), (4096, 16)])
def test_a_table_that_changes_nothing_is_known(entries: int, bits: int) -> None:
    """To one step; one that is steeper, or falls, changes something."""
    assert _table(entries, bits).identity
    assert not _table(entries, bits, steps=2).identity
    falling = _table(entries, bits)
    turned = struct.pack(f"<{entries}H", *reversed(struct.unpack(f"<{entries}H", falling.table)))
    assert not replace(falling, table=turned).identity
    assert not replace(falling, table=falling.table[:-2]).identity
    assert PresentationLut("IDENTITY").identity
    assert not PresentationLut("LIN OD").identity


def test_a_refusal_is_of_what_was_asked_for_together() -> None:
    """The same size on another medium, or in another format, is not known to be refused."""
    medium = Trait(SESSION, "MediumType", "PAPER")
    (known,) = _refuses(A3, beside=[medium])
    assert refused((known,), [frozenset({A3, medium})]) == known
    assert refused((known,), [frozenset({medium}), frozenset({A3, medium})]) == known
    for other in (
        {A3},
        {medium},
        {A3, replace(medium, value="BLUE FILM")},
        {replace(A3, value="")},
    ):
        assert refused((known,), [frozenset(other)]) is None
    assert refused((replace(known, lesson=Lesson.WITHOUT),), [frozenset({A3, medium})]) is None
    assert known.words == "refuses FilmSizeID A3 with MediumType PAPER of the film box"


def test_a_film_is_impossible_when_each_printer_refuses_something_of_it() -> None:
    """Not the same of it, perhaps; with the status of the first; and never without printers."""
    medium = Trait(SESSION, "MediumType", "BLUE FILM")
    (one,), (other,) = _refuses(A3, beside=[medium], status=0x0105), _refuses(medium)
    both = [frozenset({medium}), frozenset({A3, medium})]
    found = impossible({"oki-1": (one,), "oki-2": (other,)}, both)
    assert found is not None
    assert found.first == one
    assert found.refusals == {"oki-1": one, "oki-2": other}
    assert impossible({"oki-1": (one,), "oki-2": (other,)}, [frozenset({A3})]) is None
    assert impossible({"oki-1": (one,), "oki-2": ()}, both) is None
    assert impossible({}, both) is None
