"""What a check finds out, against DCMTK, against ourselves, and against odd printers."""

from __future__ import annotations

import re
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.printer_events import event_of, printer_context
from broker.dicom.scu.probe import PRINTER_STATUS, PRINTER_STATUS_INFO, echo, inspect, probe
from broker.dicom.uids import (
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, IMPLICIT_LE
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.printers.health import Check, CheckKind
from broker.model.printers.printer import Address, PoolStatus
from tests.peers.acceptor import OFFERS, accepting
from tests.peers.dcmtk import dcmprscp
from tests.peers.raw import Raw, listening

WITH_LUT = (*OFFERS, Offer(PRESENTATION_LUT, (EXPLICIT_LE, IMPLICIT_LE)))


def at(port: int, ae_title: str = "BROKER") -> Address:
    """A printer of this machine, called oki-1."""
    return Address(name="oki-1", ae_title=ae_title, host="127.0.0.1", port=port)


def checked(port: int, timeout_s: float = 10) -> Check:
    """One check of it."""
    return probe(at(port), calling_ae="CT1", timeout_s=timeout_s)


def printer_says(status: str, info: str) -> Response:
    """The answer to N-GET."""
    dataset = Dataset()
    dataset.PrinterStatus = status
    dataset.PrinterStatusInfo = info
    return Response(statuses.SUCCESS, dataset)


@pytest.mark.dcmtk
def test_dcmtk_is_well(tmp_path: Path) -> None:
    """A healthy printer has nothing to say, and takes Presentation LUT."""
    with dcmprscp(tmp_path) as port:
        check = probe(at(port, "IHEFULL"), calling_ae="CT1")
        findings = echo("127.0.0.1", port, calling_ae="CT1", called_ae="IHEFULL")

    assert check == Check(CheckKind.NORMAL, "", supports_lut=True, told=True)
    assert findings.contexts == (VERIFICATION, GRAYSCALE_META, PRESENTATION_LUT)
    assert (findings.echo, findings.got) == (statuses.SUCCESS, statuses.SUCCESS)
    assert findings.attributes[PRINTER_STATUS] == "NORMAL"


@pytest.mark.parametrize(
    ("status", "info", "check"),
    [
        ("NORMAL", "NORMAL", Check(CheckKind.NORMAL, "")),
        ("WARNING", "SUPPLY LOW", Check(CheckKind.WARNING, "WARNING: SUPPLY LOW")),
        ("WARNING", "FILM JAM", Check(CheckKind.ATTENTION, "WARNING: FILM JAM")),
        ("FAILURE", "CHECK PRINTER", Check(CheckKind.FAILURE, "FAILURE: CHECK PRINTER")),
    ],
)
def test_what_a_printer_says_of_itself(status: str, info: str, check: Check) -> None:
    """Its status and its info become the check."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.N_GET:
            return printer_says(status, info)
        return Response(statuses.SUCCESS)

    with accepting(answering) as (acceptor, _):
        assert checked(acceptor.port) == replace(check, supports_lut=False, told=True)


def test_a_printer_is_asked_for_nothing_but_what_it_must_have() -> None:
    """Printer Name is optional: some refuse all of it over that, others abort."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.C_ECHO:
            return Response(statuses.SUCCESS)
        asked = set(request.command.AttributeIdentifierList)
        if asked != {PRINTER_STATUS, PRINTER_STATUS_INFO}:
            return Response(statuses.PROCESSING_FAILURE)
        return printer_says("WARNING", "COVER OPEN")

    with accepting(answering, offers=lambda: WITH_LUT) as (acceptor, _):
        check = checked(acceptor.port)

    words = "WARNING: COVER OPEN"
    assert check == Check(CheckKind.ATTENTION, words, supports_lut=True, told=True)


def test_a_printer_without_n_get_is_well() -> None:
    """It answers, and why its status is not known is said."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        return Response(
            statuses.SUCCESS if request.field == Command.C_ECHO else statuses.NO_SUCH_SOP_INSTANCE
        )

    with accepting(answering) as (acceptor, _):
        check = checked(acceptor.port)

    assert check.kind is CheckKind.NORMAL
    assert check.words == (
        "oki-1: N-GET of the Printer answered 0x0112 (no such SOP instance); "
        "its status is not known"
    )


@pytest.mark.parametrize("answers", [True, False])
def test_a_printer_may_report_its_status_during_a_check(answers: bool) -> None:
    """Its report counts as its status where it does not answer N-GET; where it does, that is it."""

    def answering(association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.C_ECHO:
            meta = printer_context(association.contexts)
            assert meta is not None
            for status in (PoolStatus("WARNING", "SUPPLY LOW"), PoolStatus("FAILURE", "FILM JAM")):
                event, info = event_of(status, "OKI1")
                association.event_report(meta, PRINTER, PRINTER_INSTANCE, event, info)
        elif answers:
            return printer_says("WARNING", "COVER OPEN")
        else:
            return Response(statuses.NO_SUCH_SOP_INSTANCE)
        return Response(statuses.SUCCESS)

    with accepting(answering) as (acceptor, _):
        check = checked(acceptor.port)

    assert check.words == ("WARNING: COVER OPEN" if answers else "FAILURE: FILM JAM")
    assert check.told


def test_a_printer_that_leaves_when_asked_for_its_status_is_well() -> None:
    """It echoed; some know no N-GET and abort."""

    def answering(association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.N_GET:
            association.abort()
        return Response(statuses.SUCCESS)

    with accepting(answering) as (acceptor, _):
        check = checked(acceptor.port)

    assert check.kind is CheckKind.NORMAL
    assert "aborted the association instead of answering N-GET" in check.words


def test_a_busy_printer_is_busy() -> None:
    """A transient rejection proves nothing against it."""
    with accepting(max_associations=0) as (acceptor, _):
        check = checked(acceptor.port)

    assert check == Check(
        CheckKind.BUSY, "busy: oki-1 rejected the association: local limit exceeded"
    )


def test_a_printer_of_another_name_is_silent_and_says_why() -> None:
    """A permanent rejection is a configuration fault, in words."""
    with accepting(called={"OTHER"}) as (acceptor, _):
        check = checked(acceptor.port)

    assert check.kind is CheckKind.SILENT
    assert "check ae_title of the printer" in check.words


def test_what_does_not_print_is_no_printer() -> None:
    """Verification alone: it says itself that it does not print."""
    with accepting(offers=lambda: OFFERS[:1]) as (acceptor, _):
        only_echo = checked(acceptor.port)
    with accepting(offers=lambda: ()) as (acceptor, _):
        nothing = checked(acceptor.port)

    assert only_echo.kind is CheckKind.FAILURE
    assert only_echo.words == "oki-1 does not offer Basic Grayscale Print Management"
    assert nothing == Check(CheckKind.SILENT, "oki-1 takes no print class")


def test_no_peer_there_is_silent() -> None:
    """A closed port is said in one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert checked(port) == Check(
        CheckKind.SILENT, f"oki-1: 127.0.0.1:{port} refused the connection"
    )


def test_a_printer_that_goes_quiet_costs_the_time_allowed_and_no_more() -> None:
    """Silence after the connection, or after the association, is silence."""

    def before(raw: Raw) -> None:
        raw.pdu()
        raw.pdu()

    def after(raw: Raw) -> None:
        raw.accept()
        raw.pdu()
        raw.pdu()

    for script in (before, after):
        with listening(script) as port:
            began = time.monotonic()
            check = checked(port, timeout_s=0.2)
            took = time.monotonic() - began
        assert check.kind is CheckKind.SILENT
        assert "took longer than" in check.words
        assert 0.15 < took < 3


def test_the_time_that_was_left_of_a_check_is_told_in_a_few_digits() -> None:
    """A printer that answers C-ECHO and not N-GET has what is left of the check's time for it."""

    def answering(association: AcceptedAssociation, request: Request) -> Response | None:
        if request.field == Command.C_ECHO:
            return Response(statuses.SUCCESS)
        gone.wait(20)
        association.close()
        return None

    gone = threading.Event()
    with accepting(answering) as (acceptor, _):
        try:
            check = checked(acceptor.port, timeout_s=0.5)
        finally:
            gone.set()
    assert re.search(r"took longer than 0\.[1-5] s answering N-GET; its status is", check.words)


def test_findings_for_a_person() -> None:
    """`broker check` shows all that was found out."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        if request.field == Command.C_ECHO:
            return Response(statuses.SUCCESS)
        return printer_says("NORMAL", "NORMAL")

    with accepting(answering) as (acceptor, _):
        findings = inspect(at(acceptor.port), calling_ae="CT1")

    assert findings.attributes[PRINTER_STATUS] == "NORMAL"
    assert (findings.trouble, findings.prints, findings.supports_lut) == ("", True, False)
