"""A site: a configuration file, a real SQLite store, and the commands run on it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.cli.main import app
from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, Outcome, PrintRequest, State
from broker.model.printers.health import Observation
from broker.model.printers.printer import Address, Health
from broker.model.printers.retry import PrinterVerdict, Settlement
from broker.model.vitals import Vitals
from broker.spool import binding
from broker.store import identity, schema
from broker.store import occupancy as mounts
from broker.store.capabilities import Capabilities
from broker.store.database import Database
from broker.store.occupancy import Occupancy
from broker.store.printers import Printers, blame
from broker.store.queue.jobs import Jobs

CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "127.0.0.1"
port = 1
[[printers]]
name = "oki-2"
ae_title = "OKI2"
host = "127.0.0.1"
port = 2
[health]
timeout_s = 2
"""
DAY_S = 86400.0
PATIENT = "Doe^John"
FILM = Film(
    attributes={"ImageDisplayFormat": ("STANDARD\\2,3",), "FilmSizeID": ("14INX17IN",)},
    image_boxes=(ImageBox(1, {}, Image("ab" * 32, 8, 2, 4, 8, 8, "MONOCHROME2")),),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def table(out: str, heading: str = "ID") -> list[str]:
    """The lines of a table, from its heading on: the state of the whole stands above it."""
    lines = out.splitlines()
    first = next(index for index, line in enumerate(lines) if line.split()[:1] == [heading])
    return lines[first:]


@dataclass(frozen=True)
class Site:
    """One data directory with its configuration."""

    folder: Path
    database: Database
    jobs: Jobs
    printers: Printers

    @property
    def capabilities(self) -> Capabilities:
        """What was learned of the printers."""
        return Capabilities(self.database, time.time)

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.folder / "broker.toml"

    def broker(self, *arguments: str) -> Ended:
        """Run `broker` with these arguments."""
        result = CliRunner().invoke(
            app,
            list(arguments),
            prog_name="broker",
            env={"BROKER_CONFIG": str(self.file), "COLUMNS": "80"},
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    def job(
        self,
        films: int = 1,
        copies: int = 1,
        session: str = "",
        level: Level = Level.FILM_BOX,
        film: Film = FILM,
    ) -> int:
        """A new job from CT1; its number."""
        return self.jobs.submission.add(
            PrintRequest(
                calling_ae="CT1",
                called_ae="BROKER",
                peer="10.0.0.9:4000",
                film_session=session or f"session-{time.monotonic_ns()}",
                level=level,
                session={"FilmSessionLabel": (PATIENT,), "OwnerID": (PATIENT,)},
                films=(film,) * films,
                copies=copies,
            )
        )

    def printing(self, films: int = 1) -> int:
        """A job that is printing on oki-1, its first film asked for."""
        job_id = self.job(films)
        claim = self.jobs.claims.claim(job_id, "oki-1")
        assert claim is not None
        self.jobs.claims.asked(claim, self.jobs.queries.films(job_id)[0].id)
        return job_id

    def sent(self, films: int = 1) -> int:
        """A job that oki-1 has accepted."""
        job_id = self.job(films)
        claim = self.jobs.claims.claim(job_id, "oki-1")
        assert claim is not None
        for film in self.jobs.queries.films(job_id):
            self.jobs.claims.asked(claim, film.id)
            self.jobs.claims.accepted(claim, film.id)
        self.jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=Settlement(State.SENT, ""))
        return job_id

    def uncertain(self, films: int = 1) -> int:
        """A job that is held because oki-1 did not answer for its first film."""
        job_id = self.job(films)
        claim = self.jobs.claims.claim(job_id, "oki-1")
        assert claim is not None
        film = self.jobs.queries.films(job_id)[0]
        self.jobs.claims.asked(claim, film.id)
        self.jobs.claims.uncertain(claim, film.id, "no answer")
        self.jobs.claims.finish(
            claim,
            Outcome.UNCERTAIN,
            "no answer within 60 s",
            settlement=Settlement(State.HELD, "film 1: uncertain, no answer"),
        )
        return job_id

    def failing(self, name: str, times: int) -> None:
        """A printer that answers checks, and has refused `times` films in a row."""
        self.up(name)
        for _ in range(times):
            words = f"fails films: {name}: 0xC602"
            with self.database.write() as connection:
                verdict = PrinterVerdict(True, words, health=Health.DEGRADED)
                blame(connection, name, verdict, time.time())

    def begin_anew(self) -> None:
        """Remove the database, and the spool, which would tell that there was one."""
        self.database.close()
        shutil.rmtree(self.folder / "broker-data" / "spool")
        for file in (self.folder / "broker-data").glob("broker.db*"):
            file.unlink()

    def up(self, *names: str) -> None:
        """Printers whose checks pass."""
        for name in names:
            self.printers.observe(
                name, lambda _: Observation(Health.UP, "", 2, 0, time.time(), True)
            )


@pytest.fixture(autouse=True)
def local_disk(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may lie in memory or in a container; commands are to see a disk, and say nothing."""
    table = tmp_path_factory.mktemp("mounts") / "mountinfo"
    table.write_text("1 1 254:0 / / rw - ext4 /dev/vda rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)


@contextmanager
def opened_site(folder: Path) -> Iterator[Site]:
    """Two printers, not checked yet, and no job; closed at the end."""
    (folder / "broker.toml").write_text(CONFIGURATION)
    (folder / "broker-data").mkdir(mode=0o700)
    pixels = folder / "broker-data" / "spool" / "ab"
    pixels.mkdir(mode=0o700, parents=True)
    (pixels.parent / "incoming").mkdir(mode=0o700)
    (pixels / ("ab" * 32)).touch()
    database = Database.open(f"sqlite:///{folder}/broker-data/broker.db")
    schema.upgrade(database)
    # As a broker's first start leaves it.
    binding.bind(database, identity.count(database), pixels.parent).close()
    printers = Printers(database, time.time)
    printers.sync(
        [Address("oki-1", "OKI1", "127.0.0.1", 1), Address("oki-2", "OKI2", "127.0.0.1", 2)]
    )
    yield Site(folder, database, Jobs(database, time.time), printers)
    database.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Two printers, not checked yet, and no job."""
    with opened_site(tmp_path) as opened:
        yield opened


@pytest.fixture
def running(site: Site) -> Iterator[None]:
    """The data directory is taken, as a running broker takes it, with signs of life that last."""
    occupancy = Occupancy.take(site.folder / "broker-data")
    signs = site.folder / "broker-data" / "vitals.json"
    signs.write_text(json.dumps(Vitals(os.getpid(), time.time()).document()))
    os.utime(signs, (time.time() + DAY_S, time.time() + DAY_S))
    yield
    occupancy.close()
