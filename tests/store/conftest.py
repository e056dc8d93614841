"""A real database in a file, a clock that the test turns, and films to print."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, PrintRequest
from broker.model.printers.printer import Address
from broker.store import schema
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs

MakeFilm = Callable[..., Film]
MakeRequest = Callable[..., PrintRequest]


class Clock:
    """Stands still until the test turns it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Where the database is, for other processes."""
    return f"sqlite:///{tmp_path}/broker.db"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database with all its tables."""
    opened = Database.open(url)
    schema.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    """Stands at 1000 until it is turned."""
    return Clock()


@pytest.fixture
def jobs(database: Database, clock: Clock) -> Jobs:
    """No job yet."""
    return Jobs(database, clock)


@pytest.fixture
def printers(database: Database, clock: Clock) -> Printers:
    """oki-1 and oki-2."""
    made = Printers(database, clock)
    made.sync(
        [Address("oki-1", "OKI1", "10.0.0.1", 104), Address("oki-2", "OKI2", "10.0.0.2", 104)]
    )
    return made


@pytest.fixture
def make_film() -> MakeFilm:
    """A film of one image, whose pixels have the given name."""

    def make(pixels: str = "ab" * 32, **given: Any) -> Film:
        image = Image(pixels, 8, 2, 4, 8, 8, "MONOCHROME2")
        boxes = (ImageBox(1, {"Polarity": ("NORMAL",)}, image),)
        attributes = {"ImageDisplayFormat": ("STANDARD\\1,1",), "FilmSizeID": ("14INX17IN",)}
        return Film(**{"attributes": attributes, "image_boxes": boxes, **given})

    return make


@pytest.fixture
def make_request(make_film: MakeFilm) -> MakeRequest:
    """A print request for `number` films, of a film session of its own, but for what is given."""
    numbers = itertools.count(1)

    def make(number: int = 1, /, **given: Any) -> PrintRequest:
        usual: dict[str, Any] = {
            "calling_ae": "CT1",
            "called_ae": "BROKER",
            "peer": "10.0.0.9:4000",
            "film_session": f"session-{next(numbers)}",
            "level": Level.FILM_BOX,
            "session": {"NumberOfCopies": ("1",), "MediumType": ("BLUE FILM",)},
            "films": tuple(make_film() for _ in range(number)),
        }
        return PrintRequest(**{**usual, **given})

    return make
