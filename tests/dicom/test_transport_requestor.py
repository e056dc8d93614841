"""The requestor against other implementations, and against peers that leave at every step."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicGrayscalePrintManagementMeta,
    Verification,
)

from broker.dicom.transport.acceptor import Offer
from broker.dicom.transport.associate_pdus import associate_rj
from broker.dicom.transport.dataset import EXPLICIT_LE, IMPLICIT_LE
from broker.dicom.transport.message import Command
from broker.dicom.transport.negotiation import TOO_MANY, WRONG_CALLED_AE
from broker.dicom.transport.requestor import (
    Answer,
    Broken,
    EventReport,
    Rejected,
    Requestor,
    Timeouts,
)
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, data_pdu, listening

META = str(BasicGrayscalePrintManagementMeta)
OFFERS = (
    Offer(META, (EXPLICIT_LE, IMPLICIT_LE)),
    Offer(str(Verification), (EXPLICIT_LE, IMPLICIT_LE)),
)
SHORT = Timeouts(connect_s=0.2, associate_s=0.2, release_s=0.2)
ANSWERED = {"CommandField": 0x8120, "MessageIDBeingRespondedTo": 1, "Status": 0}
ACTION = {
    "RequestedSOPClassUID": "1.2.840.10008.5.1.1.2",
    "CommandField": Command.N_ACTION,
    "RequestedSOPInstanceUID": "1.2.3",
    "ActionTypeID": 1,
}


def opened(port: int, **options: Any) -> Requestor:
    """An association of ours."""
    return Requestor.open(
        "127.0.0.1", port, calling_ae="BROKER", called_ae="OKI1", proposals=OFFERS, **options
    )


def acted(requestor: Requestor, timeout_s: float = 10) -> Answer:
    """N-ACTION and its answer."""
    context = requestor.context(META)
    assert context is not None
    return requestor.request(context, ACTION, timeout_s=timeout_s)


@contextmanager
def pynetdicom_printer(handlers: list[Any]) -> Iterator[int]:
    """pynetdicom as acceptor, with threads and all; yields its port."""
    ae = AE("OKI1")
    ae.add_supported_context(BasicGrayscalePrintManagementMeta, [IMPLICIT_LE])
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.socket.getsockname()[1]
    finally:
        ae.shutdown()


# A peer that behaves


def test_pynetdicom_answers() -> None:
    """Values go there and back; a context that it rejects is None."""

    def on_create(event: evt.Event) -> tuple[int, Dataset]:
        made = event.attribute_list
        made.AffectedSOPInstanceUID = "1.2.3.4"
        made.MediumType = "PAPER"
        return 0x0000, made

    wanted = Dataset()
    wanted.NumberOfCopies = "2"
    handlers = [(evt.EVT_N_CREATE, on_create)]
    with pynetdicom_printer(handlers) as port, opened(port) as requestor:
        meta = requestor.context(META)
        assert meta is not None
        answer = requestor.request(
            meta,
            {"AffectedSOPClassUID": "1.2.840.10008.5.1.1.1", "CommandField": Command.N_CREATE},
            wanted,
            timeout_s=10,
        )
        verification = requestor.context(str(Verification))

    assert meta.transfer_syntax == IMPLICIT_LE
    assert verification is None
    assert (answer.status, answer.command.AffectedSOPInstanceUID) == (0x0000, "1.2.3.4")
    assert answer.dataset is not None
    assert (answer.dataset.NumberOfCopies, answer.dataset.MediumType) == (2, "PAPER")


def test_pynetdicom_reports_events_while_it_answers() -> None:
    """Event reports before the response are answered and handed over, and the answer is ours."""
    statuses = []
    events: list[EventReport] = []

    def on_action(event: evt.Event) -> tuple[int, None]:
        for number in (1, 2):
            info = Dataset()
            info.PrinterName = f"OKI {number}"
            status, _ = event.assoc.send_n_event_report(
                info, number, "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.17", meta_uid=META
            )
            statuses.append(status.Status)
        return 0x0000, None

    handlers = [(evt.EVT_N_ACTION, on_action)]
    with (
        pynetdicom_printer(handlers) as port,
        opened(port, on_event_report=events.append) as requestor,
    ):
        answer = acted(requestor)

    assert answer.status == 0x0000
    assert statuses == [0x0000, 0x0000]
    assert [(event.event_type, event.instance_uid) for event in events] == [
        (1, "1.2.840.10008.5.1.1.17"),
        (2, "1.2.840.10008.5.1.1.17"),
    ]
    assert [str(event.dataset.PrinterName) for event in events if event.dataset] == [
        "OKI 1",
        "OKI 2",
    ]


# A peer that is not there, or says no


def test_nobody_listens() -> None:
    """Refused, in one sentence that names the place."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(Broken) as caught:
        opened(port)

    assert caught.value.words == f"127.0.0.1:{port} refused the connection"
    assert not caught.value.connected


@pytest.mark.parametrize(("rejection", "transient"), [(WRONG_CALLED_AE, False), (TOO_MANY, True)])
def test_a_rejection_has_the_peers_reason(rejection: Any, transient: bool) -> None:
    """Permanent and transient are told apart."""

    def script(raw: Raw) -> None:
        raw.pdu()
        raw.send(associate_rj(rejection))
        assert raw.closed()

    with listening(script) as port, pytest.raises(Rejected) as caught:
        opened(port)

    assert caught.value.transient is transient
    assert caught.value.words == (f"127.0.0.1:{port} rejected the association: {rejection.words}")


def silent(raw: Raw) -> None:
    """Take everything, say nothing, and see that we are aborted."""
    raw.pdu()
    assert raw.pdu() == ABORT
    assert raw.closed()


def drip(raw: Raw) -> None:
    """One byte now and then, until we have had enough."""
    raw.pdu()
    tick = threading.Event()
    try:
        for byte in b"\x02\x00\x00\x00\xff\xff" + bytes(1000):
            raw.send(bytes([byte]))
            tick.wait(0.01)
    except OSError:
        return
    raise AssertionError("nobody stopped us")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda raw: raw.pdu(), "closed the connection instead of answering A-ASSOCIATE-RQ"),
        (lambda raw: raw.pdu() and raw.reset(), "reset the connection instead of answering"),
        (
            lambda raw: raw.pdu() and raw.send(ABORT),
            "aborted the association instead of answering A-ASSOCIATE-RQ",
        ),
        (
            lambda raw: raw.pdu() and (raw.send(b"\x02\x00\x00\x00\x00\x04abcd") or raw.pdu()),
            "broke the protocol",
        ),
        (
            lambda raw: raw.pdu() and (raw.send(b"\x02\x00\xff\xff\xff\xff") or raw.pdu()),
            "broke the protocol",
        ),
        (lambda raw: raw.accept(max_pdu=8) or raw.pdu(), "broke the protocol"),
        (silent, "took longer than 0.2 s answering A-ASSOCIATE-RQ"),
        (drip, "took longer than 0.2 s answering A-ASSOCIATE-RQ"),
    ],
)
def test_a_peer_that_leaves_while_associating(script: Callable[[Raw], None], words: str) -> None:
    """Broken, not connected, and nothing was asked."""
    with listening(script) as port, pytest.raises(Broken) as caught:
        opened(port, timeouts=SHORT)

    assert caught.value.words.startswith(f"127.0.0.1:{port} {words}")
    assert (caught.value.connected, caught.value.asked) == (False, False)


# A peer that leaves


def heard(then: Callable[[Raw, Any], object]) -> Callable[[Raw], None]:
    """Accept, hear one request, and do something about it."""

    def script(raw: Raw) -> None:
        raw.accept()
        then(raw, raw.hear())

    return script


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (heard(lambda _raw, _: None), "closed the connection instead of answering N-ACTION"),
        (heard(lambda raw, _: raw.reset()), "reset the connection instead of answering N-ACTION"),
        (heard(lambda raw, _: raw.send(ABORT)), "aborted the association instead of answering"),
        (
            heard(lambda raw, _: raw.send(RELEASE_RQ) or raw.pdu()),
            "released the association instead of answering N-ACTION",
        ),
        (heard(lambda raw, _: raw.send(b"\x04\x00\x00")), "closed the connection instead"),
        (
            heard(lambda raw, _: raw.send(b"\x04\x00\xff\xff\xff\xff") or raw.pdu()),
            "broke the protocol",
        ),
        (
            heard(lambda raw, _: raw.send(data_pdu(1, 3, b"garbage")) or raw.pdu()),
            "broke the protocol",
        ),
        (
            heard(lambda raw, request: raw.answer(request, CommandField=0x8140) or raw.pdu()),
            "broke the protocol",
        ),
        (
            heard(lambda raw, request: raw.answer(request, Status=None) or raw.pdu()),
            "broke the protocol",
        ),
        (heard(lambda raw, _: raw.pdu()), "took longer than 0.2 s answering N-ACTION"),
    ],
)
def test_a_peer_that_leaves_when_it_is_asked(script: Callable[[Raw], None], words: str) -> None:
    """Broken after the line: it may have printed."""
    with listening(script) as port:
        requestor = opened(port)
        with pytest.raises(Broken) as caught:
            acted(requestor, timeout_s=0.2)

    assert caught.value.words.startswith(f"127.0.0.1:{port} {words}")
    assert (caught.value.connected, caught.value.asked) == (True, True)


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (lambda _: None, "closed the connection"),
        (lambda raw: raw.send(ABORT), "aborted the association"),
        (lambda raw: raw.send(RELEASE_RQ), "released the association"),
    ],
)
def test_a_peer_that_left_before_it_was_asked(leave: Callable[[Raw], None], words: str) -> None:
    """Broken before the line: nothing has left, so it surely did not print."""
    gone = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        leave(raw)
        raw.sock.shutdown(socket.SHUT_WR)
        gone.set()
        raw.pdu()

    with listening(script) as port:
        requestor = opened(port)
        assert gone.wait(20)
        with pytest.raises(Broken, match=words) as caught:
            acted(requestor)
        with pytest.raises(Broken, match="the association is over") as again:
            acted(requestor)

    assert (caught.value.connected, caught.value.asked) == (True, False)
    assert (again.value.connected, again.value.asked) == (True, False)


def test_a_peer_that_aborts_in_the_middle_of_the_pixels_is_quoted() -> None:
    """What it said before it left is what the operator reads."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.pdu()
        raw.send(ABORT)
        raw.sock.shutdown(socket.SHUT_WR)
        while raw.sock.recv(65536):
            pass

    dataset = Dataset()
    dataset.PixelData = bytes(32 << 20)
    with listening(script) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        with pytest.raises(Broken, match="aborted the association instead of answering N-SET"):
            requestor.request(
                context, {**ACTION, "CommandField": Command.N_SET}, dataset, timeout_s=10
            )


def test_a_peer_that_takes_no_data_is_not_waited_for() -> None:
    """Time without progress ends it, and it counts as asked."""
    done = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        assert done.wait(20)

    dataset = Dataset()
    dataset.PixelData = bytes(32 << 20)
    with listening(script) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        with pytest.raises(Broken, match=r"took longer than 0.2 s answering N-SET") as caught:
            requestor.request(
                context, {**ACTION, "CommandField": Command.N_SET}, dataset, timeout_s=0.2
            )
        done.set()

    assert caught.value.asked


@pytest.mark.parametrize(
    ("sip", "given_up"),
    [pytest.param(65536, False, id="steadily"), pytest.param(64, True, id="by the drop")],
)
def test_a_slow_printer_may_take_its_time(sip: int, given_up: bool) -> None:
    """As long as it takes data steadily; its answer counts, however long the pixels took."""
    done = threading.Event()

    def script(raw: Raw) -> None:
        # What lies unread in its own buffer has left, as far as anybody can tell.
        raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw.accept()
        taken = 0
        while taken < size and not done.wait(0.01):
            taken += len(raw.sock.recv(sip))
        if not given_up:
            raw.say(1, ANSWERED)
        done.wait(20)

    dataset = Dataset()
    dataset.PixelData = bytes(8 << 20)
    size = len(dataset.PixelData)
    with listening(script) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        command = {**ACTION, "CommandField": Command.N_SET}
        began = time.monotonic()
        if given_up:
            with pytest.raises(Broken, match=r"took longer than 0.5 s answering N-SET"):
                requestor.request(context, command, dataset, timeout_s=0.5)
        else:
            assert requestor.request(context, command, dataset, timeout_s=0.5).status == 0x0000
            assert time.monotonic() - began > 1
            requestor.abort()
        done.set()


# Answers


def test_only_the_answer_to_this_request_counts() -> None:
    """A late answer to another request is passed over."""

    def answer(raw: Raw, request: Any) -> None:
        raw.answer(request, 0xC601, MessageIDBeingRespondedTo=request.MessageID + 7)
        raw.answer(request, 0x0107)
        raw.pdu()

    with listening(heard(answer)) as port:
        requestor = opened(port)
        status = acted(requestor).status
        requestor.abort()

    assert status == 0x0107


def test_an_answer_with_an_unreadable_data_set_keeps_its_status() -> None:
    """The film was accepted, whatever the printer wrote about it."""

    def answer(raw: Raw, request: Any) -> None:
        raw.say(
            1,
            {
                "CommandField": 0x8130,
                "MessageIDBeingRespondedTo": request.MessageID,
                "Status": 0x0000,
            },
            b"\x00\x21\x00\x05garbage.",
        )
        raw.pdu()

    with listening(heard(answer)) as port:
        requestor = opened(port)
        answer_ = acted(requestor)
        requestor.abort()

    assert (answer_.status, answer_.dataset) == (0x0000, None)


def test_the_peers_own_requests_are_answered() -> None:
    """An event yes, even between two of our requests; anything else gets 0x0211."""
    answers: list[tuple[int, int]] = []
    said = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear())
        event = {
            "AffectedSOPClassUID": "1.2.840.10008.5.1.1.16",
            "CommandField": Command.N_EVENT_REPORT,
            "MessageID": 5,
            "AffectedSOPInstanceUID": "1.2.840.10008.5.1.1.17",
            "EventTypeID": 3,
        }
        raw.say(1, event)
        raw.say(1, {**event, "CommandField": Command.C_ECHO})
        said.set()
        for _ in range(2):
            answer = raw.hear()
            answers.append((answer.CommandField, answer.Status))
        raw.answer(raw.hear(), 0x0001)
        raw.pdu()

    events: list[EventReport] = []
    with listening(script) as port:
        requestor = opened(port, on_event_report=events.append)
        first = acted(requestor).status
        assert said.wait(20)
        second = acted(requestor).status
        requestor.abort()

    assert (first, second) == (0x0000, 0x0001)
    assert answers == [(0x8100, 0x0000), (0x8030, 0x0211)]
    assert [event.event_type for event in events] == [3]


def test_an_answer_before_a_hasty_goodbye_counts() -> None:
    """A printer that reports an event, answers and resets without waiting has answered."""

    def script(raw: Raw) -> None:
        raw.accept()
        request = raw.hear()
        event = {"CommandField": Command.N_EVENT_REPORT, "MessageID": 5, "EventTypeID": 1}
        raw.say(1, event)
        raw.say(1, event)
        raw.answer(request, 0x0000)

    with listening(script) as port:
        requestor = opened(port)
        status = acted(requestor).status
        requestor.abort()

    assert status == 0x0000


def test_the_peers_maximum_length_is_honoured() -> None:
    """No PDU is longer than the peer allows; without a limit, 16 KB."""
    for announced, most in ((4096, 4096), (0, 16384)):
        lengths: list[int] = []

        def script(raw: Raw, announced: int = announced, lengths: list[int] = lengths) -> None:
            raw.accept(max_pdu=announced)
            raw.pdu()
            pdu = b""
            while not pdu or not pdu[11] & 0x02:
                pdu = raw.pdu()
                lengths.append(len(pdu) - 6)

        dataset = Dataset()
        dataset.PixelData = bytes(100_000)
        with listening(script) as port:
            requestor = opened(port)
            context = requestor.context(META)
            assert context is not None
            with pytest.raises(Broken, match="closed"):
                requestor.request(
                    context, {**ACTION, "CommandField": Command.N_SET}, dataset, timeout_s=10
                )

        assert max(lengths) == most


def test_what_cannot_be_encoded_leaves_the_association_alone() -> None:
    """A fault of ours before the first byte is no fault of the printer's."""
    wrong = Dataset()
    wrong.FilmSessionLabel = "Łódź"

    with listening(heard(lambda raw, request: raw.answer(request))) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        with pytest.raises(ValueError, match="latin-1"):
            requestor.request(context, ACTION, wrong, timeout_s=1)
        status = acted(requestor).status
        requestor.abort()

    assert status == 0x0000


# The end


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda raw: raw.send(RELEASE_RP), id="answered"),
        pytest.param(
            lambda raw: raw.send(RELEASE_RQ) or (raw.pdu() == RELEASE_RP and raw.send(RELEASE_RP)),
            id="both at once",
        ),
        pytest.param(lambda _: None, id="closed"),
        pytest.param(lambda raw: raw.reset(), id="reset"),
        pytest.param(lambda raw: raw.send(ABORT), id="aborted"),
        pytest.param(lambda raw: raw.pdu(), id="silent"),
        pytest.param(lambda raw: raw.send(b"\x99" * 20) or raw.pdu(), id="garbage"),
    ],
)
def test_releasing_never_fails(script: Callable[[Raw], object]) -> None:
    """Whatever the peer does about it, the association is over and the socket closed."""

    def play(raw: Raw) -> None:
        raw.accept()
        assert raw.pdu() == RELEASE_RQ
        script(raw)

    with listening(play) as port:
        requestor = opened(port, timeouts=Timeouts(release_s=0.2))
        requestor.release()
        requestor.release()


def test_leaving_with_an_exception_aborts() -> None:
    """A failed film is not released as if all were well."""
    said: list[bytes] = []

    def script(raw: Raw) -> None:
        raw.accept()
        said.append(raw.pdu())

    with listening(script) as port, pytest.raises(RuntimeError), opened(port):
        raise RuntimeError

    assert said == [ABORT]
