"""The acceptor with peers that behave: other implementations, many at once, much at once."""

from __future__ import annotations

import struct
import subprocess
import threading

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

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, Elsewhere
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.requestor import EventReport
from tests.peers.acceptor import (
    ECHO,
    GRAYSCALE_META,
    Taking,
    accepting,
    echoed,
    opened,
)
from tests.peers.dcmtk import program


@pytest.mark.dcmtk
def test_dcmtk_echoes() -> None:
    """echoscu is accepted, answered and released."""
    with accepting() as (acceptor, seen):
        command = [
            program("echoscu"),
            "-aet",
            "CT1",
            "-aec",
            "BROKER",
            "--repeat",
            "3",
            "127.0.0.1",
        ]
        subprocess.run([*command, str(acceptor.port)], check=True, timeout=20)
        seen.wait_for("released")

    assert seen.names == ["accepted", "released"]
    assert seen.endings == [Ending.RELEASED]
    assert seen.events[0][1]["calling_ae"] == "CT1"


def test_pynetdicom_prints() -> None:
    """Another implementation creates, gets and is told what the service says."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.N_GET:
            status = Dataset()
            status.PrinterStatus = "NORMAL"
            return Response(statuses.SUCCESS, status)
        session = request.dataset()
        session.MediumType = "PAPER"
        return Response(statuses.ATTRIBUTE_LIST_ERROR, session)

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

    assert (status.Status, got.PrinterStatus) == (statuses.SUCCESS, "NORMAL")
    assert made.Status == statuses.ATTRIBUTE_LIST_ERROR
    assert (session.NumberOfCopies, session.MediumType) == (2, "PAPER")
    assert rejected == [CTImageStorage]
    assert accepted == [[EXPLICIT_LE]]


def test_pynetdicom_answers_our_event_reports() -> None:
    """An event queued while answering arrives after the response, and its answer is consumed."""
    arrived = threading.Event()
    order: list[str] = []

    def answering(association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.C_ECHO:
            return Response(statuses.SUCCESS)
        info = Dataset()
        info.PrinterName = "OKI"
        assert request.context is not None
        association.event_report(request.context, Printer, PrinterInstance, 2, info)
        order.append("answered")
        return Response(statuses.SUCCESS)

    def on_event(event: evt.Event) -> tuple[int, None]:
        order.append(event.event_information.PrinterName)
        arrived.set()
        return statuses.SUCCESS, None

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

    assert (done.Status, echo_status.Status) == (statuses.SUCCESS, statuses.SUCCESS)
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
        return Response(statuses.SUCCESS)

    events: list[EventReport] = []
    with (
        accepting(answering) as (acceptor, _),
        opened(acceptor.port, on_event_report=events.append) as requestor,
    ):
        answered = [echoed(requestor) for _ in range(3)]

    assert answered == [0, 0, 0]
    assert [event.event_type for event in events] == [1, 2, 3] * 3
    assert {str(event.dataset.PrinterName) for event in events if event.dataset} == {"OKI"}


def test_sixteen_associations_lose_no_answer() -> None:
    """200 requests on each of 16 associations at once: every one gets its own answer."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        return Response(statuses.SUCCESS, request.dataset())

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


@pytest.mark.parametrize("max_pdu", [20, 64, 16384, 65536])
def test_large_data_sets_pass_both_ways(max_pdu: int) -> None:
    """An image comes back as it was sent, at every PDU length."""
    pixels = struct.pack("<H", 0x0ABC) * (100_000 if max_pdu <= 64 else 2_000_000)

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        item = Dataset()
        around, item.PixelData = Taking().read(request)
        (image,) = around.BasicGrayscaleImageSequence
        left = image.get_item("PixelData").value
        assert isinstance(left, Elsewhere), "the rest of the data set comes without them"
        answer = Dataset()
        answer.BasicGrayscaleImageSequence = [item]
        return Response(statuses.SUCCESS, answer)

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
