"""Pictures to print: images that pydicom ships for its own tests, and drawn ones.

Every picture is an array of values from 0.0 (dark) to 1.0 (light), rows first; a colour picture has
three of them for each pixel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_modality_lut

Picture = NDArray[np.float64]

_HEAD = (
    (0.00, 0.00, 0.69, 0.92, 0, 0.90),
    (0.00, -0.02, 0.66, 0.87, 0, -0.65),
    (0.22, 0.00, 0.11, 0.31, -18, -0.15),
    (-0.22, 0.00, 0.16, 0.41, 18, -0.15),
    (0.00, 0.35, 0.21, 0.25, 0, 0.25),
    (0.00, 0.10, 0.05, 0.05, 0, 0.30),
    (0.00, -0.10, 0.05, 0.05, 0, 0.30),
    (-0.08, -0.60, 0.05, 0.02, 0, 0.35),
    (0.06, -0.60, 0.02, 0.05, 0, 0.35),
)
"""Ellipses of a head: centre x and y, half axes, tilt in degrees, brightness added."""


def shipped(name: str, low: float, high: float) -> Picture | None:
    """An image out of the pydicom package, windowed from `low` to `high`.

    None if the package has not got it; nothing is ever downloaded.
    """
    path = get_testdata_file(name, download=False)
    if path is None:
        return None
    dataset = dcmread(str(path))
    values = dataset.pixel_array
    if dataset.SamplesPerPixel == 1:
        values = apply_modality_lut(values, dataset)
    return window(values.astype(np.float64), low, high)


def window(values: Picture, low: float, high: float) -> Picture:
    """What lies between `low` and `high`, spread from dark to light."""
    shown: Picture = np.clip((values - low) / (high - low), 0.0, 1.0)
    return shown


def head(side: int, height: float = 0.0) -> Picture:
    """A slice through a head made of ellipses, from -1.0 at the chin to 1.0 at the crown."""
    y, x = np.mgrid[1 : -1 : side * 1j, -1 : 1 : side * 1j]
    picture = np.zeros((side, side))
    shrink = np.sqrt(max(0.0, 1 - height**2))
    for number, (center_x, center_y, wide, high, tilt, light) in enumerate(_HEAD):
        # Small parts vanish sooner than the skull does.
        scale = shrink if number < 2 else max(0.0, shrink - abs(height) * 0.5)
        if scale == 0.0:
            continue
        angle = np.deg2rad(tilt)
        along = (x - center_x) * np.cos(angle) + (y - center_y) * np.sin(angle)
        aside = (y - center_y) * np.cos(angle) - (x - center_x) * np.sin(angle)
        picture[(along / (wide * scale)) ** 2 + (aside / (high * scale)) ** 2 <= 1] += light
    return np.clip(picture, 0.0, 1.0)


def rings(side: int) -> Picture:
    """Rings that grow finer outwards: they show any change of size."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    distance = x**2 + y**2
    shown: Picture = np.where(distance <= 1, 0.5 + 0.5 * np.cos(distance * side * 0.2), 0.0)
    return shown


def bone(rows: int, columns: int) -> Picture:
    """Something like a radiograph of a long bone: soft edges, bright walls, fine structure."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    bend = 0.08 * np.sin(2.2 * y)
    half = 0.16 + 0.10 * y**4
    depth = np.clip(1 - ((x - bend) / half) ** 2, 0, None)
    cavity = np.clip(1 - ((x - bend) / (0.62 * half)) ** 2, 0, None)
    flesh = np.clip(1 - ((x - bend) / 0.72) ** 2, 0, None)
    grain = 0.02 * np.sin(55 * x + 9 * y) * np.sin(13 * y + 4 * x)
    through = 0.33 * np.sqrt(flesh) + 0.62 * np.sqrt(depth) - 0.33 * np.sqrt(cavity)
    shown: Picture = np.clip(through + np.where(depth > 0, grain, 0), 0.0, 1.0)
    return shown
