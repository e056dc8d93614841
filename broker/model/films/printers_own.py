"""Formats whose image boxes are the printer's own affair: SLIDE, SUPERSLIDE, CUSTOM. What their
number depends on, and how it is remembered.
"""

from __future__ import annotations

from broker.model.films.capabilities import (
    Capability,
    Combination,
    Lesson,
    PrintObject,
    Trait,
    traits,
)
from broker.model.films.film import Attributes, first
from broker.model.films.layout import PRINTERS_OWN

KEYWORD = "ImageDisplayFormat"
_DECIDING = frozenset({KEYWORD, "FilmSizeID", "FilmOrientation", "MediumType"})
"""Those of the film box cannot be set after it was created, so that a film which is printed has the
values for which its number was asked."""


def is_printers_own(display_format: str) -> bool:
    """Whether a format, as the standard spells it, is one of them."""
    return display_format.partition("\\")[0] in PRINTERS_OWN


def deciding(session: Attributes, film_box: Attributes) -> Combination:
    """What the number of image boxes depends on."""
    whole = traits(PrintObject.SESSION, session) | traits(PrintObject.FILM_BOX, film_box)
    return frozenset(each for each in whole if each.keyword in _DECIDING)


def makes(session: Attributes, film_box: Attributes, number: int) -> Capability:
    """That a printer makes so many image boxes for such a film box."""
    format_ = Trait(PrintObject.FILM_BOX, KEYWORD, first(film_box, KEYWORD))
    return Capability(Lesson.IMAGE_BOXES, format_, deciding(session, film_box), number)
