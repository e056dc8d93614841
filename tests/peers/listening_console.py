"""A modality that keeps its association open and hears what it is told: pynetdicom's."""

from __future__ import annotations

import threading

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Printer, PrinterInstance  # type: ignore[attr-defined]

from broker.dicom import statuses

PATIENCE_S = 20.0


class Console:
    """A modality that keeps its association open, as pynetdicom hears it."""

    def __init__(self, port: int, *classes: str, status: int = statuses.SUCCESS) -> None:
        self.heard: list[tuple[int, str, str]] = []
        """Event type, Printer Status Info and Printer Name of each report."""
        self._status = status
        self._changed = threading.Condition()
        ae = AE("CT1")
        for each in classes:
            ae.add_requested_context(each)
        self.assoc: Association = ae.associate(
            "127.0.0.1",
            port,
            ae_title="BROKER",
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self._hear)],
        )
        assert self.assoc.is_established

    def _hear(self, event: evt.Event) -> tuple[int, Dataset | None]:
        assert event.request is not None
        assert event.request.AffectedSOPClassUID == Printer
        assert event.request.AffectedSOPInstanceUID == PrinterInstance
        told = Dataset() if event.request.EventInformation is None else event.event_information
        info, name = told.get("PrinterStatusInfo", ""), told.get("PrinterName", "")
        with self._changed:
            self.heard.append((event.event_type or 0, info, name))
            self._changed.notify_all()
        return self._status, None

    def wait_for(self, *heard: tuple[int, str, str]) -> None:
        """Wait until it has heard these, and nothing else."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.heard) >= len(heard), PATIENCE_S)
            assert self.heard == list(heard)
