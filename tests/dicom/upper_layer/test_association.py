"""One association on a real socket: what it answers, and what ends it."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
)

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset_reader import IMPLICIT_LE
from broker.dicom.upper_layer.message import Request, Response, error_comment
from broker.dicom.upper_layer.negotiation import Offer
from tests.peers.acceptor import (
    ECHO,
    GRAYSCALE_META,
    OFFERS,
    accepting,
    echoed,
    opened,
)
from tests.peers.raw import ABORT, RELEASE_RP, Raw, data_pdu, echo


def test_a_request_on_a_rejected_context_is_answered() -> None:
    """0x0122, on the context that it came on, without asking the service."""
    with accepting() as (acceptor, _), Raw.connect(acceptor.port) as raw:
        raw.associate(Offer(CTImageStorage, (IMPLICIT_LE,)))
        raw.say(1, {**echo(9), "CommandField": Command.N_SET}, b"\x08\x00\x50\x00\x00\x00\x00\x00")
        answer = raw.hear()
        raw.send(ABORT)

    assert (answer.Status, answer.MessageIDBeingRespondedTo) == (
        statuses.SOP_CLASS_NOT_SUPPORTED,
        9,
    )
    assert answer.CommandField == Command.N_SET | 0x8000


@pytest.mark.parametrize("field", [Command.C_STORE, Command.C_FIND, Command.C_MOVE, 0x0777])
def test_a_command_that_print_does_not_have_is_answered(field: int) -> None:
    """0x0211, and the association lives on."""
    with accepting() as (acceptor, _), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.say(1, {**echo(4), "CommandField": field})
        refused = raw.hear()
        raw.say(1, echo(5))
        echo_answer = raw.hear()
        raw.send(ABORT)

    assert (refused.CommandField, refused.Status) == (
        field | 0x8000,
        statuses.UNRECOGNIZED_OPERATION,
    )
    assert (echo_answer.MessageIDBeingRespondedTo, echo_answer.Status) == (5, statuses.SUCCESS)


def test_cancels_and_stray_responses_are_ignored() -> None:
    """Neither is answered."""
    with accepting() as (acceptor, _), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.say(1, {"CommandField": Command.C_CANCEL, "MessageIDBeingRespondedTo": 1})
        raw.say(1, {"CommandField": 0x8100, "MessageIDBeingRespondedTo": 1, "Status": 0})
        raw.say(1, echo(5))
        answer = raw.hear()
        raw.send(ABORT)

    assert answer.MessageIDBeingRespondedTo == 5


def test_a_service_that_raises_is_answered_for() -> None:
    """0x0110, the traceback is told, and the association lives on."""
    faults = iter([True, False])

    def answering(_association: AcceptedAssociation, _request: Request) -> Response:
        if next(faults):
            raise RuntimeError("no disk")
        return Response(statuses.SUCCESS)

    with accepting(answering) as (acceptor, seen), opened(acceptor.port) as requestor:
        answered = [echoed(requestor), echoed(requestor)]

    assert answered == [statuses.PROCESSING_FAILURE, statuses.SUCCESS]
    assert "no disk" in str(seen.wait_for("fault")["traceback"])
    assert seen.endings == [Ending.RELEASED]


def test_a_response_that_cannot_be_encoded_is_a_processing_failure() -> None:
    """A fault of ours is a status, not a broken association."""
    wrong = Dataset()
    wrong.FilmSessionLabel = "Łódź"
    answers = iter([Response(0, wrong), Response(0, None, {"NoSuchKeyword": 1}), Response(0)])

    with accepting(lambda *_: next(answers)) as (acceptor, _), opened(acceptor.port) as requestor:
        answered = [echoed(requestor) for _ in range(3)]

    assert answered == [statuses.PROCESSING_FAILURE, statuses.PROCESSING_FAILURE, statuses.SUCCESS]


def test_too_much_data_is_a_resource_limitation() -> None:
    """0x0213, nothing is kept, and the next request is answered."""
    asked: list[int] = []

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        request.dataset()
        asked.append(request.field)
        return Response(statuses.SUCCESS)

    item = Dataset()
    item.TextValue = "x" * 200_000
    with (
        accepting(answering, max_dataset=100_000) as (acceptor, _),
        opened(acceptor.port) as requestor,
    ):
        context = requestor.context(GRAYSCALE_META)
        assert context is not None
        answer = requestor.request(
            context, {**ECHO, "CommandField": Command.N_SET}, item, timeout_s=20
        )
        assert echoed(requestor) == statuses.SUCCESS

    assert answer.status == statuses.RESOURCE_LIMITATION
    assert asked == [Command.C_ECHO]


def test_a_service_may_keep_silent_or_play_dead() -> None:
    """None sends no response; close() cuts the connection; both end as lost."""

    def answering(association: AcceptedAssociation, request: Request) -> Response | None:
        if request.message_id == 2:
            association.close()
        return None

    with accepting(answering) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        raw.say(1, echo(2))
        assert raw.closed()
        seen.wait_for("lost")

    assert seen.endings == [Ending.LOST]


def test_a_service_may_abort() -> None:
    """The peer reads A-ABORT by the service-user, and no response."""

    def answering(association: AcceptedAssociation, _request: Request) -> Response:
        association.abort()
        return Response(statuses.SUCCESS)

    with accepting(answering) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        assert raw.pdu() == ABORT
        seen.wait_for("aborted")

    assert seen.endings == [Ending.ABORTED]


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(b"\x04\x00\xff\xff\xff\xff", id="a P-DATA-TF of 4 GB"),
        pytest.param(b"\x04\x00\x00\x01\x00\x01", id="one byte more than agreed"),
        pytest.param(b"\x01\x00\x00\x00\x00\x04abcd", id="a second A-ASSOCIATE-RQ"),
        pytest.param(RELEASE_RP, id="a release that was not asked for"),
        pytest.param(b"\x99\x00\x00\x00\x00\x04abcd", id="a PDU of no type"),
        pytest.param(data_pdu(1, 0x03, b"\x00" * 8), id="a command without a field"),
        pytest.param(data_pdu(1, 0x03, b"garbage"), id="no command"),
        pytest.param(data_pdu(1, 0x02, b"data"), id="data without a command"),
    ],
)
def test_what_breaks_an_association_is_aborted(later: bytes) -> None:
    """A-ABORT by the provider, and the service is told once."""
    with accepting(max_pdu=65536) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.send(later)
        answer = raw.pdu()
        assert raw.closed()
        seen.wait_for("aborted")

    assert (answer[0], answer[8]) == (7, 2)
    assert seen.endings == [Ending.ABORTED]


@pytest.mark.parametrize("how", ["abort", "close", "reset", "half a PDU"])
def test_a_peer_that_leaves(how: str) -> None:
    """However it goes, the service is told once, and told how."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        if how == "abort":
            raw.send(ABORT)
        elif how == "half a PDU":
            raw.send(data_pdu(1, 0x03, bytes(100))[:50])
        if how == "reset":
            raw.reset()
        else:
            raw.sock.close()
        seen.wait_for("aborted" if how == "abort" else "lost")

    assert seen.endings == [Ending.ABORTED if how == "abort" else Ending.LOST]


def test_an_error_comment_ends_with_a_whole_word() -> None:
    """What is too long is cut between two words, and is one value all the same."""
    cut = error_comment(r"ImageDisplayFormat is not STANDARD\C,R, ROW\R1,R2,... or COL\C1,C2,...")
    assert cut == "ImageDisplayFormat is not STANDARD/C,R, ROW/R1,R2,... or..."


def test_an_error_comment_is_of_the_default_repertoire() -> None:
    """Whatever it is made of: a command set names no other one (PS3.5 6.1.2), one value, and no
    more than 64 characters."""

    def refuse(_association: AcceptedAssociation, _request: Request) -> Response:
        return Response(
            statuses.RESOURCE_LIMITATION, None, {"ErrorComment": "R\xd8\x1b\\\u2603" + "x" * 100}
        )

    with accepting(refuse) as (acceptor, _seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        answer = raw.hear()

    assert (answer.Status, answer.ErrorComment) == (
        statuses.RESOURCE_LIMITATION,
        "R??/?" + "x" * 59,
    )
