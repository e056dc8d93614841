"""A film and what lies on it: the frozen copy of one DICOM film box (PS3.3 C.13.3, C.13.5)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

Attributes = Mapping[str, tuple[str, ...]]
"""DICOM keyword -> values as text, exactly as they came over the wire.

Text is decoded as Latin-1, so that encoding it as Latin-1 gives the same bytes back whatever
`SpecificCharacterSet` says. Numbers are decimal text. A zero-length value is left out: it means
the default (PS3.4 H.2.4). Sequences are not here; they are fields of the objects below.
"""


@dataclass(frozen=True)
class Image:
    """The Image Pixel module of one image box, its pixels in the spool (PS3.3 C.13.5).

    Pixels are unsigned and little endian, `length` = rows x columns x samples x bits_allocated / 8
    bytes, with no padding byte.
    """

    pixels: str
    """Name in the spool: a hash of the bytes, in hex."""
    length: int
    rows: int
    columns: int
    bits_allocated: int
    """8 or 16."""
    bits_stored: int
    """8 in 8, 12 in 16."""
    photometric: str
    """MONOCHROME1, MONOCHROME2; RGB on a colour printer."""
    samples: int = 1
    aspect_ratio: tuple[str, ...] = ()
    """PixelAspectRatio, two integers, vertical first; empty when it was not sent."""

    @property
    def consistent(self) -> bool:
        """Whether its length is what rows and columns ask for."""
        return self.length == self.rows * self.columns * self.samples * self.bits_allocated // 8

    @property
    def high_bit(self) -> int:
        """Always the bit below `bits_stored`."""
        return self.bits_stored - 1


@dataclass(frozen=True)
class PresentationLut:
    """A Presentation LUT: either a shape or a table (PS3.3 C.11.6)."""

    shape: str = ""
    """IDENTITY or LIN OD; empty when there is a table."""
    descriptor: tuple[int, int, int] | None = None
    """Entries (256 or 4096; 0 is 65536), first value mapped (0), bits of an entry (10 to 16); as
    it came, where the printer decides on another one."""
    table: bytes = b""
    """The entries, two bytes each, little endian; one byte each, where these are enough."""
    more: bytes = b""
    """Elements that print does not name, as `dicom.other_elements` keeps them."""
    table_more: bytes = b""
    """Those of the item of the table: LUT Explanation."""

    @property
    def plain(self) -> PresentationLut:
        """Without the elements that print does not name."""
        return PresentationLut(self.shape, self.descriptor, self.table)

    @property
    def entries(self) -> int:
        """Of the table; 0 where there is none."""
        return 0 if self.descriptor is None else self.descriptor[0] or 1 << 16

    @property
    def identity(self) -> bool:
        """Whether gray levels come out of it as they went in, to one step: a film is the same
        without it (PS3.3 C.11.6.1.2)."""
        if self.descriptor is None:
            return self.shape == "IDENTITY"
        if self.descriptor[1] or self.entries < 2 or len(self.table) != 2 * self.entries:
            return False
        return _is_straight(self.table, self.descriptor[2])


@lru_cache(maxsize=32)
def _is_straight(table: bytes, bits: int) -> bool:
    """Whether the entries rise evenly from 0 to the highest value of so many bits."""
    last, highest = len(table) // 2 - 1, (1 << bits) - 1
    found = struct.unpack(f"<{last + 1}H", table)
    return all(abs(each * last - at * highest) <= last for at, each in enumerate(found))


@dataclass(frozen=True)
class ImageBox:
    """One place on the film; without an image it stays empty."""

    position: int
    """From 1, in the order of the layout."""
    attributes: Attributes = field(default_factory=dict)
    """Of the image box alone: Polarity, RequestedImageSize, MagnificationType, …"""
    image: Image | None = None
    lut: PresentationLut | None = None
    """Overrides the film's, where the modality gave one."""
    more: bytes = b""
    """Elements of the image box that print does not name, as `dicom.other_elements` keeps them."""
    image_more: bytes = b""
    """Those of the image."""
    refused: str = ""
    """The status by which the last image for this place was refused; empty when none was, or
    another one has come since."""


@dataclass(frozen=True)
class Film:
    """One sheet as the modality composed it."""

    attributes: Attributes
    """Of the film box: ImageDisplayFormat, FilmSizeID, FilmOrientation, densities, …"""
    image_boxes: tuple[ImageBox, ...]
    """All positions of the layout, in order, empty ones too."""
    lut: PresentationLut | None = None
    lut_of_session: bool = False
    """Whether its modality gave the LUT to the film session, as before CP 173."""
    more: bytes = b""
    """Elements of the film box that print does not name, as `dicom.other_elements` keeps them."""
    session_more: bytes = b""
    """Those of its film session."""
    not_relayed: tuple[str, ...] = ()
    """Names of elements that came and cannot be relayed."""
    chosen: tuple[str, ...] = ()
    """Keywords of what a person chose for its reprint, of the film box or its film session: it is
    not printed without them."""

    @property
    def display_format(self) -> str:
        """Image Display Format, as sent."""
        return first(self.attributes, "ImageDisplayFormat")

    @property
    def film_size(self) -> str:
        """Film Size ID; empty when the printer's default is meant."""
        return first(self.attributes, "FilmSizeID")

    @property
    def empty(self) -> bool:
        """Whether nothing at all lies on the film."""
        return all(box.image is None for box in self.image_boxes)

    @property
    def images_refused(self) -> int:
        """How many images that its modality had on it were refused, and are not there."""
        return sum(bool(box.refused) for box in self.image_boxes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is otherwise on the film than its modality had it, through our own refusals."""
        said = [f"not relayed: {', '.join(self.not_relayed)}"] if self.not_relayed else []
        for box in self.image_boxes:
            if box.refused:
                what = "missing" if box.image is None else "an earlier one"
                answered = f"the modality was answered {box.refused}"
                said.append(f"image {box.position} is {what}: {answered}")
        return tuple(said)

    @property
    def luts(self) -> tuple[PresentationLut, ...]:
        """Its own, and those of its image boxes."""
        found = (self.lut, *(box.lut for box in self.image_boxes))
        return tuple(each for each in found if each is not None)

    @property
    def needs_lut(self) -> bool:
        """Whether dropping Presentation LUT would change its gray levels (PS3.4 H.4.9)."""
        return any(not each.identity for each in self.luts)

    @property
    def spooled(self) -> tuple[str, ...]:
        """Names of its pixels in the spool, in order of position."""
        return tuple(box.image.pixels for box in self.image_boxes if box.image is not None)


def first(attributes: Attributes, keyword: str, default: str = "") -> str:
    """The first value of an attribute, or the default where it is absent or empty."""
    values = attributes.get(keyword, ())
    return values[0] if values and values[0] else default


DEFAULT = "A4"
"""What is drawn where a film names no size, or one that we do not know."""

_INCH = 25.4

MILLIMETRES: dict[str, tuple[float, float]] = {
    "8INX10IN": (8 * _INCH, 10 * _INCH),
    "8_5INX11IN": (8.5 * _INCH, 11 * _INCH),
    "10INX12IN": (10 * _INCH, 12 * _INCH),
    "10INX14IN": (257.0, 364.0),  # the standard says 25.7 cm x 36.4 cm
    "11INX14IN": (11 * _INCH, 14 * _INCH),
    "11INX17IN": (11 * _INCH, 17 * _INCH),
    "14INX14IN": (14 * _INCH, 14 * _INCH),
    "14INX17IN": (14 * _INCH, 17 * _INCH),
    "24CMX24CM": (240.0, 240.0),
    "24CMX30CM": (240.0, 300.0),
    "A4": (210.0, 297.0),
    "A3": (297.0, 420.0),
}
"""Film Size ID -> width and height in mm, portrait."""


def dimensions_mm(film_size: str, orientation: str) -> tuple[float, float]:
    """Width and height of the sheet as it is looked at; LANDSCAPE lies on its side."""
    width, height = MILLIMETRES.get(film_size, MILLIMETRES[DEFAULT])
    return (height, width) if orientation == "LANDSCAPE" else (width, height)
