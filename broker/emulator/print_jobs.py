"""A printer's Print Jobs: one for every N-ACTION that it accepted (PS3.4 H.4.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from threading import Condition

from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.statuses import Fault
from broker.dicom.uids import PRINT_JOB, fresh_uid
from broker.model.jobs.job import PrintRequest

KEPT = 1000
"""Print Jobs that can be asked for; older ones are forgotten."""


class Execution(IntEnum):
    """Execution Status, numbered as the Event Type that tells of it (PS3.4 H.4.5.2.1)."""

    PENDING = 1
    PRINTING = 2
    DONE = 3
    FAILURE = 4


Listener = Callable[["PrintJob", Execution, str], None]
"""Told of each state that a Print Job comes to, with Execution Status Info."""


@dataclass
class PrintJob:
    """One print job: what was asked for, and how far it has come."""

    number: int
    uid: str
    request: PrintRequest
    created: str
    """Date and time, YYYYMMDDHHMMSS."""
    history: list[tuple[Execution, str]] = field(default_factory=list)
    listener: Listener | None = None

    @property
    def execution(self) -> Execution:
        """The latest state."""
        return self.history[-1][0]

    @property
    def info(self) -> str:
        """Execution Status Info of the latest state (PS3.3 C.13.9.1)."""
        return self.history[-1][1]


class PrintJobs:
    """All print jobs of a printer; they outlive the associations that made them (PS3.4 H.5)."""

    def __init__(self, printer_name: str) -> None:
        self._printer_name = printer_name
        self._changed = Condition()
        self._jobs: dict[str, PrintJob] = {}
        self._last = 0

    def begin(self, request: PrintRequest, created: str, info: str) -> PrintJob:
        """A new one, pending."""
        with self._changed:
            self._last += 1
            job = PrintJob(self._last, fresh_uid(), request, created, [(Execution.PENDING, info)])
            self._jobs[job.uid] = job
            while len(self._jobs) > KEPT:
                del self._jobs[next(iter(self._jobs))]
            self._changed.notify_all()
        return job

    def move(self, job: PrintJob, execution: Execution, info: str = "NORMAL") -> None:
        """Bring a print job to its next state, and tell its listener."""
        with self._changed:
            job.history.append((execution, info))
            if job.listener is not None:
                job.listener(job, execution, info)
            self._changed.notify_all()

    def wait_for(self, uid: str, execution: Execution, timeout: float = 10) -> None:
        """Return as soon as a print job is in this state.

        Raises: TimeoutError: when it never is.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._jobs[uid].execution is execution, timeout):
                raise TimeoutError(f"{uid} is not {execution.name}")

    def wait_until_begun(self, number: int, timeout: float = 10) -> None:
        """Return as soon as there have been `number`.

        Raises: TimeoutError: when there never are.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._last >= number, timeout):
                raise TimeoutError(f"{self._last} print jobs, not {number}")

    def listen(self, number: int, listener: Listener) -> PrintJob:
        """Tell an association of all its states, the past ones first."""
        with self._changed:
            job = next(each for each in self._jobs.values() if each.number == number)
            for execution, info in job.history:
                listener(job, execution, info)
            job.listener = listener
        return job

    def silence(self, listener: Listener) -> None:
        """Tell this one nothing more: the association has ended."""
        with self._changed:
            for job in self._jobs.values():
                if job.listener == listener:
                    job.listener = None

    def event(self, info: str) -> Dataset:
        """The data set of an N-EVENT-REPORT (PS3.4 H.4.5.2.1)."""
        dataset = Dataset()
        attributes.put(dataset, "ExecutionStatusInfo", (info,))
        attributes.put(dataset, "PrinterName", (self._printer_name,))
        return dataset

    def known(self, uid: str) -> dict[str, str]:
        """What N-GET of a Print Job can tell (PS3.4 H.4.5.2.2).

        Raises: Fault: 0x0112 for a UID that no Print Job has.
        """
        with self._changed:
            job = self._jobs.get(uid)
            if job is None:
                raise Fault(statuses.NO_SUCH_SOP_INSTANCE, "no such Print Job")
            return {
                "ExecutionStatus": job.execution.name,
                "ExecutionStatusInfo": job.info,
                "PrintPriority": str(job.request.priority),
                "CreationDate": job.created[:8],
                "CreationTime": job.created[8:],
                "PrinterName": self._printer_name,
                "Originator": job.request.calling_ae,
            }


def action_reply(job: PrintJob) -> Dataset:
    """The Action Reply that names a Print Job, in (2100,0500) (PS3.4 H.4.1.2.4.1, H.4.2.2.4.1)."""
    dataset = Dataset()
    # PS3.6 gives this tag the name that it had in a retired class.
    keyword = "ReferencedPrintJobSequencePullStoredPrint"
    attributes.put_items(dataset, keyword, [attributes.reference(PRINT_JOB, job.uid)])
    return dataset
