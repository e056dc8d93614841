"""One film as it will lie on the sheet: the picture in an emulated tray, and a job's preview."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image as pictures
from PIL import ImageDraw

from broker.model.films.film import Attributes, Film, Image, ImageBox, dimensions_mm, first
from broker.model.films.layout import Layout
from broker.model.printers.trouble import SpoolDamaged
from broker.preview import density

MM_PER_INCH = 25.4

RESOLUTION_DPI = {"": 300, "STANDARD": 300, "HIGH": 600}
"""Printer pixels of each Requested Resolution ID: about 4k x 5k on 14 x 17 inches, or twice."""

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels of the picture."""


@dataclass(frozen=True)
class Placement:
    """One image on the sheet."""

    box: Box
    """What it covers."""
    source: tuple[float, float, float, float]
    """The part of the image that is shown: left, top, right, bottom, in its own pixels."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the sheet, in pixels."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


def placement(image: Image, attributes: Attributes, place: Box, dpi: float) -> Placement:
    """Put an image in the middle of its place, in its true shape.

    `attributes` are those of the image box over those of the film box. A Requested Image Size
    (width in mm) comes first; then Magnification Type NONE, one pixel of the image for one of the
    printer; otherwise the image fills its place. What would be larger than the place is shrunk to
    fit, or cropped where Requested Decimate/Crop Behavior says CROP.
    """
    left, top, right, bottom = place
    room_width, room_height = max(1, right - left), max(1, bottom - top)
    across, down = _pixel_shape(image)
    shape_width, shape_height = image.columns * across, image.rows * down
    fit = min(room_width / shape_width, room_height / shape_height)
    scale = _asked_scale(image, attributes, dpi, across)
    if scale is None:
        scale = fit
    elif first(attributes, "RequestedDecimateCropBehavior") != "CROP":
        scale = min(scale, fit)
    full_width, full_height = shape_width * scale, shape_height * scale
    width = min(room_width, max(1, round(full_width)))
    height = min(room_height, max(1, round(full_height)))
    x, y = left + (room_width - width) // 2, top + (room_height - height) // 2
    shown_columns = image.columns * min(1.0, room_width / full_width)
    shown_rows = image.rows * min(1.0, room_height / full_height)
    aside, above = (image.columns - shown_columns) / 2, (image.rows - shown_rows) / 2
    return Placement(
        box=(x, y, x + width, y + height),
        source=(aside, above, aside + shown_columns, above + shown_rows),
    )


def _pixel_shape(image: Image) -> tuple[float, float]:
    """Width and height of one pixel, the shorter of them 1 (PixelAspectRatio is height, width)."""
    try:
        height, width = (float(text) for text in image.aspect_ratio)
    except ValueError:
        return 1.0, 1.0
    if height <= 0 or width <= 0:
        return 1.0, 1.0
    shorter = min(height, width)
    return width / shorter, height / shorter


def _asked_scale(image: Image, attributes: Attributes, dpi: float, across: float) -> float | None:
    """Pixels on the sheet for each of the image's units, where the modality asked for a size."""
    asked = first(attributes, "RequestedImageSize")
    if asked:
        return float(asked) / MM_PER_INCH * dpi / (image.columns * across)
    if first(attributes, "MagnificationType") == "NONE":
        resolution = first(attributes, "RequestedResolutionID")
        return dpi / RESOLUTION_DPI.get(resolution, RESOLUTION_DPI[""])
    return None


MARGIN_MM = 4.0
"""Edge of the sheet that no toner reaches."""
SPACING_MM = 1.5
"""Between neighbours in the layout."""
TRIM_MM = 0.4
"""Width of the line around an image; one pixel at the least."""

SAMPLES = 4
"""For a picture on a screen: more cannot be seen."""

_FULL = 0.9999
"""Fractions add up to 1 only nearly."""

_RESAMPLING = {
    "REPLICATE": pictures.Resampling.BOX,
    "BILINEAR": pictures.Resampling.BILINEAR,
    "CUBIC": pictures.Resampling.BICUBIC,
    "NONE": pictures.Resampling.BOX,
}
"""How pixels are made between pixels, by Magnification Type; bilinear where none is asked for."""


def compose(
    film: Film,
    read: Callable[[str], bytes | bytearray],
    dpi: float = 50,
    *,
    samples: int | None = None,
) -> pictures.Image:
    """Lay out a film at `dpi` pixels for an inch of paper.

    With `samples`, an image that is much larger than its place is not read whole: each pixel of the
    picture comes from at least `samples` of its pixels across, and as many down.

    `read` gives the pixels of an image by their name in the spool. The picture is gray (mode L),
    or RGB when one of its images is.

    Raises:
        ValueError: when the layout is not one that can be laid out.
        SpoolDamaged: when the pixels are not what their image says.
    """
    width, height = size(film, dpi)
    margin = round(MARGIN_MM / MM_PER_INCH * dpi)
    printable = (margin, margin, width - margin, height - margin)
    paper = round(density.gray(density.WHITE))
    border = density.level(first(film.attributes, "BorderDensity"), paper)
    vacant = density.level(first(film.attributes, "EmptyImageDensity"), border)
    colored = any(box.image is not None and box.image.samples == 3 for box in film.image_boxes)
    sheet = pictures.new("RGB" if colored else "L", (width, height), _shade(paper, colored))
    draw = ImageDraw.Draw(sheet)
    _fill(draw, printable, _shade(border, colored))
    for box, place in zip(film.image_boxes, places(film, printable, dpi), strict=False):
        if box.image is None:
            _fill(draw, place, _shade(vacant, colored))
            continue
        attributes = effective(film, box)
        put = placement(box.image, attributes, place, dpi)
        step = _step(put, samples)
        picture = _picture(film, box, box.image, attributes, read(box.image.pixels), step)
        sheet.paste(_resized(picture, put, attributes, step), put.box[:2])
        if first(film.attributes, "Trim") == "YES":
            line = _shade(0 if border > 127 else 255, colored)
            _trim(draw, put.box, place, max(1, round(TRIM_MM / MM_PER_INCH * dpi)), line)
    return sheet


def size(film: Film, dpi: float) -> tuple[int, int]:
    """Width and height of the sheet, in pixels."""
    across, down = dimensions_mm(film.film_size, first(film.attributes, "FilmOrientation"))
    return max(1, round(across / MM_PER_INCH * dpi)), max(1, round(down / MM_PER_INCH * dpi))


def places(film: Film, printable: Box, dpi: float) -> list[Box]:
    """The places of the film's layout in order of position, a gap between neighbours."""
    left, top, right, bottom = printable
    width, height = right - left, bottom - top
    gap = SPACING_MM / MM_PER_INCH * dpi / 2
    found = []
    for place in Layout.parse(film.display_format, len(film.image_boxes)).places():
        to_x, to_y = place.left + place.width, place.top + place.height
        # Outer edges stay on the edge of the printable area; inner ones give way by half a gap.
        x0 = left + place.left * width + (gap if place.left > 0 else 0)
        y0 = top + place.top * height + (gap if place.top > 0 else 0)
        x1 = left + to_x * width - (gap if to_x < _FULL else 0)
        y1 = top + to_y * height - (gap if to_y < _FULL else 0)
        found.append((round(x0), round(y0), round(x1), round(y1)))
    return found


def effective(film: Film, box: ImageBox) -> Attributes:
    """What holds for one image: the image box's own attributes over the film box's."""
    found: Mapping[str, tuple[str, ...]] = {**film.attributes, **box.attributes}
    return found


def _step(put: Placement, samples: int | None) -> int:
    """The step from one pixel that is read to the next, across and down."""
    if samples is None:
        return 1
    left, top, right, bottom = put.source
    width, height = put.size
    return max(1, int(min((right - left) / width, (bottom - top) / height) / samples))


def _picture(
    film: Film,
    box: ImageBox,
    image: Image,
    attributes: Attributes,
    content: bytes | bytearray,
    step: int,
) -> pictures.Image:
    if len(content) != image.length:
        raise SpoolDamaged(f"{image.pixels}: {len(content)} bytes instead of {image.length}")
    if image.samples == 3:
        planes = np.frombuffer(content, np.uint8).reshape(3, image.rows, image.columns)
        planes = planes[:, ::step, ::step]
        if first(attributes, "Polarity") == "REVERSE":
            planes = 255 - planes
        return pictures.merge("RGB", [pictures.fromarray(plane) for plane in planes])
    kind = "<u2" if image.bits_allocated == 16 else "u1"
    pixels = np.frombuffer(content, kind).reshape(image.rows, image.columns)
    levels = density.levels(image, attributes, box.lut or film.lut)
    return pictures.fromarray(levels[pixels[::step, ::step]])


def _resized(
    picture: pictures.Image, put: Placement, attributes: Attributes, step: int
) -> pictures.Image:
    kind = _RESAMPLING.get(first(attributes, "MagnificationType"), pictures.Resampling.BILINEAR)
    # A picture far larger than its place is first shrunk by a whole number, which is quick.
    left, top, right, bottom = (edge / step for edge in put.source)
    source = (left, top, min(right, picture.width), min(bottom, picture.height))
    return picture.resize(put.size, kind, box=source, reducing_gap=2.0)


def _shade(gray: int, colored: bool) -> int | tuple[int, int, int]:
    return (gray, gray, gray) if colored else gray


def _fill(draw: ImageDraw.ImageDraw, box: Box, shade: int | tuple[int, int, int]) -> None:
    left, top, right, bottom = box
    if right > left and bottom > top:
        draw.rectangle((left, top, right - 1, bottom - 1), fill=shade)


def _trim(
    draw: ImageDraw.ImageDraw,
    box: Box,
    place: Box,
    width: int,
    shade: int | tuple[int, int, int],
) -> None:
    """A line around the image, within its place: over its edge where it fills the place."""
    left, top = max(box[0] - width, place[0]), max(box[1] - width, place[1])
    right, bottom = min(box[2] + width, place[2]), min(box[3] + width, place[3])
    draw.rectangle((left, top, right - 1, bottom - 1), outline=shade, width=width)
