"""What a print request may say, and what must be printed of it, in plain data (PS3.3 C.13).

Written from the standard and not from the broker, for the model of the Print SCP. A value is text,
a number, bytes, a list of those, None for zero length, or a list of mappings for a sequence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broker.dicom import statuses

Elements = Mapping[str, Any]
Values = dict[str, tuple[str, ...]]
Lut = tuple[str, tuple[int, ...], bytes]
"""Shape, or descriptor and table."""

LIGHTING = ("Illumination", "ReflectedAmbientLight")
SESSION_KEYWORDS = [
    "SpecificCharacterSet",
    "NumberOfCopies",
    "PrintPriority",
    "MediumType",
    "FilmDestination",
    "FilmSessionLabel",
    "MemoryAllocation",
    "OwnerID",
]
FIXED_KEYWORDS = [
    "ImageDisplayFormat",
    "AnnotationDisplayFormatID",
    "FilmOrientation",
    "FilmSizeID",
    "RequestedResolutionID",
]
FILM_KEYWORDS = [
    "MagnificationType",
    "SmoothingType",
    "BorderDensity",
    "EmptyImageDensity",
    "MinDensity",
    "MaxDensity",
    "Trim",
    "ConfigurationInformation",
    "Illumination",
    "ReflectedAmbientLight",
]
IMAGE_KEYWORDS = [
    "Polarity",
    "MagnificationType",
    "SmoothingType",
    "MinDensity",
    "MaxDensity",
    "ConfigurationInformation",
    "RequestedImageSize",
    "RequestedDecimateCropBehavior",
]
ENUMERATED = {
    "PrintPriority": ("HIGH", "MED", "LOW"),
    "FilmOrientation": ("PORTRAIT", "LANDSCAPE"),
    "Trim": ("YES", "NO"),
    "Polarity": ("NORMAL", "REVERSE"),
    "RequestedDecimateCropBehavior": ("DECIMATE", "CROP", "FAIL"),
}
ONE_NUMBER = ("MinDensity", "MaxDensity", "ImageBoxPosition", *LIGHTING)
RANGES = {"NumberOfCopies": (1, 10**12), "MemoryAllocation": (0, 10**12)}


@dataclass(frozen=True)
class Picture:
    """An image as it must lie on the film."""

    rows: int
    columns: int
    bits: tuple[int, int]
    photometric: str
    aspect: tuple[str, ...]
    content: bytes


@dataclass(frozen=True)
class Place:
    """One place of a film, as it must be printed."""

    position: int
    attributes: Values
    picture: Picture | None
    lut: Lut | None


@dataclass(frozen=True)
class Sheet:
    """One film, as it must be printed."""

    attributes: Values
    lut: Lut | None
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Printed:
    """What one accepted N-ACTION must have put on record."""

    film_session: int
    level: str
    session: Values
    copies: int
    priority: str
    sheets: tuple[Sheet, ...]


def values_of(elements: Elements, keyword: str) -> tuple[str, ...]:
    """Values as text; none for what is absent or of zero length."""
    value = elements.get(keyword)
    if value is None or value == "":
        return ()
    return tuple(str(each) for each in (value if isinstance(value, list) else [value]))


def after(values: Values, elements: Elements, keywords: Sequence[str]) -> tuple[Values, set[int]]:
    """What N-SET leaves: what was sent of zero length is gone, what was not sent stays."""
    sent, wrong = read(elements, keywords)
    kept = {each: values[each] for each in values if each not in keywords or each not in elements}
    return kept | sent, wrong


def read(elements: Elements, keywords: Sequence[str]) -> tuple[Values, set[int]]:
    """Those that were sent, as they are spelled by the standard; 0x0106 if one is not allowed."""
    found, wrong = {}, False
    for keyword in keywords:
        said = values_of(elements, keyword)
        if not said:
            continue
        if keyword in ENUMERATED:
            said = tuple(each.upper() for each in said)
            wrong |= said[0] not in ENUMERATED[keyword]
        elif keyword in RANGES:
            low, high = RANGES[keyword]
            number = int(said[0]) if re.fullmatch(r"[+-]?\d+", said[0]) else low - 1
            wrong |= len(said) > 1 or not low <= number <= high
        elif keyword in ONE_NUMBER:
            wrong |= len(said) > 1
        elif keyword == "RequestedImageSize":
            wrong |= not re.fullmatch(r"\d*\.?\d+", said[0]) or float(said[0]) == 0
        elif keyword == "ImageDisplayFormat":
            said = (re.sub(r"\s", "", said[0]).upper(),)
            wrong |= not places_of(said[0])
        found[keyword] = said
    return found, {statuses.INVALID_ATTRIBUTE_VALUE} if wrong else set()


def places_of(layout: str) -> int:
    """How many places a layout has (PS3.3 C.13.5.1); 0 for none that is offered."""
    match = re.fullmatch(r"(STANDARD|ROW|COL)\\([1-9]\d*(?:,[1-9]\d*)*)", layout)
    if match is None:
        return 0
    counts = [int(each) for each in match[2].split(",")]
    if match[1] == "STANDARD":
        boxes = counts[0] * counts[1] if len(counts) == 2 else 0
    else:
        boxes = sum(counts)
    return boxes if boxes <= 200 else 0


def picture_of(item: Elements) -> tuple[Picture | None, set[int]]:
    """The Image Pixel module (PS3.3 C.13.5): what lacks is 0x0121, what is not allowed 0x0106."""
    needed = [
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelData",
    ]
    lacking = any(item.get(keyword) in (None, "", b"") for keyword in needed)
    faults = {statuses.MISSING_ATTRIBUTE_VALUE} if lacking else set()
    bits = (item.get("BitsAllocated"), item.get("BitsStored"), item.get("HighBit"))
    rows, columns, content = (item.get(each) for each in ("Rows", "Columns", "PixelData"))
    if not lacking:
        length = rows * columns * bits[0] // 8
        allowed = (
            item["SamplesPerPixel"] == 1
            and item["PhotometricInterpretation"] in ("MONOCHROME1", "MONOCHROME2")
            and bits in ((8, 8, 7), (16, 12, 11))
            and item["PixelRepresentation"] == 0
            and length
            and len(content) == length + length % 2
        )
        if allowed:
            return Picture(
                rows=rows,
                columns=columns,
                bits=bits[:2],
                photometric=item["PhotometricInterpretation"],
                aspect=values_of(item, "PixelAspectRatio"),
                content=content[:length],
            ), set()
    # Where something lacks, something else may be wrong as well.
    return None, faults or {statuses.INVALID_ATTRIBUTE_VALUE}


def lut_of(elements: Elements) -> tuple[Lut, set[int]]:
    """Either a shape or one table (H.4.9.2.1)."""
    shape = values_of(elements, "PresentationLUTShape")
    tables = elements.get("PresentationLUTSequence") or []
    if not shape and not tables:
        return ("", (), b""), {statuses.MISSING_ATTRIBUTE}
    if shape and not tables:
        return (shape[0], (), b""), set() if shape[0] in ("IDENTITY", "LIN OD") else {
            statuses.INVALID_ATTRIBUTE_VALUE
        }
    descriptor = tuple(tables[0].get("LUTDescriptor") or ())
    table = tables[0].get("LUTData") or b""
    allowed = (
        not shape
        and len(tables) == 1
        and len(descriptor) == 3
        and descriptor[0] in (256, 4096)
        and descriptor[1] == 0
        and 10 <= descriptor[2] <= 16
        and len(table) == 2 * descriptor[0]
    )
    return ("", descriptor, table), set() if allowed else {statuses.INVALID_ATTRIBUTE_VALUE}
