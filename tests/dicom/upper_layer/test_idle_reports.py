"""What a service reports without being asked, and when it leaves."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from broker.dicom import statuses
from broker.dicom.upper_layer.activity import QUIET_S
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending, ServiceReport
from broker.dicom.upper_layer.command_set import Command, command_bytes, command_of
from broker.dicom.upper_layer.message import Request, Response
from tests.peers.acceptor import OFFERS, Scripted, Seen, accepting
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, data_pdu, echo

PATIENCE_S = 20.0
REPORT, RESPONSE = Command.N_EVENT_REPORT, Command.C_ECHO | 0x8000


class Site:
    """An acceptor whose associations have to report what the test says."""

    def __init__(self) -> None:
        self.waiting: deque[int] = deque()
        """Event types."""
        self.seen = Seen()
        self.slow: Callable[[], None] = lambda: None
        """What takes time while a request is answered."""
        self._changed = threading.Condition()
        self._looks = 0

    def service(self, association: AcceptedAssociation) -> Scripted:
        """One that has something to report."""
        made: Any = Scripted(association, self._answer, self.seen)
        made.to_report = lambda: self._to_report(association)
        return made  # type: ignore[no-any-return]

    def wait_for_looks(self, number: int) -> None:
        """Wait until it was asked so often more what it has to report."""
        with self._changed:
            wanted = self._looks + number
            assert self._changed.wait_for(lambda: self._looks >= wanted, PATIENCE_S)

    def _to_report(self, association: AcceptedAssociation) -> ServiceReport | None:
        with self._changed:
            self._looks += 1
            self._changed.notify_all()
        if not self.waiting:
            return None
        return ServiceReport(association.contexts[0], "1.2", "1.2.3", self.waiting.popleft())

    def _answer(self, _association: AcceptedAssociation, _request: Request) -> Response:
        self.slow()
        return Response(statuses.SUCCESS)


def associated(port: int) -> Raw:
    """A peer that has associated."""
    raw = Raw.connect(port)
    raw.associate(*OFFERS)
    return raw


def test_a_report_leaves_while_nothing_is_in_hand() -> None:
    """To a peer that has asked for nothing; requests are answered before and after it."""
    site = Site()
    with accepting(new_service=site.service) as (acceptor, _), associated(acceptor.port) as raw:
        raw.say(1, echo(1))
        assert raw.hear().CommandField == RESPONSE
        site.waiting.append(2)
        report = raw.hear()
        assert (report.CommandField, report.EventTypeID) == (REPORT, 2)
        assert (report.AffectedSOPClassUID, report.AffectedSOPInstanceUID) == ("1.2", "1.2.3")
        raw.answer(report, EventTypeID=2)
        raw.say(1, echo(2))
        answer = raw.hear()
        assert (answer.CommandField, answer.MessageIDBeingRespondedTo) == (RESPONSE, 2)


def test_the_next_report_waits_for_the_response_to_the_last() -> None:
    """Whatever its status; a peer that never responds gets no other, and is served as before."""
    site = Site()
    with accepting(new_service=site.service) as (acceptor, _), associated(acceptor.port) as raw:
        site.waiting += [1, 2]
        first = raw.hear()
        for number in (1, 2, 3):
            raw.say(1, echo(number))
            assert raw.hear().CommandField == RESPONSE, "and no second report"
        raw.answer(first, statuses.PROCESSING_FAILURE)
        second = raw.hear()
        assert (second.CommandField, second.EventTypeID) == (REPORT, 2)
        assert second.MessageID != first.MessageID
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP


def test_no_report_is_asked_for_while_a_request_comes_or_is_answered() -> None:
    """Neither between the parts of a message, nor before its response."""
    site = Site()
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(PATIENCE_S)

    site.slow = slow
    beside = Site()
    with (
        accepting(new_service=site.service) as (acceptor, _),
        accepting(new_service=beside.service) as (other, _),
        associated(acceptor.port) as raw,
        associated(other.port),
    ):
        site.wait_for_looks(1)
        encoded = command_bytes(command_of(echo(1)), with_dataset=False)
        raw.send(data_pdu(1, 0x01, encoded[:20]))
        site.waiting.append(3)
        # One that is idle is asked every second meanwhile.
        beside.wait_for_looks(2)
        raw.send(data_pdu(1, 0x03, encoded[20:]))
        assert begun.wait(PATIENCE_S)
        beside.wait_for_looks(2)
        assert list(site.waiting) == [3]
        go_on.set()
        assert raw.hear().CommandField == RESPONSE
        assert raw.hear().CommandField == REPORT


def test_what_cannot_be_found_out_or_encoded_is_told_and_ends_nothing() -> None:
    """A fault of the service with its reports costs no association."""
    site = Site()
    faults = [
        lambda _: 1 / 0,
        lambda association: ServiceReport(association.contexts[0], "1.2", "1.2.3", 1 << 20),
    ]

    def service(association: AcceptedAssociation) -> Scripted:
        made: Any = site.service(association)
        usual = made.to_report
        made.to_report = lambda: faults.pop(0)(association) if faults else usual()
        return made  # type: ignore[no-any-return]

    with (
        accepting(new_service=service, on_event=site.seen.event) as (acceptor, _),
        associated(acceptor.port) as raw,
    ):
        assert site.seen.wait_for("fault", 1)["doing"] == "reporting"
        assert site.seen.wait_for("fault", 2)["doing"] == "encoding a report"
        site.waiting.append(1)
        assert raw.hear().CommandField == REPORT


def test_reports_put_off_no_end() -> None:
    """An association that only gets reports is idle: it ends when it is idle for too long."""
    site = Site()
    with (
        accepting(
            new_service=site.service, on_event=site.seen.event, idle_timeout_s=2.5 * QUIET_S
        ) as (acceptor, _),
        associated(acceptor.port) as raw,
    ):
        site.waiting.append(1)
        raw.answer(raw.hear())
        assert raw.pdu()[0] == ABORT[0]
        assert site.seen.wait_for("aborted")["kind"] == "idle"


def test_a_stop_ends_an_association_that_may_report() -> None:
    """At once, also while its peer owes a response."""
    site = Site()
    with accepting(new_service=site.service) as (acceptor, _), associated(acceptor.port) as raw:
        site.waiting.append(1)
        assert raw.hear().CommandField == REPORT
        raw.say(1, echo(1))
        assert raw.hear().CommandField == RESPONSE, "the report has left whole"
        began = time.monotonic()
        acceptor.stop(PATIENCE_S)
        assert time.monotonic() - began < QUIET_S + 2
        assert raw.pdu() == ABORT
    assert site.seen.endings == [Ending.ABORTED]
