"""Asking a printer how it is: one short association, and nothing that prints.

C-ECHO proves that something answers; N-GET of the Printer (PS3.4 H.4.6) is what it says of
itself. A printer that echoes and does not serve N-GET still counts as well.
"""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field, replace

from broker.dicom.printer_events import status_of
from broker.dicom.scu.print_scu import broken_words, rejection_words
from broker.dicom.scu.print_scu import offers as proposed
from broker.dicom.statuses import words
from broker.dicom.uids import (
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Broken, Rejected, Timeouts
from broker.dicom.upper_layer.message import Context
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import EventReport, Requestor
from broker.model.printers.health import STATUS_NOT_KNOWN, Check, CheckKind, of_printer_status
from broker.model.printers.printer import Address, PoolStatus

PRINTER_STATUS = 0x21100010
PRINTER_STATUS_INFO = 0x21100020

RELEASE_S = 2.0
LEAST_S = 0.05
"""So that a step late in the check still looks at what has arrived."""


@dataclass(frozen=True)
class Findings:
    """What came of asking."""

    trouble: str = ""
    """Why there was no association, or how it broke; empty when neither."""
    busy: bool = False
    """It rejected the association for now."""
    reached: bool = True
    """Its system answered, if only to refuse the connection."""
    contexts: tuple[str, ...] = ()
    """Abstract syntaxes that it took."""
    echo: int | None = None
    """Status of C-ECHO; None when it did not take Verification, or did not answer."""
    got: int | None = None
    """Status of N-GET; None when it does not print, or did not answer."""
    attributes: dict[int, str] = field(default_factory=dict)
    """What N-GET gave, by tag."""
    reported: PoolStatus | None = None
    """What it reported by itself meanwhile, last."""

    @property
    def answered(self) -> bool:
        """Whether it answered a request, whatever the answer."""
        return self.echo is not None or self.got is not None

    @property
    def prints(self) -> bool:
        """Whether it takes Basic Grayscale Print Management."""
        return GRAYSCALE_META in self.contexts

    @property
    def supports_lut(self) -> bool | None:
        """Whether it takes Presentation LUT; None when it was not reached."""
        return PRESENTATION_LUT in self.contexts if self.contexts else None


def probe(
    address: Address,
    *,
    calling_ae: str,
    timeout_s: float = 10,
    tls: ssl.SSLContext | None = None,
) -> Check:
    """Check a printer, in `timeout_s` seconds at most. Never raises for what a printer does."""
    found = inspect(address, calling_ae=calling_ae, timeout_s=timeout_s, tls=tls)
    return judged(address, found)


def echo(
    host: str, port: int, *, calling_ae: str, called_ae: str, timeout_s: float = 10
) -> Findings:
    """The same for an address that is in no configuration."""
    address = Address(name=f"{host}:{port}", ae_title=called_ae, host=host, port=port)
    return inspect(address, calling_ae=calling_ae, timeout_s=timeout_s)


def inspect(
    address: Address,
    *,
    calling_ae: str,
    timeout_s: float = 10,
    tls: ssl.SSLContext | None = None,
) -> Findings:
    """Ask all there is to ask. `timeout_s` is for everything but the release."""
    deadline = time.monotonic() + timeout_s
    offers = proposed(address, (VERIFICATION, GRAYSCALE_META, PRESENTATION_LUT))
    reported: list[PoolStatus] = []

    def hear(report: EventReport) -> None:
        if (status := status_of(report)) is not None:
            reported[:] = [status]

    timeouts = Timeouts(connect_s=timeout_s, associate_s=timeout_s, release_s=RELEASE_S)
    try:
        requestor = Requestor.open(
            address.host,
            address.port,
            calling_ae=calling_ae,
            called_ae=address.ae_title,
            proposals=offers,
            timeouts=timeouts,
            max_pdu=address.max_pdu,
            tls=tls,
            on_event_report=hear,
        )
    except Rejected as exc:
        return Findings(rejection_words(address, calling_ae, exc), busy=exc.transient)
    except Broken as exc:
        return Findings(broken_words(address, exc), reached=exc.reached)
    with requestor:
        findings = _asked(requestor, address, offers, deadline)
    return replace(findings, reported=reported[-1]) if reported else findings


def judged(address: Address, findings: Findings) -> Check:
    """What the findings mean for the printer's health."""
    if findings.busy:
        return Check(CheckKind.BUSY, findings.trouble)
    if not findings.contexts:
        said = findings.trouble or f"{address.name} takes no print class"
        return Check(CheckKind.SILENT, said, reached=findings.reached)
    lut = findings.supports_lut
    if not findings.prints:
        said = f"{address.name} does not offer Basic Grayscale Print Management"
        return Check(CheckKind.FAILURE, said, lut)
    if not findings.answered:
        return Check(CheckKind.SILENT, findings.trouble)
    status = findings.attributes.get(PRINTER_STATUS, "")
    if status:
        check = of_printer_status(status, findings.attributes.get(PRINTER_STATUS_INFO, ""))
        return replace(check, supports_lut=lut)
    if findings.reported is not None:
        reported = of_printer_status(findings.reported.status, findings.reported.info)
        return replace(reported, supports_lut=lut, by_itself=True)
    if findings.got is None:
        said = findings.trouble
    else:
        said = f"{address.name}: N-GET of the Printer answered {words(findings.got)}"
    return Check(CheckKind.NORMAL, f"{said}; {STATUS_NOT_KNOWN}", lut)


def _asked(
    requestor: Requestor, address: Address, offers: list[Offer], deadline: float
) -> Findings:
    contexts = tuple(
        offer.abstract_syntax
        for offer in offers
        if requestor.context(offer.abstract_syntax) is not None
    )
    echoed: int | None = None
    got: int | None = None
    attributes: dict[int, str] = {}
    trouble = ""
    try:
        verification = requestor.context(VERIFICATION)
        if verification is not None:
            echoed = _echo(requestor, verification, deadline)
        meta = requestor.context(GRAYSCALE_META)
        if meta is not None:
            # Nothing but what is mandatory: some refuse all of it over Printer Name, or abort.
            wanted = [PRINTER_STATUS, PRINTER_STATUS_INFO]
            got, attributes = _get(requestor, meta, wanted, deadline)
    except Broken as exc:
        trouble = f"{address.name}: {exc.words}"
    return Findings(trouble, contexts=contexts, echo=echoed, got=got, attributes=attributes)


def _echo(requestor: Requestor, context: Context, deadline: float) -> int:
    command = {"AffectedSOPClassUID": VERIFICATION, "CommandField": Command.C_ECHO}
    return requestor.request(context, command, timeout_s=_left(deadline)).status


def _get(
    requestor: Requestor, context: Context, tags: list[int], deadline: float
) -> tuple[int, dict[int, str]]:
    command = {
        "RequestedSOPClassUID": PRINTER,
        "CommandField": Command.N_GET,
        "RequestedSOPInstanceUID": PRINTER_INSTANCE,
        "AttributeIdentifierList": tags,
    }
    answer = requestor.request(context, command, timeout_s=_left(deadline))
    found: dict[int, str] = {}
    for tag in tags:
        if answer.dataset is not None and tag in answer.dataset:
            found[tag] = str(answer.dataset[tag].value or "")
    return answer.status, found


def _left(deadline: float) -> float:
    return max(deadline - time.monotonic(), LEAST_S)
