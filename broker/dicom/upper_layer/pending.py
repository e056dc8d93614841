"""Connections on which no association runs: not yet, or not any more.

They have no thread of their own, and nobody waits for any one of them: each costs a socket and a
small buffer until its A-ASSOCIATE-RQ has come whole. Over TLS, shaking hands is a part of that.
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
from broker.model.refusal import Refusal

LINGER_S = 2.0
"""How long the peer may take to close after the last word was said (PS3.8's ARTIM timer)."""


@dataclass(eq=False)
class Stranger:
    """One connection."""

    wire: Wire
    address: str
    """Of the peer, without its port."""
    peer: str
    """With it."""
    deadline: float = 0.0
    """Of `time.monotonic()`."""
    leaving: bool = False
    """All is said, and it only has to close."""


class Lobby:
    """So many strangers and no more: one more, and the oldest of the address with the most is cut.

    A modality's connection is a stranger for milliseconds. Whoever floods cuts his own. Everything
    is done on one thread, `now` is of `time.monotonic()`; `on_event` is told what became of those
    who never got an association.
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
        self._known: dict[Stranger, None] = {}

    def __contains__(self, stranger: object) -> bool:
        return stranger in self._known

    @property
    def next_deadline(self) -> float | None:
        """When somebody's time is over."""
        return min((each.deadline for each in self._known), default=None)

    def enter(self, stranger: Stranger, now: float) -> None:
        """Somebody has connected."""
        stranger.deadline = now + self._establish_timeout_s
        self._add(stranger)

    def hear(self, stranger: Stranger, now: float) -> Proposal | None:
        """Something has come from somebody; his A-ASSOCIATE-RQ once it is whole.

        He is no stranger then, and nothing is received any more.
        """
        try:
            if stranger.leaving:
                stranger.wire.discard()
                return None
            pdu = stranger.wire.offered()
            if pdu is None:
                self._watch(stranger)
                return None
            if pdu.type != PduType.ASSOCIATE_RQ:
                raise Violation(f"{pdu.type.name} before an association", Reason.UNEXPECTED_PDU)
            proposal = read_proposal(pdu.body)
            stranger.wire.check_open()
        except Violation as exc:
            too_long = exc.kind is Refusal.PDU_TOO_LONG
            self._refused(stranger, str(exc), exc.kind if too_long else Refusal.NOT_DICOM)
            self._dismiss(stranger, exc.reason, now)
            return None
        except TlsFailed as exc:
            self._refused(stranger, f"the peer {exc}", Refusal.TLS_FAILED)
            # It may read in the alert what is wrong.
            self.see_out(stranger, now)
            return None
        except Closed as exc:
            self.drop(stranger)
            if stranger.leaving:
                return None
            if stranger.wire.heard:
                self._refused(stranger, f"the peer {exc}", Refusal.BROKEN_OFF)
            else:
                self._on_event("probe", {"peer": stranger.peer})
            return None
        self._remove(stranger)
        return proposal

    def see_out(self, stranger: Stranger, now: float) -> None:
        """All has been said to him: he may read it, and close."""
        try:
            stranger.wire.hang_up()
        except Closed:
            if stranger in self._known:
                self._remove(stranger)
            stranger.wire.close()
            return
        stranger.leaving = True
        stranger.deadline = now + LINGER_S
        if stranger in self._known:
            self._watch(stranger)
        if stranger not in self._known:
            self._add(stranger)

    def expire(self, now: float) -> None:
        """Turn out those whose time is over."""
        for stranger in [each for each in self._known if each.deadline <= now]:
            if stranger.leaving:
                self.drop(stranger)
            elif stranger.wire.heard:
                what = "A-ASSOCIATE-RQ" if stranger.wire.shaken else "the TLS handshake"
                self._refused(stranger, f"{what} was not completed", Refusal.SLOW)
                self._dismiss(stranger, Reason.NOT_SPECIFIED, now)
            else:
                self._refused(stranger, "said nothing", Refusal.SILENT)
                self.drop(stranger)

    def cut_one(self, kind: Refusal = Refusal.STRANGER_CUT) -> bool:
        """Cut the oldest of the address that has the most; whether there was anybody."""
        if not self._known:
            return False
        ((address, _),) = Counter(each.address for each in self._known).most_common(1)
        oldest = next(each for each in self._known if each.address == address)
        if not oldest.leaving:
            self._refused(oldest, "cut to make room", kind)
        self.drop(oldest)
        return True

    def drop(self, stranger: Stranger) -> None:
        """Cut him."""
        self._remove(stranger)
        stranger.wire.close()

    def close(self) -> None:
        """Cut everybody."""
        for stranger in list(self._known):
            self.drop(stranger)

    def _add(self, stranger: Stranger) -> None:
        if len(self._known) >= self._limit:
            self.cut_one()
        self._known[stranger] = None
        self._selector.register(stranger.wire, selectors.EVENT_READ, stranger)

    def _watch(self, stranger: Stranger) -> None:
        """Be told when it can go on with him."""
        unsent = stranger.wire.unsent and not stranger.leaving
        events = selectors.EVENT_WRITE if unsent else selectors.EVENT_READ
        if self._selector.get_key(stranger.wire).events != events:
            self._selector.modify(stranger.wire, events, stranger)

    def _remove(self, stranger: Stranger) -> None:
        del self._known[stranger]
        self._selector.unregister(stranger.wire)

    def _dismiss(self, stranger: Stranger, reason: Reason, now: float) -> None:
        """A-ABORT, as far as it leaves at once: nobody waits for a stranger."""
        try:
            stranger.wire.send([abort_pdu(by_provider=True, reason=reason)], 0)
        except WireBroken:
            self.drop(stranger)
            return
        self.see_out(stranger, now)

    def _refused(self, stranger: Stranger, words: str, kind: Refusal) -> None:
        facts = {"peer": stranger.peer, "words": words, "kind": kind.value}
        self._on_event("refused", facts)
