"""Films for the demo and for site acceptance: each one asks the printer for something else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.pixels.processing import apply_modality_lut

from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut
from broker.spool.stored import name_of

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


Films = tuple[Film, ...]
Pixels = dict[str, bytes]
"""The films' pixels by their name in the spool."""


def sample_films() -> tuple[Films, Pixels]:
    """At least eight different grayscale films, and their pixels."""
    roll = _Roll()
    ct = _shipped("CT_small.dcm", -600, 900)
    mr = _shipped("MR_small.dcm", 200, 2000)
    liver = _shipped("examples_overlay.dcm", 0, 700)
    bars = _shipped("image_dfl.dcm", 0, 255)
    heads = [head(160, height) for height in np.linspace(-0.8, 0.8, 12)]
    radiograph = bone(1024, 820)
    targets = rings(600)
    films = (
        # A radiograph that fills a sheet.
        roll.film(
            "STANDARD\\1,1", "14INX17IN", [roll.image(radiograph, 12)], BorderDensity="BLACK"
        ),
        # One slice, magnified smoothly.
        roll.film("STANDARD\\1,1", "A4", [roll.image(ct, 12)], MagnificationType="CUBIC"),
        # Four windows of a slice, a line around each.
        roll.film(
            "STANDARD\\2,2",
            "A4",
            [
                roll.image(window(ct, low, high), 8)
                for low, high in ((0, 1), (0, 0.6), (0.3, 0.7), (0.4, 1))
            ],
            BorderDensity="BLACK",
            Trim="YES",
        ),
        # A wide slice above two others.
        roll.film(
            "ROW\\1,2",
            "A4",
            [roll.image(liver, 12), roll.image(mr, 12), roll.image(ct, 12)],
            BorderDensity="BLACK",
        ),
        # Columns, lying, and a light ground.
        roll.film(
            "COL\\1,2",
            "A4",
            [roll.image(liver, 8), roll.image(bars, 8), roll.image(targets, 8)],
            FilmOrientation="LANDSCAPE",
            BorderDensity="WHITE",
        ),
        # A whole series.
        roll.film(
            "STANDARD\\3,4",
            "A3",
            [roll.image(each, 12) for each in heads],
            BorderDensity="BLACK",
        ),
        # Places that stay empty.
        roll.film(
            "STANDARD\\2,3",
            "A4",
            [roll.image(heads[5], 8), None, roll.image(heads[6], 8), None, roll.image(mr, 8), None],
            BorderDensity="BLACK",
            EmptyImageDensity="40",
        ),
        # The same picture twice: stored upside down in MONOCHROME1, and turned round by Polarity.
        roll.film(
            "STANDARD\\1,2",
            "A4",
            [roll.image(radiograph, 12, photometric="MONOCHROME1"), roll.image(radiograph, 12)],
            boxes=({}, {"Polarity": ("REVERSE",)}),
            FilmOrientation="PORTRAIT",
        ),
        # True size: the rings are 100 mm wide on any sheet.
        roll.film(
            "STANDARD\\1,1",
            "A4",
            [roll.image(targets, 8)],
            boxes=({"RequestedImageSize": ("100",)},),
        ),
        # P-values through a LUT of the modality's own.
        roll.film(
            "STANDARD\\1,1",
            "8INX10IN",
            [roll.image(heads[6], 12)],
            lut=_curve(),
            BorderDensity="BLACK",
        ),
    )
    return films, roll.pixels


def color_films() -> tuple[Films, Pixels]:
    """Films for a Basic Color Print Meta association, and their pixels."""
    roll = _Roll()
    flow = _shipped("examples_rgb_color.dcm", 0, 255)
    if flow.ndim == 3:
        # The picture alone, without the scanner's writing around it.
        flow = flow[54:168, 4:316]
    y, x = np.mgrid[0:1:240j, 0:1:320j]
    colors = np.stack((x, y, 1 - (x + y) / 2), axis=-1)
    films = (
        roll.film("STANDARD\\1,1", "A4", [roll.image(flow, 8)], FilmOrientation="LANDSCAPE"),
        roll.film("STANDARD\\1,2", "A4", [roll.image(colors, 8), roll.image(flow, 8)]),
    )
    return films, roll.pixels


def _shipped(name: str, low: float, high: float) -> Picture:
    """A picture out of pydicom, or a drawn one where a repackaged pydicom has left it out."""
    found = shipped(name, low, high)
    return head(256) if found is None else found


def _curve() -> PresentationLut:
    """A LUT that lightens the middle."""
    values = np.linspace(0, 1, 4096) ** 0.7
    table = np.rint(values * 4095).astype("<u2").tobytes()
    return PresentationLut(descriptor=(4096, 0, 12), table=table)


class _Roll:
    """Films in the making; keeps the pixels that they name."""

    def __init__(self) -> None:
        self.pixels: Pixels = {}

    def image(self, picture: Picture, bits: int, photometric: str = "") -> Image:
        """A picture as pixels of 8 or 12 bits: planes of red, green, blue for a colour one."""
        colored = picture.ndim == 3
        values = np.rint(picture * ((1 << bits) - 1))
        if photometric == "MONOCHROME1":
            values = ((1 << bits) - 1) - values
        if colored:
            values = np.moveaxis(values, -1, 0)
        content = values.astype("u1" if bits == 8 else "<u2").tobytes()
        name = name_of(content)
        self.pixels[name] = content
        return Image(
            pixels=name,
            length=len(content),
            rows=picture.shape[0],
            columns=picture.shape[1],
            bits_allocated=8 if bits == 8 else 16,
            bits_stored=bits,
            photometric=photometric or ("RGB" if colored else "MONOCHROME2"),
            samples=3 if colored else 1,
        )

    def film(
        self,
        display_format: str,
        film_size: str,
        images: Sequence[Image | None],
        *,
        boxes: Sequence[Attributes] = (),
        lut: PresentationLut | None = None,
        **attributes: str,
    ) -> Film:
        """A film of these images; `boxes` are the attributes of their image boxes."""
        sent = {
            "ImageDisplayFormat": display_format,
            "FilmOrientation": "PORTRAIT",
            "FilmSizeID": film_size,
            **attributes,
        }
        return Film(
            attributes={keyword: (value,) for keyword, value in sent.items()},
            image_boxes=tuple(
                ImageBox(
                    position=number,
                    attributes=boxes[number - 1] if boxes and image is not None else {},
                    image=image,
                )
                for number, image in enumerate(images, start=1)
            ),
            lut=lut,
        )
