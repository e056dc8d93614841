"""The test film."""

from __future__ import annotations

import numpy as np
import pytest

from broker.preview import test_film
from broker.preview import test_film as films
from broker.preview.paper import compose
from broker.spool.stored import name_of


def pixels(bits: int = 8, **options: str) -> np.ndarray:
    """The pixels of a test film."""
    film, spool = films.test_film("oki-1", "2030-01-01 12:00", bits=bits, **options)
    image = film.image_boxes[0].image
    assert image is not None
    kind = "u1" if bits == 8 else "<u2"
    return np.frombuffer(spool[image.pixels], kind).reshape(image.rows, image.columns)


@pytest.mark.parametrize(("bits", "bytes_each"), [(8, 1), (12, 2)])
def test_it_is_one_image_that_fills_the_sheet(bits: int, bytes_each: int) -> None:
    """One STANDARD\\1,1 film, its pixels named by their digest, as long as the image says."""
    film, spool = films.test_film("oki-1", "2030-01-01 12:00", bits=bits)
    assert (film.display_format, film.film_size) == (r"STANDARD\1,1", "A4")
    assert list(spool) == list(film.spooled)
    ((name, content),) = spool.items()
    image = film.image_boxes[0].image
    assert image is not None
    assert name_of(content) == name
    assert image.length == len(content) == image.rows * image.columns * bytes_each
    assert (image.bits_stored, image.photometric) == (bits, "MONOCHROME2")
    picture = np.asarray(compose(film, spool.__getitem__, 50))
    rows, columns = np.nonzero(picture < 128)
    edges = (columns.min(), rows.min(), 413 - columns.max(), 585 - rows.max())
    assert edges == pytest.approx((8, 8, 9, 9), abs=1)


def test_depths_that_no_print_image_has_are_refused() -> None:
    """8 and 12 bits are all there is (PS3.3 C.13.5)."""
    with pytest.raises(ValueError, match="not 16"):
        films.test_film("oki-1", "now", bits=16)


@pytest.mark.parametrize(("bits", "highest"), [(8, 255), (12, 4095)])
def test_it_has_every_gray_from_black_to_white(bits: int, highest: int) -> None:
    """The ramp has as many tones as it has columns, or all; the wedge has its 16 in even steps."""
    drawn = pixels(bits)
    found = np.unique(drawn)
    assert (found[0], found[-1]) == (0, highest)
    assert len(found) >= min(highest + 1, 1000)
    area = dict(enumerate(np.bincount(drawn.ravel()).tolist()))
    steps = [round(step * highest / 15) for step in range(16)]
    common = sorted(area, key=lambda value: -area[value])[:20]
    assert set(steps) <= set(common)


def test_it_has_line_pairs_of_each_width_both_ways() -> None:
    """Somewhere dark and light alternate every 1, 2, 4 and 8 pixels, across and down."""
    dark = pixels() == 0
    for lines in (dark, dark.T):
        found = set()
        for row in lines[:: len(lines) // 150]:
            changes = np.flatnonzero(np.diff(row.astype(np.int8)))
            widths = np.diff(changes)
            for width in test_film.LINE_WIDTHS:
                if (widths == width).sum() > 20 and np.any(
                    np.convolve(widths == width, np.ones(10), "valid") == 10
                ):
                    found.add(width)
        assert found == set(test_film.LINE_WIDTHS)


def test_its_corners_are_marked_alike() -> None:
    """The same solid square in each corner, at the same distance."""
    drawn = pixels()
    unit = min(drawn.shape) // 200
    inset, side = 3 * unit, 6 * unit
    for turned in (drawn, drawn[::-1], drawn[:, ::-1], drawn[::-1, ::-1]):
        square = turned[inset : inset + side, inset : inset + side]
        assert not square.any()


def test_it_has_the_faint_patches() -> None:
    """5 % on black and 95 % on white, in all of their area."""
    drawn = pixels()
    for value in (13, 242):
        rows, columns = np.nonzero(drawn == value)
        assert len(rows) > 10_000
        assert np.median(rows) > 0.75 * drawn.shape[0]
        assert columns.max() > columns.min()


def test_title_and_time_are_on_it() -> None:
    """Another name or another time is another picture; the same ones are the same bytes."""
    made = {
        films.test_film(title, when)[0].spooled
        for title, when in (("oki-1", "12:00"), ("oki-2", "12:00"), ("oki-1", "12:01"))
    }
    assert len(made) == 3
    assert films.test_film("oki-1", "12:00")[0].spooled in made


def test_a_long_title_is_made_smaller() -> None:
    """The frame is not overwritten by a name that is longer than the sheet is wide."""
    film, spool = films.test_film("a printer with a name " * 5, "12:00")
    short, other = films.test_film("x", "12:00")
    image = film.image_boxes[0].image
    assert image is not None
    shape = image.rows, image.columns
    drawn = np.frombuffer(spool[film.spooled[0]], "u1").reshape(shape)
    plain = np.frombuffer(other[short.spooled[0]], "u1").reshape(shape)
    unit = min(shape) // 200
    assert np.array_equal(drawn[:, : 10 * unit], plain[:, : 10 * unit])
    assert np.array_equal(drawn[:, -10 * unit :], plain[:, -10 * unit :])


@pytest.mark.parametrize("film_size", ["8INX10IN", "A3", "14INX17IN"])
@pytest.mark.parametrize("orientation", ["PORTRAIT", "LANDSCAPE"])
def test_it_fits_every_sheet(film_size: str, orientation: str) -> None:
    """Upright or lying, small or large: it is drawn whole."""
    drawn = pixels(film_size=film_size, orientation=orientation)
    rows, columns = drawn.shape
    assert (rows > columns) == (orientation == "PORTRAIT")
    assert not drawn[0].any()
    assert not drawn[-1].any()
