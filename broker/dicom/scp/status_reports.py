"""What a modality that keeps its association open is told of the printers, without asking."""

from __future__ import annotations

from collections.abc import Callable

from broker.dicom.printer_events import event_of, printer_context
from broker.dicom.uids import PRINTER, PRINTER_INSTANCE
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import ServiceReport
from broker.events import Event, Note
from broker.model.printers.printer import PoolStatus


class StatusReports:
    """Each change of the pool's status, once, on one association (PS3.4 H.4.6.2.1)."""

    def __init__(
        self, association: AcceptedAssociation, status: Callable[[], PoolStatus], note: Note
    ) -> None:
        """`status` is as this modality sees it; it is asked often, and must cost nothing."""
        self._association = association
        self._context = printer_context(association.contexts)
        self._status = status
        self._note = note
        self._told = status()

    @property
    def to_report(self) -> Callable[[], ServiceReport | None] | None:
        """See AssociationService; None where the Printer was not negotiated."""
        return None if self._context is None else self._next

    def _next(self) -> ServiceReport | None:
        status = self._status()
        if self._context is None or status == self._told:
            return None
        self._told = status
        event, info = event_of(status, self._association.called_ae)
        facts = {"calling_ae": self._association.calling_ae, "peer": self._association.peer}
        self._note(Event.STATUS_REPORTED, {**facts, "status": status.status, "info": status.info})
        return ServiceReport(self._context, PRINTER, PRINTER_INSTANCE, event, info)
