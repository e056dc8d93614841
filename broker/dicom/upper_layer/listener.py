"""A port that peers connect to: pending connections, and a thread for each that proposes."""

from __future__ import annotations

import resource
import selectors
import socket
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress

from broker.dicom.upper_layer.associate_pdus import associate_rj
from broker.dicom.upper_layer.association_service import EventSink
from broker.dicom.upper_layer.listening_sockets import listen, names_of_peer
from broker.dicom.upper_layer.negotiation import CONGESTED, Proposal
from broker.dicom.upper_layer.pending import PendingConnection, PendingConnections
from broker.dicom.upper_layer.wire import Closed, Wire, WireBroken
from broker.model.peers.hosts import Hosts
from broker.model.peers.refusal import Refusal

BACKLOG = 4096
"""Connections that wait for accept(2). A peer that finds no place tries again after a second."""
AT_ONCE = 64
"""Connections that are accepted before anything is read from one."""
MAX_PENDING = 64
"""Connections on which no association runs; beyond it, one is cut."""
MAX_PROPOSING = 64
"""Threads beyond the limit of associations, for those that are about to begin or to end."""
PAUSE_S = 0.5
"""No connection is accepted for so long after the system had no room for one more."""
SPARE_DESCRIPTORS = 64
"""Kept for the films of running associations: pending connections cannot take the last ones."""


Run = Callable[[PendingConnection, Proposal], None]


class Listener:
    """Accepts connections, and runs each that proposes an association on a thread of its own.

    When `run` returns, the last PDU was sent on the wire: the listener closes it.
    """

    def __init__(
        self,
        host: Hosts,
        port: int,
        *,
        max_associations: int,
        establish_timeout_s: float,
        new_wire: Callable[[socket.socket], Wire],
        run: Run,
        on_event: EventSink,
    ) -> None:
        self._host = host
        self._asked_port = port
        self._max_threads = max_associations + MAX_PROPOSING
        self._establish_timeout_s = establish_timeout_s
        self._new_wire = new_wire
        self._run = run
        self._never = threading.Event()
        """Never set: for the pause after a fault."""
        self._on_event = on_event
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._leaving: deque[PendingConnection] = deque()
        self._listening: threading.Thread | None = None
        self._closing = False
        self._paused_until: float | None = None

    def start(self) -> None:
        """Bind and listen.

        Raises: CannotListen: when the port cannot be had on every address.
        """
        self._sockets = listen(self._host, self._asked_port, backlog=BACKLOG)
        self._port = int(self._sockets[0].getsockname()[1])
        self._addresses = [names_of_peer(each.getsockname())[1] for each in self._sockets]
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._selector = selectors.DefaultSelector()
        for each in self._sockets:
            each.setblocking(False)
            self._selector.register(each, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._pending = PendingConnections(
            self._selector,
            limit=MAX_PENDING,
            establish_timeout_s=self._establish_timeout_s,
            on_event=self._on_event,
        )
        self._listening = threading.Thread(target=self._listen, name=f"dicom-{self._port}")
        self._listening.start()

    @property
    def port(self) -> int:
        """The port that is listened on; known after start()."""
        return self._port

    @property
    def listening(self) -> bool:
        """Whether a thread waits for connections."""
        return self._listening is not None and self._listening.is_alive()

    @property
    def addresses(self) -> list[str]:
        """Each address with its port that is listened on; known after start()."""
        return self._addresses

    def close(self) -> None:
        """Accept no more connections, and cut the pending ones."""
        if self._listening is None:
            return
        with self._lock:
            self._closing = True
            self._wake.send(b"x")
        self._listening.join()
        self._listening = None
        self._wake.close()
        self._woken.close()

    def join(self, deadline: float) -> bool:
        """Wait for every thread until `deadline`, of `time.monotonic()`; whether all have ended."""
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _listen(self) -> None:
        with ExitStack() as stack:
            for each in self._sockets:
                stack.enter_context(each)
            stack.enter_context(self._selector)
            while not self._closing:
                try:
                    self._look()
                except Exception:  # noqa: BLE001 - a port without a listener is worse than any fault
                    words = traceback.format_exc()
                    self._on_event("fault", {"doing": "listening", "traceback": words})
                    self._never.wait(PAUSE_S)
            self._pending.close()
            while self._leaving:
                self._leaving.popleft().wire.close()

    def _look(self) -> None:
        """Wait for connections that are new, have sent something or are too late; serve them."""
        for key, _ in self._selector.select(self._patience()):
            if key.fileobj in self._sockets:
                self._take(key.fileobj)
            elif key.fileobj is self._woken:
                self._woken.recv(4096)
            elif key.data in self._pending:
                self._receive(key.data)
        now = time.monotonic()
        while self._leaving:
            self._pending.await_close(self._leaving.popleft(), now)
        self._pending.expire(now)
        if self._paused_until is not None and self._paused_until <= now:
            self._paused_until = None
            for each in self._sockets:
                self._selector.register(each, selectors.EVENT_READ)

    def _patience(self) -> float | None:
        deadlines = [self._pending.next_deadline, self._paused_until]
        first = min((each for each in deadlines if each is not None), default=None)
        return None if first is None else max(0.0, first - time.monotonic())

    def _take(self, listening: socket.socket) -> None:
        if self._paused_until is not None:
            return  # there was no room for a connection of another of our sockets
        for _ in range(AT_ONCE):
            try:
                sock, address = listening.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue  # gone before it was taken
            except OSError as exc:
                self._on_event("fault", {"doing": "accepting", "words": str(exc)})
                self._pending.cut_one()
                self._paused_until = time.monotonic() + PAUSE_S
                for each in self._sockets:
                    self._selector.unregister(each)
                return
            try:
                self._enter(sock, *names_of_peer(address))
            except BaseException:
                sock.close()
                raise

    def _enter(self, sock: socket.socket, address: str, peer: str) -> None:
        if _gone(sock):
            # The most frequent of all pending connections, and the cheapest.
            sock.close()
            self._on_event("probe", {"peer": peer})
            return
        if _scarce(sock.fileno()):
            if not self._pending.cut_one(Refusal.NO_DESCRIPTORS):
                sock.close()
                words = "no file descriptors are left for it"
                kind = Refusal.NO_DESCRIPTORS.value
                self._on_event("refused", {"peer": peer, "words": words, "kind": kind})
                return
            # With the number of the one that was cut: the next is measured by its number again.
            with sock:
                sock = sock.dup()
        try:
            wire = self._new_wire(sock)
        except OSError:
            sock.close()  # gone already
            return
        connection = PendingConnection(wire, address, peer)
        self._pending.enter(connection, time.monotonic())
        self._receive(connection)

    def _receive(self, connection: PendingConnection) -> None:
        try:
            proposal = self._pending.receive(connection, time.monotonic())
        except Exception:  # noqa: BLE001 - whatever one peer sends, the others are served
            words = traceback.format_exc()
            facts = {"peer": connection.peer, "doing": "listening", "traceback": words}
            self._on_event("fault", facts)
            self._pending.drop(connection)
            return
        if proposal is not None:
            self._begin(connection, proposal)

    def _begin(self, connection: PendingConnection, proposal: Proposal) -> None:
        thread = threading.Thread(
            target=self._run_and_leave,
            args=(connection, proposal),
            name=f"dicom-{connection.peer}",
            daemon=True,
        )
        with self._lock:
            room = len(self._threads) < self._max_threads
            if room:
                self._threads.add(thread)
        if not room:
            self._turn_away(connection)
            return
        try:
            thread.start()
        except RuntimeError as exc:
            # The system has no room for one more thread: only this peer is rejected.
            facts = {"peer": connection.peer, "doing": "accepting", "words": str(exc)}
            self._on_event("fault", facts)
            with self._lock:
                self._threads.discard(thread)
            self._turn_away(connection)

    def _turn_away(self, connection: PendingConnection) -> None:
        words = {"words": CONGESTED.words, "kind": Refusal.TURNED_AWAY.value}
        self._on_event("rejected", {"peer": connection.peer, **words})
        try:
            connection.wire.send([associate_rj(CONGESTED)], 0)
        except WireBroken:
            connection.wire.cut()
        self._pending.await_close(connection, time.monotonic())

    def _run_and_leave(self, connection: PendingConnection, proposal: Proposal) -> None:
        try:
            self._run(connection, proposal)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
                if self._closing:
                    with suppress(Closed):
                        connection.wire.shut_down()
                    connection.wire.close()
                else:
                    self._leaving.append(connection)
                    self._nudge()

    def _nudge(self) -> None:
        try:
            self._wake.send(b"x")
        except BlockingIOError:
            return  # it has been told often enough


def _gone(sock: socket.socket) -> bool:
    """Whether the peer has closed already and sent nothing."""
    try:
        return sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _scarce(descriptor: int) -> bool:
    """Whether few file descriptors are left.

    The system gives the lowest that is free: all below this one are in use.
    """
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    spare = min(SPARE_DESCRIPTORS, limit // 4)
    return limit != resource.RLIM_INFINITY and descriptor >= limit - spare
