"""Faults of the machine: a locked database, damaged pixels, a clock that jumps, an early stop."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.emulator.printer import EmulatedPrinter
from broker.events import Event
from broker.model.jobs.job import FilmState, State
from broker.model.printers.printer import Duty
from broker.model.vitals import ServiceTally
from broker.spool.files import SpoolMissing
from broker.store import database as store_database
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.other_process import OtherProcess
from tests.peers.speaker import Speaker
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]

HOUR_S = 3600.0
LOCKS = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    print("locked")
    sys.stdin.readline()
    connection.execute("ROLLBACK")
    print("unlocked")
"""


class Clock:
    """The time of day, as it is set."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.offset_s


def _ready_to_ask(relay: Relay) -> Speaker:
    """A modality whose film needs nothing but its print request."""
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    return ct


def _until(so: Callable[[], bool]) -> None:
    """Return when it is so, of something that sends no event."""
    pause, end = threading.Event(), time.monotonic() + 20
    while not so():
        assert time.monotonic() < end
        pause.wait(0.01)


# A database that another process has locked


def test_a_lock_that_ends_costs_the_modality_a_moment(relay: MakeRelay) -> None:
    """The print request waits for the other process, and is then a success."""
    room = relay(1)
    ct = _ready_to_ask(room)
    database = str(room.folder / "broker-data/broker.db")
    with OtherProcess(LOCKS, database) as other, ThreadPoolExecutor() as pool:
        assert other.hear() == "locked"
        answer = pool.submit(ct.action, FILM_BOX, ct.film_box)
        _until(lambda: list(room.service.spool.names()) != [])
        assert not answer.done()
        other.tell()
        assert other.hear() == "unlocked"
        assert answer.result().status == statuses.SUCCESS
    room.wait_until(State.SENT, 1)
    room.forgive_storage()


def test_a_lock_that_stays_is_told_and_nothing_is_half_stored(
    relay: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0xC602 after the database's patience; when the lock is gone the same film is taken."""
    monkeypatch.setattr(store_database, "BUSY_S", 0.3)
    room = relay(1)
    ct = _ready_to_ask(room)
    with OtherProcess(LOCKS, str(room.folder / "broker-data/broker.db")) as other:
        assert other.hear() == "locked"
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.FILM_BOX_QUEUE_FULL
    assert list(room.service.spool.names()) == []
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 1}
    room.forgive_storage()


# Pixels that are not what they were


@pytest.mark.parametrize("damage", ["missing", "altered", "cut short"])
def test_damaged_pixels_are_never_printed(relay: MakeRelay, damage: str) -> None:
    """The job is held and says which file; other films print; no sheet shows a wrong picture."""
    room = relay(1)
    room.service.printers.set_duty("oki-1", Duty.DRAIN)
    room.print_films(1)
    (name,) = room.service.spool.names()
    file = room.folder / "broker-data/spool" / name[:2] / name
    content = file.read_bytes()
    match damage:
        case "missing":
            file.unlink()
        case "altered":
            file.write_bytes(content[:-1] + b"\xff")
        case "cut short":
            file.write_bytes(content[:-1])
    room.service.printers.set_duty("oki-1", Duty.READY)

    (job,) = room.wait_until(State.HELD, 1)

    assert job.reason.startswith(f"film 1: spool file {name}")
    assert job.reason.endswith("; print it again at the modality")
    assert any(event == "film damaged" for event, _ in room.notes)
    assert [film.state for film in room.service.jobs.queries.films(1)] == [FilmState.WAITING]
    assert room.sheets() == {"oki-1": 0}
    # It was no try of the printer's (promise 6): neither in rows nor in counts.
    assert job.printer == ""
    assert [attempt.printer for attempt in room.service.jobs.queries.attempts(1)] == [""]
    room.wait_for(lambda: any(event == "attempt failed" for event, _ in room.notes))
    tally = ServiceTally()
    for event, facts in room.notes:
        tally.heard(event, facts)
    assert (dict(tally.attempts), tally.held) == ({}, 1)
    file.write_bytes(content)
    room.service.jobs.commands.release(1)
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 1}


@pytest.mark.parametrize("mount_point", [False, True])
def test_a_broker_does_not_start_without_its_spool(relay: MakeRelay, mount_point: bool) -> None:
    """The folder was moved, or a file system is not mounted: what came meanwhile would be
    hidden beneath it, so a person decides. Back in its place, all prints."""
    room = relay(1)
    room.service.printers.set_duty("oki-1", Duty.MAINT)
    room.print_films(1)
    room.service.stop()
    folder = room.folder / "broker-data/spool"
    folder.rename(room.folder / "elsewhere")
    if mount_point:
        folder.mkdir()

    with pytest.raises(SpoolMissing, match="the spool is not there"):
        room.begin()

    assert not any(room.folder.glob("broker-data/spool/*"))
    (room.folder / "elsewhere").rename(folder)
    room.begin()
    room.service.printers.set_duty("oki-1", Duty.READY)
    room.wait_until(State.SENT, 1)


def test_a_lost_spool_is_begun_anew_where_a_person_says_so(relay: MakeRelay) -> None:
    """Films are taken and printed again; a job whose pixels are gone is held at once, before its
    turn, and the log says how many and which."""
    room = relay(1)
    room.service.printers.set_duty("oki-1", Duty.MAINT)
    room.print_films(1)
    room.service.stop()
    (room.folder / "broker-data/spool").rename(room.folder / "elsewhere")

    room.begin(new_spool=True)

    (lost,) = room.jobs(1)
    assert lost.state is State.HELD
    assert lost.reason == "film 1: its pixels are missing; print it again at the modality"
    assert ("pixels missing", {"held": 1, "jobs": [1]}) in room.notes
    assert Event.PIXELS_MISSING.level_of({}) == "warning"
    room.service.printers.set_duty("oki-1", Duty.READY)
    room.print_films(1)
    room.wait_until(State.SENT, 2)


def test_pixels_that_went_with_a_lost_spool_count_as_nothing(relay: MakeRelay) -> None:
    """They are no room that could be made for new films, and nothing that may be kept."""
    room = relay(1)
    room.print_films(1)
    room.wait_until(State.SENT, 1)
    assert room.service.jobs.references.kept_bytes() > 0
    room.service.stop()
    (room.folder / "broker-data/spool").rename(room.folder / "elsewhere")

    room.begin(new_spool=True)

    room.service.upkeep._edges.count_missing()  # as in its first round
    assert room.service.jobs.references.kept_bytes() == 0
    assert room.service.jobs.references.spooled(), "the files may be put back"


# A clock that jumps


@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S, 400 * 24 * HOUR_S])
def test_a_clock_that_jumps_delays_no_film(relay: MakeRelay, jump_s: float) -> None:
    """Films that wait for a printer come out when it is back, whatever the time of day is then."""
    clock = Clock()
    room = relay(1, clock=clock)
    room.printers["oki-1"].set_scenario("refuse-action:0x0110")
    room.print_films(1)
    room.wait_for(lambda: any(event == "attempt failed" for event, _ in room.notes))

    clock.offset_s = jump_s
    room.printers["oki-1"].set_scenario("ok")
    room.print_films(1)

    room.wait_until(State.SENT, 1, 2)
    assert room.sheets() == {"oki-1": 2}


def test_a_clock_that_is_set_back_keeps_the_line(relay: MakeRelay) -> None:
    """First come, first printed: the number of a job counts, not its time."""
    clock = Clock()
    room = relay(1, clock=clock)
    room.service.printers.set_duty("oki-1", Duty.DRAIN)
    room.print_films(1)
    clock.offset_s = -HOUR_S
    room.print_films(1)

    assert [job.id for job in room.service.jobs.queries.waiting()] == [1, 2]
    room.service.printers.set_duty("oki-1", Duty.READY)
    room.wait_until(State.SENT, 1, 2)


# An early stop


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """A printer that takes its time to answer N-ACTION."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", scenario="slow:60") as made:
        yield made


def _config(folder: Path, printer: EmulatedPrinter, grace_s: float) -> Path:
    path = folder / "broker.toml"
    path.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = 0\ngrace_s = {grace_s}\n'
        "[health]\ninterval_s = 0.2\n[retention]\nfloor_mb = 1\n"
        f'[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
        f"port = {printer.port}\n"
    )
    return path


def _rows(folder: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "broker-data/broker.db")) as database:
        return database.execute(question).fetchall()


def test_a_stop_lets_a_modality_finish(tmp_path: Path, slow: EmulatedPrinter) -> None:
    """SIGTERM between two messages of a film: the modality goes on, hears success, and the film
    is there for the next start."""
    with BrokerProcess(_config(tmp_path, slow, 20)) as broker:
        ct = Speaker(broker.port)
        ct.open_session()
        ct.open_film_box()
        broker.send(signal.SIGTERM)
        broker.wait_for("broker stops")
        assert ct.set_image().status == statuses.SUCCESS
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        ct.release()
        assert broker.end() == 0
    assert _rows(tmp_path, "SELECT state FROM jobs") == [("queued",)]


def test_a_stop_does_not_wait_for_ever_for_a_modality(
    tmp_path: Path, slow: EmulatedPrinter
) -> None:
    """After the grace time the association is aborted, and what was not asked for is gone."""
    with BrokerProcess(_config(tmp_path, slow, 0.5)) as broker:
        ct = Speaker(broker.port)
        ct.open_session()
        ct.open_film_box()
        ct.set_image()
        began = time.monotonic()
        assert broker.end() == 0
        assert time.monotonic() - began < 5
        ct.abort()
    spool = tmp_path / "broker-data/spool"
    assert [
        path.name for folder in spool.iterdir() if folder.is_dir() for path in folder.iterdir()
    ] == []
    assert _rows(tmp_path, "SELECT count(*) FROM jobs") == [(0,)]


def test_a_stop_does_not_wait_for_ever_for_a_printer(tmp_path: Path, slow: EmulatedPrinter) -> None:
    """After the grace time the film that was asked for is uncertain at the next start, not lost
    and not printed again."""
    config = _config(tmp_path, slow, 0.5)
    with BrokerProcess(config) as broker:
        broker.wait_for("printer changed", health="up")
        ct = Speaker(broker.port)
        assert ct.print_film() == statuses.SUCCESS
        ct.release()
        slow.print_jobs.wait_until_begun(1)
        began = time.monotonic()
        assert broker.end() == 0
        assert time.monotonic() - began < 5
        assert broker.wait_for("attempts cut off")["jobs"] == [1]
    with BrokerProcess(config) as again:
        again.wait_for("job recovered", state="held")
        told = command("jobs", "explain", "1", config=config).stdout
    assert "Look in the tray of oki-1." in " ".join(told.split())
