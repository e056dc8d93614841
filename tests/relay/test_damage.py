"""A damaged database: refused at the start, told in service, and tried no more than once."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from broker.model.jobs.job import FilmState, Outcome, State
from broker.model.printers.printer import Duty
from broker.operations.condition.alarms import alarms
from broker.operations.condition.readiness import read_vitals
from broker.operations.opened import store_of
from broker.relay.database_upkeep import NightCheck
from broker.relay.dispatcher import HELD_DAMAGED
from broker.service.alerts import Notices
from broker.store.database import Database
from broker.store.printers import Printers
from tests.bench.damage_site import wait_until
from tests.peers.broker_process import command
from tests.peers.damage import damage_table
from tests.peers.filled_site import FilledSite
from tests.peers.obstacles import problems
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """A broker's folder with one job."""
    with FilledSite(tmp_path / "site") as made:
        made.job("a")
        yield made


def _contents(folder: Path) -> dict[str, bytes]:
    """Files of a folder that no start may change, by name."""
    passing = {"broker.db-wal", "broker.db-shm", "broker.lock", "keepers.lock"}
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if stat.S_ISREG(each.stat().st_mode) and each.name not in passing
    }


@pytest.mark.parametrize("table", ["films", "jobs", "sqlite_master", ""])
def test_no_broker_starts_on_a_damaged_database(site: FilledSite, table: str) -> None:
    """Exit 1 with the file and each way on, no traceback; nothing is changed or removed."""
    if table == "sqlite_master":
        site.database.checkpoint(cut=True)
        with site.file.open("r+b") as raw:
            raw.seek(100)
            raw.write(b"\xff" * 3996)
    elif table:
        damage_table(site.database, site.file, table)
    else:
        site.database.checkpoint(cut=True)
        site.file.write_bytes(b"no database" * 1000)
    site.database.close()
    before = _contents(site.data_dir)

    ended = command("serve", config=site.config)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert f"{site.file}: the database is damaged" in ended.stderr
    assert "`broker db check`" in ended.stderr
    assert "`broker restore DIR`" in ended.stderr
    assert _contents(site.data_dir) == before


def test_a_damaged_page_in_service_is_told_everywhere(relay: MakeRelay) -> None:
    """The job is held at its first try and not tried again; readiness, the page's alarms, a notice
    and the log say so; no file of pixels is removed."""
    room = relay(1)
    room.service.printers.set_duty("oki-1", Duty.DRAIN)
    room.print_films(1)
    names = set(room.service.spool.names())
    file = room.service.jobs.references.file
    other = Database.open(f"sqlite:///{file}")
    damage_table(other, file, "films")

    # Another connection changes something, as a command does: what others had read is read anew.
    Printers(other, time.time).set_duty("oki-1", Duty.READY)

    room.wait_for(lambda: any(event == "film damaged" for event, _ in room.notes), "not told")
    (job,) = room.wait_until(State.HELD, 1)
    assert job.reason == HELD_DAMAGED
    assert job.attempts == 1
    while (found := read_vitals(room.config().data_dir)) is None or not found.storage.damage:
        pass  # it is written once a second
    assert [event for event, _ in room.notes].count("database damaged") == 1
    with store_of(room.config()) as store:
        assert any("the database is damaged" in each for each in problems(store))
        assert any("the database is damaged" in each.lower() for each in alarms(store))
    notices = Notices(room.config(), room.service.database, lambda *_: None)
    seen = notices._see(room.config())()
    assert seen is not None
    assert seen.damage == "database disk image is malformed"
    room.service.upkeep.sweep()
    assert names <= set(room.service.spool.names())
    assert room.sheets() == {"oki-1": 0}
    other.close()
    room.forgive_storage()


def test_a_film_that_was_asked_for_is_uncertain(site: FilledSite) -> None:
    """A job that is held for damage keeps what is known of its films (promise 3)."""
    site.job("b", "c")
    claim = site.jobs.claims.claim(2, "oki-1")
    assert claim is not None
    site.jobs.claims.asked(claim, site.jobs.queries.films(2)[0].id)

    site.jobs.recovery.hold_claimed(claim, HELD_DAMAGED)

    job = site.jobs.queries.get(2)
    assert (job.state, job.reason) == (State.HELD, HELD_DAMAGED)
    assert [film.state for film in site.jobs.queries.films(2)] == [
        FilmState.UNCERTAIN,
        FilmState.WAITING,
    ]
    assert all(attempt.ended_at for attempt in site.jobs.queries.attempts(2))


def test_a_job_is_held_where_only_that_can_be_written(site: FilledSite) -> None:
    """Its films' rows are damaged, too: it is held all the same, and not tried again."""
    site.job("b")
    claim = site.jobs.claims.claim(1, "oki-1")
    assert claim is not None
    site.database.close()
    other = Database.open(f"sqlite:///{site.file}")
    damage_table(other, site.file, "sendings")
    other.close()
    with FilledSite(site.folder) as again:
        again.jobs.recovery.hold_claimed(claim, HELD_DAMAGED)
        states = again.jobs.queries.numbers()
        attempts = again.jobs.queries.attempts(1)

    assert states == {State.HELD: 1, State.QUEUED: 1}
    assert [attempt.outcome for attempt in attempts] == [Outcome.UNCERTAIN], "none stays open"


class Watched:
    """A night check with what it noted."""

    def __init__(self, site: FilledSite) -> None:
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self.idle = True
        self.check = NightCheck(
            site.file,
            site.data_dir / "spool",
            lambda: self.idle,
            lambda event, facts: self.notes.append((event, facts)),
            lambda: 1000.0,
        )


def test_the_night_check_finds_and_tells(site: FilledSite) -> None:
    """In order, it says so; a file that is missing is a fault, with its job."""
    watched = Watched(site)
    assert watched.check.check()
    assert watched.notes == [("queue checked", {"faults": 0})]
    (name,) = site.names(1)
    site.place(name).unlink()

    assert watched.check.check()

    event, facts = watched.notes[-1]
    assert (event, facts["faults"], facts["pixels"]) == ("check found faults", 1, 1)
    found = watched.check.found
    assert (found.at, found.faults) == (1000.0, 1)
    assert found.first == f"spool file {name} is missing: job 1"


def test_damaged_pages_that_the_night_check_finds_are_told_as_damage(relay: MakeRelay) -> None:
    """Although no film has come across them: readiness and the alarms say so, as of a page that is
    met in service."""
    room = relay(1)
    room.service.printers.set_duty("oki-1", Duty.DRAIN)
    room.print_films(1)
    file = room.service.jobs.references.file
    other = Database.open(f"sqlite:///{file}")
    damage_table(other, file, "orders")  # which nothing reads
    other.close()
    night = room.service._night
    night._idle = lambda: True

    assert night.check()

    assert [event for event, _ in room.notes].count("database damaged") == 1
    assert room.service._storage().damage
    while (found := read_vitals(room.config().data_dir)) is None or not found.storage.damage:
        pass  # it is written once a second
    with store_of(room.config()) as store:
        assert any("the database is damaged" in each for each in problems(store))
    room.forgive_storage()


LOOKING = """
import sys
from pathlib import Path
from broker.relay.database_upkeep import NightCheck
NightCheck(Path(sys.argv[1]), Path(sys.argv[2]), lambda: True, lambda *_: None).check()
"""


def test_the_night_check_ends_with_a_broker_that_is_killed(tmp_path: Path) -> None:
    """Its process waits for a file then, and would wait for ever."""
    fifo = tmp_path / "broker.db"
    os.mkfifo(fifo)
    with subprocess.Popen([sys.executable, "-c", LOOKING, str(fifo), str(tmp_path)]) as broker:
        children = Path(f"/proc/{broker.pid}/task/{broker.pid}/children")
        while not (found := children.read_text().split()):
            assert broker.poll() is None
        child = int(found[0])
        watched = os.pidfd_open(child)
        try:
            # It has begun its work, so that it is not ended by finding its parent gone.
            assert wait_until(lambda: os.getpriority(os.PRIO_PROCESS, child) == 19, 30.0)
            broker.kill()
            ended = select.select([watched], [], [], 10.0)[0]
            if not ended:
                os.kill(child, signal.SIGKILL)
            assert ended
        finally:
            os.close(watched)


def test_the_night_check_gives_way_to_films(site: FilledSite) -> None:
    """A film in hand ends it, and nothing is told."""
    watched = Watched(site)
    watched.idle = False

    assert not watched.check.check()
    assert watched.notes == []


def test_the_night_check_runs_by_itself(site: FilledSite) -> None:
    """Once it is due and no film is in hand; once done, not again before the next night."""
    told = threading.Event()
    notes: list[str] = []
    now = [1_796_000_000.0]

    def note(event: str, _facts: Mapping[str, object]) -> None:
        notes.append(event)
        told.set()

    spool = site.data_dir / "spool"
    check = NightCheck(site.file, spool, lambda: True, note, lambda: now[0], look_s=0.01)
    now[0] += 2 * 86_400
    check.start()

    assert told.wait(60)
    check.stop(30)
    assert notes == ["queue checked"]
    assert check.found.at == now[0]
