"""Film Size IDs and what they measure (PS3.3 C.13.3)."""

from __future__ import annotations

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
