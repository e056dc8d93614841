"""The requestor against other implementations, and against peers that leave at every step."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    Verification,
)

from broker.dicom import statuses
from broker.dicom.upper_layer.associate_pdus import associate_rj
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Broken, Rejected
from broker.dicom.upper_layer.dataset_reader import IMPLICIT_LE
from broker.dicom.upper_layer.negotiation import TOO_MANY, WRONG_CALLED_AE
from broker.dicom.upper_layer.requestor import EventReport
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, listening
from tests.peers.requesting import (
    ACTION,
    META,
    acted,
    heard,
    opened,
    pynetdicom_printer,
)

# A peer that behaves


def test_pynetdicom_answers() -> None:
    """Values go there and back; a context that it rejects is None."""

    def on_create(event: evt.Event) -> tuple[int, Dataset]:
        made = event.attribute_list
        made.AffectedSOPInstanceUID = "1.2.3.4"
        made.MediumType = "PAPER"
        return statuses.SUCCESS, made

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
    assert (answer.status, answer.command.AffectedSOPInstanceUID) == (statuses.SUCCESS, "1.2.3.4")
    assert answer.dataset is not None
    assert (answer.dataset.NumberOfCopies, answer.dataset.MediumType) == (2, "PAPER")


def test_pynetdicom_reports_events_while_it_answers() -> None:
    """Event reports before the response are answered and handed over, and the answer is ours."""
    answered = []
    events: list[EventReport] = []

    def on_action(event: evt.Event) -> tuple[int, None]:
        for number in (1, 2):
            info = Dataset()
            info.PrinterName = f"OKI {number}"
            status, _ = event.assoc.send_n_event_report(
                info, number, "1.2.840.10008.5.1.1.16", "1.2.840.10008.5.1.1.17", meta_uid=META
            )
            answered.append(status.Status)
        return statuses.SUCCESS, None

    handlers = [(evt.EVT_N_ACTION, on_action)]
    with (
        pynetdicom_printer(handlers) as port,
        opened(port, on_event_report=events.append) as requestor,
    ):
        answer = acted(requestor)

    assert answer.status == statuses.SUCCESS
    assert answered == [statuses.SUCCESS, statuses.SUCCESS]
    assert [(event.event_type, event.instance_uid) for event in events] == [
        (1, "1.2.840.10008.5.1.1.17"),
        (2, "1.2.840.10008.5.1.1.17"),
    ]
    assert [str(event.dataset.PrinterName) for event in events if event.dataset] == [
        "OKI 1",
        "OKI 2",
    ]


# A peer that is not there, or says no


def test_nothing_listens() -> None:
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


# Answers


def test_only_the_answer_to_this_request_counts() -> None:
    """A late answer to another request is passed over."""

    def answer(raw: Raw, request: Any) -> None:
        raw.answer(
            request, statuses.SESSION_QUEUE_FULL, MessageIDBeingRespondedTo=request.MessageID + 7
        )
        raw.answer(request, statuses.ATTRIBUTE_LIST_ERROR)
        raw.pdu()

    with listening(heard(answer)) as port:
        requestor = opened(port)
        status = acted(requestor).status
        requestor.abort()

    assert status == statuses.ATTRIBUTE_LIST_ERROR


def test_an_answer_with_an_unreadable_data_set_keeps_its_status() -> None:
    """The film was accepted, whatever the printer wrote about it."""

    def answer(raw: Raw, request: Any) -> None:
        raw.say(
            1,
            {
                "CommandField": 0x8130,
                "MessageIDBeingRespondedTo": request.MessageID,
                "Status": statuses.SUCCESS,
            },
            b"\x00\x21\x00\x05garbage.",
        )
        raw.pdu()

    with listening(heard(answer)) as port:
        requestor = opened(port)
        answer_ = acted(requestor)
        requestor.abort()

    assert (answer_.status, answer_.dataset) == (statuses.SUCCESS, None)


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
        raw.answer(raw.hear(), statuses.OPTIONAL_ATTRIBUTES_UNSUPPORTED)
        raw.pdu()

    events: list[EventReport] = []
    with listening(script) as port:
        requestor = opened(port, on_event_report=events.append)
        first = acted(requestor).status
        assert said.wait(20)
        second = acted(requestor).status
        requestor.abort()

    assert (first, second) == (statuses.SUCCESS, statuses.OPTIONAL_ATTRIBUTES_UNSUPPORTED)
    assert answers == [(0x8100, statuses.SUCCESS), (0x8030, statuses.UNRECOGNIZED_OPERATION)]
    assert [event.event_type for event in events] == [3]


def test_what_comes_unasked_is_dealt_with_while_nothing_is_asked() -> None:
    """A selector tells of it; an event is answered and handed over, and the association goes on."""
    answers: list[int] = []
    answered = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear())
        answered.wait(20)
        raw.say(1, {"CommandField": Command.N_EVENT_REPORT, "MessageID": 5, "EventTypeID": 3})
        answers.append(raw.hear().Status)
        raw.answer(raw.hear())
        raw.pdu()

    events: list[EventReport] = []
    with listening(script) as port:
        requestor = opened(port, on_event_report=events.append)
        acted(requestor)
        answered.set()
        readable, _, _ = select.select([requestor], [], [], 20)
        goes_on = requestor.attend(20)
        status = acted(requestor).status
        requestor.abort()

    assert (readable, goes_on, status) == ([requestor], True, statuses.SUCCESS)
    assert ([event.event_type for event in events], answers) == ([3], [statuses.SUCCESS])


@pytest.mark.parametrize("farewell", [ABORT, RELEASE_RQ, b"", b"\x04\x00\x00"])
def test_a_peer_that_leaves_while_nothing_is_asked_is_noticed(farewell: bytes) -> None:
    """It aborts, releases, closes, or stays in the middle of a message: the association is over,
    and a release is answered."""
    last: list[bytes] = []
    answered = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear())
        answered.wait(20)
        raw.send(farewell)
        if farewell:
            last.append(raw.pdu())

    with listening(script) as port:
        requestor = opened(port)
        acted(requestor)
        answered.set()
        select.select([requestor], [], [], 20)
        assert not requestor.attend(0.2)
        with pytest.raises(Broken, match="the association is over"):
            acted(requestor)

    assert last == {RELEASE_RQ: [RELEASE_RP], b"": [], ABORT: [b""]}.get(farewell, [ABORT])


def test_nothing_is_waited_for_while_nothing_comes() -> None:
    """An association without a word goes on; one that was released does not."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.pdu()
        raw.send(RELEASE_RP)

    with listening(script) as port:
        requestor = opened(port)
        assert requestor.attend(20)
        requestor.release()
        assert not requestor.attend(20)


def test_an_answer_before_a_hasty_goodbye_counts() -> None:
    """A printer that reports an event, answers and resets without waiting has answered."""

    def script(raw: Raw) -> None:
        raw.accept()
        request = raw.hear()
        event = {"CommandField": Command.N_EVENT_REPORT, "MessageID": 5, "EventTypeID": 1}
        raw.say(1, event)
        raw.say(1, event)
        raw.answer(request, statuses.SUCCESS)

    with listening(script) as port:
        requestor = opened(port)
        status = acted(requestor).status
        requestor.abort()

    assert status == statuses.SUCCESS


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

    assert status == statuses.SUCCESS
