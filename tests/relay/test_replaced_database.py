"""A database that is replaced beneath a running broker: no film is taken, none is sent, a person
decides."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from broker.desk.alarms import alarms
from broker.desk.opened import store_of
from broker.desk.readiness import look
from broker.desk.vitals import read
from broker.dicom.sop_classes import FILM_BOX
from broker.model.job import State
from broker.model.printer import Duty
from broker.notices import Notices
from broker.store.binding import Misfit, SpoolMismatch, sealed
from broker.store.replacement import DatabaseReplaced
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


def refused(room: Relay) -> SpoolMismatch:
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
    file = room.service.jobs.file
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

        assert open_film.action(FILM_BOX, open_film.film_box).status == 0xC602

        room.wait_for(lambda: seen(room), "not told")
        late = room.speaker()
        assert late.open_session().status == 0x0213
        for each in (open_film, late):
            each.abort()
        with pytest.raises(DatabaseReplaced):
            room.service.jobs.claim(1, "oki-1")
        while (found := read(room.config().data_dir)) is None or not found.storage.replaced:
            pass  # it is written once a second
        problems = [each.words for each in look(store).obstacles]
        assert any("the database was replaced beneath the running" in each for each in problems)
        assert any("THE DATABASE WAS REPLACED" in each for each in alarms(store))
        with pytest.raises(DatabaseReplaced):
            store.printers.set_duty("oki-1", Duty.READY)
    with pytest.raises(SpoolMismatch):  # nor does a command change anything in it
        _order_by_command(room)
    notices = Notices(room.config(), room.service.jobs, room.service.printers, lambda *_: None)
    told = notices._see(room.config())()
    assert told is not None
    assert told.replaced
    assert [event for event, _ in room.notes].count("database replaced") == 1
    assert room.broken == []
    assert room.sheets() == {"oki-1": 0}
    room.service.stop()
    assert sealed(file.parent / "spool")

    assert refused(room).kind in (Misfit.NEW, Misfit.REPLACED)
    for each in file.parent.glob("broker.db*"):
        shutil.move(each, each.with_name(f"wrong-{each.name}"))
    for each in away.iterdir():
        each.rename(file.parent / each.name)
    room.begin()
    room.service.printers.set_duty("oki-1", Duty.READY)
    room.wait_until(State.SENT, 1, 2)
    assert room.sheets() == {"oki-1": 2}
