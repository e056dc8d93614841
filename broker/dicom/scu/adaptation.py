"""A film without what its printer does not take (promise 11): what is tried next, and remembered.

A printer that knows an optional attribute not, or not that value of it, refuses the whole film over
it, and the modality, which asked for a printer that does, cannot be told. So the request is sent
again without it, on the same association, as long as nothing was asked for. What changes the scale,
the size, the orientation, the depth, the polarity or the number of copies is never left out.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import StrEnum

from broker.dicom.attributes import FILM_BOX, FILM_SESSION, IMAGE_BOX
from broker.dicom.statuses import INVALID_ATTRIBUTE_VALUE, NO_SUCH_ATTRIBUTE
from broker.model.film import Attributes

REFUSALS = frozenset({NO_SUCH_ATTRIBUTE, INVALID_ATTRIBUTE_VALUE})
"""Statuses that may be about an attribute (PS3.7 C.4.2, C.5.9)."""


MOST = 500
"""Values of one printer's request that are remembered."""


class PrintObject(StrEnum):
    """The request that a printer refuses."""

    SESSION = "film session"
    FILM_BOX = "film box"
    IMAGE_BOX = "image box"


OPTIONAL: dict[PrintObject, tuple[str, ...]] = {
    PrintObject.SESSION: (
        "PrintPriority",
        "MemoryAllocation",
        "OwnerID",
        "FilmSessionLabel",
        "SpecificCharacterSet",
        "FilmDestination",
    ),
    PrintObject.FILM_BOX: (
        "ConfigurationInformation",
        "SmoothingType",
        "MagnificationType",
        "Trim",
        "RequestedResolutionID",
        "AnnotationDisplayFormatID",
        "BorderDensity",
        "EmptyImageDensity",
        "MinDensity",
        "MaxDensity",
        "Illumination",
        "ReflectedAmbientLight",
    ),
    PrintObject.IMAGE_BOX: (
        "ConfigurationInformation",
        "SmoothingType",
        "MagnificationType",
        "MinDensity",
        "MaxDensity",
    ),
}
"""What a film can be printed without, that which costs least first."""

OTHERS = "other elements"
"""Stands for all elements that print does not name, at one level."""
DECIMATED = ("RequestedDecimateCropBehavior", ("DECIMATE",))
"""What a printer does that is not asked how: this value can be left out, no other one of it."""

_NAMED = frozenset(FILM_SESSION) | frozenset(FILM_BOX) | frozenset(IMAGE_BOX) | {DECIMATED[0]}
"""What print names."""

LeftOut = frozenset[str]
"""Keywords that a printer is not asked for."""


def tries(level: PrintObject, named: Sequence[str], sent: Attributes) -> Iterator[LeftOut]:
    """What to leave out next of the attributes that were sent, one step at a time: what the
    printer's answer names, if it names any; else each alone, then all together. Nothing where it
    names only what must stay."""
    own = [each for each in (OTHERS, *OPTIONAL[level]) if each in sent]
    keyword, value = DECIMATED
    own += [keyword] if sent.get(keyword) == value else []
    if named:
        known = {OTHERS if each not in _NAMED else each for each in named}
        if minded := frozenset(known) & frozenset(own):
            yield minded
        return
    if level is not PrintObject.IMAGE_BOX:  # whose pixels are sent again each time
        yield from (frozenset({each}) for each in own)
        if len(own) == 1:
            return
    if own:
        yield frozenset(own)


class Adaptations:
    """What printers were seen not to take, as long as this broker runs. For any thread.

    It is the value that is not taken: another one of the same attribute is asked for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: defaultdict[tuple[str, PrintObject], set[tuple[str, tuple[str, ...]]]]
        self._refused = defaultdict(set)
        self._lut_in_session: set[str] = set()

    def left_out(self, printer: str, level: PrintObject, asked: Attributes) -> LeftOut:
        """What of these attributes it is not asked for."""
        with self._lock:
            refused = self._refused[printer, level]
            return frozenset(each for each in asked if (each, asked[each]) in refused)

    def leave_out(
        self, printer: str, level: PrintObject, keywords: LeftOut, asked: Attributes
    ) -> None:
        """It took the request without these, and not with them."""
        with self._lock:
            refused = self._refused[printer, level]
            refused |= {(each, asked[each]) for each in keywords}
            if len(refused) > MOST:
                refused.clear()  # a modality sends another value with each film

    def lut_in_session(self, printer: str) -> bool:
        """Whether it looks for a Presentation LUT in the film session, as before CP 173."""
        with self._lock:
            return printer in self._lut_in_session

    def move_lut(self, printer: str) -> None:
        """It took the Presentation LUT in the film session, and not in the film box."""
        with self._lock:
            self._lut_in_session.add(printer)
