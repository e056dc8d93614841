"""The smallest film that asks a printer for one thing: does it still refuse that?"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from broker.model.capabilities import ANY, DEPTH, LUT, SIMPLEST, PrintObject, Trait
from broker.model.film import Attributes, Film, Image, ImageBox, PresentationLut

SIDE = 64
"""Rows and columns of its image."""
_DEPTH = re.compile(r"(\d+) in (\d+)(?: bits)?")
_TABLE = re.compile(r"(\d+) entries of (\d+) bits")


@dataclass(frozen=True)
class Trial:
    """A film and its film session. Its pixels, where it has an image, are all zero."""

    session: Attributes
    film: Film


def trial(trait: Trait) -> Trial | None:
    """The film that asks for this; None where no value is known to ask for."""
    if trait.value == ANY:
        return None
    own = {trait.keyword: tuple(trait.value.split("\\"))}
    plain = {"ImageDisplayFormat": SIMPLEST}
    if trait.keyword in (DEPTH, LUT):
        return _of_gray_levels(trait.value, plain)
    match trait.level:
        case PrintObject.SESSION:
            return Trial(own, Film(plain, (ImageBox(1),)))
        case PrintObject.FILM_BOX:
            return Trial({}, Film({**plain, **own}, ()))
        case PrintObject.IMAGE_BOX:
            return Trial({}, Film(plain, (ImageBox(1, own, _blank(8, 8)),)))


def _of_gray_levels(value: str, plain: Attributes) -> Trial:
    """A film with a depth, a Presentation LUT, or both, as `capabilities.depth` and `form` write
    them."""
    found = _DEPTH.search(value)
    table = _TABLE.search(value)
    shape = next((each for each in ("IDENTITY", "LIN OD") if each in value), "")
    lut = None
    if table is not None:
        lut = _falling(int(table[1]), int(table[2]))
    elif shape:
        lut = PresentationLut(shape)
    image = _blank(int(found[1]), int(found[2])) if found is not None else None
    return Trial({}, Film(plain, (ImageBox(1, {}, image),), lut))


def _blank(stored: int, allocated: int) -> Image:
    length = SIDE * SIDE * allocated // 8
    return Image("", length, SIDE, SIDE, allocated, stored, "MONOCHROME2")


def _falling(entries: int, bits: int) -> PresentationLut:
    """A table of that form that changes gray levels."""
    highest = (1 << bits) - 1
    values = [highest - each * highest // max(1, entries - 1) for each in range(entries)]
    return PresentationLut("", (entries & 0xFFFF, 0, bits), struct.pack(f"<{entries}H", *values))
