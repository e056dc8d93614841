"""Between pydicom data sets and the model's `Attributes`, byte for byte.

Values stay as they came: they are read raw and written raw, never decoded by a character set that
a modality may have declared wrongly. Numbers are the exception: they must be numbers.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from broker.dicom import statuses
from broker.dicom.statuses import Fault
from broker.dicom.tolerance import MEANT, STRICT, Tolerate, Tolerated, refuse
from broker.dicom.upper_layer.dataset import Pieces
from broker.model.films.film import Attributes

# Promise 11: what is in none of these lists is kept as bytes, by `other_elements`.
FILM_SESSION = (
    "SpecificCharacterSet",
    "NumberOfCopies",
    "PrintPriority",
    "MediumType",
    "FilmDestination",
    "FilmSessionLabel",
    "MemoryAllocation",
    "OwnerID",
)
"""Of the film session, N-CREATE and N-SET alike (PS3.4 H.4.1.2.1)."""

FILM_BOX_CREATE_ONLY = (
    "ImageDisplayFormat",
    "AnnotationDisplayFormatID",
    "FilmOrientation",
    "FilmSizeID",
    "RequestedResolutionID",
)
LIGHTING = ("Illumination", "ReflectedAmbientLight")
"""Of the film box; modalities older than CP 173 set them in the film session."""
FILM_BOX_SET = (
    "MagnificationType",
    "SmoothingType",
    "BorderDensity",
    "EmptyImageDensity",
    "MinDensity",
    "MaxDensity",
    "Trim",
    "ConfigurationInformation",
    "RequestedImageSize",
    "RequestedDecimateCropBehavior",
    *LIGHTING,
)
FILM_BOX = FILM_BOX_CREATE_ONLY + FILM_BOX_SET
"""Of the film box (PS3.4 H.4.2.2.1); references are fields of the objects. Size and decimation of
images stand here for all of them, where an image box says nothing else (PS3.3 C.13.3)."""

IMAGE_BOX = (
    "Polarity",
    "MagnificationType",
    "SmoothingType",
    "MinDensity",
    "MaxDensity",
    "ConfigurationInformation",
    "RequestedImageSize",
    "RequestedDecimateCropBehavior",
)
"""Of the image box (PS3.4 H.4.3.1.2.1), beside its position, its image and its LUT."""

_ENUMERATED = {
    "PrintPriority": ("HIGH", "MED", "LOW"),
    "FilmOrientation": ("PORTRAIT", "LANDSCAPE"),
    "Trim": ("YES", "NO"),
    "Polarity": ("NORMAL", "REVERSE"),
    "RequestedDecimateCropBehavior": ("DECIMATE", "CROP", "FAIL"),
}
"""Enumerated values (PS3.3 C.13.1, C.13.3, C.13.5). Defined terms may grow: unchecked."""

_SINGLE_TEXT = frozenset({"ST", "LT", "UT", "LO", "SH"})
"""VRs whose one value is taken whole.

In ST, LT and UT a backslash is text (PS3.5 6.2). In LO and SH, where print has one value each, the
byte of a backslash may be half of a character (Shift-JIS, GBK).
"""

_LONGEST = {"ST": 4096}
"""Bytes of a value: ST has 1024 characters of up to four bytes (PS3.5 6.2)."""
_LONGEST_OTHER = 1024
"""Bytes of any other value. Far more than the standard allows, and yet a bound."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,12}", re.ASCII)
_WHOLE_IN_OTHER_WORDS = re.compile(r"([+-]?[0-9]{1,12})\.0*", re.ASCII)
_DECIMAL = re.compile(r"[+-]?[0-9]*\.?[0-9]+([eE][+-]?[0-9]+)?", re.ASCII)


@cache
def tag(keyword: str) -> BaseTag:
    """The tag of a known keyword."""
    found = tag_for_keyword(keyword)
    assert found is not None, keyword
    return Tag(found)


@cache
def _vr(keyword: str) -> str:
    return dictionary_VR(tag(keyword))


def raw(dataset: Dataset, keyword: str) -> bytes | None:
    """The bytes of an element as they came; None when it is absent."""
    element: DataElement | RawDataElement | None = dataset.get_item(tag(keyword))
    if element is None:
        return None
    value = element.value
    if isinstance(value, bytes):
        if isinstance(element, RawDataElement) and element.length not in (len(value), 0xFFFFFFFF):
            raise Fault(statuses.INVALID_ATTRIBUTE_VALUE, f"{keyword} is cut short", [tag(keyword)])
        return value
    if value is None:
        return b""
    raise invalid(keyword, "is not a plain value")


def items(dataset: Dataset, keyword: str) -> list[Dataset] | None:
    """The items of a sequence, their elements raw; None when it is absent."""
    if tag(keyword) not in dataset:
        return None
    try:
        value = dataset[tag(keyword)].value
    except Exception as error:
        raise invalid(keyword, "cannot be read") from error
    if value is None or value == b"":
        return []
    if isinstance(value, bytes | str) or not all(isinstance(item, Dataset) for item in value):
        raise invalid(keyword, "is not a sequence")
    return list(value)


def values(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """The values of one element as text; empty when it is absent or of zero length."""
    content = raw(dataset, keyword)
    if not content:
        return ()
    vr = _vr(keyword)
    if vr == "US":
        if len(content) != 2:
            raise invalid(keyword, "is not one number")
        return (str(struct.unpack("<H", content)[0]),)
    if len(content) > _LONGEST.get(vr, _LONGEST_OTHER):
        raise invalid(keyword, f"is {len(content)} bytes long")
    text = content.decode("latin-1").rstrip("\0 ")
    if not text:
        return ()
    if vr in _SINGLE_TEXT:
        return (text,)
    return tuple(part.strip(" ") for part in text.split("\\"))


def read(
    dataset: Dataset, keywords: Iterable[str], tolerate: Tolerate = refuse
) -> dict[str, tuple[str, ...]]:
    """Those of the attributes that were sent with a value, checked.

    Raises: Fault: 0x0106, names the first one whose value is not allowed, nor tolerated.
    """
    found: dict[str, tuple[str, ...]] = {}
    for keyword in keywords:
        sent = values(dataset, keyword)
        if sent:
            found[keyword] = _checked(keyword, sent, tolerate)
    return found


def changed(
    attributes: Attributes,
    dataset: Dataset,
    keywords: Iterable[str],
    tolerate: Tolerate = refuse,
) -> dict[str, tuple[str, ...]]:
    """Attributes after an N-SET: those that were sent are replaced; one of zero length means its
    default from now on; the others stay (PS3.7 10.1.3).

    Raises: Fault: as of `read`.
    """
    keywords = tuple(keywords)
    sent = read(dataset, keywords, tolerate)
    kept = {
        keyword: value
        for keyword, value in attributes.items()
        if keyword not in keywords or tag(keyword) not in dataset
    }
    return {**kept, **sent}


def _checked(keyword: str, sent: tuple[str, ...], tolerate: Tolerate) -> tuple[str, ...]:
    """The values, as the standard writes them; printers are stricter than we are."""
    if keyword in _ENUMERATED:
        return _enumerated(keyword, sent, tolerate)
    if _vr(keyword) == "IS":
        return _whole(keyword, sent, tolerate)
    if keyword == "RequestedImageSize" and not (
        len(sent) == 1 and _DECIMAL.fullmatch(sent[0]) and 0 < float(sent[0]) < 10_000
    ):
        raise invalid(keyword, "is not a width in mm")
    return sent


def _enumerated(keyword: str, sent: tuple[str, ...], tolerate: Tolerate) -> tuple[str, ...]:
    in_capitals = tuple(value.upper() for value in sent)
    allowed = _ENUMERATED[keyword]
    if in_capitals[0] in allowed:
        return in_capitals
    fault = invalid(keyword, f"is none of {', '.join(allowed)}")
    if meant := MEANT.get(keyword, {}).get(in_capitals[0]):
        tolerate(Tolerated.OTHER_WORDS, fault)
        return (meant,)
    _pass(keyword, fault, tolerate)
    return sent


def _whole(keyword: str, sent: tuple[str, ...], tolerate: Tolerate) -> tuple[str, ...]:
    fault = invalid(keyword, "is not a whole number")
    if len(sent) == 1 and (meant := _WHOLE_IN_OTHER_WORDS.fullmatch(sent[0])):
        tolerate(Tolerated.OTHER_WORDS, fault)
        sent = (meant[1],)
    if len(sent) > 1 or not _WHOLE.fullmatch(sent[0]):
        _pass(keyword, fault, tolerate)
        return sent
    number = int(sent[0])
    if number < 0 or (keyword == "NumberOfCopies" and number == 0):
        _pass(keyword, invalid(keyword, "is out of range"), tolerate)
    return sent


def _pass(keyword: str, fault: Fault, tolerate: Tolerate) -> None:
    """A value without a meaning: the printer decides, where it may. Raises: Fault: else."""
    if keyword in STRICT:
        raise fault
    tolerate(Tolerated.UNKNOWN_VALUE, fault)


def invalid(keyword: str, why: str) -> Fault:
    """0x0106: the value is not allowed. `why` follows the keyword, and never quotes the value."""
    return Fault(statuses.INVALID_ATTRIBUTE_VALUE, f"{keyword} {why}", [tag(keyword)])


def missing(keyword: str) -> Fault:
    """0x0120: what an N-CREATE must have was not sent."""
    return Fault(statuses.MISSING_ATTRIBUTE, f"{keyword} is missing", [tag(keyword)])


def missing_value(keyword: str) -> Fault:
    """0x0121: what must have a value has none; for N-SET, also what was not sent."""
    return Fault(statuses.MISSING_ATTRIBUTE_VALUE, f"{keyword} has no value", [tag(keyword)])


def write(attributes: Attributes, dataset: Dataset, keywords: Iterable[str] | None = None) -> None:
    """Put attributes into a data set, with the bytes that they came with.

    Without `keywords`, all of them.
    """
    for keyword in attributes if keywords is None else keywords:
        if attributes.get(keyword):
            put(dataset, keyword, attributes[keyword])


def put(dataset: Dataset, keyword: str, sent: tuple[str, ...]) -> None:
    """Put one attribute into a data set."""
    vr = _vr(keyword)
    if vr == "US":
        content = b"".join(struct.pack("<H", int(value)) for value in sent)
    else:
        content = "\\".join(sent).encode("latin-1")
        content += b" " * (len(content) % 2)
    put_raw(dataset, keyword, vr, content)


def put_raw(dataset: Dataset, keyword: str, vr: str, content: bytes | Pieces) -> None:
    """Put bytes into a data set as they are; padded when they are sent."""
    element_tag = tag(keyword)
    value: Any = content
    element = RawDataElement(element_tag, vr, len(content), value, 0, False, True)
    dataset._dict[element_tag] = element


def put_items(dataset: Dataset, keyword: str, content: list[Dataset]) -> None:
    """Put a sequence into a data set."""
    dataset.add(DataElement(tag(keyword), "SQ", content))


def reference(sop_class: str, instance: str) -> Dataset:
    """An item that refers to a SOP instance (PS3.3 Table 10-11)."""
    item = Dataset()
    for keyword, uid in (
        ("ReferencedSOPClassUID", sop_class),
        ("ReferencedSOPInstanceUID", instance),
    ):
        # Raw: a film of twenty images has as many of these, and pydicom would check each.
        put_raw(item, keyword, "UI", uid.encode("latin-1"))
    return item


def referenced_instance(item: Dataset) -> str:
    """The instance UID in a reference item; empty when there is none."""
    content = raw(item, "ReferencedSOPInstanceUID") or b""
    return content.decode("latin-1").rstrip("\0 ")
