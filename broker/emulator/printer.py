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

from broker.dicom.uids import (
    COLOR_META,
    EXPLICIT_LITTLE,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINT_JOB,
    VERIFICATION,
)
from broker.dicom.upper_layer.acceptor import AcceptedAssociation, Acceptor, Offer, TurnedAway
from broker.dicom.upper_layer.listening_sockets import listen
from broker.dicom.upper_layer.negotiation import CONGESTED
from broker.emulator.paper_path import PaperPath
from broker.emulator.print_jobs import PrintJobs
from broker.emulator.printer_scp import PrinterScp
from broker.emulator.scenario import Scenario
from broker.emulator.tray import Sheet, Tray
from broker.events import Note
from broker.model.printer import Address

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
        self._doors = threading.RLock()
        """Held by whoever opens or closes the door."""
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
        """The sheets, as soon as there are so many; TimeoutError when there never are."""
        return self.paper_path.wait_for_sheets(number, timeout)

    def wait_until_dead(self, timeout: float = 10) -> None:
        """Return as soon as it refuses connections; TimeoutError when it never does."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._acceptor is None, timeout):
                raise TimeoutError(f"{self.name} is still listening")

    # Switching on and off

    def start(self) -> None:
        """Listen, unless its scenario is to be down. Raises OSError when the port is taken."""
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
                port=None if self._tls else self.port,
                tls_port=self.port,
                tls=self._tls,
                ae_title=self.ae_title,
                offers=[Offer(each, _SYNTAXES) for each in offered],
                new_service=self._serve,
                max_associations=self._associations,
                on_event=self._note,
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
        """Cut all connections without a word and refuse new ones. Returns when that is so."""
        self.paper_path.switch(on=False)
        with self._doors:
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
        with self._doors:
            cut = changed.down or changed.no_lut != self.scenario.no_lut
            self.paper_path.suffer(changed)
            with self._changed:
                self._sets = 0
            if cut:
                self.kill()
            self.start()
        self.paper_path.resume()

    def _stop(self, acceptor: Acceptor | None) -> None:
        """Stop listening with this acceptor, unless that has been done already."""
        with self._doors:
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

    # What associations need of it: see printer_scp.Machine

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
            # Whoever switches it off looks through `_open` afterwards, under the same lock.
            if self.alive:
                self._open.add(scp)
                return scp
        association.close()
        raise TurnedAway(CONGESTED)


def _scenario(scenario: Scenario | str) -> Scenario:
    return Scenario.parse(scenario) if isinstance(scenario, str) else scenario
