"""When printers are asked who they are, and what that does to their health: nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.model.jobs.job import Outcome, State
from broker.model.printers.printer import Address, Health, Printer
from broker.model.printers.printer_identity import AGAIN_S, PrinterIdentity
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
        self.model = "C650"

    def answer(self, association: AcceptedAssociation, request: Request) -> Response | None:
        """What it answers; None: it has aborted."""
        if request.field != Command.N_GET:
            return Response(statuses.SUCCESS)
        reply = Dataset()
        if STATUS in request.command.AttributeIdentifierList:
            self.checks += 1
            reply.PrinterStatus, reply.PrinterStatusInfo = "NORMAL", "NORMAL"
            return Response(statuses.SUCCESS, reply)
        self.questions += 1
        if self.aborts:
            association.close()
            return None
        reply.ManufacturerModelName = self.model
        return Response(statuses.SUCCESS, reply)


@contextmanager
def watched(folder: Path, odd: OddPrinter, clock: Clock) -> Iterator[Callable[[], Printer]]:
    """A broker with that printer, which is up; gives its row."""
    with accepting(odd.answer) as (acceptor, _):
        address = Address("odd", "BROKER", "127.0.0.1", acceptor.port)
        relay = Relay(folder, [address], clock=clock)
        try:
            relay.wait_until_up()
            yield lambda: relay.service.printers.get("odd")
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


def test_a_printer_that_aborts_at_the_question_is_well(tmp_path: Path) -> None:
    """It is asked again after a day, and what it tells then is known."""
    odd, clock = OddPrinter(), Clock()
    with watched(tmp_path, odd, clock) as row:
        clock.now += 1
        wait_for(lambda: row().identification.refused, "not asked")

        def checked() -> bool:
            clock.now += 1
            return odd.checks >= enough

        enough = odd.checks + 5
        wait_for(checked, "not checked")
        assert odd.questions == 1
        assert (row().health, row().bad_checks, row().failures) == (Health.UP, 0, 0)

        odd.aborts = False
        clock.now += AGAIN_S
        wait_for(lambda: row().identification.identity.model == "C650", "not asked again")
        assert odd.questions == 2
        assert not row().identification.refused
