"""The smallest film that asks a printer for one thing: does it still refuse that?"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from broker.model.films.capabilities import DEPTH, LUT, SIMPLEST, Combination, PrintObject
from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut

SIDE = 64
"""Rows and columns of its image."""
_DEPTH = re.compile(r"(\d+) in (\d+)(?: bits)?")
_TABLE = re.compile(r"(\d+) entries of (\d+) bits")


@dataclass(frozen=True)
class Trial:
    """A film and its film session. Its pixels, where it has an image, are all zero."""

    session: Attributes
    film: Film


def trial(asked: Combination) -> Trial:
    """The film that asks for this, and for nothing else."""
    own: dict[PrintObject, dict[str, tuple[str, ...]]] = {level: {} for level in PrintObject}
    lut, image = None, None
    for each in asked:
        if each.keyword == DEPTH or (each.keyword == LUT and each.level is PrintObject.IMAGE_BOX):
            found = _DEPTH.search(each.value)
            image = _blank(int(found[1]), int(found[2])) if found is not None else image
        elif each.keyword == LUT:
            table = _TABLE.search(each.value)
            lut = _falling(int(table[1]), int(table[2])) if table else PresentationLut(each.value)
        else:
            own[each.level][each.keyword] = tuple(each.value.split("\\"))
    if own[PrintObject.IMAGE_BOX]:
        image = image or _blank(8, 8)
    boxes = (
        () if image is None and lut is None else (ImageBox(1, own[PrintObject.IMAGE_BOX], image),)
    )
    film_box = {"ImageDisplayFormat": SIMPLEST, **own[PrintObject.FILM_BOX]}
    return Trial(own[PrintObject.SESSION], Film(film_box, boxes, lut))


def _blank(stored: int, allocated: int) -> Image:
    length = SIDE * SIDE * allocated // 8
    return Image("", length, SIDE, SIDE, allocated, stored, "MONOCHROME2")


def _falling(entries: int, bits: int) -> PresentationLut:
    """A table of that form that changes gray levels."""
    highest = (1 << bits) - 1
    values = [highest - each * highest // max(1, entries - 1) for each in range(entries)]
    return PresentationLut("", (entries & 0xFFFF, 0, bits), struct.pack(f"<{entries}H", *values))
