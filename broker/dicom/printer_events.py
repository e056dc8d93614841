"""N-EVENT-REPORT of the Printer (PS3.4 H.4.6.2.1): what it says, and on which presentation context
it goes."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from pydicom.dataset import Dataset

from broker.dicom import attributes
from broker.dicom.uids import META_MEMBERS, PRINTER, PRINTER_INSTANCE
from broker.dicom.upper_layer.message import Context
from broker.dicom.upper_layer.requestor import EventReport
from broker.model.printers.printer import PoolStatus


class PrinterEvent(IntEnum):
    """Event Type ID; its name is the Printer Status that it tells of."""

    NORMAL = 1
    WARNING = 2
    FAILURE = 3


def event_of(status: PoolStatus, printer_name: str) -> tuple[int, Dataset | None]:
    """The Event Type ID that tells of a status, and the Event Information: none for NORMAL."""
    event = PrinterEvent[status.status]
    if event is PrinterEvent.NORMAL:
        return event, None
    dataset = Dataset()
    attributes.put(dataset, "PrinterStatusInfo", (status.info,))
    attributes.put(dataset, "PrinterName", (printer_name,))
    return event, dataset


def status_of(report: EventReport) -> PoolStatus | None:
    """The status that a report tells of; None where it is none of the Printer's, or of a type that
    the standard does not know. One without Printer Status Info says the status alone, as N-GET may.
    """
    if report.class_uid != PRINTER or report.instance_uid not in (PRINTER_INSTANCE, ""):
        return None
    if report.event_type not in PrinterEvent.__members__.values():
        return None
    info = report.dataset.get("PrinterStatusInfo") if report.dataset is not None else None
    status = PrinterEvent(report.event_type).name
    return PoolStatus(status, info if isinstance(info, str) else "")


def printer_context(contexts: Iterable[Context]) -> Context | None:
    """The accepted context on which the Printer's events go: its own, or that of a Meta class."""
    found = [
        each
        for each in contexts
        if PRINTER in META_MEMBERS.get(each.abstract_syntax, {each.abstract_syntax})
    ]
    own = [each for each in found if each.abstract_syntax == PRINTER]
    return next(iter(own or found), None)
