"""A printer that takes one association at a time, and says of itself what a test says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.printer_events import printer_context
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.acceptor import Acceptor, AcceptorSettings
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.printers.printer import Address
from tests.peers.speaker import dataset, reference

PATIENCE_S = 20.0
REFUSED = 0x0110


class ReportingPrinter:
    """Keeps each film in hand until the test prints it; meanwhile it can report."""

    def __init__(self) -> None:
        self.status: tuple[str, str] | None = ("NORMAL", "NORMAL")
        """What it answers to N-GET; None: nothing, ever."""
        self.heard: list[tuple[str, Request]] = []
        """What it was asked for, and on which kind of association: `check` or `films`."""
        self.refuse = False
        """Films, for now."""
        self._changed = threading.Condition()
        self._in_hand: AcceptedAssociation | None = None
        self._printed = 0
        self._off = threading.Event()
        syntaxes = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
        offers = [Offer(each, syntaxes) for each in (VERIFICATION, GRAYSCALE_META)]
        self._acceptor = Acceptor(
            AcceptorSettings(host="127.0.0.1", port=0, called={"ODD"}, max_associations=1),
            lambda: offers,
            lambda association: _Service(self, association),
        )

    @property
    def address(self) -> Address:
        """How the broker reaches it."""
        return Address("odd", "ODD", "127.0.0.1", self._acceptor.port)

    def asked(self, kind: str) -> int:
        """How often it was asked for its status on such associations."""
        return sum(each == kind and one.field == Command.N_GET for each, one in list(self.heard))

    def wait_for_film(self) -> None:
        """Wait until it has a film in hand: it was asked to print it, and has not answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._in_hand is not None, PATIENCE_S)

    def report(
        self, event: int, info: Dataset | None = None, *, sop_class: str = PRINTER, uid: str = ""
    ) -> None:
        """N-EVENT-REPORT on the association whose film is in hand."""
        with self._changed:
            association = self._in_hand
        assert association is not None
        meta = printer_context(association.contexts)
        assert meta is not None
        association.event_report(meta, sop_class, uid or PRINTER_INSTANCE, event, info)

    def print_film(self) -> None:
        """Answer for the film in hand."""
        with self._changed:
            self._in_hand = None
            self._printed += 1
            self._changed.notify_all()

    def action(self, association: AcceptedAssociation) -> Response:
        """Keep a film in hand."""
        with self._changed:
            printed, self._in_hand = self._printed, association
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._printed > printed or self._off.is_set(), PATIENCE_S
            )
        return Response(REFUSED if self.refuse else statuses.SUCCESS)

    @contextmanager
    def running(self) -> Iterator[None]:
        """It listens."""
        self._acceptor.start()
        try:
            yield
        finally:
            self._off.set()
            with self._changed:
                self._changed.notify_all()
            self._acceptor.stop(0)


class _Service:
    def __init__(self, printer: ReportingPrinter, association: AcceptedAssociation) -> None:
        self._printer = printer
        self._association = association
        offered = {each.abstract_syntax for each in association.contexts}
        self._kind = "check" if VERIFICATION in offered else "films"

    def answer(self, request: Request) -> Response:
        """As the test says; everything else as a printer should."""
        self._printer.heard.append((self._kind, request))
        if request.field == Command.N_ACTION:
            return self._printer.action(self._association)
        if request.field == Command.N_GET:
            if self._printer.status is None:
                self._association.abort()
                return Response(statuses.PROCESSING_FAILURE)
            status, info = self._printer.status
            return Response(statuses.SUCCESS, dataset(PrinterStatus=status, PrinterStatusInfo=info))
        if request.field == Command.N_CREATE and request.class_uid == FILM_BOX:
            item = reference(GRAYSCALE_IMAGE_BOX, "1.2.3")
            return Response(statuses.SUCCESS, dataset(ReferencedImageBoxSequence=[item]))
        return Response(statuses.SUCCESS)

    def closed(self, _how: Ending, /) -> None:
        """Nothing to forget."""
