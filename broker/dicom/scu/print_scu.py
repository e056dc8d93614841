"""A film on a printer, in seven operations: open, create, set, get, action, delete, close.

Failure statuses are answers, not exceptions: what they mean is for the caller to judge. What
breaks is raised in the words of `broker.model.printers.trouble`, and the line is drawn here:
N-ACTION that may have left and was not answered is Uncertain, everything else is Unavailable.
"""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Broken, Rejected, Timeouts
from broker.dicom.upper_layer.message import Context
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Answer, EventReport, Requestor
from broker.model.printers.health import Check, of_printer_status
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Unavailable, Uncertain

SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
PRINT = 1
"""The only Action Type ID of print management (PS3.4 H.4.1.2.4)."""
STATUS_S = 1.0
"""For the answer to what no film needs: how the printer is."""


@dataclass(frozen=True)
class PrintTimeouts:
    """How long a printer may take, in seconds: the defaults of PS3.2 annex B.

    For `set_s` it is the patience of the transport's Pace while the pixels are sent, and all of the
    time after the last of them has left.
    """

    association: Timeouts = field(default_factory=Timeouts)
    create_s: float = 60
    set_s: float = 30
    get_s: float = 30
    action_s: float = 360
    delete_s: float = 30


@dataclass(frozen=True)
class ScuAnswer:
    """What the printer answered."""

    status: int
    instance_uid: str
    """The instance's UID: the printer's where it assigned one, else what was sent."""
    dataset: Dataset | None
    """None where there was none, or it could not be decoded."""
    attributes: tuple[str, ...] = ()
    """Keywords that its Attribute Identifier List names. Its Error Comment is left alone: it may
    quote values, and so a patient."""


class PrintScu:
    """One association with a printer, for Basic Grayscale Print Management."""

    def __init__(
        self,
        requestor: Requestor,
        name: str,
        meta: Context,
        lut: Context | None,
        timeouts: PrintTimeouts,
        before_release: Callable[[PrintScu], None] = lambda _scu: None,
    ) -> None:
        self._requestor = requestor
        self._name = name
        self._meta = meta
        self._lut = lut
        self._timeouts = timeouts
        self._before_release = before_release

    @classmethod
    def open(
        cls,
        address: Address,
        *,
        calling_ae: str,
        lut: bool = False,
        verification: bool = False,
        only_implicit: bool = False,
        timeouts: PrintTimeouts | None = None,
        tls: ssl.SSLContext | None = None,
        on_event_report: Callable[[EventReport], None] | None = None,
        before_release: Callable[[PrintScu], None] = lambda _scu: None,
    ) -> PrintScu:
        """Associate.

        `before_release` is called by `close`, where that has the time: no film is in hand then.

        `lut` proposes Presentation LUT too; whether the printer took it is in `.lut`. The Meta
        class is proposed, never its members (PS3.4 H.3.2.2). With `only_implicit` Explicit VR is
        not proposed.

        Raises: Unavailable: when there is no association, or the printer does not print grayscale.
        """
        timeouts = timeouts or PrintTimeouts()
        wanted = [GRAYSCALE_META]
        wanted += [PRESENTATION_LUT] if lut else []
        wanted += [VERIFICATION] if verification else []
        requestor = associate(
            address,
            wanted,
            calling_ae=calling_ae,
            only_implicit=only_implicit,
            timeouts=timeouts.association,
            tls=tls,
            on_event_report=on_event_report,
        )
        meta = requestor.context(GRAYSCALE_META)
        if meta is None:
            requestor.release()
            words = f"{address.name} does not offer Basic Grayscale Print Management"
            raise Unavailable(words)
        lut_context = requestor.context(PRESENTATION_LUT)
        return cls(requestor, address.name, meta, lut_context, timeouts, before_release)

    @property
    def lut(self) -> bool:
        """Whether the printer took Presentation LUT."""
        return self._lut is not None

    @property
    def explicit(self) -> bool:
        """Whether data sets go to the printer in Explicit VR."""
        return self._meta.transfer_syntax == EXPLICIT_LITTLE

    def create(self, sop_class: str, dataset: Dataset | None, instance_uid: str = "") -> ScuAnswer:
        """N-CREATE. Without `instance_uid` the printer assigns one.

        Raises: Unavailable: when the association has ended.
        """
        command = {
            "AffectedSOPClassUID": sop_class,
            "CommandField": Command.N_CREATE,
            "AffectedSOPInstanceUID": instance_uid or None,
        }
        return self._before_the_line(command, dataset, self._timeouts.create_s)

    def set(self, sop_class: str, instance_uid: str, dataset: Dataset) -> ScuAnswer:
        """N-SET.

        Raises: Unavailable: when the association has ended.
        """
        command = _requested(Command.N_SET, sop_class, instance_uid)
        return self._before_the_line(command, dataset, self._timeouts.set_s)

    def get(self, sop_class: str, instance_uid: str, keywords: Sequence[str] = ()) -> ScuAnswer:
        """N-GET of these attributes, or of all.

        Raises: Unavailable: when the association has ended.
        """
        command = _requested(Command.N_GET, sop_class, instance_uid)
        if keywords:
            command["AttributeIdentifierList"] = [Tag(keyword) for keyword in keywords]
        return self._before_the_line(command, None, self._timeouts.get_s)

    def action(self, sop_class: str, instance_uid: str) -> ScuAnswer:
        """N-ACTION: print.

        Raises:
            Uncertain: when it may have left and no answer came.
            Unavailable: when it surely has not left.
        """
        command = _requested(Command.N_ACTION, sop_class, instance_uid)
        command["ActionTypeID"] = PRINT
        try:
            return self._ask(command, None, self._timeouts.action_s)
        except Broken as exc:
            if exc.asked:
                raise Uncertain(f"{self._name}: {exc.words}") from exc
            raise self._unavailable(exc) from exc

    def delete(self, sop_class: str, instance_uid: str) -> ScuAnswer | None:
        """N-DELETE. None when the association broke: what was asked for stays asked for."""
        command = _requested(Command.N_DELETE, sop_class, instance_uid)
        try:
            return self._ask(command, None, self._timeouts.delete_s)
        except Broken:
            return None

    def status(self) -> Check | None:
        """What the printer says of itself, by N-GET of the Printer (PS3.4 H.4.6.2.2), in STATUS_S
        at most; None where it does not. Then the association may be over: no film may need it."""
        command = _requested(Command.N_GET, PRINTER, PRINTER_INSTANCE)
        command["AttributeIdentifierList"] = [Tag("PrinterStatus"), Tag("PrinterStatusInfo")]
        try:
            told = self._ask(command, None, min(STATUS_S, self._timeouts.get_s)).dataset
        except Broken:
            return None
        status = "" if told is None else str(told.get("PrinterStatus") or "")
        if told is None or not status:
            return None
        return of_printer_status(status, str(told.get("PrinterStatusInfo") or ""))

    def fileno(self) -> int:
        """For a selector: see `Requestor.fileno`."""
        return self._requestor.fileno()

    def attend(self, patience_s: float) -> bool:
        """Deal with what the printer said unasked: see `Requestor.attend`."""
        return self._requestor.attend(patience_s)

    def close(self, patience_s: float = math.inf) -> None:
        """Release the association, in `patience_s` at most. One that is gone already is no
        error."""
        if patience_s == math.inf and not self._requestor.over:
            self._before_release(self)
        self._requestor.release(patience_s)

    def abort(self) -> None:
        """Abort the association: the printer forgets what was not asked for (PS3.4 H.5)."""
        self._requestor.abort()

    def _before_the_line(
        self, command: Mapping[str, Any], dataset: Dataset | None, timeout_s: float
    ) -> ScuAnswer:
        try:
            return self._ask(command, dataset, timeout_s)
        except Broken as exc:
            raise self._unavailable(exc) from exc

    def _ask(
        self, command: Mapping[str, Any], dataset: Dataset | None, timeout_s: float
    ) -> ScuAnswer:
        sop_class = command.get("AffectedSOPClassUID") or command.get("RequestedSOPClassUID")
        context = self._lut if sop_class == PRESENTATION_LUT and self._lut else self._meta
        answer = self._requestor.request(context, command, dataset, timeout_s=timeout_s)
        sent = command.get("AffectedSOPInstanceUID") or command.get("RequestedSOPInstanceUID")
        return _scu_answer(answer, str(sent or ""))

    def _unavailable(self, exc: Broken) -> Unavailable:
        return Unavailable(f"{self._name}: {exc.words}", associated=exc.connected)


def associate(
    address: Address,
    abstract_syntaxes: Sequence[str],
    *,
    calling_ae: str,
    only_implicit: bool = False,
    timeouts: Timeouts,
    tls: ssl.SSLContext | None = None,
    on_event_report: Callable[[EventReport], None] | None = None,
) -> Requestor:
    """An association with a printer.

    Raises: Unavailable: when there is none, in an operator's words.
    """
    try:
        return Requestor.open(
            address.host,
            address.port,
            calling_ae=calling_ae,
            called_ae=address.ae_title,
            proposals=offers(address, abstract_syntaxes, only_implicit=only_implicit),
            timeouts=timeouts,
            max_pdu=address.max_pdu,
            tls=tls,
            on_event_report=on_event_report,
        )
    except Rejected as exc:
        words = rejection_words(address, calling_ae, exc)
        raise Unavailable(words, busy=exc.transient) from exc
    except Broken as exc:
        raise Unavailable(broken_words(address, exc), associated=exc.connected) from exc


def offers(
    address: Address, abstract_syntaxes: Sequence[str], *, only_implicit: bool = False
) -> list[Offer]:
    """What is proposed to a printer."""
    syntaxes = (IMPLICIT_LITTLE,) if only_implicit or address.implicit_only else SYNTAXES
    return [Offer(uid, syntaxes) for uid in abstract_syntaxes]


def broken_words(address: Address, exc: Broken) -> str:
    """Why there is no association, and which key to look at where TLS is at fault."""
    words = f"{address.name}: {exc.words}"
    if exc.spoke_tls:
        return f"{words}: it speaks TLS on this port; set tls = true for this printer"
    if exc.spoke_tls is not None:
        return f"{words}; if it speaks TLS on this port, set tls = true for this printer"
    return words


def rejection_words(address: Address, calling_ae: str, exc: Rejected) -> str:
    """Why an association was rejected, and what to do about it."""
    reason = f": {exc.reason}" if exc.reason else ""
    if exc.transient:
        return f"busy: {address.name} rejected the association{reason}"
    words = f"{address.name} rejected the association for good{reason}; "
    if "called AE" in exc.reason:
        return words + f"it does not answer to {address.ae_title}: check ae_title of the printer"
    return words + f"let it accept films from the AE title {calling_ae}"


def _requested(command: Command, sop_class: str, instance_uid: str) -> dict[str, Any]:
    return {
        "RequestedSOPClassUID": sop_class,
        "CommandField": command,
        "RequestedSOPInstanceUID": instance_uid,
    }


def _scu_answer(answer: Answer, sent: str) -> ScuAnswer:
    found = answer.command.get("AffectedSOPInstanceUID")
    named = answer.command.get("AttributeIdentifierList")
    tags = named if isinstance(named, (list, MultiValue)) else [] if named is None else [named]
    return ScuAnswer(
        status=answer.status,
        instance_uid=found if found and isinstance(found, str) else sent,
        dataset=answer.dataset,
        attributes=tuple(keyword_for_tag(tag) or str(tag) for tag in tags),
    )
