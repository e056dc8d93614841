"""The films of the demo."""

from __future__ import annotations

import pytest

from broker.emulator import sample_films as sample_pictures
from broker.emulator.sample_films import Films, Pixels, color_films, sample_films
from broker.model.films.layout import Layout
from broker.preview.paper import compose
from broker.spool.stored import name_of

GRAY = sample_films()
COLOR = color_films()


@pytest.mark.parametrize(("films", "pixels"), [GRAY, COLOR], ids=["gray", "color"])
def test_films_and_pixels_fit_together(films: Films, pixels: Pixels) -> None:
    """Every name is that of its bytes, nothing is missing or left over."""
    assert {name for film in films for name in film.spooled} == set(pixels)
    for film in films:
        assert len(film.image_boxes) == Layout.parse(film.display_format).boxes
        for box in film.image_boxes:
            if box.image is not None:
                content = pixels[box.image.pixels]
                assert name_of(content) == box.image.pixels
                assert len(content) == box.image.length


def test_there_are_eight_films_that_differ() -> None:
    """At least eight, no two alike, of several layouts, sizes and depths."""
    films, _ = GRAY
    assert len(films) >= 8
    assert all(one != other for n, one in enumerate(films) for other in films[:n])
    assert len({film.display_format.split("\\")[0] for film in films}) == 3
    assert len({film.film_size for film in films}) >= 3
    assert {box.image.bits_stored for film in films for box in film.image_boxes if box.image} == {
        8,
        12,
    }
    assert any(film.needs_lut for film in films)


def test_they_are_the_same_every_time() -> None:
    """The demo and its tests see the same bytes in every run."""
    assert sample_films() == GRAY


@pytest.mark.parametrize(("films", "pixels"), [GRAY, COLOR], ids=["gray", "color"])
def test_each_one_can_be_seen(films: Films, pixels: Pixels) -> None:
    """None of them is a blank sheet."""
    for film in films:
        low, high = compose(film, pixels.__getitem__, 20).convert("L").getextrema()
        assert isinstance(low, int)
        assert high - low > 100


def test_pictures_that_pydicom_does_not_ship_are_drawn() -> None:
    """A missing picture is None, and nothing is fetched for it."""
    assert sample_pictures.shipped("no_such_file.dcm", 0, 1) is None
