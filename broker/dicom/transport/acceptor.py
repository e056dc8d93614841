"""Associations that others open with us: one thread each, on reads that block."""

from __future__ import annotations

import select
import socket
import threading
import time
import traceback
from collections.abc import Callable, Sequence

from broker.dicom.transport.associate_pdus import abort_pdu, associate_rj, read_proposal
from broker.dicom.transport.association import ABORT_PROGRESS_S, LINGER_S, AcceptedAssociation
from broker.dicom.transport.fragments import Budget
from broker.dicom.transport.negotiation import (
    CONGESTED,
    TOO_MANY,
    Offer,
    Proposal,
    Rejection,
    TurnedAway,
    judge,
    negotiate,
)
from broker.dicom.transport.service import Ending, EventSink, Limits, Service
from broker.dicom.transport.wire import (
    Closed,
    PduType,
    Reason,
    TimedOut,
    Violation,
    Wire,
    WireBroken,
)

__all__ = ["AcceptedAssociation", "Acceptor", "Ending", "Offer", "Service", "TurnedAway"]

BACKLOG = 128
MAX_STRANGERS = 64
"""Connections on which no association has been accepted; beyond it, the oldest is cut."""
ACCEPT_PAUSE_S = 0.5
"""After the system had no room for one more connection."""


class Acceptor:
    """Listens on one port, and runs a Service for each association.

    `new_service` is called on the association's thread before it is accepted; it may raise
    TurnedAway. `on_event` is told, with plain fields: accepted, released, aborted, lost, rejected,
    probe (a connection closed without a word), refused (a connection that spoke no DICOM, or cut
    to make room) and fault (with a traceback). It is called from several threads.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        ae_title: str,
        offers: Sequence[Offer] | Callable[[], Sequence[Offer]],
        new_service: Callable[[AcceptedAssociation], Service],
        check_called_ae: bool = True,
        max_associations: int = 64,
        max_pdu: int = 65536,
        establish_timeout_s: float = 30,
        idle_timeout_s: float = 3600,
        message_timeout_s: float = 300,
        max_dataset: int = 256 << 20,
        max_memory: int = 1 << 30,
        on_event: EventSink = lambda _name, _fields: None,
    ) -> None:
        self._host = host
        self._asked_port = port
        self._ae_title = ae_title
        self._offers = offers if callable(offers) else lambda: offers
        self._new_service = new_service
        self._check_called_ae = check_called_ae
        self._max_associations = max_associations
        self._establish_timeout_s = establish_timeout_s
        self._limits = Limits(max_pdu, idle_timeout_s, message_timeout_s, max_dataset)
        self._budget = Budget(max_memory)
        self._on_event = on_event
        self._changed = threading.Condition()
        self._strangers: dict[Wire, str] = {}
        self._associations: set[AcceptedAssociation] = set()
        self._threads: set[threading.Thread] = set()
        self._stopping = False
        self._listening: threading.Thread | None = None

    def start(self) -> None:
        """Bind and listen. Raises OSError when the port cannot be had."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server(
            (self._host, self._asked_port), family=family, backlog=BACKLOG
        )
        self._socket.setblocking(False)
        self._port = int(self._socket.getsockname()[1])
        self._wake, self._woken = socket.socketpair()
        self._listening = threading.Thread(target=self._listen, name=f"dicom-{self._port}")
        self._listening.start()

    @property
    def port(self) -> int:
        """The port that is listened on; known after start()."""
        return self._port

    @property
    def associations(self) -> int:
        """Associations that are running."""
        with self._changed:
            return len(self._associations)

    def stop(self, grace_s: float) -> None:
        """No new associations; those that run may go on for `grace_s` seconds, then are aborted.

        Returns when every thread has ended.
        """
        if self._listening is None:
            return
        self._wake.send(b"x")
        self._listening.join()
        with self._changed:
            self._stopping = True
            strangers = list(self._strangers)
        for wire in strangers:
            wire.cut()
        with self._changed:
            self._changed.wait_for(lambda: not self._associations, grace_s)
            running = list(self._associations)
        for association in running:
            association.abort()
        with self._changed:
            threads = list(self._threads)
        for thread in threads:
            thread.join()
        self._listening = None
        self._wake.close()
        self._woken.close()

    def _listen(self) -> None:
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        waiting.register(self._woken, select.POLLIN)
        with self._socket:
            while True:
                ready = dict(waiting.poll())
                if self._woken.fileno() in ready:
                    return
                try:
                    sock, address = self._socket.accept()
                except BlockingIOError:
                    continue
                except ConnectionError:
                    continue  # gone before it was taken
                except OSError as exc:
                    self._on_event("fault", {"doing": "accepting", "words": str(exc)})
                    if self._pause():
                        return
                    continue
                self._begin(sock, f"{address[0]}:{address[1]}")

    def _pause(self) -> bool:
        """Wait a moment; whether to stop."""
        waiting = select.poll()
        waiting.register(self._woken, select.POLLIN)
        return bool(waiting.poll(ACCEPT_PAUSE_S * 1000))

    def _begin(self, sock: socket.socket, peer: str) -> None:
        try:
            wire = Wire(sock, max_pdu=self._limits.max_pdu)
        except OSError:
            sock.close()  # gone already
            return
        thread = threading.Thread(target=self._run, args=(wire, peer), name=f"dicom-{peer}")
        with self._changed:
            if len(self._strangers) >= MAX_STRANGERS:
                oldest = next(iter(self._strangers))
                self._strangers.pop(oldest)
                oldest.cut()
            self._strangers[wire] = peer
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as exc:
            # The system has no room for one more thread: this peer is lost, not the others.
            self._on_event("fault", {"peer": peer, "doing": "accepting", "words": str(exc)})
            with self._changed:
                self._strangers.pop(wire, None)
                self._threads.discard(thread)
            wire.close()

    def _run(self, wire: Wire, peer: str) -> None:
        try:
            self._establish(wire, peer)
        except Exception:  # noqa: BLE001 - the thread has nobody else to tell
            self._on_event(
                "fault",
                {"peer": peer, "doing": "an association", "traceback": traceback.format_exc()},
            )
        finally:
            wire.finish(time.monotonic() + (0 if self._stopping else LINGER_S))
            with self._changed:
                self._strangers.pop(wire, None)
                self._threads.discard(threading.current_thread())

    def _establish(self, wire: Wire, peer: str) -> None:
        deadline = time.monotonic() + self._establish_timeout_s
        try:
            wire.wait(deadline)
        except Closed:
            self._on_event("probe", {"peer": peer})
            return
        except TimedOut:
            self._on_event("refused", {"peer": peer, "words": "said nothing"})
            return
        try:
            pdu = wire.receive(deadline)
            if pdu.type != PduType.ASSOCIATE_RQ:
                raise Violation(f"{pdu.type.name} before an association", Reason.UNEXPECTED_PDU)
            proposal = read_proposal(pdu.body)
        except Violation as exc:
            self._on_event("refused", {"peer": peer, "words": str(exc)})
            self._last_words(wire, abort_pdu(by_provider=True, reason=exc.reason))
            return
        except TimedOut:
            self._on_event("refused", {"peer": peer, "words": "A-ASSOCIATE-RQ was not completed"})
            self._last_words(wire, abort_pdu(by_provider=True))
            return
        except WireBroken as exc:
            self._on_event("refused", {"peer": peer, "words": f"the peer {exc}"})
            return
        rejection = judge(proposal, ae_title=self._ae_title, check_called_ae=self._check_called_ae)
        if rejection is None:
            rejection = self._accept(wire, peer, proposal)
        if rejection is not None:
            self._on_event("rejected", {**_names(proposal, peer), "words": rejection.words})
            self._last_words(wire, associate_rj(rejection))

    def _accept(self, wire: Wire, peer: str, proposal: Proposal) -> Rejection | None:
        """Run the association to its end, or say why it must not be."""
        answered = negotiate(proposal.contexts, self._offers())
        try:
            association = AcceptedAssociation(
                wire, peer, proposal, answered, self._limits, self._budget, self._on_event
            )
        except Violation as exc:
            self._on_event("refused", {"peer": peer, "words": str(exc)})
            self._last_words(wire, abort_pdu(by_provider=True, reason=exc.reason))
            return None
        with self._changed:
            if self._stopping:
                return CONGESTED
            if len(self._associations) >= self._max_associations:
                return TOO_MANY
            self._associations.add(association)
            self._strangers.pop(wire, None)
        try:
            return self._serve(association, proposal)
        finally:
            with self._changed:
                self._associations.discard(association)
                self._changed.notify_all()

    def _serve(self, association: AcceptedAssociation, proposal: Proposal) -> Rejection | None:
        names = _names(proposal, association.peer)
        try:
            service = self._new_service(association)
        except TurnedAway as exc:
            return exc.rejection
        except Exception:  # noqa: BLE001 - the peer is turned away, and the fault is told
            self._on_event(
                "fault", {**names, "doing": "accepting", "traceback": traceback.format_exc()}
            )
            return CONGESTED
        counts = {"contexts": len(association.contexts), "proposed": len(proposal.contexts)}
        self._on_event("accepted", {**names, **counts})
        closing = association.run(service)
        self._on_event(closing.how.value, {**names, "words": closing.words})
        return None

    @staticmethod
    def _last_words(wire: Wire, pdu: bytes) -> None:
        try:
            wire.send([pdu], ABORT_PROGRESS_S)
        except WireBroken:
            wire.cut()


def _names(proposal: Proposal, peer: str) -> dict[str, object]:
    return {
        "calling_ae": proposal.calling_ae,
        "called_ae": proposal.called_ae,
        "peer": peer,
    }
