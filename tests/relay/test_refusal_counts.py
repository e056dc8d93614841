"""Refusals are counted when they are heard, and written down later."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.events import Event
from broker.relay.event_log import RefusalCounts
from broker.store import schema
from broker.store.database import Database
from broker.store.refusals import MOST_CALLERS, RefusalCount, Refusals, RefusedCaller
from tests.peers.speaker import image_box, picture
from tests.relay.conftest import Relay

WRONG = {
    "kind": "called AE",
    "calling_ae": "CT1",
    "called_ae": "BORKER",
    "peer": "10.0.0.9:4000",
}


class Clock:
    """Stands still until the test turns it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_moments_are_those_of_the_hearing(tmp_path: Path) -> None:
    """Whenever it is written: first and last time, whom it met, from where, and whom it called.
    What has no kind is passed on and not counted."""
    database = Database.open(f"sqlite:///{tmp_path}/broker.db")
    schema.upgrade(database)
    refusals, clock = Refusals(database), Clock()
    told: list[str] = []
    counts = RefusalCounts(lambda event, _facts: told.append(event), refusals, clock)
    counts(Event.ASSOCIATION_REJECTED, WRONG)
    clock.now = 1002.5
    counts(Event.ASSOCIATION_REJECTED, WRONG | {"peer": "10.0.0.9:4001"})
    counts(Event.ASSOCIATION_REFUSED, {"kind": "silent", "peer": "10.0.0.8:4000"})
    counts(Event.JOB_SENT, {"job": 1})
    clock.now = 1005.0
    counts.write()
    counts.write()

    found = refusals.list()
    database.close()
    assert found == [
        RefusalCount("called AE", 2, 1000.0, 1002.5, "CT1", "10.0.0.9:4001", "BORKER"),
        RefusalCount("silent", 1, 1002.5, 1002.5, "10.0.0.8:4000", "10.0.0.8:4000", ""),
    ]
    assert told[-2:] == ["association refused", "job sent"]


def test_what_cannot_be_written_is_kept_with_its_moments(tmp_path: Path) -> None:
    """A database that fails costs no count, and no time."""
    file = tmp_path / "broker.db"
    database = Database.open(f"sqlite:///{file}")
    schema.upgrade(database)
    refusals, clock = Refusals(database), Clock()
    counts = RefusalCounts(_ignored, refusals, clock)
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE refusals RENAME TO away")
    counts(Event.ASSOCIATION_REJECTED, WRONG)
    with pytest.raises(Exception, match="no such table: refusals"):
        counts.write()
    clock.now = 1060.0
    counts(Event.ASSOCIATION_REJECTED, WRONG | {"calling_ae": "MR1"})
    with sqlite3.connect(file) as other:
        other.execute("ALTER TABLE away RENAME TO refusals")
    counts.write()

    (found,) = refusals.list()
    database.close()
    connection.close()
    other.close()
    assert (found.number, found.first_at, found.last_at) == (2, 1000.0, 1060.0)
    assert found.last_peer == "MR1"


def test_callers_are_counted_apart(tmp_path: Path) -> None:
    """By AE title and address, without the port; those without number together, so that the table
    stays small; what could not be written is kept."""
    file = tmp_path / "broker.db"
    database = Database.open(f"sqlite:///{file}")
    schema.upgrade(database)
    refusals, clock = Refusals(database), Clock()
    counts = RefusalCounts(_ignored, refusals, clock)
    refused = {"kind": "wrong request", "peer": "::ffff:10.0.0.9:4000", "why": "no format"}
    for number in range(60):
        counts(Event.REQUEST_REFUSED, refused | {"calling_ae": "CT1", "peer": f"10.0.0.9:{number}"})
    counts(Event.REQUEST_REFUSED, refused | {"calling_ae": "MR1"})
    with sqlite3.connect(file) as connection:
        connection.execute("ALTER TABLE refusals RENAME TO away")
    with pytest.raises(Exception, match="no such table: refusals"):
        counts.write()
    with sqlite3.connect(file) as other:
        other.execute("ALTER TABLE away RENAME TO refusals")
    connection.close()
    other.close()
    counts(Event.REQUEST_REFUSED, refused | {"calling_ae": "MR1"})
    counts.write()
    assert refusals.callers() == [
        RefusedCaller("wrong request", "CT1", "10.0.0.9", 60, 1000.0, 1000.0, "no format"),
        RefusedCaller("wrong request", "MR1", "10.0.0.9", 2, 1000.0, 1000.0, "no format"),
    ]

    for number in range(3 * MOST_CALLERS):
        counts(Event.REQUEST_REFUSED, refused | {"calling_ae": f"AE{number}"})
        counts.write()
    found = refusals.callers()
    assert len(found) == MOST_CALLERS + 1
    assert (found[-1].host, found[-1].number) == ("", 2 * MOST_CALLERS + 2)

    clock.now += 2 * 86400
    counts(Event.REQUEST_REFUSED, refused | {"calling_ae": "NEW"})
    counts.write()
    found = refusals.callers()
    assert len(found) == MOST_CALLERS + 1
    assert "NEW" in {each.calling_ae for each in found}
    assert sum(each.number for each in found) == 62 + 3 * MOST_CALLERS + 1
    database.close()


def test_what_is_tolerated_is_no_refusal(relay: Callable[..., Relay]) -> None:
    """It was taken: the log tells it, and it does not stand among the refusals."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session(PrintPriority="MEDIUM")
    ct.open_film_box()
    assert ct.set_image(1, image_box(None)).status == statuses.SUCCESS
    ct.release()
    room.service.stop()

    told = [facts["kind"] for event, facts in room.notes if event == "request tolerated"]
    assert told == ["value in other words", "image box without position"]
    database = Database.open(f"sqlite:///{room.folder}/broker-data/broker.db")
    refusals = Refusals(database)
    assert (refusals.list(), refusals.callers()) == ([], [])
    database.close()


def test_refused_images_of_two_modalities(relay: Callable[..., Relay]) -> None:
    """On the wire: the one with a single refusal is in the log and in the counts beside the one
    with sixty."""
    room = relay(1)
    for calling_ae, times in (("CT1", 60), ("MR1", 1)):
        ct = room.speaker(calling_ae=calling_ae)
        ct.open_session()
        ct.open_film_box()
        for _ in range(times):
            refused = ct.set_image(made=image_box(1, picture(BitsStored=7))).status
            assert refused == statuses.INVALID_ATTRIBUTE_VALUE
        ct.release()
    room.service.stop()

    told = [facts["calling_ae"] for event, facts in room.notes if event == "request refused"]
    assert told.count("MR1") == 1
    database = Database.open(f"sqlite:///{room.folder}/broker-data/broker.db")
    found = Refusals(database).callers()
    database.close()
    assert [(each.calling_ae, each.host, each.number) for each in found] == [
        ("CT1", "127.0.0.1", 60),
        ("MR1", "127.0.0.1", 1),
    ]


def _ignored(_event: str, _facts: Mapping[str, object]) -> None:
    """It is not read."""
