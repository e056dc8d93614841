"""The film of `broker test-print`: one sheet that shows whether a printer prints as it should."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image as pictures
from PIL import ImageDraw, ImageFont

from broker.model.films.film import Film, Image, ImageBox, dimensions_mm
from broker.preview.paper import MARGIN_MM, MM_PER_INCH
from broker.spool.stored import name_of

Canvas = NDArray[np.uint16]
"""Rows of pixel values, 0 the darkest."""

STEPS = 16
"""Of the gray wedge."""
LINE_WIDTHS = (1, 2, 4, 8)
"""Of the line pairs, in pixels."""


class Pattern:
    """Draws on a white canvas of `width` x `height` pixels of `bits` bits; all scales with it."""

    def __init__(self, width: int, height: int, bits: int) -> None:
        self.highest = (1 << bits) - 1
        self.canvas: Canvas = np.full((height, width), self.highest, np.uint16)
        self.unit = max(1, min(width, height) // 200)
        """A two-hundredth of the shorter side: the measure of lines, gaps and letters."""

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.canvas.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.canvas.shape[0])

    def frame(self) -> None:
        """A line around everything: it shows what the printer cuts off."""
        line = max(1, self.unit // 2)
        for edge in (
            self.canvas[:line],
            self.canvas[-line:],
            self.canvas[:, :line],
            self.canvas[:, -line:],
        ):
            edge[:] = 0

    def corners(self) -> None:
        """A solid square in each corner, and a tick in the middle of each side."""
        inset, side = 3 * self.unit, 6 * self.unit
        for top in (inset, self.height - inset - side):
            for left in (inset, self.width - inset - side):
                self.canvas[top : top + side, left : left + side] = 0
        middle_y, middle_x, arm = self.height // 2, self.width // 2, 3 * self.unit
        line = max(1, self.unit // 2)
        for x in (inset, self.width - inset - line):
            self.canvas[middle_y - arm : middle_y + arm, x : x + line] = 0
        for y in (inset, self.height - inset - line):
            self.canvas[y : y + line, middle_x - arm : middle_x + arm] = 0

    def text(
        self, words: str, center: float, top: int, size: int, value: int = 0, room: int = 0
    ) -> None:
        """Words in the middle over `center`, their value at full strength of the letter.

        With `room`, letters are made smaller until the words fit into that many pixels.
        """
        font = ImageFont.load_default(size)
        while room and size > 8 and font.getlength(words) > room:
            size -= 1
            font = ImageFont.load_default(size)
        mask = pictures.new("L", (max(1, round(font.getlength(words))), 2 * size), 0)
        ImageDraw.Draw(mask).text((0, 0), words, fill=255, font=font)
        left = max(0, round(center - mask.width / 2))
        spot = self.canvas[top : top + mask.height, left : left + mask.width]
        strength = np.asarray(mask, np.float64)[: spot.shape[0], : spot.shape[1]] / 255
        spot[:] = np.rint(spot * (1 - strength) + value * strength).astype(np.uint16)

    def ramp(self, left: int, top: int, right: int, bottom: int) -> None:
        """Every gray level from dark on the left to light on the right."""
        values = np.linspace(0, self.highest, right - left)
        self.canvas[top:bottom, left:right] = np.rint(values).astype(np.uint16)

    def wedge(self, left: int, top: int, right: int, bottom: int) -> None:
        """Even steps from dark to light, each with its number below it."""
        edges = np.linspace(left, right, STEPS + 1).round().astype(int).tolist()
        for step, (x0, x1) in enumerate(pairwise(edges)):
            self.canvas[top:bottom, x0:x1] = round(step * self.highest / (STEPS - 1))
            self.text(str(step), (x0 + x1) / 2, bottom + self.unit, 5 * self.unit)
        self._outline(left, top, right, bottom)

    def line_pairs(self, left: int, top: int, right: int, bottom: int) -> None:
        """Dark and light lines of each width: upright ones above, lying ones below."""
        gap, middle = 4 * self.unit, (top + bottom) // 2
        edges = np.linspace(left, right + gap, len(LINE_WIDTHS) + 1).astype(int).tolist()
        for width, x0, x1 in zip(LINE_WIDTHS, edges[:-1], edges[1:], strict=True):
            x1 -= gap
            across = (np.arange(x1 - x0) // width % 2) * self.highest
            self.canvas[top : middle - gap // 2, x0:x1] = across
            down = (np.arange(bottom - middle - gap // 2) // width % 2) * self.highest
            self.canvas[middle + gap // 2 : bottom, x0:x1] = down[:, np.newaxis]
            self.text(f"{width} px", (x0 + x1) / 2, bottom + self.unit, 5 * self.unit)

    def contrast(self, left: int, top: int, right: int, bottom: int) -> None:
        """Two patches that only a good printer shows as two: 5 % on black, 95 % on white."""
        gap = 4 * self.unit
        middle = (left + right) // 2
        for x0, x1, ground, part in (
            (left, middle - gap // 2, 0, 5),
            (middle + gap // 2, right, 100, 95),
        ):
            self.canvas[top:bottom, x0:x1] = self._percent(ground)
            self._outline(x0, top, x1, bottom)
            aside, above = (x1 - x0) // 4, (bottom - top) // 4
            self.canvas[top + above : bottom - above, x0 + aside : x1 - aside] = self._percent(part)
            words = f"{part} % on {ground} %"
            self.text(words, (x0 + x1) / 2, bottom + self.unit, 5 * self.unit)

    def content(self) -> bytes:
        """The pixels, little endian, 8 bits in one byte and 12 bits in two."""
        kind: str = "u1" if self.highest == 255 else "<u2"
        return self.canvas.astype(kind).tobytes()

    def _percent(self, part: int) -> int:
        return round(self.highest * part / 100)

    def _outline(self, left: int, top: int, right: int, bottom: int) -> None:
        line = max(1, self.unit // 4)
        for edge in (
            self.canvas[top : top + line, left:right],
            self.canvas[bottom - line : bottom, left:right],
            self.canvas[top:bottom, left : left + line],
            self.canvas[top:bottom, right - line : right],
        ):
            edge[:] = 0


def draw(width: int, height: int, bits: int, heading: Sequence[str]) -> Pattern:
    """The whole test picture, upright or lying; the first line of the heading is the largest."""
    pattern = Pattern(width, height, bits)
    unit, margin = pattern.unit, 14 * pattern.unit
    left, right, room = margin, width - margin, width - 2 * margin
    pattern.frame()
    pattern.corners()
    top = margin
    for number, words in enumerate(heading):
        letters = (12 if number == 0 else 6) * unit
        pattern.text(words, width / 2, top, letters, room=room)
        top += letters + 3 * unit
    # What is left is shared by four bands, each with a line of text below it.
    caption, free = 10 * unit, height - margin - top
    shares = ((pattern.ramp, 0.18), (pattern.wedge, 0.24), (pattern.line_pairs, 0.34))
    for band, share in (*shares, (pattern.contrast, 0.24)):
        bottom = top + round(free * share)
        band(left, top, right, bottom - caption)
        top = bottom
    return pattern


DPI = 150
"""Pixels for an inch of paper: fine enough for the letters, quick over a hospital's network."""


def test_film(
    title: str,
    when: str,
    film_size: str = "A4",  # noqa: PT028 - the film is a test, this function is not
    *,
    orientation: str = "PORTRAIT",  # noqa: PT028
    bits: int = 8,  # noqa: PT028
    dpi: int = DPI,  # noqa: PT028
) -> tuple[Film, dict[str, bytes]]:
    """One film of one image that fills the sheet, and its pixels by their name in the spool.

    `title` is the printer's name and `when` the time, as the sheet shall show them. `bits` is 8
    or 12; Raises: ValueError: for any other depth.
    """
    if bits not in (8, 12):
        raise ValueError(f"a print image has 8 or 12 bits, not {bits}")
    across, down = dimensions_mm(film_size, orientation)
    columns = round((across - 2 * MARGIN_MM) / MM_PER_INCH * dpi)
    rows = round((down - 2 * MARGIN_MM) / MM_PER_INCH * dpi)
    facts = f"{film_size}   {orientation}   {columns} x {rows} pixels of {bits} bits"
    content = draw(columns, rows, bits, (title, when, facts)).content()
    name = name_of(content)
    image = Image(
        pixels=name,
        length=len(content),
        rows=rows,
        columns=columns,
        bits_allocated=8 if bits == 8 else 16,
        bits_stored=bits,
        photometric="MONOCHROME2",
    )
    film = Film(
        attributes={
            "ImageDisplayFormat": ("STANDARD\\1,1",),
            "FilmOrientation": (orientation,),
            "FilmSizeID": (film_size,),
        },
        image_boxes=(ImageBox(position=1, image=image),),
    )
    return film, {name: content}
