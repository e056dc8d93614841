"""The film of `broker test-print`: one sheet that shows whether a printer prints as it should."""

from __future__ import annotations

from broker.model.film import Film, Image, ImageBox
from broker.model.film_size import dimensions_mm
from broker.preview import test_pattern
from broker.preview.paper import MARGIN_MM
from broker.preview.placement import MM_PER_INCH
from broker.spool.naming import name_of

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
    or 12; ValueError for anything else.
    """
    if bits not in (8, 12):
        raise ValueError(f"a print image has 8 or 12 bits, not {bits}")
    across, down = dimensions_mm(film_size, orientation)
    columns = round((across - 2 * MARGIN_MM) / MM_PER_INCH * dpi)
    rows = round((down - 2 * MARGIN_MM) / MM_PER_INCH * dpi)
    facts = f"{film_size}   {orientation}   {columns} x {rows} pixels of {bits} bits"
    content = test_pattern.draw(columns, rows, bits, (title, when, facts)).content()
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
