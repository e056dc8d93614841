"""A printer on a real socket that goes wrong exactly where a test says.

Associations for films play the script; health checks, which propose Verification, are answered by
a script of their own: a printer that passes every check and fails every film is the point.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import ExitStack

from broker.dicom.upper_layer.wire import Wire, WireBroken
from broker.model.printers.printer import Address
from tests.peers.printer_call import MAX_PDU, Call, Paper
from tests.peers.printer_fault import Act, Fault


class ScriptedPrinter:
    """Listens when it is made. The nth association for films suffers the nth of `faults`; all
    further ones `always`, where that is given. `by_label` has a fault for the first association
    whose film session has that label, or for each of them where it is `lasting`. `check` is what
    it does to health checks."""

    def __init__(
        self,
        name: str,
        *faults: Fault | None,
        always: Fault | None = None,
        by_label: Mapping[str, Fault] | None = None,
        lasting: bool = False,
        check: Act | None = None,
    ) -> None:
        self.name = name
        self.films: list[Paper] = []
        self.troubles: list[BaseException] = []
        """What went wrong in the script itself."""
        self.status = ("NORMAL", "NORMAL")
        """Printer Status and its info, as health checks are told."""
        self.check = check
        self._faults = list(faults)
        self._always = always
        self._by_label = dict(by_label or {})
        self._lasting = lasting
        self._changed = threading.Condition()
        self._associations = 0
        self._running: dict[threading.Thread, Wire] = {}
        self._off = threading.Event()
        self._listener: socket.socket | None = None
        # Keeps the port while no printer listens on it: who connects then is refused.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.open()

    @property
    def address(self) -> Address:
        """How the broker reaches it."""
        port = int(self._reserved.getsockname()[1])
        return Address(self.name, self.name.upper(), "127.0.0.1", port)

    def misbehave(self, always: Fault, *, check: Act | None = None) -> None:
        """From now on this goes wrong, and that with health checks."""
        with self._changed:
            self._always, self.check = always, check

    def behave(self) -> None:
        """From now on nothing goes wrong any more."""
        with self._changed:
            self._faults, self._always, self.check = [], None, None
            self._by_label.clear()
        self.open()

    def open(self) -> None:
        """Listen."""
        if self._listener is not None:
            return
        self._off.clear()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._reserved.getsockname())
        self._listener.listen(64)
        threading.Thread(
            target=self._listen, args=(self._listener,), name=f"{self.name}-door", daemon=True
        ).start()

    def shut(self) -> None:
        """Refuse connections, and cut those that there are. Returns when that is so."""
        if self._listener is None:
            return
        self._off.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._changed:
            running = dict(self._running)
        for thread, wire in running.items():
            wire.cut()
            thread.join()

    def close(self) -> None:
        """Switch it off for good; raises what went wrong in its own script."""
        self.shut()
        self._reserved.close()
        for trouble in self.troubles:
            raise trouble

    def next_fault(self) -> tuple[int, Fault | None]:
        """The number of a new association for films, and what goes wrong with it."""
        with self._changed:
            self._associations += 1
            return self._associations, self._faults.pop(0) if self._faults else self._always

    def fault_of(self, label: str) -> Fault | None:
        """What goes wrong with a film session of that label, the first time."""
        with self._changed:
            return self._by_label.get(label) if self._lasting else self._by_label.pop(label, None)

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # shut
            wire = Wire(sock, max_pdu=MAX_PDU)
            thread = threading.Thread(
                target=self._run, args=(wire,), name=f"{self.name}-call", daemon=True
            )
            with self._changed:
                # Started before it can be found: `shut` joins what it finds.
                thread.start()
                self._running[thread] = wire
            if self._off.is_set():
                wire.cut()

    def _run(self, wire: Wire) -> None:
        with ExitStack() as last:
            last.callback(wire.close)
            try:
                Call(self, wire, self._off).run()
            except WireBroken:
                pass  # the broker, or the script, has hung up
            except BaseException as exc:  # noqa: BLE001 - it is raised where the test sees it
                self.troubles.append(exc)
        with self._changed:
            self._running.pop(threading.current_thread(), None)
