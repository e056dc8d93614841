"""What breaks the standard harmlessly and is taken all the same, as rules with names (promise 11).

A printer behind a load balancer takes most of it, so the broker does. Each rule that is used is
told in the log by its name; `broker.strict` turns them off for a modality that is tested for
conformance. What changes the scale of an image, its polarity or the number of copies is read as
meant only where the meaning is plain, and is refused otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from broker.dicom.statuses import Fault


class Tolerated(StrEnum):
    """The name of a rule. Stable: logs are searched by it."""

    SESSION_REFERENCE = "film box without its film session"
    """PS3.4 H.4.2.2.1.2 wants a reference to the film session. An association has one."""
    PRINTER_INSTANCE = "printer by another instance"
    """PS3.4 H.4.6 gives the Printer one well-known instance. An association has one Printer."""
    IMAGE_POSITION = "image box without position"
    """PS3.4 H.4.3.1.2.1 wants Image Box Position. The image box was made for one."""
    OTHER_WORDS = "value in other words"
    """A word that is none of the enumerated values, and has the meaning of one of them."""
    UNKNOWN_VALUE = "value unknown to the standard"
    """A value of an optional attribute: the printer decides."""
    BITS_STORED = "bits stored"
    """PS3.3 C.13.5 allows 8 in 8 and 12 in 16 bits."""
    LONG_PIXELS = "pixels longer than rows and columns"
    """PS3.5 8.1.1: what is behind them is padding."""
    LUT_FORM = "form of a Presentation LUT"
    """PS3.3 C.11.4 allows 256 or 4096 entries of 10 to 16 bits."""


Tolerate = Callable[[Tolerated, Fault], None]
"""Lets a fault pass by a rule, or raises it. Raises: Fault."""


def refuse(_rule: Tolerated, fault: Fault) -> None:
    """Lets nothing pass. Raises: Fault: always."""
    raise fault


MEANT: Mapping[str, Mapping[str, str]] = {
    "PrintPriority": {
        "MEDIUM": "MED",
        "NORMAL": "MED",
        "MIDDLE": "MED",
        "HI": "HIGH",
        "URGENT": "HIGH",
        "STAT": "HIGH",
    },
    "FilmOrientation": {"VERTICAL": "PORTRAIT", "HORIZONTAL": "LANDSCAPE"},
    "Trim": {"ON": "YES", "Y": "YES", "TRUE": "YES", "OFF": "NO", "N": "NO", "FALSE": "NO"},
    "Polarity": {"INVERSE": "REVERSE", "INVERTED": "REVERSE", "REVERSED": "REVERSE"},
}
"""Keyword -> other word -> the standard's (PS3.3 C.13.1, C.13.3, C.13.5)."""
STRICT = frozenset({"NumberOfCopies", "Polarity", "RequestedImageSize"})
"""Never relayed with a value that is not understood: it would come out another film."""
LONGEST_PADDING = 64 << 10
"""Bytes behind the pixels that are taken for padding."""
