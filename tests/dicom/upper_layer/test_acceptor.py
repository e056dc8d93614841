"""The acceptor on real sockets: what it rejects, pending connections, and its end."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import ExitStack

import pytest
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
)

from broker.dicom import statuses
from broker.dicom.upper_layer import listener
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.connection import Broken, Rejected
from broker.dicom.upper_layer.dataset_reader import IMPLICIT_LE
from broker.dicom.upper_layer.negotiation import CONGESTED, Offer, TurnedAway
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import (
    OFFERS,
    accepting,
    echoed,
    opened,
)
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, data_pdu, echo


def test_another_called_ae_title_is_rejected_for_good() -> None:
    """Permanent, by the service-user, reason 7."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        answer = raw.associate(*OFFERS, called_ae="OTHER")
        rejected = seen.wait_for("rejected")
        assert raw.closed()

    assert answer == b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x07"
    assert rejected["called_ae"] == "OTHER"
    assert seen.endings == []


def test_any_called_ae_title_when_the_site_says_so() -> None:
    """Nothing is checked then."""
    with (
        accepting(called=None) as (acceptor, _),
        opened(acceptor.port, "OTHER") as requestor,
    ):
        assert echoed(requestor) == statuses.SUCCESS


def test_one_association_too_many_is_rejected_for_now() -> None:
    """Transient, and there is room again when one has ended; a probe does not count."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting(max_associations=2))
        for _ in range(5):
            stack.enter_context(Raw.connect(acceptor.port))
        first, _second = opened(acceptor.port), stack.enter_context(opened(acceptor.port))
        with pytest.raises(Rejected, match="local limit exceeded") as caught:
            opened(acceptor.port)
        first.release()
        seen.wait_for("released")
        third = stack.enter_context(opened(acceptor.port))
        assert echoed(third) == statuses.SUCCESS

    assert caught.value.transient


def test_one_too_many_of_one_ae_title_is_rejected_for_now() -> None:
    """Transient, presentation, local limit exceeded; others there, and elsewhere, still get in."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting(max_associations_per_peer=2))
        for _ in range(2):
            stack.enter_context(Raw.connect(acceptor.port)).associate(*OFFERS)
        with Raw.connect(acceptor.port) as raw:
            answer = raw.associate(*OFFERS)
        stack.enter_context(opened(acceptor.port))  # another AE title there
        other = Raw(
            socket.create_connection(("127.0.0.1", acceptor.port), source_address=("127.0.0.2", 0))
        )
        stack.enter_context(other)
        assert other.associate(*OFFERS)[:1] == b"\x02"
        rejected = seen.wait_for("rejected")

    assert answer == b"\x03\x00\x00\x00\x00\x04\x00\x02\x03\x02"
    assert rejected["kind"] == Refusal.TOO_MANY_OF_ONE


def test_one_that_is_not_used_makes_room() -> None:
    """A-ABORT by the provider for the one that was spare; the newcomer is served in its place."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting(max_associations=2, spare_s=0))
        left, busy = (stack.enter_context(Raw.connect(acceptor.port)) for _ in range(2))
        for each in (left, busy):
            each.associate(*OFFERS)
        busy.say(1, echo(1))
        assert busy.hear().Status == statuses.SUCCESS
        busy.send(data_pdu(1, 0x01, b"half a message"))
        newcomer = stack.enter_context(opened(acceptor.port))
        assert left.pdu() == b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x00"
        assert echoed(newcomer) == statuses.SUCCESS
        assert seen.wait_for("aborted")["kind"] == Refusal.MADE_ROOM


def test_a_service_may_turn_an_association_away() -> None:
    """TurnedAway becomes a rejection; any other fault becomes one too, and is told."""

    def turn_away(_association: AcceptedAssociation) -> None:
        raise TurnedAway(CONGESTED)

    def fail(_association: AcceptedAssociation) -> None:
        raise RuntimeError("no disk")

    with accepting(new_service=turn_away) as (acceptor, seen):
        with pytest.raises(Rejected, match="temporary congestion"):
            opened(acceptor.port)
        seen.wait_for("rejected")
    with accepting(new_service=fail) as (acceptor, seen):
        with pytest.raises(Rejected, match="temporary congestion"):
            opened(acceptor.port)
        assert "no disk" in str(seen.wait_for("fault")["traceback"])


def test_no_context_in_common_is_still_an_association() -> None:
    """Accepted with every context rejected, and released in good order."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        answer = raw.associate(Offer(CTImageStorage, (IMPLICIT_LE,)))
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP
        seen.wait_for("released")

    assert answer[0] == 2


def test_a_probe_is_silent() -> None:
    """Connect and close is what load balancers do: an event, and nothing else."""
    with accepting() as (acceptor, seen):
        with Raw.connect(acceptor.port):
            pass
        seen.wait_for("probe")

    assert seen.names == ["probe"]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="garbage"),
        pytest.param(b"\x01\x00\xff\xff\xff\xff", id="an A-ASSOCIATE-RQ of 4 GB"),
        pytest.param(b"\x04\x00\xff\xff\xff\xff", id="a P-DATA-TF of 4 GB"),
        pytest.param(b"\x01\x00\x00\x00\x00\x04abcd", id="an A-ASSOCIATE-RQ of 4 bytes"),
        pytest.param(RELEASE_RQ, id="a release before an association"),
    ],
)
def test_what_is_no_association_is_aborted(first: bytes) -> None:
    """A-ABORT by the provider, closed, and no service ever hears of it."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.send(first)
        answer = raw.pdu()
        assert raw.closed()
        seen.wait_for("refused")

    assert (answer[0], answer[8]) == (7, 2)
    assert seen.names == ["refused"]
    assert seen.endings == []


def test_a_peer_that_sends_nothing_is_closed() -> None:
    """A connection without an A-ASSOCIATE-RQ does not stay."""
    with accepting(establish_timeout_s=0.05) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        assert raw.closed()
        seen.wait_for("refused")


@pytest.mark.parametrize("setting", ["establish_timeout_s", "message_timeout_s", "idle_timeout_s"])
def test_a_slow_peer_cannot_stretch_a_deadline(setting: str) -> None:
    """A byte now and then does not help: the deadline is for the whole."""
    with accepting(**{setting: 0.2}) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        pdu = b"\x01\x00\x00\x00\xff\xff"
        if setting != "establish_timeout_s":
            raw.associate(*OFFERS)
            pdu = data_pdu(1, 0x01, bytes(4000))[: 0 if setting == "idle_timeout_s" else None]
        drip = threading.Event()

        def dripping() -> None:
            for at in range(len(pdu)):
                try:
                    raw.send(pdu[at : at + 1])
                except OSError:
                    return
                drip.wait(0.01)

        thread = threading.Thread(target=dripping)
        began = time.monotonic()
        thread.start()
        answer = raw.pdu()
        took = time.monotonic() - began
        seen.wait_for("refused" if setting == "establish_timeout_s" else "aborted")
        drip.set()
        thread.join()

    assert answer[0] == 7
    assert 0.15 < took < 5


def test_silent_connections_do_not_stop_others() -> None:
    """With more silent connections than are kept, a modality is still served."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting())
        silent = [stack.enter_context(Raw.connect(acceptor.port)) for _ in range(80)]
        requestor = stack.enter_context(opened(acceptor.port))
        assert echoed(requestor) == statuses.SUCCESS
        assert silent[0].closed()
        assert seen.names.count("accepted") == 1


def test_stopping_lets_what_runs_go_on() -> None:
    """No new association at once, the running one is answered to its end, then stop returns."""
    with accepting() as (acceptor, seen):
        requestor = opened(acceptor.port)
        stopping = threading.Thread(target=acceptor.stop, args=(20,))
        stopping.start()
        turned_away = False
        while not turned_away:
            try:
                opened(acceptor.port).abort()
            except (Broken, Rejected):
                turned_away = True
        assert echoed(requestor) == statuses.SUCCESS
        requestor.release()
        stopping.join(10)
        assert not stopping.is_alive()

    assert seen.endings[-1] == Ending.RELEASED


def test_stopping_aborts_what_goes_on_too_long() -> None:
    """After the grace the peer reads A-ABORT, and no thread of ours is left."""
    before = threading.active_count()
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        seen.wait_for("accepted")
        with Raw.connect(acceptor.port) as silent:
            acceptor.stop(0.05)
            assert raw.pdu() == ABORT
            assert raw.closed()
            assert silent.closed()

    assert seen.endings == [Ending.ABORTED]
    assert threading.active_count() == before


def test_the_port_is_free_again_after_stopping() -> None:
    """Another acceptor takes the same port at once."""
    with accepting() as (first, _), opened(first.port) as requestor:
        assert echoed(requestor) == statuses.SUCCESS
    with accepting(port=first.port) as (second, _), opened(second.port) as requestor:
        assert echoed(requestor) == statuses.SUCCESS


def test_a_fault_while_listening_ends_no_listening(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong with one connection is logged, and the next one is served."""
    whole = listener._scarce
    faults = [OSError("out of order")]

    def once(descriptor: int) -> bool:
        if faults:
            raise faults.pop()
        return whole(descriptor)

    monkeypatch.setattr(listener, "_scarce", once)
    with accepting() as (acceptor, seen):
        with Raw.connect(acceptor.port) as lost:
            assert lost.closed()
        with Raw.connect(acceptor.port) as raw:
            assert raw.associate(*OFFERS)[0] == 2
        assert seen.wait_for("fault")["doing"] == "listening"
