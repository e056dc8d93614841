"""The films of a bad morning: each has pixels that no other film has."""

from __future__ import annotations

import random
from dataclasses import dataclass

from broker.model.films.film import Film, Image, ImageBox
from broker.spool.stored import name_of

SIDE = 512
"""Rows, and columns, of the one image on a film, 8 bits: a CT slice."""


@dataclass(frozen=True)
class MorningFilm:
    """One film that a modality will print."""

    modality: str
    """AE title."""
    number: int
    """From 1, in the order in which the modality prints."""
    film: Film
    content: bytes

    @property
    def pixels(self) -> tuple[str, ...]:
        """As `Sheet.pixels` of its sheet: by this a sheet is known as this film."""
        return self.film.spooled


def films_of(modality: str, number: int) -> list[MorningFilm]:
    """`number` films for a modality; the same ones every time."""
    return [_film(modality, each) for each in range(1, number + 1)]


def _film(modality: str, number: int) -> MorningFilm:
    content = random.Random(f"{modality} {number}").randbytes(SIDE * SIDE)
    image = Image(
        pixels=name_of(content),
        length=len(content),
        rows=SIDE,
        columns=SIDE,
        bits_allocated=8,
        bits_stored=8,
        photometric="MONOCHROME2",
    )
    film = Film(
        attributes={"ImageDisplayFormat": (r"STANDARD\1,1",), "FilmSizeID": ("A4",)},
        image_boxes=(ImageBox(position=1, image=image),),
    )
    return MorningFilm(modality, number, film, content)
