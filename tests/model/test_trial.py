"""The film by which a printer is asked again asks for what it refused, and for no more."""

from __future__ import annotations

import pytest

from broker.model.capabilities import (
    DEPTH,
    LUT,
    PrintObject,
    Trait,
    form,
    traits_of_film,
)
from broker.model.film import PresentationLut
from broker.model.trial import trial

SESSION, BOX, IMAGE = PrintObject.SESSION, PrintObject.FILM_BOX, PrintObject.IMAGE_BOX


@pytest.mark.parametrize(
    "trait",
    [
        Trait(SESSION, "MediumType", "BLUE FILM"),
        Trait(BOX, "FilmSizeID", "14INX17IN"),
        Trait(BOX, "FilmOrientation", "LANDSCAPE"),
        Trait(BOX, "ImageDisplayFormat", r"STANDARD\2,3"),
        Trait(BOX, LUT, "LIN OD"),
        Trait(BOX, LUT, form(PresentationLut("", (256, 0, 10), b""))),
        Trait(IMAGE, "Polarity", "REVERSE"),
        Trait(IMAGE, "RequestedImageSize", "150"),
        Trait(IMAGE, DEPTH, "12 in 16"),
        Trait(IMAGE, DEPTH, "12 in 16 with LIN OD"),
        Trait(IMAGE, LUT, "of 256 entries of 12 bits with images of 12 in 16 bits"),
    ],
)
def test_it_asks_for_that(trait: Trait) -> None:
    """Beside what belongs to it: the LUT of a depth."""
    found = trial(trait)
    assert found is not None
    asked = traits_of_film(found.session, found.film)
    assert trait in asked
    assert {each.keyword for each in asked} <= {trait.keyword, LUT}


def test_every_value_of_an_attribute_cannot_be_asked_for() -> None:
    """None is known."""
    assert trial(Trait(BOX, "RequestedImageSize", "")) is None
