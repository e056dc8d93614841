"""Which associations a stop ends at once, and which it waits for."""

from __future__ import annotations

import threading
import time

import pytest

from broker.dicom import statuses
from broker.dicom.upper_layer.activity import BETWEEN_S, QUIET_S, AssociationUse, ends_at
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.message import Request, Response
from tests.peers.acceptor import OFFERS, VERIFICATION, Scripted, accepting, echoed, opened, success
from tests.peers.raw import ABORT, Raw, data_pdu, echo

LONG_S = 60.0
"""A grace that no test waits for."""


@pytest.mark.parametrize(
    ("use", "end"),
    [
        (AssociationUse(True, 10.0, unfinished=False), 10.0 + QUIET_S),
        (AssociationUse(True, 999.9, unfinished=False), 999.9 + QUIET_S),
        (AssociationUse(False, 10.0, unfinished=False), None),
        (AssociationUse(False, 10.0, unfinished=True), None),
        (AssociationUse(True, 10.0, unfinished=True), None),
        (AssociationUse(True, 10.0, unfinished=True, between=True), None),
        (AssociationUse(True, 10.0, unfinished=False, between=True), 10.0 + BETWEEN_S),
        (AssociationUse(False, 10.0, unfinished=False, between=True), None),
    ],
)
def test_what_is_idle_ends_at_once_and_a_film_gets_its_time(
    use: AssociationUse, end: float | None
) -> None:
    """A request in hand and an unprinted film are waited for; a film session in which something was
    asked for a moment ago gets a few seconds for its next film."""
    assert ends_at(use) == end


def stopped_in(acceptor: object, grace_s: float) -> float:
    """The seconds that a stop takes."""
    began = time.monotonic()
    acceptor.stop(grace_s)  # type: ignore[attr-defined]
    return time.monotonic() - began


def test_idle_associations_end_at_once() -> None:
    """Twenty of them, each with A-ABORT, whatever the grace; none of them asked for anything."""
    with accepting(max_associations=20, max_associations_per_peer=20) as (acceptor, seen):
        raws = [Raw.connect(acceptor.port) for _ in range(20)]
        for raw in raws:
            raw.associate(*OFFERS)
        seen.wait_for("accepted", 20)
        took = stopped_in(acceptor, LONG_S)
        assert [raw.pdu() for raw in raws] == [ABORT] * 20
        for raw in raws:
            raw.sock.close()

    assert took < QUIET_S + 2
    assert seen.endings == [Ending.ABORTED] * 20


def test_a_request_in_hand_is_answered_and_then_the_association_ends() -> None:
    """The answer comes first, then A-ABORT: nothing that was asked for stays without an answer."""
    asked, go_on = threading.Event(), threading.Event()

    def slow(_association: AcceptedAssociation, _request: Request) -> Response:
        asked.set()
        assert go_on.wait(20)
        return Response(statuses.SUCCESS)

    with accepting(slow) as (acceptor, seen):
        raw = Raw.connect(acceptor.port)
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        assert asked.wait(20)
        stopping = threading.Thread(target=acceptor.stop, args=(LONG_S,))
        stopping.start()
        stopping.join(QUIET_S + 0.2)
        assert stopping.is_alive()
        go_on.set()
        assert raw.hear().Status == statuses.SUCCESS
        assert raw.pdu() == ABORT
        raw.sock.close()
        stopping.join(20)

    assert seen.endings == [Ending.ABORTED]


def test_half_a_request_is_waited_for_until_the_grace_is_over() -> None:
    """Bytes that have no answer yet are not idle."""
    with accepting() as (acceptor, _seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.send(data_pdu(1, 0x03, bytes(100))[:40])
        assert stopped_in(acceptor, QUIET_S + 0.5) >= QUIET_S + 0.4
        assert raw.pdu() == ABORT


def stopped_with(grace_s: float, **used: bool) -> float:
    """The seconds that a stop takes with an association that is used so."""
    with accepting() as (acceptor, seen):

        def serve(association: AcceptedAssociation) -> Scripted:
            service = Scripted(association, success, seen)
            service.__dict__.update(used)
            return service

        acceptor._new_service = serve
        with Raw.connect(acceptor.port) as raw:
            raw.associate(*OFFERS)
            seen.wait_for("accepted")
            took = stopped_in(acceptor, grace_s)
            assert raw.pdu() == ABORT
    return took


def test_what_is_in_the_middle_of_a_film_gets_the_whole_grace() -> None:
    """It may take a while over its images."""
    grace_s = BETWEEN_S + 1

    assert grace_s <= stopped_with(grace_s, unfinished=True) < grace_s + 3


def test_what_is_between_two_films_gets_a_few_seconds() -> None:
    """Since its last request; not the whole grace, and longer than what is idle."""
    assert BETWEEN_S - 0.5 <= stopped_with(LONG_S, between=True) < BETWEEN_S + 3


def test_a_hurried_stop_waits_for_nothing() -> None:
    """The grace is cut short from another thread; the peer still reads A-ABORT."""
    with accepting() as (acceptor, _seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.send(data_pdu(1, 0x03, bytes(100))[:40])
        stopping = threading.Thread(target=acceptor.stop, args=(LONG_S,))
        stopping.start()
        acceptor.hurry()
        stopping.join(10)
        assert not stopping.is_alive()
        assert raw.pdu() == ABORT


def test_c_echo_alone_keeps_no_stop_waiting() -> None:
    """A monitor that asks every moment, on one association, is not a modality that prints."""
    with accepting() as (acceptor, seen):
        requestor = opened(acceptor.port)
        ended = threading.Event()

        def ask_on() -> None:
            context = requestor.context(VERIFICATION)
            assert context is not None
            while not ended.wait(0.05):
                try:
                    echoed(requestor)
                except Exception:  # noqa: BLE001 - it is aborted, in whatever way it learns that
                    return

        asking = threading.Thread(target=ask_on)
        asking.start()
        took = stopped_in(acceptor, LONG_S)
        ended.set()
        asking.join(20)
        requestor.abort()

    assert took < QUIET_S + 3
    assert seen.endings == [Ending.ABORTED]
