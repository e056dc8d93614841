"""Connections on which no association runs: not yet, or not any more.

They have no thread of their own, and nothing waits for any one of them: each costs a socket and a
small buffer until its A-ASSOCIATE-RQ is complete. The TLS handshake is a part of that.
"""

from __future__ import annotations

import selectors
from collections import Counter
from dataclasses import dataclass

from broker.dicom.upper_layer.associate_pdus import abort_pdu, read_proposal
from broker.dicom.upper_layer.association_service import EventSink
from broker.dicom.upper_layer.negotiation import Proposal
from broker.dicom.upper_layer.tls import TlsFailed
from broker.dicom.upper_layer.wire import Closed, PduType, Reason, Violation, Wire, WireBroken
from broker.model.peers.refusal import Refusal

LINGER_S = 2.0
"""How long the peer may take to close after the last PDU was sent (PS3.8's ARTIM timer)."""


@dataclass(eq=False)
class PendingConnection:
    """One connection."""

    wire: Wire
    address: str
    """Of the peer, without its port."""
    peer: str
    """With it."""
    deadline: float = 0.0
    """Of `time.monotonic()`."""
    leaving: bool = False
    """The last PDU was sent; the peer only has to close."""


class PendingConnections:
    """At most `limit` connections: one more cuts the oldest of the address that has the most.

    A modality's connection is pending for milliseconds. An address that floods the port cuts its
    own connections. All methods are called on one thread, `now` is of `time.monotonic()`;
    `on_event` is told how the connections ended that never got an association.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        *,
        limit: int,
        establish_timeout_s: float,
        on_event: EventSink,
    ) -> None:
        self._selector = selector
        self._limit = limit
        self._establish_timeout_s = establish_timeout_s
        self._on_event = on_event
        self._known: dict[PendingConnection, None] = {}

    def __contains__(self, connection: object) -> bool:
        return connection in self._known

    @property
    def next_deadline(self) -> float | None:
        """When the time of the first connection is over."""
        return min((each.deadline for each in self._known), default=None)

    def enter(self, connection: PendingConnection, now: float) -> None:
        """Add a connection that was accepted."""
        connection.deadline = now + self._establish_timeout_s
        self._add(connection)

    def receive(self, connection: PendingConnection, now: float) -> Proposal | None:
        """Read what a peer has sent; its A-ASSOCIATE-RQ once that is complete.

        The connection is not pending then, and nothing more is received here.
        """
        try:
            if connection.leaving:
                connection.wire.discard()
                return None
            pdu = connection.wire.offered()
            if pdu is None:
                self._watch(connection)
                return None
            if pdu.type != PduType.ASSOCIATE_RQ:
                raise Violation(f"{pdu.type.name} before an association", Reason.UNEXPECTED_PDU)
            proposal = read_proposal(pdu.body)
            connection.wire.check_open()
        except Violation as exc:
            too_long = exc.kind is Refusal.PDU_TOO_LONG
            self._refused(connection, str(exc), exc.kind if too_long else Refusal.NOT_DICOM)
            self._dismiss(connection, exc.reason, now)
            return None
        except TlsFailed as exc:
            self._refused(connection, f"the peer {exc}", Refusal.TLS_FAILED)
            # The alert tells the peer what is wrong.
            self.await_close(connection, now)
            return None
        except Closed as exc:
            self.drop(connection)
            if connection.leaving:
                return None
            if connection.wire.has_received:
                self._refused(connection, f"the peer {exc}", Refusal.BROKEN_OFF)
            else:
                self._on_event("probe", {"peer": connection.peer})
            return None
        self._remove(connection)
        return proposal

    def await_close(self, connection: PendingConnection, now: float) -> None:
        """The last PDU was sent: the peer may read it, and close."""
        try:
            connection.wire.shut_down()
        except Closed:
            if connection in self._known:
                self._remove(connection)
            connection.wire.close()
            return
        connection.leaving = True
        connection.deadline = now + LINGER_S
        if connection in self._known:
            self._watch(connection)
        if connection not in self._known:
            self._add(connection)

    def expire(self, now: float) -> None:
        """End the connections whose time is over."""
        for connection in [each for each in self._known if each.deadline <= now]:
            if connection.leaving:
                self.drop(connection)
            elif connection.wire.has_received:
                what = "A-ASSOCIATE-RQ" if connection.wire.handshake_done else "the TLS handshake"
                self._refused(connection, f"{what} was not completed", Refusal.SLOW)
                self._dismiss(connection, Reason.NOT_SPECIFIED, now)
            else:
                self._refused(connection, "sent nothing", Refusal.SILENT)
                self.drop(connection)

    def cut_one(self, kind: Refusal = Refusal.PENDING_CUT) -> bool:
        """Cut the oldest of the address that has the most; whether there was one."""
        if not self._known:
            return False
        ((address, _),) = Counter(each.address for each in self._known).most_common(1)
        oldest = next(each for each in self._known if each.address == address)
        if not oldest.leaving:
            self._refused(oldest, "cut to make room", kind)
        self.drop(oldest)
        return True

    def drop(self, connection: PendingConnection) -> None:
        """Cut one connection."""
        self._remove(connection)
        connection.wire.close()

    def close(self) -> None:
        """Cut all connections."""
        for connection in list(self._known):
            self.drop(connection)

    def _add(self, connection: PendingConnection) -> None:
        if len(self._known) >= self._limit:
            self.cut_one()
        self._known[connection] = None
        self._selector.register(connection.wire, selectors.EVENT_READ, connection)

    def _watch(self, connection: PendingConnection) -> None:
        """Have the selector tell when the connection can go on."""
        unsent = connection.wire.unsent and not connection.leaving
        events = selectors.EVENT_WRITE if unsent else selectors.EVENT_READ
        if self._selector.get_key(connection.wire).events != events:
            self._selector.modify(connection.wire, events, connection)

    def _remove(self, connection: PendingConnection) -> None:
        del self._known[connection]
        self._selector.unregister(connection.wire)

    def _dismiss(self, connection: PendingConnection, reason: Reason, now: float) -> None:
        """A-ABORT, as far as it leaves at once: nothing waits for a pending connection."""
        try:
            connection.wire.send([abort_pdu(by_provider=True, reason=reason)], 0)
        except WireBroken:
            self.drop(connection)
            return
        self.await_close(connection, now)

    def _refused(self, connection: PendingConnection, words: str, kind: Refusal) -> None:
        facts = {"peer": connection.peer, "words": words, "kind": kind.value}
        self._on_event("refused", facts)
