"""One association with an emulated printer: the Print SCP, with Print Job and with faults."""

from __future__ import annotations

from typing import Protocol

from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.scp import attribute_list
from broker.dicom.scp.open_film import OpenFilmBox
from broker.dicom.scp.print_scp import PrintScp
from broker.dicom.statuses import Fault
from broker.dicom.uids import PRINT_JOB
from broker.dicom.upper_layer.acceptor import AcceptedAssociation, Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.wire import WireBroken
from broker.emulator.paper_path import PaperPath
from broker.emulator.print_jobs import Execution, PrintJob, PrintJobs, action_reply
from broker.emulator.scenario import Scenario
from broker.events import Note
from broker.model.film import first


class Machine(Protocol):
    """The printer behind the associations."""

    name: str
    print_jobs: PrintJobs
    paper_path: PaperPath

    @property
    def scenario(self) -> Scenario:
        """What is wrong with it now."""

    def count_set(self) -> int:
        """Count one N-SET; how many there were since the scenario began."""

    def die(self) -> None:
        """Cut all connections and stop listening; returns before that is done."""

    def left(self, scp: PrinterScp) -> None:
        """An association has ended."""


class PrinterScp(PrintScp):
    """Answers like a printer: the PrintScp, and what goes wrong with printers."""

    def __init__(self, association: AcceptedAssociation, machine: Machine, note: Note) -> None:
        super().__init__(association, machine.paper_path, note, model_name="Emulated printer")
        self.machine = machine
        found = [each for each in association.contexts if each.abstract_syntax == PRINT_JOB]
        self._print_job_context = found[0] if found else None

    def answer(self, request: Request) -> Response:
        """The response; none leaves once the printer has died."""
        scenario = self.machine.scenario
        if request.field == Command.N_SET and self.machine.count_set() == scenario.dies_at_set:
            if request.data is not None:
                request.data.skip()  # all of it has come, and no answer will leave
            return self._die()
        if request.field == Command.N_ACTION and scenario.refused_action is not None:
            return Response(scenario.refused_action, None, {"ErrorComment": "as the scenario says"})
        if request.field == Command.N_GET and request.class_uid == PRINT_JOB:
            return self._get_print_job(request)
        response = super().answer(request)
        if not self.machine.paper_path.on:
            # Switched off meanwhile: what has no power says nothing.
            self.association.close()
            return response
        printed = request.field == Command.N_ACTION and response.status == statuses.SUCCESS
        return self._die() if printed and scenario.dies_after_print else response

    def closed(self, ending: Ending) -> None:
        """Forget what was not actioned; Print Jobs live on (PS3.4 H.5)."""
        self.machine.print_jobs.silence(self._tell)
        super().closed(ending)
        self.machine.left(self)

    def check_film_box(self, film_box: OpenFilmBox) -> None:
        """Fault 0x0106 for the film size that the scenario refuses."""
        refused = self.machine.scenario.refused_size
        if refused and first(film_box.attributes, "FilmSizeID") == refused:
            raise Fault(
                statuses.INVALID_ATTRIBUTE_VALUE,
                f"there is no {refused} in this printer",
                [attributes.tag("FilmSizeID")],
            )

    def printer_attributes(self) -> dict[str, str]:
        """Whatever a printer says of itself."""
        return {
            **super().printer_attributes(),
            "PrinterName": self.machine.name,
            "DeviceSerialNumber": "0",
            "SoftwareVersions": "0",
        }

    def action_reply(self, request: Request, job: int) -> Dataset | None:  # noqa: ARG002
        """The Print Job's reference, and its events right after it, where they were asked for."""
        if self._print_job_context is None:
            return None
        return action_reply(self.machine.print_jobs.listen(job, self._tell))

    def _get_print_job(self, request: Request) -> Response:
        try:
            known = self.machine.print_jobs.known(request.instance_uid)
        except Fault as fault:
            return Response(fault.status, None, {"ErrorComment": fault.comment})
        return attribute_list.answered(request.command, known, request.instance_uid)

    def _tell(self, job: PrintJob, execution: Execution, info: str) -> None:
        """Send N-EVENT-REPORT of a Print Job (PS3.4 H.4.5.2.1)."""
        assert self._print_job_context is not None
        event = self.machine.print_jobs.event(info)
        try:
            self.association.event_report(
                self._print_job_context, PRINT_JOB, job.uid, execution, event
            )
        except WireBroken:
            # Nobody is left to tell; the Print Job can still be asked for.
            self.note("event not delivered", {"calling_ae": self.association.calling_ae})

    def _die(self) -> Response:
        # In this order: once the peer sees the cut, the printer is known to be dead.
        self.machine.die()
        self.association.close()
        return Response(statuses.PROCESSING_FAILURE)
