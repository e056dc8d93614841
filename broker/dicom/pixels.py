"""The Image Pixel module of an image box, in and out (PS3.3 C.13.5, PS3.4 H.4.3.1.2.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from pydicom.dataset import Dataset

from broker.dicom import attributes
from broker.dicom.tolerance import LONGEST_PADDING, Tolerate, Tolerated, refuse
from broker.dicom.upper_layer.dataset import Pieces
from broker.dicom.upper_layer.dataset_reader import Elsewhere
from broker.model.films.film import Image

_GRAY = ("MONOCHROME1", "MONOCHROME2")
_DEPTHS = {(8, 8, 7), (16, 12, 11)}
"""Bits Allocated, Bits Stored, High Bit that the standard allows in a print image box."""
_MORE_DEPTHS = {(16, stored, stored - 1) for stored in range(8, 17)}
"""Those that modalities send beside them, and printers take."""


def read(item: Dataset, tolerate: Tolerate = refuse, *, color: bool = False) -> Image:
    """Check the item of a Basic Grayscale (or Color) Image Sequence, its pixels left out.

    One padding byte after an odd length is allowed, and not counted. The image has no name yet.

    Raises: Fault: 0x0121 where something is missing, 0x0106 where it is not allowed, nor tolerated,
    or does not fit together.
    """
    samples = _number(item, "SamplesPerPixel")
    photometric = _text(item, "PhotometricInterpretation")
    rows, columns = _number(item, "Rows"), _number(item, "Columns")
    depth = (
        _number(item, "BitsAllocated"),
        _number(item, "BitsStored"),
        _number(item, "HighBit"),
    )
    if samples != (3 if color else 1):
        raise attributes.invalid("SamplesPerPixel", f"is {samples}")
    known = ("RGB",) if color else _GRAY
    if photometric not in known:
        fault = attributes.invalid("PhotometricInterpretation", "is not one for this image box")
        photometric = photometric.upper()
        if photometric not in known:
            raise fault
        tolerate(Tolerated.OTHER_WORDS, fault)
    if rows < 1 or columns < 1:
        raise attributes.invalid("Rows" if rows < 1 else "Columns", "is 0")
    if depth not in _DEPTHS or (color and depth[0] != 8):
        fault = attributes.invalid("BitsStored", "and its neighbours are not 8, 8, 7 or 16, 12, 11")
        if color or depth not in _MORE_DEPTHS:
            raise fault
        tolerate(Tolerated.BITS_STORED, fault)
    if _number(item, "PixelRepresentation") != 0:
        raise attributes.invalid("PixelRepresentation", "is not 0 (unsigned)")
    if color and _number(item, "PlanarConfiguration") != 1:
        raise attributes.invalid("PlanarConfiguration", "is not 1")
    length = rows * columns * samples * depth[0] // 8
    sent = _length(item, depth[0])
    if sent not in (length, length + length % 2):
        fault = attributes.invalid(
            "PixelData", f"has {sent} bytes, rows and columns ask for {length}"
        )
        if not length < sent <= length + LONGEST_PADDING:
            raise fault
        tolerate(Tolerated.LONG_PIXELS, fault)
    return Image(
        pixels="",
        length=length,
        rows=rows,
        columns=columns,
        bits_allocated=depth[0],
        bits_stored=depth[1],
        photometric=photometric,
        samples=samples,
        aspect_ratio=attributes.values(item, "PixelAspectRatio"),
    )


def write(image: Image, content: bytes | Pieces) -> Dataset:
    """The item of a Basic Grayscale (or Color) Image Sequence; `content` as the spool keeps it."""
    item = Dataset()
    item.SamplesPerPixel = image.samples
    item.PhotometricInterpretation = image.photometric
    if image.samples == 3:
        item.PlanarConfiguration = 1
    item.Rows = image.rows
    item.Columns = image.columns
    if image.aspect_ratio:
        attributes.put(item, "PixelAspectRatio", image.aspect_ratio)
    item.BitsAllocated = image.bits_allocated
    item.BitsStored = image.bits_stored
    item.HighBit = image.high_bit
    item.PixelRepresentation = 0
    # OW for both depths: the only VR that Implicit VR knows for it (PS3.5 A.1), and legal in
    # Explicit VR for 8 bits as well (PS3.5 8.1.1).
    attributes.put_raw(item, "PixelData", "OW", content)
    return item


class ImagePixels(Protocol):
    """Pixels in pieces."""

    @property
    def length(self) -> int:
        """In bytes."""

    def __iter__(self) -> Iterator[bytes]: ...


@dataclass(frozen=True)
class EightBits:
    """Pixels of 16 bits allocated as those of 8: the highest eight of the bits stored."""

    length: int
    content: ImagePixels
    shift: int
    """Bits that are dropped, 0 to 8."""

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for piece in self.content:
            joined = rest + piece
            whole = len(joined) & ~1
            rest = joined[whole:]
            high = int.from_bytes(joined[1:whole:2].translate(_LEFT[self.shift]))
            low = int.from_bytes(joined[0:whole:2].translate(_RIGHT[self.shift]))
            yield (high | low).to_bytes(whole // 2)


_LEFT = [bytes(value << 8 >> shift & 0xFF for value in range(256)) for shift in range(9)]
_RIGHT = [bytes(value >> shift for value in range(256)) for shift in range(9)]


def in_8_bits(image: Image, content: ImagePixels) -> tuple[Image, ImagePixels]:
    """An image of 16 bits allocated in 8, for a printer that takes no more."""
    length = image.length // 2
    changed = replace(image, bits_allocated=8, bits_stored=8, length=length)
    return changed, EightBits(length, content, max(image.bits_stored - 8, 0))


def blank(image: Image, side: int, *, other_depth: bool = False) -> Image:
    """An image of the same kind and shape with `side` rows or columns, or of the other depth that
    the standard has; its pixels are not in the spool."""
    longer = max(image.rows, image.columns)
    rows, columns = (max(1, each * side // longer) for each in (image.rows, image.columns))
    bits = image.bits_allocated, image.bits_stored
    if other_depth:
        bits = (16, 12) if image.bits_allocated == 8 else (8, 8)
    return replace(
        image,
        pixels="",
        rows=rows,
        columns=columns,
        length=rows * columns * image.samples * bits[0] // 8,
        bits_allocated=bits[0],
        bits_stored=bits[1],
    )


def _length(item: Dataset, allocated: int) -> int:
    """Bytes of the pixels, which are elsewhere, and of so many bits."""
    element = item.get_item(attributes.tag("PixelData"))
    value = None if element is None else element.value
    if not isinstance(value, Elsewhere):
        if not attributes.raw(item, "PixelData"):
            raise attributes.missing_value("PixelData")
        raise attributes.invalid("PixelData", "is not where an image box has it")
    if not value.first:
        raise attributes.invalid("PixelData", "is there twice")
    if allocated > 8 and value.unordered:
        # PS3.5 A.3 (2016b) wants OW: peers differ in what they write here.
        raise attributes.invalid("PixelData", "is OB of words in Big Endian, in no known order")
    return value.length


def _number(item: Dataset, keyword: str) -> int:
    content = attributes.raw(item, keyword)
    if not content:
        raise attributes.missing_value(keyword)
    if len(content) != 2:
        raise attributes.invalid(keyword, "is not one number")
    return int(struct.unpack("<H", content)[0])


def _text(item: Dataset, keyword: str) -> str:
    sent = attributes.values(item, keyword)
    if not sent:
        raise attributes.missing_value(keyword)
    return sent[0]
