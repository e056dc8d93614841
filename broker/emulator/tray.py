"""A paper tray: a directory with a picture and a slip for each finished sheet."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

from PIL import Image as pictures

from broker.model.film import Attributes, Film, ImageBox, PresentationLut, first
from broker.model.job import Priority

_NUMBERED = re.compile(r"(\d{4,})\.(?:png|json)")

_SESSION = ("MediumType", "FilmDestination", "MemoryAllocation")
"""Of the film session, what a slip tells. Labels and owners name people and stay out."""


@dataclass(frozen=True)
class PrintedImage:
    """One image box of a sheet."""

    position: int
    rows: int
    columns: int
    bits: int
    photometric: str
    pixels: str
    """What they are called: see `broker.spool.naming`."""
    lut: str
    """IDENTITY, LIN OD, `table of 4096`, or empty without a Presentation LUT."""
    attributes: dict[str, list[str]]
    """Of the image box alone."""


@dataclass(frozen=True)
class Sheet:
    """One film on paper: what its slip says."""

    number: int
    """From 1; also the name of its files."""
    printed_at: str
    """ISO 8601."""
    calling_ae: str
    called_ae: str
    film_size: str
    orientation: str
    display_format: str
    copies: int
    priority: str
    session: dict[str, str]
    film_box: dict[str, list[str]]
    """Its densities, magnification, trim and the like, as they came."""
    images: tuple[PrintedImage, ...]
    """Empty places are left out."""

    @property
    def pixels(self) -> tuple[str, ...]:
        """The name of each image's pixels, in order of position: tells one film from another."""
        return tuple(image.pixels for image in self.images)


class Tray:
    """Sheets as `0001.png` and `0001.json`, numbered on where an earlier run stopped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        taken = (_NUMBERED.fullmatch(path.name) for path in directory.iterdir())
        self._last = max((int(name[1]) for name in taken if name), default=0)

    def put(
        self,
        film: Film,
        picture: pictures.Image,
        *,
        printed_at: str,
        calling_ae: str,
        called_ae: str,
        copies: int = 1,
        priority: Priority = Priority.MED,
        session: Attributes | None = None,
    ) -> Sheet:
        """Lay one sheet into the tray. Its slip comes last: a sheet without one is not finished."""
        with self._lock:
            self._last += 1
            number = self._last
        sheet = Sheet(
            number=number,
            printed_at=printed_at,
            calling_ae=calling_ae,
            called_ae=called_ae,
            film_size=film.film_size,
            orientation=first(film.attributes, "FilmOrientation"),
            display_format=film.display_format,
            copies=copies,
            priority=str(priority),
            session=_chosen(session or {}),
            film_box=_listed(film.attributes),
            images=tuple(_image(film, box) for box in film.image_boxes if box.image is not None),
        )
        partial = self.directory / f".{number:04}.png.part"
        picture.save(partial, format="PNG", compress_level=1)
        partial.replace(self.picture(sheet))
        partial = self.directory / f".{number:04}.json.part"
        partial.write_text(json.dumps(asdict(sheet), indent=2) + "\n", encoding="utf-8")
        partial.replace(self.slip(sheet))
        return sheet

    def picture(self, sheet: Sheet) -> Path:
        """Where the picture of a sheet lies."""
        return self.directory / f"{sheet.number:04}.png"

    def slip(self, sheet: Sheet) -> Path:
        """Where the facts about a sheet lie."""
        return self.directory / f"{sheet.number:04}.json"


def _chosen(session: Attributes) -> dict[str, str]:
    return {keyword: first(session, keyword) for keyword in _SESSION if first(session, keyword)}


def _listed(attributes: Attributes) -> dict[str, list[str]]:
    return {keyword: list(values) for keyword, values in attributes.items()}


def _image(film: Film, box: ImageBox) -> PrintedImage:
    assert box.image is not None
    return PrintedImage(
        position=box.position,
        rows=box.image.rows,
        columns=box.image.columns,
        bits=box.image.bits_stored,
        photometric=box.image.photometric,
        pixels=box.image.pixels,
        lut=_lut(box.lut or film.lut),
        attributes=_listed(box.attributes),
    )


def _lut(lut: PresentationLut | None) -> str:
    if lut is None:
        return ""
    return lut.shape if lut.descriptor is None else f"table of {lut.descriptor[0]}"
