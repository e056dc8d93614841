"""An emulated printer: a Print SCP on loopback whose sheets land in a paper tray.

It behaves as OKI's DICOM-embedded printers say they do: Basic Grayscale and Basic Color Print,
Presentation LUT, Print Job and Verification, no annotation; films on a queue of their own.
"""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from broker.dicom.film_tree import Received
from broker.dicom.print_scp import Note
from broker.dicom.sop_classes import (
    COLOR_META,
    EXPLICIT_LITTLE,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINT_JOB,
    VERIFICATION,
)
from broker.dicom.transport.acceptor import AcceptedAssociation, Acceptor, Offer, TurnedAway
from broker.dicom.transport.negotiation import CONGESTED
from broker.emulator.paper import compose
from broker.emulator.print_jobs import Execution, PrintJob, PrintJobs
from broker.emulator.printer_scp import PrinterScp
from broker.emulator.scenario import Scenario
from broker.emulator.tray import Sheet, Tray
from broker.model.job import PrintRequest
from broker.model.pool import NORMAL, PoolStatus
from broker.model.printer import Address
from broker.model.trouble import CannotStore

JAMMED = PoolStatus("FAILURE", "FILM JAM")
"""What a jammed printer says of itself (PS3.3 C.13.9.1)."""

_SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_OFFERED = (VERIFICATION, GRAYSCALE_META, COLOR_META, PRINT_JOB)


@dataclass(frozen=True)
class _Held:
    """Pixels that came in and are not on paper yet."""

    name: str
    content: bytes


class EmulatedPrinter:
    """A printer with one paper path: sheets come out one after the other.

    A film that was asked for takes `seconds_per_film` for every copy and is laid into the tray;
    then N-ACTION is answered. With no seconds that is at once. A jammed printer answers at once
    too and keeps what it took until the jam is cleared, for that is what printers with a queue of
    their own do.
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
        self._seconds_per_film = seconds_per_film
        self._dpi = dpi
        self._associations = associations
        self._clock = clock
        self._note = note
        self._scenario = _scenario(scenario)
        self._sets = 0
        self._doors = threading.RLock()
        """Held by whoever opens or closes the door."""
        self._changed = threading.Condition()
        self._path = threading.Lock()
        self._alive = False
        self._acceptor: Acceptor | None = None
        self._open: set[PrinterScp] = set()
        self._jammed: deque[tuple[PrintJob, dict[str, bytes]]] = deque()
        self._sheets: list[Sheet] = []

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
        """Whether it listens."""
        with self._changed:
            return self._alive

    @property
    def scenario(self) -> Scenario:
        """What is wrong with it now."""
        with self._changed:
            return self._scenario

    @property
    def sheets(self) -> list[Sheet]:
        """The sheets that came out since it was made, in order."""
        with self._changed:
            return list(self._sheets)

    def wait_for_sheets(self, number: int, timeout: float = 10) -> list[Sheet]:
        """The sheets, as soon as there are so many; TimeoutError when there never are."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._sheets) >= number, timeout):
                raise TimeoutError(f"{self.name}: {len(self._sheets)} sheets, not {number}")
            return list(self._sheets)

    def wait_until_dead(self, timeout: float = 10) -> None:
        """Return as soon as it refuses connections; TimeoutError when it never does."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._acceptor is None, timeout):
                raise TimeoutError(f"{self.name} is still listening")

    # Switching on and off

    def start(self) -> None:
        """Listen, unless its scenario is to be down."""
        with self._doors:
            if self.alive:
                return
            self._stop(self._acceptor)
            if self.scenario.down:
                self._reserve()
                return
            offered = [*_OFFERED, *(() if self.scenario.no_lut else (PRESENTATION_LUT,))]
            acceptor = Acceptor(
                host=self.host,
                port=self.port,
                ae_title=self.ae_title,
                offers=[Offer(each, _SYNTAXES) for each in offered],
                new_service=self._serve,
                max_associations=self._associations,
                on_event=self._note,
            )
            with self._changed:
                acceptor.start()
                self.port = acceptor.port
                self._acceptor = acceptor
                self._alive = True

    def kill(self) -> None:
        """Cut all connections without a word and refuse new ones. Returns when that is so."""
        self._expire()
        with self._doors:
            self._stop(self._acceptor)

    def die(self) -> None:
        """What a scenario does to it: `kill`, on a thread of its own.

        The association's own thread, which calls this, cannot wait for its own end.
        """
        doomed = self._expire()
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
        with self._doors:
            with self._changed:
                cut = changed.down or changed.no_lut != self._scenario.no_lut
                self._scenario = changed
                self._sets = 0
            if cut:
                self.kill()
            self.start()
        threading.Thread(target=self._print_waiting, name=f"{self.name}-queue").start()

    def _expire(self) -> Acceptor | None:
        """From now on nothing is printed or accepted; what is still to be stopped."""
        with self._changed:
            self._alive = False
            self._changed.notify_all()
            return self._acceptor

    def _stop(self, acceptor: Acceptor | None) -> None:
        """Stop listening with this acceptor, unless that has been done already."""
        with self._doors:
            if acceptor is None or acceptor is not self._acceptor:
                return
            self._expire()
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
            with socket.create_server((self.host, 0)) as chosen:
                self.port = int(chosen.getsockname()[1])

    # The associations' side of it: see printer_scp.Machine

    def _serve(self, association: AcceptedAssociation) -> PrinterScp:
        if self.scenario.busy:
            raise TurnedAway(CONGESTED)
        scp = PrinterScp(association, self, self._note)
        with self._changed:
            if self._alive:
                self._open.add(scp)
                return scp
        association.close()
        raise TurnedAway(CONGESTED)

    def left(self, scp: PrinterScp) -> None:
        """An association has ended."""
        with self._changed:
            self._open.discard(scp)

    def count_set(self) -> int:
        """Count one N-SET; how many there were since the scenario began."""
        with self._changed:
            self._sets += 1
            return self._sets

    def status(self) -> PoolStatus:
        """What N-GET of the Printer tells."""
        return JAMMED if self.scenario.jam else NORMAL

    def receive(self, chunks: Iterable[memoryview]) -> Received:
        """Keep pixels in memory."""
        content = b"".join(chunks)
        return _Held(sha256(content).hexdigest(), content)

    def forget(self, received: Sequence[Received]) -> None:
        """Nothing to do: nobody else keeps them."""

    def accept(self, request: PrintRequest, received: Sequence[Received]) -> int:
        """Print, or queue while jammed; the Print Job's number. CannotStore when the tray fails."""
        pixels = {held.name: held.content for held in received if isinstance(held, _Held)}
        created = self._clock().strftime("%Y%m%d%H%M%S")
        with self._changed:
            jammed = self._scenario.jam
            job = self.print_jobs.begin(request, created, "FILM JAM" if jammed else "QUEUED")
            if jammed:
                self._jammed.append((job, pixels))
        if not jammed:
            self._print(job, pixels)
        return job.number

    def _print_waiting(self) -> None:
        """Print what was taken during a jam, while the printer is fit to."""
        while True:
            with self._changed:
                if not self._jammed or self._scenario.jam or not self._alive:
                    return
                job, pixels = self._jammed.popleft()
            try:
                self._print(job, pixels)
            except CannotStore as error:
                # The modality was told success long ago; only the Print Job can say it now.
                self._note("film not printed", {"printer": self.name, "why": str(error)})

    def _print(self, job: PrintJob, pixels: Mapping[str, bytes]) -> None:
        request = job.request
        with self._path:
            self.print_jobs.move(job, Execution.PRINTING)
            for film in request.films:
                if not self._turn_rollers(request.copies):
                    self.print_jobs.move(job, Execution.FAILURE, "PRINTER DOWN")
                    raise CannotStore("the printer was switched off while printing")
                try:
                    sheet = self.tray.put(
                        film,
                        compose(film, pixels.__getitem__, self._dpi),
                        printed_at=self._clock().isoformat(timespec="seconds"),
                        calling_ae=request.calling_ae,
                        called_ae=request.called_ae,
                        copies=request.copies,
                        priority=request.priority,
                        session=request.session,
                    )
                except OSError as error:
                    self.print_jobs.move(job, Execution.FAILURE, "RECEIVER FULL")
                    raise CannotStore(f"the tray cannot be written: {error.strerror}") from error
                with self._changed:
                    self._sheets.append(sheet)
                    self._changed.notify_all()
            self.print_jobs.move(job, Execution.DONE)

    def _turn_rollers(self, copies: int) -> bool:
        """Take the time that the sheets take; False when the printer was switched off meanwhile."""
        with self._changed:
            slow = self._scenario.seconds
            seconds = (self._seconds_per_film if slow is None else slow) * copies
            return not self._changed.wait_for(lambda: not self._alive, seconds)


def _scenario(scenario: Scenario | str) -> Scenario:
    return Scenario.parse(scenario) if isinstance(scenario, str) else scenario
