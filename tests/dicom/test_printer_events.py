"""N-EVENT-REPORT of the Printer, made and read."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset

from broker.dicom.printer_events import event_of, printer_context, status_of
from broker.dicom.uids import (
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.upper_layer.message import Context
from broker.dicom.upper_layer.requestor import EventReport
from broker.model.printers.printer import BROKEN, FULL, KEPT, NORMAL, PoolStatus
from tests.peers.speaker import dataset

INFO = dataset(PrinterStatusInfo="FILM JAM")


@pytest.mark.parametrize("status", [NORMAL, KEPT, BROKEN, FULL])
def test_what_is_told_is_heard(status: PoolStatus) -> None:
    """Each status of the pool is an event; NORMAL has no information beside it."""
    event, info = event_of(status, "BROKER")
    heard = status_of(EventReport(PRINTER, PRINTER_INSTANCE, event, info))
    assert heard == (PoolStatus("NORMAL", "") if status is NORMAL else status)
    assert (info is None) == (status is NORMAL)
    assert info is None or info.PrinterName == "BROKER"


@pytest.mark.parametrize(
    ("sop_class", "uid", "event", "info", "expected"),
    [
        (PRINTER, PRINTER_INSTANCE, 3, INFO, PoolStatus("FAILURE", "FILM JAM")),
        (PRINTER, "", 3, INFO, PoolStatus("FAILURE", "FILM JAM")),
        (PRINTER, PRINTER_INSTANCE, 3, None, PoolStatus("FAILURE", "")),
        (PRINTER, PRINTER_INSTANCE, 2, Dataset(), PoolStatus("WARNING", "")),
        (PRINTER, "1.2.3", 3, INFO, None),
        (PRINT_JOB, PRINTER_INSTANCE, 3, INFO, None),
        (PRINTER, PRINTER_INSTANCE, 0, INFO, None),
        (PRINTER, PRINTER_INSTANCE, 4, INFO, None),
        (PRINTER, PRINTER_INSTANCE, 2, dataset(PrinterName="X"), PoolStatus("WARNING", "")),
    ],
)
def test_a_report_tells_of_the_printer_or_of_nothing(
    sop_class: str, uid: str, event: int, info: Dataset | None, expected: PoolStatus | None
) -> None:
    """Of another class or instance, or of an unknown type, it tells nothing; without info it tells
    the status alone."""
    assert status_of(EventReport(sop_class, uid, event, info)) == expected


def test_events_go_on_a_context_of_the_printers_class() -> None:
    """Its own one, else that of a Meta class; without either there is none."""
    meta = Context(1, GRAYSCALE_META, "1.2.840.10008.1.2")
    lut = Context(3, PRESENTATION_LUT, "1.2.840.10008.1.2")
    own = Context(5, PRINTER, "1.2.840.10008.1.2")
    assert printer_context([lut, meta, own]) is own
    assert printer_context([lut, meta]) is meta
    assert printer_context([lut]) is None
