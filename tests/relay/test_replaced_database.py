"""A database that is replaced beneath a running broker: no film is taken, none is sent, a person
decides."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from broker.model.storage.spool_fit import Misfit
from broker.operations.condition.alarms import alarms
from broker.operations.condition.readiness import look, read_vitals
from broker.operations.opened import store_of
from broker.service.alerts import Notices
from broker.spool.binding import SpoolMismatch, sealed
from broker.store.database import DatabaseReplaced
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


def copy_of(file: Path, name: str) -> Path:
    """The database as it is now, in another file without a log."""
    target = file.with_name(name)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def seen(room: Relay) -> bool:
    """Whether the broker has told of it."""
    return any(event == "database replaced" for event, _ in room.notes)


def start_refused(room: Relay) -> SpoolMismatch:
    """Why the next start is refused."""
    with pytest.raises(SpoolMismatch) as caught:
        room.begin()
    return caught.value


def _order_by_command(room: Relay) -> None:
    with store_of(room.config()) as store:
        store.printers.set_duty("oki-1", Duty.READY)


@pytest.mark.parametrize("how", ["moved away", "an older copy"])
def test_nothing_is_taken_and_nothing_is_sent(relay: MakeRelay, how: str) -> None:
    """A film is refused as with a damaged database, one that waits is not sent although its printer
    is ready, and log, readiness, page, figures and messages tell it; the next start is refused
    until the right database is back, and then the film that was taken prints once."""
    room = relay(1)
    file = room.service.jobs.references.file
    room.service.printers.set_duty("oki-1", Duty.DRAIN)
    room.print_films(1)
    older = copy_of(file, "older.db")
    room.print_films(1)
    open_film = room.speaker()
    open_film.open_session()
    open_film.open_film_box()
    open_film.set_image()
    away = file.with_name("away")
    away.mkdir()
    with store_of(room.config()) as store:  # as the page has it open
        for each in file.parent.glob("broker.db*"):
            each.rename(away / each.name)
        if how == "an older copy":
            older.rename(file)

        assert open_film.action(FILM_BOX, open_film.film_box).status == statuses.FILM_BOX_QUEUE_FULL

        room.wait_for(lambda: seen(room), "not told")
        late = room.speaker()
        assert late.open_session().status == statuses.RESOURCE_LIMITATION
        refused = [facts for event, facts in room.notes if event == "request refused"]
        assert {facts["kind"] for facts in refused} == {"film not stored"}
        for each in (open_film, late):
            each.abort()
        with pytest.raises(DatabaseReplaced):
            room.service.jobs.claims.claim(1, "oki-1")
        while (found := read_vitals(room.config().data_dir)) is None or not found.storage.replaced:
            pass  # it is written once a second
        problems = [each.words for each in look(store).obstacles]
        assert any("the database was replaced beneath the running" in each for each in problems)
        assert any("FILMS ARE REFUSED: the database was replaced" in each for each in alarms(store))
        with pytest.raises(DatabaseReplaced):
            store.printers.set_duty("oki-1", Duty.READY)
    with pytest.raises(SpoolMismatch):  # nor does a command change anything in it
        _order_by_command(room)
    notices = Notices(room.config(), room.service.database, lambda *_: None)
    told = notices._see(room.config())()
    assert told is not None
    assert told.replaced
    assert [event for event, _ in room.notes].count("database replaced") == 1
    assert room.broken == []
    assert room.sheets() == {"oki-1": 0}
    room.service.stop()
    assert sealed(file.parent / "spool")

    assert start_refused(room).kind in (Misfit.NEW, Misfit.REPLACED)
    for each in file.parent.glob("broker.db*"):
        shutil.move(each, each.with_name(f"wrong-{each.name}"))
    for each in away.iterdir():
        each.rename(file.parent / each.name)
    room.begin()
    room.service.printers.set_duty("oki-1", Duty.READY)
    room.wait_until(State.SENT, 1, 2)
    assert room.sheets() == {"oki-1": 2}


def test_every_film_that_was_taken_is_in_the_right_database(relay: MakeRelay) -> None:
    """Moved away while four modalities print: each film is refused, or is in the database that was
    moved, and on paper once after it was put back, unless a person has to look."""
    room = relay(2)
    file = room.service.jobs.references.file
    taken: list[int] = []
    refusals: list[int] = []
    enough = threading.Event()

    def print_until_refused() -> None:
        while True:
            ct = room.speaker()
            status = ct.open_session().status
            if status == 0:
                ct.open_film_box()
                ct.set_image()
                status = ct.action(FILM_BOX, ct.film_box).status
            ct.abort()
            if status:
                refusals.append(status)
                return
            taken.append(1)
            if len(taken) > 20:
                enough.set()

    modalities = [threading.Thread(target=print_until_refused) for _ in range(4)]
    for each in modalities:
        each.start()
    assert enough.wait(60)
    away = file.with_name("away")
    away.mkdir()
    for path in sorted(file.parent.glob("broker.db*")):
        path.rename(away / path.name)
    for each in modalities:
        each.join(60)
    assert set(refusals) <= {statuses.FILM_BOX_QUEUE_FULL, statuses.RESOURCE_LIMITATION}
    assert len(refusals) == 4
    room.wait_for(lambda: not room.service._dispatcher.running, "attempts go on")
    printed = sum(room.sheets().values())
    room.service.stop()
    assert sum(room.sheets().values()) == printed, "nothing is sent any more"

    for path in away.iterdir():
        path.rename(file.parent / path.name)
    room.begin()
    over = (State.SENT, State.HELD)
    room.wait_for(lambda: all(job.state in over for job in room.jobs()), "not all out")
    jobs = room.jobs()
    assert len(jobs) == len(taken)
    held = [job for job in jobs if job.state is State.HELD]
    assert all("uncertain" in job.reason for job in held)
    sent = len(jobs) - len(held)
    assert sent <= sum(room.sheets().values()) <= sent + len(held)
    room.forgive_storage()
