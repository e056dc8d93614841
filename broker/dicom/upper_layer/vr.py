"""Value representations (PS3.5 6.2): what is text, what is a number, what is bytes."""

from __future__ import annotations

from functools import lru_cache

from pydicom.datadict import dictionary_VR
from pydicom.tag import BaseTag

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
NUMBERS = {
    "FD": "d",
    "FL": "f",
    "SL": "i",
    "SS": "h",
    "SV": "q",
    "UL": "I",
    "US": "H",
    "UV": "Q",
}
ONE_TEXT = frozenset({"LT", "ST", "UR", "UT"})
"""Text in which a backslash is a backslash."""
TEXT = ONE_TEXT | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
TRIMMED = frozenset({"AE", "CS", "DS", "IS", "UI"})
"""Leading spaces do not count either."""
LONG = BINARY | {"SQ", "SV", "UC", "UR", "UT", "UV"}
"""Explicit VRs with a length of four bytes (PS3.5 7.1.2)."""
AMBIGUOUS = {"US or SS": "US", "US or OW": "OW", "US or SS or OW": "OW", "OB or OW": "OW"}
"""Print has unsigned pixels only (PS3.3 C.13.5)."""


@lru_cache(maxsize=4096)
def dictionary_vr(tag: BaseTag) -> str:
    """The VR of an element in Implicit VR; UN when nobody knows it (PS3.5 6.2.2)."""
    if tag.is_private_creator:
        return "LO"
    if tag.element == 0:
        return "UL"
    try:
        vr = dictionary_VR(tag)
    except KeyError:
        return "UN"
    return AMBIGUOUS.get(vr, vr)
