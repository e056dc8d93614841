"""Refusals are counted when they are heard, and written down later."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.emulator.modality import Modality
from broker.events import Event
from broker.model.films.film import Film, Image, ImageBox, PresentationLut
from broker.model.printers.trouble import Refused, Unavailable
from broker.operations.condition.refusals import keeps_from_printing
from broker.relay.event_log import RefusalCounts
from broker.store import schema
from broker.store.database import Database
from broker.store.refusals import (
    MOST_CALLERS,
    MOST_OF_ADDRESS,
    RefusalCount,
    Refusals,
    RefusedCaller,
)
from tests.peers.speaker import image_box, picture
from tests.relay.conftest import Relay

WRONG = {
    "kind": "called AE",
    "calling_ae": "CT1",
    "called_ae": "BORKER",
    "peer": "10.0.0.9:4000",
}


WRONG_REQUEST = {"kind": "wrong request", "peer": "10.0.0.9:4000", "why": "no format"}


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
    """By AE title and address, without the port; what could not be written is kept."""
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

    database.close()


def test_many_callers_are_counted_together(tmp_path: Path) -> None:
    """An address has MOST_OF_ADDRESS rows and one for its further AE titles, all have MOST_CALLERS
    and one: so no peer hides another by calling itself ever otherwise. No count is lost, and one
    that is long gone makes room."""
    with counting(tmp_path) as (refusals, counts, clock):
        for number in range(3 * MOST_OF_ADDRESS):
            counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": f"AE{number}"})
        counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": "CT1", "peer": "10.0.0.7:1"})
        counts.write()
        found = refusals.callers()
        assert len(found) == MOST_OF_ADDRESS + 2
        assert [(each.calling_ae, each.number) for each in found if each.host == "10.0.0.7"] == [
            ("CT1", 1)
        ]
        assert (found[0].calling_ae, found[0].host) == ("", "10.0.0.9")
        assert found[0].number == 2 * MOST_OF_ADDRESS

        for number in range(2 * MOST_CALLERS):
            peer = f"10.1.{number // 200}.{number % 200}:4000"
            counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": "CT1", "peer": peer})
            counts.write()
        found = refusals.callers()
        assert len(found) == MOST_CALLERS + 1
        assert (found[-1].calling_ae, found[-1].host) == ("", "")
        total = 3 * MOST_OF_ADDRESS + 1 + 2 * MOST_CALLERS
        assert sum(each.number for each in found) == total

        clock.now += 2 * 86400
        counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": "NEW", "peer": "10.2.0.1:1"})
        counts.write()
        found = refusals.callers()
    assert len(found) == MOST_CALLERS + 1
    assert "NEW" in {each.calling_ae for each in found}
    assert sum(each.number for each in found) == total + 1
    assert found[-1].last_at == 1000.0


def test_one_that_has_printed_is_never_among_the_others(tmp_path: Path) -> None:
    """However many are refused that never printed here."""
    with counting(tmp_path) as (refusals, counts, _):
        counts(Event.FILMS_ACCEPTED, {"calling_ae": "CT1", "peer": "10.2.0.1:1"})
        for number in range(MOST_CALLERS):
            peer = f"10.1.{number // 200}.{number % 200}:4000"
            counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": "X", "peer": peer})
        counts.write()
        for number in range(2 * MOST_OF_ADDRESS):  # from one address, within one write
            named = {"calling_ae": f"X{number}", "peer": "10.2.0.1:1"}
            counts(Event.REQUEST_REFUSED, WRONG_REQUEST | named)
        counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": "CT1", "peer": "10.2.0.1:2"})
        counts.write()
        found = refusals.callers()
    assert len(found) == MOST_CALLERS + 1
    (ct,) = [each for each in found if each.calling_ae == "CT1"]
    assert (ct.number, ct.printed_at) == (1, 1000.0)


def test_what_the_last_one_met_is_kept_apart(tmp_path: Path) -> None:
    """The AE title that it called, the status and the attribute of a request, each by itself."""
    named = {"called_ae": "BROKER", "status": "0x0106 (wrong)", "attribute": "BitsStored"}
    with counting(tmp_path) as (refusals, counts, _):
        counts(Event.REQUEST_REFUSED, WRONG_REQUEST | {"calling_ae": "CT1"})
        counts(Event.REQUEST_REFUSED, WRONG_REQUEST | named | {"calling_ae": "CT1"})
        counts.write()
        (found,) = refusals.callers()
    assert (found.number, found.last_called_ae) == (2, "BROKER")
    assert (found.last_status, found.last_attribute) == ("0x0106 (wrong)", "BitsStored")


def test_it_is_known_whether_one_has_printed_since(tmp_path: Path) -> None:
    """Written at once for one that was refused, once a minute for the others. What gives no AE
    title is judged by its address."""
    accepted = {"calling_ae": "CT1", "peer": "10.0.0.9:1"}
    with counting(tmp_path) as (refusals, counts, clock):

        def at(now: float, event: Event, facts: Mapping[str, object]) -> list[RefusedCaller]:
            clock.now = now
            counts(event, facts)
            counts.write()
            return refusals.callers()

        clock.now = 900.0
        counts(Event.FILMS_ACCEPTED, accepted)  # written with what follows
        refused = WRONG_REQUEST | {"calling_ae": "CT1"}
        (found,) = at(1000.0, Event.REQUEST_REFUSED, refused)
        assert (found.printed_at, found.unresolved) == (900.0, True)
        (found,) = at(1001.0, Event.FILMS_ACCEPTED, accepted)
        assert (found.printed_at, found.unresolved) == (1001.0, False)
        (found,) = at(1060.0, Event.FILMS_ACCEPTED, accepted)
        assert found.printed_at == 1001.0
        (found,) = at(1061.0, Event.FILMS_ACCEPTED, accepted)
        assert found.printed_at == 1061.0
        nameless, _ = at(1070.0, Event.ASSOCIATION_REFUSED, {"kind": "slow", "peer": "10.0.0.9:7"})
        assert (nameless.calling_ae, nameless.unresolved) == ("", True)
        (other, *_) = at(1080.0, Event.ASSOCIATION_REFUSED, {"kind": "idle", "peer": "10.0.0.8:7"})
        assert (other.printed_at, other.unresolved) == (None, False)


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


def test_what_prints_nothing_is_counted_by_itself(relay: Callable[..., Relay]) -> None:
    """A modality that asks for what is not there, or deletes twice after it has printed, is not
    taken for one that cannot print."""
    room = relay(1)
    room.wait_until_up()
    ct = room.speaker()
    assert ct.print_film() == statuses.SUCCESS
    for status in (statuses.SUCCESS, statuses.NO_SUCH_SOP_INSTANCE):
        assert ct.delete(FILM_BOX, ct.film_box).status == status
    assert ct.get(FILM_BOX, ct.film_box).status == statuses.UNRECOGNIZED_OPERATION
    ct.release()
    room.service.stop()

    database = Database.open(f"sqlite:///{room.folder}/broker-data/broker.db")
    (found,) = Refusals(database).callers()
    database.close()
    assert (found.kind, found.number) == ("wrong status or delete request", 2)
    assert found.unresolved
    assert not keeps_from_printing(found)


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


@contextmanager
def counting(tmp_path: Path) -> Iterator[tuple[Refusals, RefusalCounts, Clock]]:
    """What is counted, on a database of its own."""
    database = Database.open(f"sqlite:///{tmp_path}/broker.db")
    schema.upgrade(database)
    refusals, clock = Refusals(database), Clock()
    try:
        yield refusals, RefusalCounts(_ignored, refusals, clock), clock
    finally:
        database.close()


def test_each_way_of_being_refused_leaves_its_trace(relay: Callable[..., Relay]) -> None:
    """On the wire: another AE title is called, nothing is proposed that prints, an attribute has a
    wrong value. Each has a row of its own, which says what it met; so does one that prints else."""
    room = relay(1)
    port = room.service.port
    room.wait_until_up()
    colored = Image("pixels", 12, 2, 2, 8, 8, "RGB", 3)
    layout = {"ImageDisplayFormat": ("STANDARD\\1,1",)}
    film = Film(layout, (ImageBox(1),))
    in_color = Film(layout, (ImageBox(1, image=colored, lut=PresentationLut("IDENTITY")),))
    with pytest.raises(Unavailable, match="called AE title"):
        Modality("CT1").print("127.0.0.1", port, "BORKER", [film], {}.__getitem__)
    with pytest.raises(Refused, match="does not take"):
        Modality("US1").print("127.0.0.1", port, "BROKER", [in_color], {}.__getitem__)
    mr = room.speaker(calling_ae="MR1")
    mr.open_session()
    mr.open_film_box()
    assert mr.set_image(made=image_box(1, picture(BitsStored=7))).status == 0x0106
    mr.release()
    room.service.stop()

    database = Database.open(f"sqlite:///{room.folder}/broker-data/broker.db")
    found = {each.calling_ae: each for each in Refusals(database).callers()}
    database.close()
    assert {name: each.kind for name, each in found.items()} == {
        "CT1": "called AE",
        "US1": "no presentation context",
        "MR1": "wrong request",
    }
    assert {each.host for each in found.values()} == {"127.0.0.1"}
    assert found["CT1"].last_called_ae == "BORKER"
    assert found["US1"].last_why.startswith("Basic Color Print Management Meta")
    assert found["MR1"].last_status.startswith("0x0106 (")
    assert found["MR1"].last_attribute == "BitsStored"


def _ignored(_event: str, _facts: Mapping[str, object]) -> None:
    """It is not read."""
