"""Upkeep in a running broker: repeated films, retention, and what an earlier run left."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, PrintRequest, State
from broker.model.printers.printer import Address
from broker.model.printers.retry import Policy
from broker.relay.upkeep import Keeping, Upkeep, UpkeepEdges
from broker.spool.files import Spool
from broker.store import schema
from broker.store.database import Database, DatabaseReplaced
from broker.store.printers import Printers
from broker.store.queue.claims import ClaimLost
from broker.store.queue.jobs import Jobs
from broker.store.queue.retention import Retention
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]

DAY_S = 86400.0


class Clock:
    """The time of day, as it is set."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_s


class Parts:
    """A database, and a spool with a file that no job refers to; nothing runs."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.open(f"sqlite:///{folder}/broker.db")
        schema.upgrade(self.database)
        self.jobs = Jobs(self.database, time.time)
        self.printers = Printers(self.database, time.time)
        self.spool = Spool(folder / "spool")
        self.spool.keep([self.spool.receive([b"orphan"])])

    def upkeep(self, *, interval_s: float = 60.0, **given: Any) -> Upkeep:
        """Theirs, with what is `given` in place of an edge."""
        usual: dict[str, Any] = {
            "jobs": self.jobs.queries,
            "recovery": self.jobs.recovery,
            "references": self.jobs.references,
            "printers": self.printers,
            "retention": Retention(self.database, time.time),
            "spool": self.spool,
            "running": tuple,
            "policy": Policy,
            "keeping": lambda: Keeping(DAY_S, DAY_S),
            "tick": lambda: None,
            "keep_mark": lambda: None,
            "clock": time.time,
            "note": lambda _event, _facts: None,
        }
        return Upkeep(UpkeepEdges(**{**usual, **given}), interval_s=interval_s)

    @contextmanager
    def rounds(self, **given: Any) -> Iterator[None]:
        """Round after round, without a pause."""
        upkeep = self.upkeep(interval_s=0.001, **given)
        upkeep.start()
        try:
            yield
        finally:
            upkeep.stop(30)


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """As Parts; the database is closed at the end."""
    made = Parts(tmp_path)
    yield made
    made.database.close()


def test_a_film_that_is_sent_again_prints_and_is_flagged(relay: MakeRelay) -> None:
    """A modality that is unsure prints again, on a new association: two sheets, one flag."""
    room = relay(1)
    room.print_films(2)

    one, two = room.wait_until(State.SENT, 1, 2)

    assert (one.duplicate_of, one.reason) == (None, "")
    assert (two.duplicate_of, two.reason) == (1, "possible duplicate of job 1")
    assert room.sheets() == {"oki-1": 2}


def test_a_film_that_is_sent_again_is_held_where_the_site_says_so(relay: MakeRelay) -> None:
    """The modality hears success all the same; a person releases it, or not."""
    room = relay(1, more='[duplicates]\non_duplicate = "hold"\n')
    room.print_films(1)
    room.wait_until(State.SENT, 1)
    room.print_films(1)

    (held,) = room.wait_until(State.HELD, 2)

    assert held.reason.startswith("possible duplicate of job 1; a person decides")
    room.service.jobs.commands.release(2)
    room.wait_until(State.SENT, 2)
    assert room.sheets() == {"oki-1": 2}


def test_asking_twice_for_one_film_box_is_a_possible_duplicate(relay: MakeRelay) -> None:
    """Two print requests on one association: the second prints from the same pixels, flagged."""
    room = relay(1)
    ct = room.speaker()
    assert ct.print_film() == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS

    _, again = room.wait_until(State.SENT, 1, 2)

    assert again.duplicate_of == 1
    assert room.sheets() == {"oki-1": 2}


def test_what_is_finished_goes_after_its_time(relay: MakeRelay) -> None:
    """Pixels after a day, the row after ninety; what is held stays, pixels and all."""
    clock = Clock()
    room = relay(1, clock=clock)
    room.print_films(2)
    room.wait_until(State.SENT, 1, 2)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box(r"STANDARD\1,2")
    ct.set_image()
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    (other,) = room.wait_until(State.SENT, 3)
    room.service.jobs.commands.hold(room.service.jobs.commands.reprint(other.id))
    held = other.id + 1
    ct.release()

    clock.offset_s = 1.1 * DAY_S
    room.service.upkeep.retire()
    room.service.upkeep.sweep()
    assert all(job.pixels_removed_at is not None for job in room.jobs(1, 2, 3))
    assert room.service.jobs.references.spooled() == set(room.service.spool.names())
    assert len(room.service.jobs.references.spooled()) == 1, "the held job's"

    clock.offset_s = 91 * DAY_S
    room.service.upkeep.retire()
    room.service.upkeep.sweep()
    assert [job.id for job in room.jobs()] == [held]
    room.service.jobs.commands.release(held)
    room.wait_until(State.SENT, held)
    assert room.sheets() == {"oki-1": 4}


def test_a_start_sweeps_what_no_job_refers_to(relay: MakeRelay) -> None:
    """Pixels that a crash left between the spool and the rows are set aside at the next start, and
    half a film is removed.
    """
    room = relay(1)
    room.service.stop()
    room.service.spool.keep([room.service.spool.receive([b"orphan"])])
    room.service.spool.receive([b"half a film"])

    room.begin()

    assert list(room.service.spool.names()) == []
    spool = room.folder / "broker-data/spool"
    assert list((spool / "incoming").iterdir()) == []
    assert [each.read_bytes() for each in (spool / "orphans").iterdir()] == [b"orphan"]
    room.wait_until_up()
    room.print_films(1)
    room.wait_until(State.SENT, 1)


def test_films_that_a_crash_left_in_doubt_are_told(parts: Parts) -> None:
    """A job that was asked for when the broker died is held; the note says how many films are
    uncertain, so that they are counted. A job that was only claimed goes back to the queue.
    """
    jobs = parts.jobs
    parts.printers.sync([Address("oki-1", "OKI1", "127.0.0.1", 104)])
    film = Film({}, (ImageBox(1, {}, Image("ab" * 32, 8, 2, 4, 8, 8, "MONOCHROME2")),))
    for session in ("one", "two"):
        jobs.submission.add(
            PrintRequest("CT1", "BROKER", "::1:1", session, Level.FILM_BOX, {}, (film,))
        )
    claim, other = jobs.claims.claim(1, "oki-1"), jobs.claims.claim(2, "oki-1")
    assert claim is not None
    assert other is not None
    jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
    notes: list[Mapping[str, object]] = []

    parts.upkeep(note=lambda _event, facts: notes.append(facts)).recover()

    told = [(facts["job"], facts["state"], facts["uncertain"]) for facts in notes]
    assert told == [(1, "held", 1), (2, "queued", 0)]


def test_one_chore_that_fails_stops_no_other(parts: Parts) -> None:
    """With a database that takes nothing, files that no job refers to still go."""
    swept = threading.Event()

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    def note(event: str, _facts: object) -> None:
        if event == "orphans set aside":
            swept.set()

    parts.jobs.recovery.recover = fail  # type: ignore[method-assign, assignment]
    with parts.rounds(tick=fail, keep_mark=fail, note=note):
        assert swept.wait(10)
    assert list(parts.spool.names()) == []


def test_a_start_goes_on_where_one_chore_fails(parts: Parts) -> None:
    """What cannot be settled is told; the others are, and the broker starts."""
    notes: list[str] = []

    def fail(*_: object, **__: object) -> None:
        raise ClaimLost("job 1 was taken from this attempt")

    parts.jobs.recovery.recover = fail  # type: ignore[method-assign, assignment]
    parts.jobs.recovery.hold_without_pixels = fail  # type: ignore[method-assign, assignment]

    parts.upkeep(note=lambda event, _facts: notes.append(event)).settle()

    assert notes == ["upkeep failed", "upkeep failed", "orphans set aside"]


def test_a_damaged_database_sets_no_file_aside_at_a_start(parts: Parts) -> None:
    """It may be that it has forgotten the job of that file."""
    parts.upkeep(damage=lambda: "database disk image is malformed").settle()

    assert len(list(parts.spool.names())) == 1


def test_what_is_missing_is_counted_before_room_is_made(parts: Parts) -> None:
    """In the first round: otherwise pixels that are there go for those that are not."""
    order: list[str] = []
    counted = threading.Event()

    def make_room() -> None:
        order.append("room")
        counted.set()

    with parts.rounds(count_missing=lambda: order.append("count"), make_room=make_room):
        assert counted.wait(30)
    assert order[:2] == ["count", "room"]


def test_of_a_replaced_database_only_the_mark_is_kept(parts: Parts) -> None:
    """No file is swept, and nothing is asked of it."""
    words = "broker.db was moved away"
    kept = threading.Event()
    refused: list[str] = []

    def look() -> None:
        raise DatabaseReplaced(words)

    with parts.rounds(
        look=look,
        replaced=lambda: words,
        keep_mark=kept.set,
        make_room=lambda: refused.append("room"),
        tick=lambda: refused.append("tick"),
        note=lambda event, _facts: refused.append(event),
    ):
        assert kept.wait(30)
        kept.clear()
        assert kept.wait(30)
    assert refused == []
    assert len(list(parts.spool.names())) == 1


def test_a_jump_of_the_clock_removes_nothing_that_was_set_aside(parts: Parts) -> None:
    """Nor does a start with a wrong one: only after a day of a steady clock what is due goes."""
    wall, monotonic = time.time(), 50.0
    upkeep = parts.upkeep(clock=lambda: wall, monotonic=lambda: monotonic)

    def left_after(real_s: float, jump_s: float = 0.0) -> int:
        nonlocal wall, monotonic
        wall, monotonic = wall + real_s + jump_s, monotonic + real_s
        upkeep.sweep()
        return len(parts.spool.orphans.found())

    assert left_after(0) == 1
    assert left_after(60, jump_s=3650 * DAY_S) == 1
    assert left_after(60) == 1
    assert left_after(0.9 * DAY_S) == 1
    assert left_after(0.2 * DAY_S) == 0
