"""How dark ink on paper looks: optical density, P-values and gray levels of a picture.

A gray level is a P-value in 8 bits: 0 is the darkest that the paper takes, 255 is bare paper, and
equal steps look equal (PS3.14 7). So the gray level of a density follows the Grayscale Standard
Display Function, for a reflective print that is lit so that white paper has 150 cd/m2 (PS3.4
H.4.2.1, the suggested default), without ambient light of its own.
"""

from __future__ import annotations

from math import log10

import numpy as np
from numpy.typing import NDArray

from broker.model.films.film import Attributes, Image, PresentationLut, first

Levels = NDArray[np.uint8]
"""Gray level of each possible pixel value."""

WHITE = 0
"""Density of bare paper, in 1/100 OD: all densities are measured against it."""
BLACK = 200
"""The darkest that toner gets on paper, in 1/100 OD; anything beyond it is cut off."""
PAPER_LUMINANCE = 150.0
"""Of lit white paper, in cd/m2."""

_JND = (
    71.498068,
    94.593053,
    41.912053,
    9.8247004,
    0.28175407,
    -1.1878455,
    -0.18014349,
    0.14710899,
    -0.017046845,
)
"""JND index as a polynomial in log10 of the luminance, lowest power first (PS3.14 7.1)."""


def jnd(luminance: float) -> float:
    """The just-noticeable-difference index of a luminance, in cd/m2 from 0.05 to 4000."""
    exponent = log10(luminance)
    return sum(factor * exponent**power for power, factor in enumerate(_JND))


def _reflected(density: float) -> float:
    return jnd(PAPER_LUMINANCE * 10 ** (-density / 100))


def gray(density: float) -> float:
    """The gray level, 0.0 to 255.0, of a density in 1/100 OD; cut off at the paper's own range."""
    darkest, lightest = _reflected(BLACK), _reflected(WHITE)
    seen = _reflected(min(max(density, WHITE), BLACK))
    return 255 * (seen - darkest) / (lightest - darkest)


def level(word: str, default: int) -> int:
    """The gray level of a Border or Empty Image Density: BLACK, WHITE or a number in 1/100 OD.

    A word that is none of these means the default, as does an empty one (PS3.3 C.13.3).
    """
    known = {"BLACK": BLACK, "WHITE": WHITE}
    if word in known:
        return round(gray(known[word]))
    return round(gray(int(word))) if word.isascii() and word.isdigit() else default


def levels(image: Image, attributes: Attributes, lut: PresentationLut | None) -> Levels:
    """The gray level of every value that a pixel of a grayscale image may have.

    The order is that of PS3.4 H.2.1.2: photometric interpretation and polarity decide what dark
    is, the Presentation LUT makes P-values of that, and the densities say how dark and how light
    the P-values are printed. `attributes` are those of the image box over those of the film box.
    LIN OD keeps dark dark: it spreads the values evenly in density instead of in P-values.

    There are 2 to the power of `bits_allocated` entries: bits above `bits_stored` do not count.
    """
    highest = (1 << image.bits_stored) - 1
    values = np.arange(highest + 1)
    reverse = first(attributes, "Polarity") == "REVERSE"
    if (image.photometric == "MONOCHROME1") != reverse:
        values = highest - values
    lightest = _number(attributes, "MinDensity", WHITE)
    darkest = _number(attributes, "MaxDensity", BLACK)
    if darkest <= lightest:
        lightest, darkest = WHITE, BLACK  # no range at all: the printer has one of its own
    if lut is not None and lut.shape == "LIN OD":
        densities = darkest - values * ((darkest - lightest) / highest)
        seen = np.array([gray(density) for density in densities.tolist()])
    else:
        seen = gray(darkest) + _p_values(values, highest, lut) * (gray(lightest) - gray(darkest))
    rounded = np.rint(seen).astype(np.uint8)
    return np.tile(rounded, 1 << (image.bits_allocated - image.bits_stored))


def _p_values(
    values: NDArray[np.int64], highest: int, lut: PresentationLut | None
) -> NDArray[np.float64]:
    """P-values from 0.0 (dark) to 1.0."""
    if lut is None or lut.descriptor is None:
        return values / highest
    entries, (_, _, bits) = lut.entries, lut.descriptor
    table = np.frombuffer(lut.table, "<u2" if len(lut.table) >= 2 * entries else "u1")
    # A table for the other depth is stretched, so that nothing but its curve matters.
    found = table[values * (entries - 1) // highest]
    return np.minimum(found / ((1 << bits) - 1), 1.0)


def _number(attributes: Attributes, keyword: str, default: int) -> int:
    word = first(attributes, keyword)
    return min(max(int(word), WHITE), BLACK) if word.isascii() and word.isdigit() else default
