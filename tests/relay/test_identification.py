"""When printers are asked who they are, and what that does to their health: nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from sqlalchemy.exc import DBAPIError

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.model.jobs.job import Outcome, State
from broker.model.printers.health import Check, CheckKind, Observation
from broker.model.printers.printer import Address, Duty, Health
from broker.model.printers.printer_identity import (
    AGAIN_S,
    Identification,
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
)
from broker.model.printers.trouble import Unavailable
from broker.relay.identification import REST_S, Identifying
from broker.store import schema
from broker.store.database import Database
from broker.store.printers import Printers
from tests.peers.acceptor import accepting
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]
STATUS = 0x21100010
MODEL = 0x00081090


class Clock:
    """Of the broker; it goes on only where the test says."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class OddPrinter:
    """Tells its status at checks, and counts how often it was asked who it is."""

    def __init__(self) -> None:
        self.questions = 0
        self.checks = 0
        self.aborts = True
        self.tells_status = True
        self.model = "C650"

    def answer(self, association: AcceptedAssociation, request: Request) -> Response | None:
        """What it answers; None: it has aborted."""
        if request.field != Command.N_GET:
            return Response(statuses.SUCCESS)
        reply = Dataset()
        if STATUS in request.command.AttributeIdentifierList:
            self.checks += 1
            if not self.tells_status:
                association.close()
                return None
            reply.PrinterStatus, reply.PrinterStatusInfo = "NORMAL", "NORMAL"
            return Response(statuses.SUCCESS, reply)
        self.questions += 1
        if self.aborts:
            association.close()
            return None
        reply.ManufacturerModelName = self.model
        return Response(statuses.SUCCESS, reply)


@contextmanager
def watched(folder: Path, odd: OddPrinter, clock: Clock, *, more: str = "") -> Iterator[Relay]:
    """A broker with that printer, which is up."""
    with accepting(odd.answer) as (acceptor, _):
        address = Address("odd", "BROKER", "127.0.0.1", acceptor.port)
        relay = Relay(folder, [address], clock=clock, more=more)
        try:
            relay.wait_until_up()
            yield relay
        finally:
            relay.close()
        assert relay.broken == []


def wait_for(what: Callable[[], bool], why: str) -> None:
    """Return when it is so: nothing is noted of a question that was not answered."""
    pause = threading.Event()
    for _ in range(2000):
        if what():
            return
        pause.wait(0.01)
    raise AssertionError(why)


def test_a_printer_is_asked_once_it_is_up(relay: MakeRelay) -> None:
    """What it tells is in its row, and in the log."""
    room = relay(2)

    def told(name: str) -> PrinterIdentity:
        return room.service.printers.get(name).identification.identity

    room.wait_for(lambda: all(told(each.name) for each in room.addresses), "not asked")

    assert told("oki-2") == PrinterIdentity(
        "DICOM print broker", "Emulated printer", "EMULATED-oki-2", "1.0", "oki-2"
    )
    said = "is DICOM print broker Emulated printer, serial number EMULATED-oki-2"
    assert ("printer said", {"printer": "oki-2", "reason": said}) in room.notes
    room.print_films(4)
    room.wait_until(State.SENT)
    tries = [each for job in room.jobs() for each in room.service.jobs.queries.attempts(job.id)]
    assert [each.outcome for each in tries] == [Outcome.ACCEPTED] * 4


def test_a_printer_that_comes_back_is_asked_again(relay: MakeRelay) -> None:
    """It may be another one."""
    room = relay(1)

    def told_at() -> float | None:
        return room.service.printers.get("oki-1").identification.told_at

    room.wait_for(lambda: told_at() is not None, "not asked")
    first = told_at()
    room.printers["oki-1"].kill()
    room.wait_for(
        lambda: room.service.printers.get("oki-1").health is Health.DOWN, "not seen to be down"
    )
    room.printers["oki-1"].revive()
    wait_for(lambda: told_at() != first, "not asked again")


def wait_for_checks(odd: OddPrinter, clock: Clock, number: int = 5) -> None:
    """Return after so many more checks, each of which is a second later."""
    enough = odd.checks + number

    def checked() -> bool:
        clock.now += 1
        return odd.checks >= enough

    wait_for(checked, "not checked")


def asked_of(notes: list[tuple[str, Mapping[str, object]]]) -> list[object]:
    """What was noted of questions that told nothing."""
    return [facts["reason"] for name, facts in notes if name == "printer not identified"]


def test_a_printer_that_aborts_at_the_question_is_well(tmp_path: Path) -> None:
    """It is asked no more for a month, unless a person says that it is ready; what it tells then is
    known."""
    odd, clock = OddPrinter(), Clock()
    with watched(tmp_path, odd, clock) as room:
        row = partial(room.service.printers.get, "odd")

        def untold() -> bool:
            clock.now += 1
            return row().identification.untold

        wait_for(untold, "not asked")
        (reason,) = asked_of(room.notes)
        assert str(reason).endswith("instead of answering N-GET")

        wait_for_checks(odd, clock)
        clock.now += AGAIN_S
        wait_for_checks(odd, clock)
        assert odd.questions == 1
        assert (row().health, row().bad_checks, row().failures) == (Health.UP, 0, 0)

        odd.aborts = False
        room.service.printers.set_duty("odd", Duty.READY)
        wait_for(lambda: not untold() and odd.questions == 2, "not asked again")
        wait_for(lambda: row().identification.identity.model == "C650", "not told")


def test_a_printer_that_does_not_tell_its_status_is_not_asked(tmp_path: Path) -> None:
    """Nor one that aborts over it: it may suffer from the question as well."""
    odd, clock = OddPrinter(), Clock()
    odd.tells_status = False
    with watched(tmp_path, odd, clock) as room:
        wait_for_checks(odd, clock)
        assert room.service.printers.get("odd").reason.endswith("its status is not known")
    assert odd.questions == 0


def test_a_printer_is_not_asked_where_the_site_says_so(tmp_path: Path) -> None:
    """`printers.identify` is false; once a reload says otherwise, it is."""
    odd, clock = OddPrinter(), Clock()
    with watched(tmp_path, odd, clock, more="identify = false\n") as room:
        wait_for_checks(odd, clock)
        assert odd.questions == 0
        asked = room.config().printers[0].model_copy(update={"identify": True})
        room.service.reload(room.config().model_copy(update={"printers": (asked,)}))
        wait_for_checks(odd, clock)
        wait_for(lambda: odd.questions == 1, "not asked")


UP = Check(CheckKind.NORMAL, "", told=True)


class Row:
    """A printer's row, a clock, and how the printer takes the question."""

    def __init__(self, folder: Path) -> None:
        self.now = 1_800_000_000.0
        self.questions = 0
        self.reply: IdentityReply | Unavailable = IdentityReply(IdentityAnswer.REFUSED, words="no")
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self.database = Database.open(f"sqlite:///{folder}/broker.db")
        schema.upgrade(self.database)
        self._printers = Printers(self.database, lambda: self.now)
        self._printers.sync([Address("oki-1", "OKI1", "10.0.0.1", 104)])
        self._printers.observe("oki-1", lambda _: Observation(Health.UP, "", 2, 0, self.now))
        self._identifying = Identifying(
            self._printers,
            lambda _, question: question(),
            self._ask,
            lambda: self.now,
            lambda event, facts: self.notes.append((event, facts)),
        )

    def sql(self, text: str) -> None:
        """Have the database do it."""
        with self.database.write() as connection:
            connection.exec_driver_sql(text)

    @property
    def identification(self) -> Identification:
        """As it stands in the row."""
        return self._printers.get("oki-1").identification

    def checked(self, check: Check = UP, after_s: float = 1.0) -> int:
        """A check, so much later; how often it was asked so far."""
        self.now += after_s
        printer = self._printers.get("oki-1")
        self._identifying.after_check(printer, check, threading.Event())
        return self.questions

    def _ask(self, _address: Address) -> IdentityReply:
        self.questions += 1
        if isinstance(self.reply, Unavailable):
            raise self.reply
        return self.reply


@pytest.fixture
def row(tmp_path: Path) -> Iterator[Row]:
    """Of a printer that is up."""
    made = Row(tmp_path)
    yield made
    made.database.close()


def test_a_printer_whose_answer_cannot_be_written_is_left_alone(row: Row) -> None:
    """For some minutes, and longer each time, where the disk is full."""
    row.sql("CREATE TRIGGER full BEFORE UPDATE ON printers BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(DBAPIError):
        row.checked()
    assert row.checked() == 1
    with pytest.raises(DBAPIError):
        row.checked(after_s=REST_S)
    assert row.checked(after_s=REST_S) == 2
    row.sql("DROP TRIGGER full")
    assert row.checked(after_s=REST_S) == 3
    assert row.checked(after_s=AGAIN_S) == 4


def test_a_printer_that_stays_busy_is_asked_more_and_more_rarely(row: Row) -> None:
    """Once a day at last; that it was busy is told once, and is known."""
    row.reply = Unavailable("busy: oki-1 rejected the association", busy=True)
    for _ in range(3 * 1440):
        row.checked(after_s=60.0)
    assert 9 <= row.questions <= 12
    assert asked_of(row.notes) == ["was busy when it was asked"]
    assert row.identification.answer is IdentityAnswer.BUSY

    row.reply = IdentityReply(IdentityAnswer.TOLD, PrinterIdentity(model="C650"))
    row.checked(after_s=AGAIN_S)
    assert row.identification.identity.model == "C650"


def test_a_printer_that_reports_its_status_and_does_not_answer_n_get_is_not_asked(row: Row) -> None:
    """What it reports by itself is no answer."""
    assert row.checked(replace(UP, by_itself=True)) == 0
    assert row.checked() == 1
