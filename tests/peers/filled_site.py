"""A data directory with a real database and a real spool, and jobs whose pixels are there."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, Outcome, PrintRequest, State
from broker.model.printers.printer import Address
from broker.model.printers.retry import Settlement
from broker.spool.files import Spool
from broker.spool.stored import name_of
from broker.store import schema
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs

ROWS, COLUMNS = 16, 32
CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
[retention]
floor_mb = 1
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "127.0.0.1"
port = 1
"""


class FilledSite:
    """One broker's folder; `film` and `job` fill it as a modality does."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.config = folder / "broker.toml"
        if not self.config.exists():
            self.config.write_text(CONFIGURATION)
        self.data_dir = folder / "broker-data"
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        self.file = self.data_dir / "broker.db"
        self.database = Database.open(f"sqlite:///{self.file}")
        schema.upgrade(self.database)
        self.jobs = Jobs(self.database, clock)
        self.printers = Printers(self.database, clock)
        self.printers.sync([Address("oki-1", "OKI1", "127.0.0.1", 1)])
        self.spool = Spool(self.data_dir / "spool")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.close()

    def place(self, name: str) -> Path:
        """Where the spool keeps the pixels of that name."""
        return self.data_dir / "spool" / name[:2] / name

    def film(self, seed: object) -> Film:
        """A film of one image, its pixels in the spool; another seed gives other pixels."""
        content = random.Random(str(seed)).randbytes(ROWS * COLUMNS)
        received = self.spool.receive([content])
        self.spool.keep([received])
        self.spool.drop([received])
        image = Image(name_of(content), len(content), ROWS, COLUMNS, 8, 8, "MONOCHROME2")
        attributes = {"ImageDisplayFormat": ("STANDARD\\1,1",), "FilmSizeID": ("14INX17IN",)}
        return Film(attributes=attributes, image_boxes=(ImageBox(1, {}, image),))

    def job(self, *seeds: object, session: str = "") -> int:
        """A queued job with a film of each seed; its number."""
        request = PrintRequest(
            calling_ae="CT1",
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=session or f"session-{time.monotonic_ns()}",
            level=Level.FILM_BOX,
            session={"FilmSessionLabel": ("Doe^John",), "MediumType": ("BLUE FILM",)},
            films=tuple(self.film(seed) for seed in seeds),
        )
        with self.spool.keeping():
            return self.jobs.submission.add(request)

    def names(self, job_id: int) -> list[str]:
        """The job's pixels, film by film."""
        return [name for film in self.jobs.queries.films(job_id) for name in film.film.spooled]

    def send(self, job_id: int, films: int | None = None) -> None:
        """Have oki-1 accept the job's films; only the first ones, and the job is left printing."""
        claim = self.jobs.claims.claim(job_id, "oki-1")
        assert claim is not None
        for film in self.jobs.queries.films(job_id)[:films]:
            self.jobs.claims.asked(claim, film.id)
            self.jobs.claims.accepted(claim, film.id)
        if films is None:
            settlement = Settlement(State.SENT, "")
            self.jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=settlement)
