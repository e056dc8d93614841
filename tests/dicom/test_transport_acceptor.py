"""The acceptor on real sockets, with peers that behave and peers that do not."""

from __future__ import annotations

import struct
import subprocess
import threading
import time
from contextlib import ExitStack

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicFilmSession,
    BasicGrayscalePrintManagementMeta,
    CTImageStorage,
    Printer,
    PrinterInstance,
    Verification,
)

from broker.dicom.transport.acceptor import AcceptedAssociation, Ending, Offer, TurnedAway
from broker.dicom.transport.dataset import EXPLICIT_LE, IMPLICIT_LE, decode_dataset
from broker.dicom.transport.message import Command, Request, Response
from broker.dicom.transport.negotiation import CONGESTED
from broker.dicom.transport.requestor import Broken, EventReport, Rejected, Requestor
from tests.peers.acceptor import GRAYSCALE_META, OFFERS, VERIFICATION, accepting, success
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, data_pdu, echo

ECHO = {"AffectedSOPClassUID": VERIFICATION, "CommandField": Command.C_ECHO}


def opened(port: int, called_ae: str = "BROKER", **options: object) -> Requestor:
    """An association of ours."""
    return Requestor.open(
        "127.0.0.1", port, calling_ae="CT1", called_ae=called_ae, proposals=OFFERS, **options
    )


def echoed(requestor: Requestor) -> int:
    """The status of one C-ECHO."""
    context = requestor.context(VERIFICATION)
    assert context is not None
    return requestor.request(context, ECHO, timeout_s=10).status


# Peers that behave


@pytest.mark.dcmtk
def test_dcmtk_echoes() -> None:
    """echoscu is accepted, answered and released."""
    with accepting() as (acceptor, seen):
        command = ["echoscu", "-aet", "CT1", "-aec", "BROKER", "--repeat", "3", "127.0.0.1"]
        subprocess.run([*command, str(acceptor.port)], check=True, timeout=20)
        seen.wait_for("released")

    assert seen.names == ["accepted", "released"]
    assert seen.endings == [Ending.RELEASED]
    assert seen.events[0][1]["calling_ae"] == "CT1"


def _decoded(request: Request) -> Dataset:
    assert request.context is not None
    return decode_dataset(request.data, request.context.transfer_syntax)


def test_pynetdicom_prints() -> None:
    """Another implementation creates, gets and is told what the service says."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.N_GET:
            status = Dataset()
            status.PrinterStatus = "NORMAL"
            return Response(0x0000, status)
        session = _decoded(request)
        session.MediumType = "PAPER"
        return Response(0x0107, session)

    ae = AE("CT1")
    ae.add_requested_context(BasicGrayscalePrintManagementMeta)
    ae.add_requested_context(CTImageStorage)
    wanted = Dataset()
    wanted.NumberOfCopies = 2
    with accepting(answering) as (acceptor, _):
        assoc = ae.associate("127.0.0.1", acceptor.port, ae_title="BROKER")
        meta = BasicGrayscalePrintManagementMeta
        status, got = assoc.send_n_get([(0x2110, 0x0010)], Printer, PrinterInstance, meta_uid=meta)
        made, session = assoc.send_n_create(wanted, BasicFilmSession, None, meta_uid=meta)
        rejected = [each.abstract_syntax for each in assoc.rejected_contexts]
        accepted = [each.transfer_syntax for each in assoc.accepted_contexts]
        assoc.release()

    assert (status.Status, got.PrinterStatus) == (0x0000, "NORMAL")
    assert made.Status == 0x0107
    assert (session.NumberOfCopies, session.MediumType) == (2, "PAPER")
    assert rejected == [CTImageStorage]
    assert accepted == [[EXPLICIT_LE]]


def test_pynetdicom_answers_our_event_reports() -> None:
    """An event queued while answering arrives after the response, and its answer is consumed."""
    arrived = threading.Event()
    order: list[str] = []

    def answering(association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.C_ECHO:
            return Response(0x0000)
        info = Dataset()
        info.PrinterName = "OKI"
        assert request.context is not None
        association.event_report(request.context, Printer, PrinterInstance, 2, info)
        order.append("answered")
        return Response(0x0000)

    def on_event(event: evt.Event) -> tuple[int, None]:
        order.append(event.event_information.PrinterName)
        arrived.set()
        return 0x0000, None

    ae = AE("CT1")
    ae.add_requested_context(BasicGrayscalePrintManagementMeta)
    ae.add_requested_context(Verification)
    with accepting(answering) as (acceptor, seen):
        assoc = ae.associate(
            "127.0.0.1",
            acceptor.port,
            ae_title="BROKER",
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, on_event)],
        )
        meta = BasicGrayscalePrintManagementMeta
        done = assoc.send_n_action(None, 1, BasicFilmSession, "1.2.3", meta_uid=meta)[0]
        assert arrived.wait(20)
        echo_status = assoc.send_c_echo()
        assoc.release()
        seen.wait_for("released")

    assert (done.Status, echo_status.Status) == (0x0000, 0x0000)
    assert order == ["answered", "OKI"]


def test_event_reports_come_between_request_and_response() -> None:
    """Events sent while answering from another thread reach the requestor before its answer."""

    def answering(association: AcceptedAssociation, request: Request) -> Response:
        info = Dataset()
        info.PrinterName = "OKI"

        def tell() -> None:
            assert request.context is not None
            for number in (1, 2, 3):
                association.event_report(request.context, "1.2", "1.2.3", number, info)

        thread = threading.Thread(target=tell)
        thread.start()
        thread.join()
        return Response(0x0000)

    events: list[EventReport] = []
    with (
        accepting(answering) as (acceptor, _),
        opened(acceptor.port, on_event_report=events.append) as requestor,
    ):
        statuses = [echoed(requestor) for _ in range(3)]

    assert statuses == [0, 0, 0]
    assert [event.event_type for event in events] == [1, 2, 3] * 3
    assert {str(event.dataset.PrinterName) for event in events if event.dataset} == {"OKI"}


def test_sixteen_associations_lose_no_answer() -> None:
    """200 requests on each of 16 associations at once: every one gets its own answer."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        return Response(0x0000, _decoded(request))

    wrong: list[object] = []

    def work(port: int, number: int) -> None:
        with opened(port) as requestor:
            context = requestor.context(GRAYSCALE_META)
            assert context is not None
            for count in range(200):
                dataset = Dataset()
                dataset.FilmSessionLabel = f"{number} {count}"
                answer = requestor.request(
                    context, {**ECHO, "CommandField": Command.N_SET}, dataset, timeout_s=20
                )
                if answer.dataset != dataset:
                    wrong.append(answer)

    with accepting(answering) as (acceptor, seen):
        threads = [
            threading.Thread(target=work, args=(acceptor.port, number)) for number in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.wait_for("released", 16)

    assert wrong == []
    assert seen.endings == [Ending.RELEASED] * 16


@pytest.mark.parametrize("max_pdu", [64, 16384, 65536])
def test_large_data_sets_pass_both_ways(max_pdu: int) -> None:
    """An image comes back as it was sent, at every PDU length."""
    pixels = struct.pack("<H", 0x0ABC) * (100_000 if max_pdu == 64 else 2_000_000)

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        return Response(0x0000, _decoded(request))

    item = Dataset()
    item.BitsAllocated = 16
    item.PixelData = pixels
    dataset = Dataset()
    dataset.BasicGrayscaleImageSequence = [item]
    with (
        accepting(answering, max_pdu=max_pdu) as (acceptor, _),
        opened(acceptor.port, max_pdu=max_pdu) as requestor,
    ):
        context = requestor.context(GRAYSCALE_META)
        assert context is not None
        answer = requestor.request(
            context, {**ECHO, "CommandField": Command.N_SET}, dataset, timeout_s=20
        )

    assert answer.dataset is not None
    assert answer.dataset.BasicGrayscaleImageSequence[0].PixelData == pixels


# What is turned away


def test_another_called_ae_title_is_rejected_for_good() -> None:
    """Permanent, by the service-user, reason 7."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        answer = raw.associate(*OFFERS, called_ae="NOBODY")
        rejected = seen.wait_for("rejected")
        assert raw.closed()

    assert answer == b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x07"
    assert rejected["called_ae"] == "NOBODY"
    assert seen.endings == []


def test_any_called_ae_title_when_the_site_says_so() -> None:
    """Nothing is checked then."""
    with (
        accepting(check_called_ae=False) as (acceptor, _),
        opened(acceptor.port, "NOBODY") as requestor,
    ):
        assert echoed(requestor) == 0x0000


def test_one_association_too_many_is_rejected_for_now() -> None:
    """Transient, and there is room again when one has ended; a probe does not count."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting(max_associations=2))
        silent = [stack.enter_context(Raw.connect(acceptor.port)) for _ in range(5)]
        first, _second = opened(acceptor.port), stack.enter_context(opened(acceptor.port))
        with pytest.raises(Rejected, match="local limit exceeded") as caught:
            opened(acceptor.port)
        first.release()
        seen.wait_for("released")
        third = stack.enter_context(opened(acceptor.port))
        assert echoed(third) == 0x0000
        assert len(silent) == 5

    assert caught.value.transient


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


# Requests


def test_a_request_on_a_rejected_context_is_answered() -> None:
    """0x0122, on the context that it came on, without asking the service."""
    with accepting() as (acceptor, _), Raw.connect(acceptor.port) as raw:
        raw.associate(Offer(CTImageStorage, (IMPLICIT_LE,)))
        raw.say(1, {**echo(9), "CommandField": Command.N_SET}, b"\x08\x00\x50\x00\x00\x00\x00\x00")
        answer = raw.hear()
        raw.send(ABORT)

    assert (answer.Status, answer.MessageIDBeingRespondedTo) == (0x0122, 9)
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

    assert (refused.CommandField, refused.Status) == (field | 0x8000, 0x0211)
    assert (echo_answer.MessageIDBeingRespondedTo, echo_answer.Status) == (5, 0x0000)


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
        return Response(0x0000)

    with accepting(answering) as (acceptor, seen), opened(acceptor.port) as requestor:
        statuses = [echoed(requestor), echoed(requestor)]

    assert statuses == [0x0110, 0x0000]
    assert "no disk" in str(seen.wait_for("fault")["traceback"])
    assert seen.endings == [Ending.RELEASED]


def test_a_response_that_cannot_be_encoded_is_a_processing_failure() -> None:
    """A fault of ours is a status, not a broken association."""
    wrong = Dataset()
    wrong.FilmSessionLabel = "Łódź"
    answers = iter([Response(0, wrong), Response(0, None, {"NoSuchKeyword": 1}), Response(0)])

    with accepting(lambda *_: next(answers)) as (acceptor, _), opened(acceptor.port) as requestor:
        statuses = [echoed(requestor) for _ in range(3)]

    assert statuses == [0x0110, 0x0110, 0x0000]


def test_too_much_data_is_a_resource_limitation() -> None:
    """0x0213, nothing is kept, and the next request is answered."""
    asked: list[int] = []

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        asked.append(request.field)
        return Response(0x0000)

    item = Dataset()
    item.PixelData = bytes(200_000)
    with (
        accepting(answering, max_dataset=100_000) as (acceptor, _),
        opened(acceptor.port) as requestor,
    ):
        context = requestor.context(GRAYSCALE_META)
        assert context is not None
        answer = requestor.request(
            context, {**ECHO, "CommandField": Command.N_SET}, item, timeout_s=20
        )
        assert echoed(requestor) == 0x0000

    assert answer.status == 0x0213
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
        return Response(0x0000)

    with accepting(answering) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        assert raw.pdu() == ABORT
        seen.wait_for("aborted")

    assert seen.endings == [Ending.ABORTED]


# Peers that do not behave


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


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(b"\x04\x00\xff\xff\xff\xff", id="a P-DATA-TF of 4 GB"),
        pytest.param(b"\x04\x00\x00\x01\x00\x01", id="one byte more than agreed"),
        pytest.param(b"\x01\x00\x00\x00\x00\x04abcd", id="a second A-ASSOCIATE-RQ"),
        pytest.param(RELEASE_RP, id="a release that nobody asked for"),
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


def test_a_peer_that_says_nothing_is_closed() -> None:
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


def test_silent_strangers_do_not_stop_anybody() -> None:
    """With more silent connections than are kept, a modality is still served."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting())
        silent = [stack.enter_context(Raw.connect(acceptor.port)) for _ in range(80)]
        requestor = stack.enter_context(opened(acceptor.port))
        assert echoed(requestor) == 0x0000
        assert silent[0].closed()
        assert seen.names.count("accepted") == 1


# The end


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
        assert echoed(requestor) == 0x0000
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
        assert echoed(requestor) == 0x0000
    with accepting(port=first.port) as (second, _), opened(second.port) as requestor:
        assert echoed(requestor) == 0x0000


def test_success_is_what_the_scripted_service_says_by_itself() -> None:
    """The peers' own default, so that the tests above mean what they say."""
    with accepting(success) as (acceptor, _), opened(acceptor.port) as requestor:
        assert echoed(requestor) == 0x0000
