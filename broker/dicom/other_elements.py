"""Elements that print does not name: kept as they came, and relayed at their level (promise 11).

A printer may know what the standard's print classes do not: names of patients, private elements,
attributes of a later edition. They are kept as a data set in Explicit VR Little Endian, values as
they came. What no printer could use, or what is too long, is named instead. They may be patient
text (promise 10): they are in no log, and go with the pixels.
"""

from __future__ import annotations

from collections.abc import Collection

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from broker.dicom.attributes import tag
from broker.dicom.upper_layer.dataset import buffers, encode_dataset, read_raw
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE

LONGEST = 60 << 10
"""Bytes of those of one film: no element is longer than Explicit VR can say."""
_ICON = tag("IconImageSequence")
_PIXELS = tag("PixelData")
_MADE_BY_PRINTER = frozenset(
    map(
        tag,
        (
            "ReferencedFilmBoxSequence",
            "ReferencedImageBoxSequence",
            "ReferencedBasicAnnotationBoxSequence",
        ),
    )
)
"""References to objects whose UIDs are other ones at the printer. Some modalities send them empty,
where there is nothing to relay."""


def others(
    dataset: Dataset, known: Collection[BaseTag], before: bytes = b"", room: int = LONGEST
) -> tuple[bytes, tuple[str, ...]]:
    """What a data set has beside the known elements, after what was there `before`; and the names
    of what cannot be relayed, or has no room in so many bytes."""
    # Without group lengths (PS3.5 7.2).
    more = [each for each in dataset.keys() if each not in known and each.element]  # noqa: SIM118
    if not more:
        return before, ()
    kept = read_raw(before, EXPLICIT_LE) if before else Dataset()
    left_out = []
    for each in sorted(more):
        element = dataset.get_item(each)
        if each in _MADE_BY_PRINTER and (element is None or not element.value):
            continue
        if _is_cut(element) or _is_no_printers(each) or _length(element) > room:
            left_out.append(each)
            continue
        kept._dict[each] = element
    encoded = b"".join(map(bytes, buffers(encode_dataset(kept, EXPLICIT_LE))))
    if len(encoded) > room:
        left_out += [each for each in kept.keys() if each in dataset]  # noqa: SIM118
        encoded = before
    return encoded, tuple(map(_name, sorted(left_out)))


def relay(more: bytes, dataset: Dataset) -> None:
    """Put them into a data set, beside what is there."""
    if more:
        kept = read_raw(more, EXPLICIT_LE)
        for each in kept.keys():  # noqa: SIM118 - iterating converts the elements
            dataset._dict.setdefault(each, kept.get_item(each))


def _length(element: DataElement | RawDataElement | None) -> int:
    return element.length if isinstance(element, RawDataElement) else 0


def _is_cut(element: DataElement | RawDataElement | None) -> bool:
    """Whether its value, or one within it, is not there: it was too long, or is pixels."""
    if isinstance(element, RawDataElement):
        value = element.value or b""
        return not isinstance(value, bytes) or element.length != len(value)
    items = element.value if element is not None else ()
    return any(
        _is_cut(item.get_item(each))
        for item in items
        for each in item.keys()  # noqa: SIM118
    )


def _is_no_printers(each: BaseTag) -> bool:
    """Parts of a file or a message, overlays, icons, pixels where no image box has them, references
    to objects of ours."""
    of_file = each.group < 0x0008 or each.group & 0xFF00 == 0x6000
    return of_file or each in _MADE_BY_PRINTER or each in (_ICON, _PIXELS)


def _name(each: BaseTag) -> str:
    return keyword_for_tag(each) or f"({each.group:04X},{each.element:04X})"
