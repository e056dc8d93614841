"""An emulated printer: a Print SCP on loopback whose sheets land in a paper tray.

It offers what OKI's DICOM-embedded printers say they offer: Basic Grayscale and Basic Color Print,
Presentation LUT, Print Job and Verification, no annotation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from ssl import SSLContext
from types import TracebackType
from typing import Protocol

from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.printer_events import event_of, printer_context
from broker.dicom.scp import attribute_list
from broker.dicom.scp.open_film import OpenFilmBox
from broker.dicom.scp.print_scp import PrintScp
from broker.dicom.statuses import Fault
from broker.dicom.uids import (
    COLOR_META,
    EXPLICIT_LITTLE,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.acceptor import Acceptor, AcceptorSettings
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.listening_sockets import listen
from broker.dicom.upper_layer.message import Context, Request, Response
from broker.dicom.upper_layer.negotiation import CONGESTED, Offer, TurnedAway
from broker.dicom.upper_layer.wire import WireBroken
from broker.emulator.paper_path import PaperPath, Sheet, Tray
from broker.emulator.print_jobs import Execution, PrintJob, PrintJobs, action_reply
from broker.emulator.scenario import Scenario
from broker.events import Event, Note, of_associations
from broker.model.films.film import first
from broker.model.printers.printer import Address, PoolStatus


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
        super().__init__(association, machine.paper_path, note, strict=True)
        self.machine = machine
        found = [each for each in association.contexts if each.abstract_syntax == PRINT_JOB]
        self._print_job_context = found[0] if found else None
        self._printer_context = printer_context(association.contexts)

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
        """Raises: Fault: 0x0106 for the film size that the scenario refuses."""
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
            "ManufacturerModelName": "Emulated printer",
            "DeviceSerialNumber": f"EMULATED-{self.machine.name}",
            "SoftwareVersions": "1.0",
        }

    def action_reply(self, request: Request, job: int) -> Dataset | None:  # noqa: ARG002
        """The Print Job's reference, and its events right after it, where they were asked for."""
        if self._print_job_context is None:
            return None
        return action_reply(self.machine.print_jobs.listen(job, self._tell))

    def tell_status(self, status: PoolStatus) -> None:
        """Send N-EVENT-REPORT of the Printer (PS3.4 H.4.6.2.1), from any thread."""
        if self._printer_context is not None:
            event, info = event_of(status, self.machine.name)
            self._send(self._printer_context, PRINTER, PRINTER_INSTANCE, event, info)

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
        self._send(self._print_job_context, PRINT_JOB, job.uid, execution, event)

    def _send(
        self, context: Context, sop_class: str, uid: str, event: int, info: Dataset | None
    ) -> None:
        try:
            self.association.event_report(context, sop_class, uid, event, info)
        except WireBroken:
            # The association is gone; what it was about can still be asked for.
            self.note(Event.EVENT_NOT_DELIVERED, {"calling_ae": self.association.calling_ae})

    def _die(self) -> Response:
        # In this order: once the peer sees the cut, the printer is known to be dead.
        self.machine.die()
        self.association.close()
        return Response(statuses.PROCESSING_FAILURE)


_SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_OFFERED = (VERIFICATION, GRAYSCALE_META, COLOR_META, PRINT_JOB)


class EmulatedPrinter:
    """A printer that can be switched off and on, and made to fail, while others print on it.

    A film that was asked for takes `seconds_per_film` for every copy and is laid into the tray;
    then N-ACTION is answered. With no seconds that is at once. `note` is told of what is worth a
    log line, faults of the emulator itself among it.
    """

    def __init__(
        self,
        name: str,
        ae_title: str,
        tray: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seconds_per_film: float = 0,
        scenario: Scenario | str = "",
        dpi: float = 50,
        associations: int = 8,
        tls: Callable[[], SSLContext] | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now().astimezone(),
        note: Note = lambda _event, _facts: None,
    ) -> None:
        self.name = name
        self.ae_title = ae_title
        self.tray = Tray(tray)
        self.host = host
        self.port = port
        """What it listens on; 0 until it has been started, where the system was to choose."""
        self.print_jobs = PrintJobs(name)
        self.paper_path = PaperPath(
            name,
            self.tray,
            self.print_jobs,
            _scenario(scenario),
            seconds_per_film=seconds_per_film,
            dpi=dpi,
            clock=clock,
            note=note,
        )
        self._associations = associations
        self._tls = tls
        self._note = note
        self._switching = threading.RLock()
        """Held while the port is opened or closed."""
        self._changed = threading.Condition()
        self._acceptor: Acceptor | None = None
        self._open: set[PrinterScp] = set()
        self._sets = 0

    def __enter__(self) -> EmulatedPrinter:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def address(self) -> Address:
        """How the broker reaches it."""
        return Address(self.name, self.ae_title, self.host, self.port)

    @property
    def alive(self) -> bool:
        """Whether it listens and prints."""
        return self.paper_path.on

    @property
    def scenario(self) -> Scenario:
        """What is wrong with it now."""
        return self.paper_path.scenario

    @property
    def sheets(self) -> list[Sheet]:
        """The sheets that came out since it was made, in order."""
        return self.paper_path.sheets

    def wait_for_sheets(self, number: int, timeout: float = 10) -> list[Sheet]:
        """The sheets, as soon as there are `number`.

        Raises: TimeoutError: when there never are.
        """
        return self.paper_path.wait_for_sheets(number, timeout)

    def wait_until_dead(self, timeout: float = 10) -> None:
        """Return as soon as it refuses connections.

        Raises: TimeoutError: when it never does.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._acceptor is None, timeout):
                raise TimeoutError(f"{self.name} is still listening")

    # Switching on and off

    def start(self) -> None:
        """Listen, unless its scenario is to be down.

        Raises: OSError: when the port is in use.
        """
        with self._switching:
            if self.alive:
                return
            self._stop(self._acceptor)
            if self.scenario.down:
                self._reserve()
                return
            offered = [*_OFFERED, *(() if self.scenario.no_lut else (PRESENTATION_LUT,))]
            offers = [Offer(each, _SYNTAXES) for each in offered]
            acceptor = Acceptor(
                AcceptorSettings(
                    host=self.host,
                    called={self.ae_title},
                    port=None if self._tls else self.port,
                    tls_port=self.port,
                    max_associations=self._associations,
                ),
                lambda: offers,
                self._serve,
                tls=self._tls,
                on_event=of_associations(self._note),
            )
            self.paper_path.switch(on=True)
            try:
                acceptor.start()
            except OSError:
                self.paper_path.switch(on=False)
                raise
            self.port = acceptor.port or acceptor.tls_port
            with self._changed:
                self._acceptor = acceptor

    def kill(self) -> None:
        """Cut all connections without A-ABORT and refuse new ones. Returns when that is so."""
        self.paper_path.switch(on=False)
        with self._switching:
            self._stop(self._acceptor)

    def die(self) -> None:
        """What a scenario does to it: `kill`, on a thread of its own.

        The association's own thread, which calls this, cannot wait for its own end.
        """
        self.paper_path.switch(on=False)
        with self._changed:
            doomed = self._acceptor
        threading.Thread(target=self._stop, args=(doomed,), name=f"{self.name}-dies").start()

    def revive(self) -> None:
        """Listen again on the same port, repaired from whatever took it down."""
        self.set_scenario("ok" if self.scenario.fatal else self.scenario)

    def set_scenario(self, scenario: Scenario | str) -> None:
        """Change what is wrong, from any thread.

        A printer that is dead comes to life, unless the scenario is to be down. Associations go on,
        except where the printer goes down or its presentation contexts change (no-lut): these are
        cut. Films that were waiting in a jam come out.
        """
        changed = _scenario(scenario)
        with self._switching:
            cut = changed.down or changed.no_lut != self.scenario.no_lut
            before = self.paper_path.status()
            self.paper_path.suffer(changed)
            with self._changed:
                self._sets = 0
            if cut:
                self.kill()
            self.start()
            status = self.paper_path.status()
            with self._changed:
                told = list(self._open) if status != before else []
        for scp in told:
            scp.tell_status(status)
        self.paper_path.resume()

    def _stop(self, acceptor: Acceptor | None) -> None:
        """Stop listening with this acceptor, unless that has been done already."""
        with self._switching:
            if acceptor is None or acceptor is not self._acceptor:
                return
            self.paper_path.switch(on=False)
            with self._changed:
                cut = list(self._open)
            for scp in cut:
                scp.association.close()
            acceptor.stop(0)
            with self._changed:
                self._acceptor = None
                self._changed.notify_all()

    def _reserve(self) -> None:
        """Have the system choose a port, so that its address is known before it ever listens."""
        if not self.port:
            with ExitStack() as stack:
                chosen = [stack.enter_context(each) for each in listen(self.host, 0, backlog=1)]
                self.port = int(chosen[0].getsockname()[1])

    # What associations need of it: see `Machine`

    def left(self, scp: PrinterScp) -> None:
        """An association has ended."""
        with self._changed:
            self._open.discard(scp)

    def count_set(self) -> int:
        """Count one N-SET; how many there were since the scenario began."""
        with self._changed:
            self._sets += 1
            return self._sets

    def _serve(self, association: AcceptedAssociation) -> PrinterScp:
        if self.scenario.busy:
            raise TurnedAway(CONGESTED)
        scp = PrinterScp(association, self, self._note)
        with self._changed:
            # The thread that switches it off looks through `_open` afterwards, under the same lock.
            if self.alive:
                self._open.add(scp)
                return scp
        association.close()
        raise TurnedAway(CONGESTED)


def _scenario(scenario: Scenario | str) -> Scenario:
    return Scenario.parse(scenario) if isinstance(scenario, str) else scenario
