"""What a modality may say, right and wrong, for a machine to choose from (PS3.3 C.11.6, C.13).

What comes first in each choice is what a failure shrinks to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from broker.dicom.attributes import put_items, put_raw
from broker.dicom.uids import EXPLICIT_LITTLE, IMPLICIT_LITTLE
from tests.peers.print_model import FILM_BOX, IMAGE_BOX, LUT, PRINTER, SESSION

UNKNOWN = "DistanceSourceToDetector"
"""What no printer knows."""
ABSENT = object()
"""In the place of a value: the element is not sent."""

Elements = dict[str, Any]
Who = tuple[str, int]
"""What is named in a request: a class, `gone`, `foreign` or `none`, and how many objects back."""


def _mostly(right: Elements, *wrong: Elements) -> st.SearchStrategy[Elements]:
    """Some of what is right, each keyword with one of its values; now and then one thing wrong."""
    some = st.fixed_dictionaries(
        {}, optional={keyword: st.sampled_from(values) for keyword, values in right.items()}
    )
    spoilt = st.sampled_from([{}] * (2 * len(wrong) + 1) + list(wrong))
    return st.builds(lambda one, other: {**one, **other}, some, spoilt)


def who(usual: str, *others: str) -> st.SearchStrategy[Who]:
    """Mostly an object of the right class, and mostly the newest."""
    kinds = [usual] * 10 + ["none", "foreign", "gone", *others]
    return st.tuples(st.sampled_from(kinds), st.sampled_from([0, 0, 0, 1, 2, 3]))


ALL = (SESSION, FILM_BOX, IMAGE_BOX, LUT, PRINTER)
NEW = st.sampled_from(
    ["none"] * 12 + ["new"] * 12 + ["gone"] * 3 + ["malformed", "long", PRINTER, *ALL]
)
"""The UID of what is to be created."""
LUTS = st.sampled_from(["no", "no", "no", LUT, LUT, LUT, "gone", "foreign", "two", "empty"])
"""The Presentation LUT that is referred to."""
LUTS_THERE = st.sampled_from(["no", "there"])
"""The same, by a modality that refers to none but its own."""

RIGHT_SESSION = {
    "NumberOfCopies": (1, 2, 3, 100, None),
    "PrintPriority": ("HIGH", "MED", "LOW", "low", ""),
    "MediumType": ("PAPER", "BLUE FILM", ""),
    "FilmDestination": ("MAGAZINE", "BIN_2"),
    "FilmSessionLabel": ("A\\B", "LABEL"),
    "MemoryAllocation": (0, 512, None),
    "Illumination": (2000,),
    "ReflectedAmbientLight": (5,),
}
SESSIONS = _mostly(
    RIGHT_SESSION,
    {"NumberOfCopies": 0},
    {"NumberOfCopies": [1, 2]},
    {"NumberOfCopies": "MANY"},
    {"PrintPriority": "SOON"},
    {"MemoryAllocation": -1},
)
LAYOUTS = ("STANDARD\\1,1", "STANDARD\\2,1", "STANDARD\\1,3", "ROW\\1,2", "COL\\2,1", "row\\ 2")
BEGINNING_FILMS = st.lists(st.sampled_from(LAYOUTS), max_size=3)
BEGINNING_LUTS = st.sampled_from([[], ["IDENTITY", "LIN OD"]])
SYNTAXES = st.sampled_from([EXPLICIT_LITTLE, IMPLICIT_LITTLE])
WRONG_LAYOUTS = (
    "STANDARD",
    "STANDARD\\0,1",
    "STANDARD\\1",
    "STANDARD\\1,1,1",
    "STANDARD\\100,100",
    "STANDARD\\-1,1",
    "ROW\\1,0",
    "ROW\\1;2",
    "GRID\\1,1",
    "SLIDE",
    "CUSTOM\\1",
    None,
    ABSENT,
)
SETTABLE = {
    "MagnificationType": ("CUBIC", "NONE"),
    "MinDensity": (20, None),
    "MaxDensity": (300,),
    "Trim": ("YES", "no", ""),
    "ConfigurationInformation": ("CS000\\X",),
    "Illumination": (150,),
    "ReflectedAmbientLight": (10,),
}
FIXED = {"FilmSizeID": ("A4", "A3", ""), "FilmOrientation": ("PORTRAIT", "landscape")}
RIGHT_FILM = {**SETTABLE, **FIXED}
FILMS = _mostly(
    RIGHT_FILM,
    {"FilmOrientation": "SIDEWAYS"},
    {"Trim": "MAYBE"},
    {"MinDensity": [20, 30]},
    *({"ImageDisplayFormat": layout} for layout in WRONG_LAYOUTS),
)
SESSION_REFERENCES = st.sampled_from(["right"] * 12 + ["foreign", "two", "empty", "absent"])
FILM_CHANGES = _mostly(
    SETTABLE,
    *({keyword: value} for keyword, values in FIXED.items() for value in values),
    *({"ImageDisplayFormat": layout} for layout in (*LAYOUTS, "STANDARD")),
    {"FilmOrientation": "SIDEWAYS"},
    {"Trim": "MAYBE"},
)
IMAGES = _mostly(
    {
        "Polarity": ("NORMAL", "REVERSE", "reverse", ""),
        "MagnificationType": ("BILINEAR",),
        "RequestedImageSize": ("120.5", None),
        "RequestedDecimateCropBehavior": ("CROP", "FAIL"),
    },
    {"Polarity": "UP"},
    {"RequestedImageSize": "-3"},
    {"RequestedDecimateCropBehavior": "TEAR"},
)


def _pixels(rows: int, columns: int, allocated: int, stored: int, photometric: str) -> Elements:
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": photometric,
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": 0,
    }


WELL_MEANT = st.tuples(_mostly(RIGHT_SESSION), _mostly(RIGHT_FILM))
"""Of a film session and of a film box."""
SHAPES = (
    _pixels(4, 4, 8, 8, "MONOCHROME2"),
    _pixels(2, 3, 16, 12, "MONOCHROME1"),
    _pixels(3, 3, 8, 8, "MONOCHROME2") | {"PixelAspectRatio": [1, 2]},
)
SPOILS = (
    *({keyword: ABSENT} for keyword in (*SHAPES[0], "PixelData")),
    {"Rows": 0},
    {"Columns": 5},
    {"SamplesPerPixel": 3},
    {"PhotometricInterpretation": "PALETTE COLOR"},
    {"PixelRepresentation": 1},
    {"HighBit": 6},
    {"BitsStored": 10},
    {"PixelData": b""},
    {"PixelData": bytes(2)},
    {"PixelData": bytes(40)},
)


def filled(shape: Elements, first: int, spoilt: Elements) -> Elements:
    """A picture whose bytes count up; an odd number of them is padded."""
    length = shape["Rows"] * shape["Columns"] * shape["BitsAllocated"] // 8
    content = bytes((first + at) % 256 for at in range(length)) + b"\0" * (length % 2)
    return {**shape, "PixelData": content, **spoilt}


PICTURES = st.builds(
    filled,
    st.sampled_from(SHAPES),
    st.integers(0, 5),
    st.sampled_from([{}] * 40 + list(SPOILS)),
)
POSITIONS = st.sampled_from(["own"] * 8 + ["next"] * 4 + [1, 2, 3, 0, 7, None, [1, 2], ABSENT])
SEQUENCES = st.sampled_from(["one"] * 15 + ["none", "none", "two", "two", "absent"])

TABLE = {"LUTDescriptor": [256, 0, 12], "LUTData": bytes(range(256)) * 2}
TABLES = st.sampled_from(
    [
        {"PresentationLUTShape": "IDENTITY"},
        {"PresentationLUTShape": "LIN OD"},
        {"PresentationLUTShape": "LIN OD", "PresentationLUTSequence": []},
        {"PresentationLUTSequence": [TABLE]},
        {"PresentationLUTShape": "IDENTITY", "PresentationLUTSequence": [TABLE]},
        {"PresentationLUTShape": "BENT"},
        {"PresentationLUTShape": ""},
        {},
        {"PresentationLUTSequence": []},
        {"PresentationLUTSequence": [TABLE, TABLE]},
        {"PresentationLUTSequence": [TABLE | {"LUTDescriptor": [256, 1, 12]}]},
        {"PresentationLUTSequence": [TABLE | {"LUTDescriptor": [256, 0, 9]}]},
        {"PresentationLUTSequence": [TABLE | {"LUTDescriptor": [256, 0, 17]}]},
        {"PresentationLUTSequence": [TABLE | {"LUTDescriptor": [300, 0, 12]}]},
        {"PresentationLUTSequence": [TABLE | {"LUTData": bytes(510)}]},
    ]
)


def references_of(uids: Any) -> Any:
    if uids is ABSENT:
        return ABSENT
    return [{"ReferencedSOPClassUID": "1.2", "ReferencedSOPInstanceUID": uid} for uid in uids]


def dataset_of(elements: Mapping[str, Any]) -> Dataset:
    """A data set of whatever values, allowed or not."""
    made = Dataset()
    for keyword in sorted(elements, key=tag_of):
        value = elements[keyword]
        vr = dictionary_VR(tag_of(keyword))
        if vr == "SQ":
            put_items(made, keyword, [dataset_of(item) for item in value])
            continue
        if isinstance(value, bytes):
            content = value
        else:
            values = value if isinstance(value, list) else [value]
            numbers = vr == "US" or keyword == "LUTDescriptor"
            if value is None:
                content = b""
            elif numbers:
                content = b"".join(each.to_bytes(2, "little") for each in values)
            else:
                content = "\\".join(map(str, values)).encode("latin-1")
        content += (b"\0" if vr == "UI" else b" ") * (len(content) % 2)
        put_raw(
            made,
            keyword,
            {"US or SS": "US", "OB or OW": "OW", "US or OW": "OW"}.get(vr, vr),
            content,
        )
    return made


def tag_of(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    assert tag is not None
    return tag
