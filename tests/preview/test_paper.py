"""Films on paper, to the pixel. At 25.4 dpi a pixel is a millimetre."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as pictures

from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut
from broker.model.films.layout import UnreadableLayout
from broker.model.printers.trouble import SpoolDamaged
from broker.preview import density
from broker.preview.paper import compose
from broker.spool.stored import name_of

MM = 25.4

SPOOL: dict[str, bytes] = {}


def flat(value: int, rows: int = 10, columns: int = 10, **fields: object) -> Image:
    """A picture of one value; 8 bits, or 12 where the value needs them."""
    bits = 12 if value > 255 or fields.pop("deep", False) else 8
    kind = "u1" if bits == 8 else "<u2"
    return _spooled(np.full((rows, columns), value, kind).tobytes(), rows, columns, bits, **fields)


def _spooled(content: bytes, rows: int, columns: int, bits: int, **fields: object) -> Image:
    name = name_of(content)
    SPOOL[name] = content
    made: dict[str, object] = {
        "pixels": name,
        "length": len(content),
        "rows": rows,
        "columns": columns,
        "bits_allocated": 8 if bits == 8 else 16,
        "bits_stored": bits,
        "photometric": "MONOCHROME2",
        **fields,
    }
    return Image(**made)  # type: ignore[arg-type]


def film(
    *images: Image | None,
    display_format: str = r"STANDARD\1,1",
    box: Attributes | None = None,
    lut: PresentationLut | None = None,
    box_lut: PresentationLut | None = None,
    **attributes: str,
) -> Film:
    """A film on A4; `box` are the attributes of every image box."""
    sent = {"ImageDisplayFormat": display_format, "FilmSizeID": "A4", **attributes}
    return Film(
        attributes={keyword: (value,) for keyword, value in sent.items()},
        image_boxes=tuple(
            ImageBox(position, box or {}, image, box_lut)
            for position, image in enumerate(images, start=1)
        ),
        lut=lut,
    )


def sheet(printed: Film, dpi: float = MM) -> pictures.Image:
    """The composed film."""
    return compose(printed, SPOOL.__getitem__, dpi)


def extent(picture: pictures.Image, value: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of everything that has this gray level."""
    rows, columns = np.nonzero(np.asarray(picture) == value)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize(
    ("film_size", "orientation", "expected"),
    [
        ("A4", "PORTRAIT", (210, 297)),
        ("A4", "LANDSCAPE", (297, 210)),
        ("A3", "PORTRAIT", (297, 420)),
        ("14INX17IN", "PORTRAIT", (356, 432)),
        ("", "", (210, 297)),
    ],
)
def test_the_sheet_has_the_size_that_was_asked_for(
    film_size: str, orientation: str, expected: tuple[int, int]
) -> None:
    """A millimetre is a pixel; LANDSCAPE lies; no size at all is A4."""
    printed = film(flat(0), FilmSizeID=film_size, FilmOrientation=orientation)
    assert sheet(printed).size == expected


def test_the_resolution_is_the_callers() -> None:
    """At 50 dpi, the default, A4 has 413 x 585 pixels."""
    assert compose(film(flat(0)), SPOOL.__getitem__).size == (413, 585)


def test_the_edge_of_the_sheet_stays_bare() -> None:
    """No toner in the outermost 4 mm, not even a black border's."""
    picture = np.asarray(sheet(film(flat(255), BorderDensity="BLACK")))
    inside = picture[4:-4, 4:-4]
    assert np.all(inside[0] == 0)
    assert [int(picture.sum()) - int(inside.sum())] == [255 * (picture.size - inside.size)]


def test_an_image_fills_its_place_and_keeps_its_shape() -> None:
    """On A4 a square image is as wide as the printable 202 mm, in the middle of 289 mm."""
    assert extent(sheet(film(flat(10))), 10) == (4, 47, 206, 249)


def test_pixels_that_are_not_square_are_printed_as_they_are() -> None:
    """PixelAspectRatio 2, 1: pixels twice as tall as wide, so the picture is too."""
    picture = sheet(film(flat(10, rows=10, columns=20, aspect_ratio=("2", "1"))))
    assert extent(picture, 10) == (4, 47, 206, 249)


@pytest.mark.parametrize("ratio", [("0", "1"), ("x", "1"), ("1",), ()])
def test_an_aspect_ratio_that_says_nothing_is_square(ratio: tuple[str, ...]) -> None:
    """Zero, text or half a ratio cannot be printed: pixels are square then."""
    assert extent(sheet(film(flat(10, aspect_ratio=ratio))), 10) == (4, 47, 206, 249)


@pytest.mark.parametrize(
    ("display_format", "expected"),
    [
        (
            r"STANDARD\2,1",
            [(4, 98, 104, 198), (106, 98, 206, 198)],
        ),
        (
            r"STANDARD\1,2",
            [(33, 4, 177, 148), (33, 149, 177, 293)],
        ),
        (
            r"ROW\1,2",
            [(33, 4, 177, 148), (4, 171, 104, 271), (106, 171, 206, 271)],
        ),
        (
            r"COL\1,2",
            [(4, 98, 104, 198), (106, 26, 206, 126), (106, 171, 206, 271)],
        ),
    ],
)
def test_images_lie_in_the_places_of_the_layout(
    display_format: str, expected: list[tuple[int, int, int, int]]
) -> None:
    """Position 1 is at the top left; neighbours keep a gap of 1.5 mm."""
    values = [10, 20, 30][: len(expected)]
    picture = sheet(film(*(flat(value) for value in values), display_format=display_format))
    found = [extent(picture, value) for value in values]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1)


def test_places_fill_the_sheet_in_order_of_position() -> None:
    """In a 3 x 4 layout, the fifth image is in the middle of the second row."""
    picture = sheet(film(*(flat(10 * n) for n in range(1, 13)), display_format=r"STANDARD\3,4"))
    across, down = 202 / 3, 289 / 4
    assert picture.getpixel((round(4 + 1.5 * across), round(4 + 1.5 * down))) == 50


def test_an_empty_place_has_the_empty_image_density() -> None:
    """EmptyImageDensity covers the whole place; without it, the border's density goes on."""
    printed = film(flat(10), None, display_format=r"STANDARD\1,2", EmptyImageDensity="80")
    assert extent(sheet(printed), round(density.gray(80))) == (4, 149, 206, 293)
    printed = film(flat(10), None, display_format=r"STANDARD\1,2", BorderDensity="80")
    assert extent(sheet(printed), round(density.gray(80))) == (4, 4, 206, 293)


def test_the_border_lies_around_and_between_the_images() -> None:
    """BorderDensity fills the printable area, and the gap in the middle of the sheet."""
    printed = film(flat(255), flat(255), display_format=r"STANDARD\1,2", BorderDensity="BLACK")
    assert sheet(printed).getpixel((105, 148)) == 0


def test_trim_draws_a_line_around_each_image() -> None:
    """A light line on a dark border, a dark one on a light border, one pixel at the least."""
    box = {"RequestedImageSize": ("100",)}
    for border, value, line in (("BLACK", 10, 255), ("WHITE", 200, 0)):
        picture = sheet(film(flat(value), box=box, BorderDensity=border, Trim="YES"))
        left, top, right, bottom = extent(picture, value)
        ring = np.asarray(picture)[top - 1 : bottom + 1, left - 1 : right + 1].copy()
        ring[1:-1, 1:-1] = line
        assert np.all(ring == line)


def test_trim_stays_within_the_place() -> None:
    """Where the image fills its place the line lies on its edge, not on the bare paper."""
    picture = np.asarray(sheet(film(flat(200, rows=289, columns=202), Trim="YES")))
    assert [picture[148, 3], picture[148, 4], picture[148, 5]] == [255, 0, 200]


def test_requested_image_size_is_true_to_scale() -> None:
    """100 mm are 100 mm, in the middle of the place, on any layout."""
    box = {"RequestedImageSize": ("100",)}
    assert extent(sheet(film(flat(10), box=box)), 10) == (55, 98, 155, 198)


def test_an_image_too_large_is_shrunk_or_cropped_as_asked() -> None:
    """DECIMATE shows all of it; CROP keeps the scale and shows the middle."""
    content = np.tile(np.repeat([0, 128, 255], [100, 200, 100]).astype("u1"), (40, 1)).tobytes()
    image = _spooled(content, 40, 400, 8)
    too_wide = {"RequestedImageSize": ("404",)}
    shrunk = sheet(film(image, box=too_wide))
    assert [shrunk.getpixel((x, 148)) for x in (5, 105, 200)] == [0, 128, 255]
    cropped = sheet(film(image, box={**too_wide, "RequestedDecimateCropBehavior": ("CROP",)}))
    assert extent(cropped, 128) == pytest.approx((4, 128, 206, 168), abs=1)


def test_magnification_none_prints_pixel_by_pixel() -> None:
    """600 pixels at the printer's 300 dpi are 50.8 mm; at HIGH, 600 dpi, half of that."""
    image = flat(10, rows=600, columns=600)
    for resolution, expected in (("STANDARD", 51), ("HIGH", 25)):
        picture = sheet(film(image, MagnificationType="NONE", RequestedResolutionID=resolution))
        left, _, right, _ = extent(picture, 10)
        assert right - left == expected


def test_replicate_repeats_pixels_and_cubic_makes_steps_soft() -> None:
    """Two pixels side by side stay two tones with REPLICATE only."""
    image = _spooled(bytes([0, 200]), 1, 2, 8)
    tones = {
        kind: len(np.unique(np.asarray(sheet(film(image, MagnificationType=kind)))[140:150, 5:205]))
        for kind in ("REPLICATE", "BILINEAR", "CUBIC")
    }
    assert tones["REPLICATE"] == 2
    assert min(tones["BILINEAR"], tones["CUBIC"]) > 50


def test_an_image_box_overrides_its_film_box() -> None:
    """Magnification and LUT of the image box come before the film box's."""
    image = _spooled(bytes([0, 200]), 1, 2, 8)
    box = {"MagnificationType": ("REPLICATE",)}
    picture = sheet(film(image, box=box, MagnificationType="CUBIC"))
    assert len(np.unique(np.asarray(picture)[140:150, 5:205])) == 2
    black = PresentationLut(descriptor=(256, 0, 10), table=bytes(512))
    identity = PresentationLut(shape="IDENTITY")
    assert extent(sheet(film(flat(77), lut=black, box_lut=identity)), 77)[0] == 4


@pytest.mark.parametrize(("value", "expected"), [(2048, 128), (4095, 255), (1000, 62)])
def test_twelve_bits_are_printed(value: int, expected: int) -> None:
    """12 bits in 16, little endian, come out as their P-values."""
    picture = sheet(film(flat(value), BorderDensity="BLACK"))
    assert picture.getpixel((105, 148)) == expected


def test_reverse_polarity_and_monochrome1_are_dark_where_they_should_be() -> None:
    """Value 10 looks like 245 in either, and like 10 in both at once."""
    reverse = {"Polarity": ("REVERSE",)}
    found = [
        sheet(film(flat(10, photometric=photometric), box=box)).getpixel((105, 148))
        for photometric, box in (
            ("MONOCHROME2", reverse),
            ("MONOCHROME1", {}),
            ("MONOCHROME1", reverse),
        )
    ]
    assert found == [245, 245, 10]


def test_the_films_lut_changes_its_images() -> None:
    """A table that turns everything white leaves no toner on the sheet."""
    white = PresentationLut(descriptor=(256, 0, 10), table=np.full(256, 1023, "<u2").tobytes())
    assert sheet(film(flat(10), lut=white)).getextrema() == (255, 255)


def test_color_planes_become_a_color_picture() -> None:
    """R, G and B come one plane after the other (Planar Configuration 1)."""
    content = bytes([250] * 4 + [120] * 4 + [30] * 4)
    image = _spooled(content, 2, 2, 8, photometric="RGB", samples=3)
    picture = sheet(film(image, None, display_format=r"STANDARD\1,2", EmptyImageDensity="BLACK"))
    assert picture.mode == "RGB"
    assert picture.getpixel((105, 75)) == (250, 120, 30)
    assert picture.getpixel((105, 220)) == (0, 0, 0)
    assert picture.getpixel((1, 1)) == (255, 255, 255)


def test_a_large_image_on_a_small_sheet_keeps_its_brightness() -> None:
    """A checkerboard of single pixels becomes an even gray, not noise."""
    board = (np.indices((2000, 2000)).sum(axis=0) % 2 * 255).astype("u1")
    picture = sheet(film(_spooled(board.tobytes(), 2000, 2000, 8)), dpi=5)
    middle = np.asarray(picture)[20:40, 10:30]
    assert np.all(np.abs(middle.astype(int) - 128) <= 2)


def test_pixels_of_another_length_are_not_printed() -> None:
    """What the spool gives must be what the image says."""
    image = flat(10)
    with pytest.raises(SpoolDamaged, match="99 bytes instead of 100"):
        compose(film(image), lambda _name: bytes(99), MM)


def test_a_layout_that_cannot_be_made_is_said() -> None:
    """What is no format is an error in words, not a wrong picture."""
    with pytest.raises(UnreadableLayout):
        sheet(film(flat(10), display_format=r"DIAGONAL\1"))
