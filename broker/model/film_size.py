"""Film sizes in millimetres (PS3.3 C.13.3, Film Size ID)."""

from __future__ import annotations

from types import MappingProxyType

SIZES_MM = MappingProxyType(
    {
        "8INX10IN": (203.2, 254.0),
        "8_5INX11IN": (215.9, 279.4),
        "10INX12IN": (254.0, 304.8),
        "10INX14IN": (257.0, 364.0),  # 25.7 x 36.4 cm, as the standard has it
        "11INX14IN": (279.4, 355.6),
        "11INX17IN": (279.4, 431.8),
        "14INX14IN": (355.6, 355.6),
        "14INX17IN": (355.6, 431.8),
        "24CMX24CM": (240.0, 240.0),
        "24CMX30CM": (240.0, 300.0),
        "A4": (210.0, 297.0),
        "A3": (297.0, 420.0),
    }
)
"""Width and height of the sheet held upright, for each term that the standard defines."""

DEFAULT = "A4"
"""Taken for an empty size, and for terms of a vendor: the printer alone knows what they mean."""


def dimensions_mm(film_size: str, orientation: str) -> tuple[float, float]:
    """Width and height of a sheet as it is looked at; LANDSCAPE lays it on its long side."""
    width, height = SIZES_MM.get(film_size.strip().upper(), SIZES_MM[DEFAULT])
    return (height, width) if orientation.strip().upper() == "LANDSCAPE" else (width, height)
