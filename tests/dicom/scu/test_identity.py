"""Who printers say they are: DCMTK's, the emulator, and odd ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.attributes import put
from broker.dicom.scu.identity import ask_identity
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.emulator.printer import EmulatedPrinter
from broker.model.printers.printer import Address
from broker.model.printers.printer_identity import (
    NOT_TOLD,
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
)
from broker.model.printers.trouble import Unavailable
from tests.peers.acceptor import accepting
from tests.peers.dcmtk import dcmprscp, heard_by
from tests.peers.raw import listening


def asked(port: int, ae_title: str = "BROKER") -> IdentityReply:
    """How the printer on that port takes the question."""
    address = Address(name="oki-1", ae_title=ae_title, host="127.0.0.1", port=port)
    return ask_identity(address, calling_ae="CT1")


@pytest.mark.dcmtk
def test_dcmtk_tells_nothing(tmp_path: Path) -> None:
    """It refuses each of the attributes, and has nothing but its status where all are asked for."""
    with dcmprscp(tmp_path) as port:
        reply = asked(port, "IHEFULL")
    assert (reply.answer, reply.identity) == (IdentityAnswer.REFUSED, NOT_TOLD)
    assert reply.words.startswith("oki-1 does not tell who it is: N-GET answered 0x")
    asked_for = [each.kind for each in heard_by(tmp_path) if each.incoming]
    assert asked_for == ["N-GET RQ", "N-GET RQ"]


def test_the_emulator_tells_who_it_is(tmp_path: Path) -> None:
    """As a real printer does."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path) as printer:
        reply = asked(printer.port, "OKI1")

    assert reply.answer is IdentityAnswer.TOLD
    assert reply.identity == PrinterIdentity(
        "DICOM print broker", "Emulated printer", "EMULATED-oki-1", "1.0", "oki-1"
    )


def _telling(**values: object) -> Dataset:
    told = Dataset()
    for keyword, value in values.items():
        setattr(told, keyword, value)
    return told


def _warns(_: Request) -> Response:
    """It has some of what it is asked for."""
    fields = {"AttributeIdentifierList": [0x00181000]}
    told = _telling(ManufacturerModelName="C650", SoftwareVersions=["1.2", "3.4"])
    return Response(statuses.ATTRIBUTE_LIST_ERROR, told, fields)


def _refuses_names(request: Request) -> Response:
    """It refuses a list that has what it does not know, and tells all where none is given."""
    if request.command.get("AttributeIdentifierList"):
        return Response(statuses.NO_SUCH_ATTRIBUTE)
    return Response(statuses.SUCCESS, _telling(PrinterStatus="NORMAL", Manufacturer="OKI"))


def _refuses(_: Request) -> Response:
    """It serves no N-GET."""
    return Response(statuses.NO_SUCH_SOP_INSTANCE)


def _tells_nothing(_: Request) -> Response:
    """It answers without a data set."""
    return Response(statuses.SUCCESS)


def _tells_too_much(_: Request) -> Response:
    """Values that are none of their VR beside some that are, one of them as C ends its texts."""
    told = _telling(PrinterName="")
    put(told, "Manufacturer", ("OKI\x1b[2J DATA",))
    put(told, "ManufacturerModelName", ("C650\0",))
    put(told, "DeviceSerialNumber", ("9" * 900,))
    return Response(statuses.SUCCESS, told)


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (_warns, PrinterIdentity(model="C650", software_versions="1.2, 3.4")),
        (_refuses_names, PrinterIdentity(manufacturer="OKI")),
        (_refuses, NOT_TOLD),
        (_tells_nothing, NOT_TOLD),
        (_tells_too_much, PrinterIdentity("OKI?[2J DATA", "C650", "9" * 64)),
    ],
)
def test_what_a_printer_has_of_it_is_taken(
    answers: Callable[[Request], Response], told: PrinterIdentity
) -> None:
    """A refusal, of all or of some, is an answer like any other; what is told is bounded."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        return answers(request) if request.field == Command.N_GET else Response(statuses.SUCCESS)

    with accepting(answering) as (acceptor, _):
        reply = asked(acceptor.port)
    assert reply.identity == told
    assert reply.answer is (IdentityAnswer.TOLD if told else IdentityAnswer.REFUSED)


def test_a_printer_that_aborts_at_it_did_not_answer() -> None:
    """Some do, over an attribute that they do not know: that is no refusal."""

    def aborting(association: AcceptedAssociation, _request: Request) -> None:
        association.close()

    with accepting(aborting) as (acceptor, _):
        reply = asked(acceptor.port)
    assert (reply.answer, reply.identity) == (IdentityAnswer.SILENT, NOT_TOLD)
    assert reply.words.endswith("instead of answering N-GET")


def test_a_printer_that_takes_too_long_did_not_answer() -> None:
    """A film may wait for the end of the question."""

    def hanging(_association: AcceptedAssociation, _request: Request) -> Response:
        over.wait(20)
        return Response(statuses.SUCCESS)

    over = threading.Event()
    with accepting(hanging) as (acceptor, _):
        reply = asked(acceptor.port)
        over.set()
    assert reply.answer is IdentityAnswer.SILENT
    assert reply.words.endswith("took longer than 1 s answering N-GET")


def test_a_printer_without_an_association_was_not_asked() -> None:
    """It is gone, or busy: it may be asked another time."""
    with listening(lambda _: None) as port, pytest.raises(Unavailable):
        asked(port)
