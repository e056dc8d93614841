"""An attempt that breaks by the broker's own fault: it ends, and obeys the line."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.scu.print_session import OpenPixels, PrintSession
from broker.emulator.printer import EmulatedPrinter
from broker.model.films.film import Attributes, Film, Image, ImageBox
from broker.model.jobs.job import FilmState, Level, Outcome, PrintRequest, State
from broker.model.printers.health import Observation
from broker.model.printers.printer import Address, Health
from broker.model.printers.retry import Policy
from broker.model.printers.trouble import PRINT_AGAIN
from broker.relay.attempt import Edges, run
from broker.relay.open_sessions import Opener, OpenSessions
from broker.spool.files import Spool
from broker.store import schema
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs

PIXELS = bytes(range(0, 256, 16))

FILM_ALTERED = "film 1: what the database keeps of it is missing or was altered"


def _film(name: str) -> Film:
    """One picture of 4x4, whose pixels have that name."""
    image = Image(name, len(PIXELS), 4, 4, 8, 8, "MONOCHROME2")
    return Film({"ImageDisplayFormat": (r"STANDARD\1,1",)}, (ImageBox(1, {}, image),))


class Exhausted(PrintSession):
    """Prints, and then cannot cope with the answer."""

    def ask(self) -> None:
        """The film is on paper, and the broker does not know."""
        super().ask()
        raise MemoryError


class Orphaned(Exhausted):
    """Prints, cannot cope with the answer, and its printer is taken out meanwhile."""

    printers: Printers

    def ask(self) -> None:
        """The configuration is read again while the printer prints."""
        self.printers.sync([])
        super().ask()


class Overtaken(PrintSession):
    """Takes so long to send the images that a person changes their mind meanwhile."""

    jobs: Jobs

    def prepare(self, film: Film, read: OpenPixels) -> None:
        """The job is cancelled before all is sent."""
        super().prepare(film, read)
        self.jobs.commands.cancel(1)


@dataclass
class Stage:
    """One printer and one job, and what an attempt needs."""

    database: Database
    jobs: Jobs
    printers: Printers
    spool: Spool
    printer: EmulatedPrinter
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)

    def _note(self, event: str, facts: Mapping[str, object]) -> None:
        self.notes.append((event, facts))

    def attempt(self, opener: Opener, on_uncertain: str = "hold") -> None:
        """Attempt the job once."""
        edges = Edges(
            jobs=self.jobs.queries,
            claims=self.jobs.claims,
            recovery=self.jobs.recovery,
            printers=self.printers,
            spool=self.spool,
            sessions=OpenSessions(opener, lambda: 0.0, self._note),
            policy=lambda: Policy(tries=3, first_delay_s=0.0, on_uncertain=on_uncertain),
            clock=time.time,
            random=lambda: 0.0,
            note=self._note,
        )
        claim = self.jobs.claims.claim(1, "oki-1")
        assert claim is not None
        run(edges, claim, self.jobs.queries.get(1), self.printers.get("oki-1"), threading.Event())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A printer that is up, and a job of one film."""
    database = Database.open(f"sqlite:///{tmp_path}/broker.db")
    schema.upgrade(database)
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "oki-1") as printer:
        made = Stage(
            database,
            Jobs(database, time.time),
            Printers(database, time.time),
            Spool(tmp_path / "spool"),
            printer,
        )
        made.printers.sync([printer.address])
        made.printers.observe("oki-1", lambda _: Observation(Health.UP, "", 2, 0, time.time()))
        received = made.spool.receive([PIXELS])
        made.spool.keep([received])
        films = (_film(received.name),)
        made.jobs.submission.add(
            PrintRequest("CT1", "BROKER", "127.0.0.1:1", "x", Level.FILM_BOX, {}, films)
        )
        yield made
    database.close()


def _opens(session: type[PrintSession]) -> Opener:
    def opened(
        address: Address,
        asked: Attributes,
        copies: int,
        *,
        lut: bool,
        lut_class: bool,
        more: bytes,
        chosen: frozenset[str],
    ) -> PrintSession:
        assert not more
        assert not chosen
        scu = PrintScu.open(address, calling_ae="BROKER", lut=lut or lut_class)
        return session.begin(scu, address, asked, copies)

    return opened


def test_before_the_line_it_is_tried_again_and_then_held(stage: Stage) -> None:
    """No endless round: three tries, the last with the reason; the printer has not failed."""

    def broken(*_: object, **__: object) -> PrintSession:
        raise MemoryError

    for state in (State.QUEUED, State.QUEUED, State.HELD):
        stage.attempt(broken)
        assert stage.jobs.queries.get(1).state is state

    words = "the broker itself failed: MemoryError, see its log"
    assert stage.jobs.queries.get(1).reason == f"gave up after 3 tries: {words}"
    assert [each.words for each in stage.jobs.queries.attempts(1)] == [words] * 3
    assert stage.printers.get("oki-1").failures == 0
    assert [event for event, _ in stage.notes].count("attempt broke") == 3

    stage.jobs.commands.release(1)
    stage.attempt(_opens(PrintSession))
    assert stage.jobs.queries.get(1).state is State.SENT


def test_after_the_line_the_film_is_uncertain_at_once(stage: Stage) -> None:
    """It may be on paper, as here it is: the job is held and nothing prints it again."""
    stage.attempt(_opens(Exhausted))

    (job,), (film,) = stage.jobs.queries.list(), stage.jobs.queries.films(1)
    assert (job.state, film.state) == (State.HELD, FilmState.UNCERTAIN)
    assert job.reason == "uncertain: film 1 may be on paper: MemoryError"
    assert [each.outcome for each in stage.jobs.queries.attempts(1)] == [Outcome.UNCERTAIN]
    assert len(stage.printer.sheets) == 1


@pytest.mark.parametrize(
    ("on_uncertain", "state", "strikes"), [("hold", State.HELD, 0), ("reprint", State.QUEUED, 1)]
)
def test_the_line_holds_for_a_printer_that_is_taken_out(
    stage: Stage, on_uncertain: str, state: State, strikes: int
) -> None:
    """While it had a film, it was taken out of the configuration: the film is uncertain."""
    Orphaned.printers = stage.printers
    stage.attempt(_opens(Orphaned), on_uncertain)

    job, (film,) = stage.jobs.queries.get(1), stage.jobs.queries.films(1)
    assert (job.state, len(job.strikes), film.state) == (state, strikes, FilmState.UNCERTAIN)
    assert [each.outcome for each in stage.jobs.queries.attempts(1)] == [Outcome.UNCERTAIN]
    assert stage.printers.list() == []
    told = [facts for event, facts in stage.notes if event == "attempt failed"]
    assert [(facts["outcome"], facts["state"]) for facts in told] == [("uncertain", str(state))]


def test_a_wish_is_obeyed_until_the_line(stage: Stage) -> None:
    """What is cancelled while its images are on their way is not asked for."""
    Overtaken.jobs = stage.jobs
    stage.attempt(_opens(Overtaken))

    assert stage.jobs.queries.get(1).state is State.CANCELLED
    assert [each.state for each in stage.jobs.queries.films(1)] == [FilmState.WAITING]
    assert stage.printer.sheets == []


def test_a_job_that_cannot_be_read_comes_to_an_end(stage: Stage) -> None:
    """A row that no longer means a film keeps no printer busy for ever."""
    with stage.database.write() as connection:
        connection.execute(text("UPDATE films SET content = '{}'"))

    stage.attempt(_opens(PrintSession))

    job = stage.jobs.queries.get(1)
    assert job.state is State.HELD
    assert job.reason == f"{FILM_ALTERED}; {PRINT_AGAIN}"
    (told,) = (facts for event, facts in stage.notes if event == "film damaged")
    assert told["why"] == FILM_ALTERED


@pytest.mark.parametrize("damage", ["0 bytes", "longer", "missing", "folder", "fifo"])
def test_for_damaged_pixels_no_printer_is_asked_for_anything(stage: Stage, damage: str) -> None:
    """The job is held with the reason; the printer is not called, and nothing is its fault."""
    (name,) = stage.spool.names()
    file = next((stage.printer.tray.directory.parent / "spool").glob(f"??/{name}"))
    match damage:
        case "0 bytes":
            os.truncate(file, 0)
        case "longer":
            os.truncate(file, len(PIXELS) + 1)
        case _:
            file.unlink()
    if damage == "folder":
        file.mkdir()
    if damage == "fifo":
        os.mkfifo(file)

    stage.attempt(_refuses_to_open)

    job, printer = stage.jobs.queries.get(1), stage.printers.get("oki-1")
    assert (job.state, job.strikes) == (State.HELD, ())
    assert job.reason.startswith(f"film 1: spool file {name} ")
    assert job.reason.endswith(PRINT_AGAIN)
    assert (printer.failures, printer.paused_until, printer.health) == (0, 0.0, Health.UP)
    assert stage.jobs.queries.attempts(1)[0].printer == ""


def test_a_film_that_was_altered_in_the_database_is_not_printed(stage: Stage) -> None:
    """Another size is still a film, and not the one that was accepted."""
    with stage.database.write() as connection:
        connection.execute(text("UPDATE films SET digest = 'x' || substr(digest, 2)"))

    stage.attempt(_refuses_to_open)

    job = stage.jobs.queries.get(1)
    assert (job.state, job.strikes) == (State.HELD, ())
    assert job.reason == f"{FILM_ALTERED}; {PRINT_AGAIN}"


def _refuses_to_open(*_: object, **__: object) -> PrintSession:
    raise AssertionError("no printer is to be asked")
