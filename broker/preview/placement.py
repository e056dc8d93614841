"""Where an image lies in its place on the sheet, and how big (PS3.3 C.13.3, C.13.5)."""

from __future__ import annotations

from dataclasses import dataclass

from broker.model.film import Attributes, Image, first

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
