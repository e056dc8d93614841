"""The film by which a printer is asked again asks for what it refused, and for no more."""

from __future__ import annotations

import pytest

from broker.model.films.capabilities import (
    DEPTH,
    LUT,
    PrintObject,
    Trait,
    combinations,
    form,
)
from broker.model.films.film import PresentationLut
from broker.model.films.trial import trial

TABLE = Trait(PrintObject.FILM_BOX, LUT, "256 entries of 12 bits")
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
    """Alone, and beside others of the film session and the film box."""
    beside = {Trait(SESSION, "MediumType", "PAPER"), Trait(BOX, "FilmSizeID", "A3")}
    for asked in ({trait}, {trait, *beside}):
        of_depth = {Trait(BOX, LUT, "LIN OD")} if "with LIN OD" in trait.value else set()
        of_depth |= {TABLE} if trait.level is IMAGE and trait.keyword == LUT else set()
        wanted = frozenset({*asked, *of_depth})
        found = trial(wanted)
        if len({each.keyword for each in wanted}) == len(wanted) or of_depth:
            assert wanted in combinations(found.session, found.film)
