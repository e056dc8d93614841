"""Associations that peers open with us: one thread each, on blocking reads.

Which association is accepted, and which is ended to make room, is a decision on plain data.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from broker.dicom.upper_layer.activity import QUIET_S, ends_at
from broker.dicom.upper_layer.associate_pdus import abort_pdu, associate_rj
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import (
    AssociationLimits,
    AssociationService,
    Ending,
    EventSink,
)
from broker.dicom.upper_layer.listener import Listener
from broker.dicom.upper_layer.message import MAX_DATASET
from broker.dicom.upper_layer.negotiation import (
    CONGESTED,
    TOO_MANY,
    UNUSABLE_CALLED_AE,
    UNUSABLE_CALLING_AE,
    WRONG_APPLICATION_CONTEXT,
    WRONG_CALLED_AE,
    WRONG_CALLING_AE,
    WRONG_PROTOCOL_VERSION,
    Answered,
    Offer,
    Proposal,
    Rejection,
    TurnedAway,
    judge,
    negotiate,
)
from broker.dicom.upper_layer.peer_watch import CALLER_SILENT_S
from broker.dicom.upper_layer.pending import PendingConnection
from broker.dicom.upper_layer.rejected_contexts import VERIFICATION, rejected_contexts
from broker.dicom.upper_layer.tls import TlsWire
from broker.dicom.upper_layer.wire import ABORT_PATIENCE_S, Violation, Wire, WireBroken
from broker.model.peers.caller import Caller
from broker.model.peers.hosts import Hosts
from broker.model.peers.refusal import Refusal

SPARE_S = 5.0
"""An association that has been spare for so long may be ended to make room for another."""
SPARE_OF_MANY_S = 0.5
"""The same, for an address that has more than its share."""

TOO_MANY_OF_ONE = Rejection(
    "local limit exceeded by one AE title at its address: limits.associations_per_peer", 2, 3, 2
)
TOO_MANY_OF_ADDRESS = Rejection(
    "local limit exceeded by one address, which has three quarters of limits.associations", 2, 3, 2
)
"""Transient, service-provider (presentation), local-limit-exceeded (PS3.8 table 9-21)."""

A = TypeVar("A")


@dataclass(frozen=True)
class RunningAssociation(Generic[A]):
    """An association that is running."""

    association: A
    caller: Caller
    spare_since: float | None
    """Since when no work would be lost by ending it; None while some would."""


@dataclass(frozen=True)
class Caps:
    """How many associations there may be at once."""

    in_all: int
    of_one: int
    """Of one AE title at an address."""
    spare_s: float = SPARE_S

    @property
    def of_address(self) -> int:
        """From one address, whatever its AE titles: many modalities may be behind one gateway, and
        a quarter is left for the others."""
        return max(self.of_one, self.in_all - self.in_all // 4)


@dataclass(frozen=True)
class Admitted(Generic[A]):
    """There is room, as soon as `instead_of` has been ended."""

    instead_of: A | None = None


def admit(
    caller: Caller, held: Sequence[RunningAssociation[A]], caps: Caps, now: float
) -> Admitted[A] | Rejection:
    """What to answer one more association of a caller.

    A caller that has as many as it may makes room among its own, and so does an address. When all
    places are taken, the one goes that has been spare for longest, of those addresses first that
    have more than an equal share and more than the newcomer's: no peer can lock the others out by
    opening associations and leaving them, and no association in use is ended.
    """
    of_address = Counter(each.caller.address for each in held)
    address, own = caller.address, of_address[caller.address]
    mine = [each for each in held if each.caller == caller]
    if len(mine) >= caps.of_one:
        return _instead(mine, caps.spare_s, now, frozenset()) or TOO_MANY_OF_ONE
    if own >= caps.of_address:
        mine = [each for each in held if each.caller.address == address]
        return _instead(mine, caps.spare_s, now, frozenset()) or TOO_MANY_OF_ADDRESS
    if len(held) < caps.in_all:
        return Admitted()
    # More than one, too: an address with a single association has not too many.
    share = max(caps.in_all / len(of_address.keys() | {address}), own + 1)
    greedy = frozenset(each for each, number in of_address.items() if number > share)
    return _instead(held, caps.spare_s, now, greedy) or TOO_MANY


def _instead(
    held: Sequence[RunningAssociation[A]], spare_s: float, now: float, greedy: frozenset[str]
) -> Admitted[A] | None:
    """The one that can best be spared, if any can."""
    spare = [
        (each.caller.address not in greedy, each.spare_since, each.association)
        for each in held
        if each.spare_since is not None
        and now - each.spare_since
        >= (SPARE_OF_MANY_S if each.caller.address in greedy else spare_s)
    ]
    if not spare:
        return None
    return Admitted(min(spare, key=lambda each: each[:2])[2])


JOIN_S = 0.7
"""For the threads of associations that were aborted."""

_KINDS = {
    WRONG_CALLED_AE: Refusal.CALLED_AE,
    UNUSABLE_CALLED_AE: Refusal.CALLED_AE,
    WRONG_CALLING_AE: Refusal.CALLING_AE,
    UNUSABLE_CALLING_AE: Refusal.CALLING_AE,
    WRONG_APPLICATION_CONTEXT: Refusal.APPLICATION_CONTEXT,
    WRONG_PROTOCOL_VERSION: Refusal.PROTOCOL_VERSION,
    TOO_MANY: Refusal.TOO_MANY,
    TOO_MANY_OF_ONE: Refusal.TOO_MANY_OF_ONE,
    TOO_MANY_OF_ADDRESS: Refusal.TOO_MANY_OF_ONE,
}


@dataclass(frozen=True, kw_only=True)
class AcceptorSettings:
    """Where an acceptor listens, and what it allows. What is limited is limited for both ports
    together."""

    host: Hosts
    called: Collection[str] | None
    """AE titles that may be called; None: any."""
    port: int | None
    """Without TLS; None: there is no such port. 0: any free one."""
    tls_port: int | None = None
    max_associations: int = 64
    max_associations_per_peer: int | None = None
    """Of one AE title at an address; None: as many as in all."""
    spare_s: float = SPARE_S
    max_pdu: int = 131072
    establish_timeout_s: float = 30
    idle_timeout_s: float = 3600
    message_timeout_s: float = 300
    max_dataset: int = MAX_DATASET
    silent_s: int = CALLER_SILENT_S
    """For how long a peer's system may acknowledge nothing."""
    needed: frozenset[str] = frozenset()
    """Classes of which a peer that proposed any can do nothing here without one."""
    beside: frozenset[str] = frozenset({VERIFICATION})
    """Classes with which alone a peer wants nothing done, so that nothing is refused to it."""


class Acceptor:
    """Listens on a port, on one for TLS, or on both, and runs a service for each association."""

    def __init__(
        self,
        settings: AcceptorSettings,
        offers: Callable[[], Sequence[Offer]],
        new_service: Callable[[AcceptedAssociation], AssociationService],
        *,
        tls: Callable[[], ssl.SSLContext] | None = None,
        on_event: EventSink = lambda _name, _fields: None,
    ) -> None:
        """`offers` is called for each association, and `tls` for each connection to the TLS port;
        without `tls` there is no such port. `new_service` is called on the association's thread
        before it is accepted; it may raise TurnedAway.

        `on_event` is called from several threads, with plain fields: accepted, released, aborted,
        lost, rejected, probe (a connection that was closed before anything was sent), refused (a
        connection that sent no DICOM, or was cut to make room) and fault (with a traceback).
        Whatever is refused has a Refusal as its `kind`.
        """
        self._settings = settings
        self._offers = offers
        self._new_service = new_service
        most = settings.max_associations
        self._caps = Caps(most, settings.max_associations_per_peer or most, settings.spare_s)
        self._limits = AssociationLimits(
            settings.max_pdu,
            settings.idle_timeout_s,
            settings.message_timeout_s,
            settings.max_dataset,
        )
        self._on_event = on_event
        self._changed = threading.Condition()
        self._associations: dict[AcceptedAssociation, Caller] = {}
        self._stopping = False
        self._hurried = False
        self._plain = (
            None if settings.port is None else self._listener(settings.port, self._new_wire)
        )
        self._tls = None
        if tls is not None and settings.tls_port is not None:
            context = tls
            self._tls = self._listener(
                settings.tls_port,
                lambda sock: TlsWire(
                    sock, context(), max_pdu=settings.max_pdu, silent_s=settings.silent_s
                ),
            )
        self._listeners = [each for each in (self._plain, self._tls) if each is not None]

    def _listener(self, port: int, new_wire: Callable[[socket.socket], Wire]) -> Listener:
        return Listener(
            self._settings.host,
            port,
            max_associations=self._settings.max_associations,
            establish_timeout_s=self._settings.establish_timeout_s,
            new_wire=new_wire,
            run=self._run,
            on_event=self._on_event,
        )

    def start(self) -> None:
        """Bind and listen.

        Raises: CannotListen: when a port cannot be had.
        """
        try:
            for each in self._listeners:
                each.start()
        except OSError:
            self.stop(0)
            raise

    @property
    def port(self) -> int:
        """The port that is listened on without TLS; known after start(). 0 when there is none."""
        return 0 if self._plain is None else self._plain.port

    @property
    def tls_port(self) -> int:
        """The port that is listened on with TLS; known after start(). 0 when there is none."""
        return 0 if self._tls is None else self._tls.port

    @property
    def listening(self) -> bool:
        """Whether a thread waits for connections on each port."""
        return all(each.listening for each in self._listeners)

    @property
    def addresses(self) -> list[str]:
        """Every address with its port that is listened on; known after start()."""
        return [each for listener in self._listeners for each in listener.addresses]

    @property
    def associations(self) -> int:
        """Associations that are running."""
        with self._changed:
            return len(self._associations)

    def stop(self, grace_s: float) -> bool:
        """Accept no more associations. Idle ones are aborted; the others may go on until they are
        idle, for `grace_s` seconds at most, and are aborted then.

        Returns when every thread has ended, or JOIN_S after the grace, as a thread may wait for a
        disk. Whether all have ended.
        """
        with self._changed:
            self._stopping = True
        for listener in self._listeners:
            listener.close()
        with self._changed:
            self._end_idle(grace_s)
            running = list(self._associations)
        for association in running:
            association.abort(0)
        deadline = time.monotonic() + JOIN_S
        ended = [listener.join(deadline) for listener in self._listeners]
        return all(ended)

    def hurry(self) -> None:
        """Cut the grace of a stop short."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    def _end_idle(self, grace_s: float) -> None:
        """End each association as soon as a stop may; return when there is none, or the grace is
        over. The lock is held, and given up while waiting."""
        deadline = time.monotonic() + grace_s
        while self._associations and not self._hurried:
            now = time.monotonic()
            if now >= deadline:
                return
            look_at = deadline
            for association in self._associations:
                if association.activity.ended:
                    continue
                due = ends_at(association.activity.use)
                if due is not None and due <= now and association.activity.end_idle():
                    continue
                # One that is in use now may be idle in QUIET_S, and not before.
                look_at = min(look_at, due if due is not None and due > now else now + QUIET_S)
            self._changed.wait(look_at - now)

    def _run(self, connection: PendingConnection, proposal: Proposal) -> None:
        try:
            self._answer(connection, proposal)
        except Exception:  # noqa: BLE001 - nothing above this thread would report it
            words = traceback.format_exc()
            facts = {"peer": connection.peer, "doing": "an association", "traceback": words}
            self._on_event("fault", facts)

    def _answer(self, connection: PendingConnection, proposal: Proposal) -> None:
        rejection = judge(
            proposal,
            called=self._settings.called,
        )
        if rejection is None:
            rejection = self._accept(connection, proposal)
        if rejection is not None:
            kind = _KINDS.get(rejection, Refusal.TURNED_AWAY)
            words = {"words": rejection.words, "kind": kind.value}
            self._on_event("rejected", {**_names(proposal, connection.peer), **words})
            self._say_last(connection.wire, associate_rj(rejection))

    def _accept(self, connection: PendingConnection, proposal: Proposal) -> Rejection | None:
        """Run the association to its end, or return why it is rejected."""
        wire, peer = connection.wire, connection.peer
        caller = Caller(proposal.calling_ae, connection.address)
        with self._changed:
            # A first look, before anything is asked that takes time.
            decision = self._decide(caller)
            if isinstance(decision, Rejection):
                return decision
        answered = negotiate(proposal.contexts, self._offers())
        try:
            association = AcceptedAssociation(
                wire, peer, proposal, answered, self._limits, self._on_event
            )
        except Violation as exc:
            self._refused(peer, str(exc), exc.kind)
            self._say_last(wire, abort_pdu(by_provider=True, reason=exc.reason))
            return None
        with self._changed:
            rejection = self._make_room(caller)
            if rejection is not None:
                return rejection
            self._associations[association] = caller
        try:
            return self._serve(association, proposal, answered)
        finally:
            with self._changed:
                self._associations.pop(association, None)
                self._changed.notify_all()

    def _make_room(self, caller: Caller) -> Rejection | None:
        """For one more association of it; a spare one may have to go."""
        while True:
            decision = self._decide(caller)
            if isinstance(decision, Rejection):
                return decision
            if decision.instead_of is None:
                return None
            if decision.instead_of.activity.give_way():
                # Its own thread ends it; its place is free now.
                del self._associations[decision.instead_of]
                return None

    def _decide(self, caller: Caller) -> Admitted[AcceptedAssociation] | Rejection:
        if self._stopping:
            return CONGESTED
        held = [
            RunningAssociation(each, whose, each.activity.spare_since)
            for each, whose in self._associations.items()
        ]
        return admit(caller, held, self._caps, time.monotonic())

    def _serve(
        self, association: AcceptedAssociation, proposal: Proposal, answered: Sequence[Answered]
    ) -> Rejection | None:
        names = _names(proposal, association.peer)
        try:
            service = self._new_service(association)
        except TurnedAway as exc:
            return exc.rejection
        except Exception:  # noqa: BLE001 - the peer is rejected, and the fault is logged
            self._on_event(
                "fault", {**names, "doing": "accepting", "traceback": traceback.format_exc()}
            )
            return CONGESTED
        counts = {"contexts": len(association.contexts), "proposed": len(proposal.contexts)}
        self._on_event("accepted", {**names, **counts})
        needed, beside = self._settings.needed, self._settings.beside
        if rejected := rejected_contexts(proposal.contexts, answered, needed=needed, beside=beside):
            self._on_event("contexts rejected", {**names, **rejected})
        try:
            closing = association.run(service)
        except Exception:
            # Each event of a beginning is followed by one of an end, whatever has failed.
            self._on_event(Ending.LOST.value, {**names, "words": "failed"})
            raise
        kind = {"kind": closing.kind.value} if closing.kind else {}
        self._on_event(closing.how.value, {**names, "words": closing.words, **kind})
        return None

    def _new_wire(self, sock: socket.socket) -> Wire:
        return Wire(sock, max_pdu=self._settings.max_pdu, silent_s=self._settings.silent_s)

    def _refused(self, peer: str, words: str, kind: Refusal) -> None:
        self._on_event("refused", {"peer": peer, "words": words, "kind": kind.value})

    @staticmethod
    def _say_last(wire: Wire, pdu: bytes) -> None:
        try:
            wire.send([pdu], ABORT_PATIENCE_S)
        except WireBroken:
            wire.cut()


def _names(proposal: Proposal, peer: str) -> dict[str, object]:
    return {
        "calling_ae": proposal.calling_ae,
        "called_ae": proposal.called_ae,
        "peer": peer,
    }
