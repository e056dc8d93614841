"""How an association is used, and its end by another thread while it is not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from broker.dicom.upper_layer.associate_pdus import abort_pdu
from broker.dicom.upper_layer.association_service import Closing, Ending, GuardedService
from broker.dicom.upper_layer.wire import TimedOut, Wire, WireBroken
from broker.model.peers.refusal import Refusal

QUIET_S = 1.0
"""An association without a request for so long is idle: its modality is not about to send one."""
BETWEEN_S = 3.0
"""The same within an open film session: a modality that prints asks for its next film sooner."""


@dataclass(frozen=True)
class AssociationUse:
    """How an association is used at some moment, times of `time.monotonic()`."""

    resting: bool
    """No request is in hand, and none has begun to come."""
    asked_at: float
    """When the last request beside C-ECHO was answered; at first, when it began."""
    unfinished: bool
    """Whether its modality is in the middle of something that would be lost, as a film."""
    between: bool = False
    """Whether it has begun something that may go on, as a film session."""


def ends_at(use: AssociationUse) -> float | None:
    """When a stop may end the association, if nothing is asked before; None: not before its grace
    is over.

    None while a request is in hand, or a film is unprinted: its modality would show a print error.
    One that is idle ends at once: its modality waits for nothing, and opens another when it prints
    next. One between two films of a film session gets BETWEEN_S since its last request.
    """
    if not use.resting or use.unfinished:
        return None
    return use.asked_at + (BETWEEN_S if use.between else QUIET_S)


class Activity:
    """When one association was last used, and how we have ended it, if we have.

    The association's own thread calls `rest` and `answered`; any thread calls the others.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._rests = False
        self._asked_at = self._worked_at = time.monotonic()
        self.service: GuardedService | None = None
        """Once there is one, it says what would be lost."""
        self.ended: Closing | None = None
        """Set as soon as we have ended the association; its thread may still run."""

    @property
    def spare_since(self) -> float | None:
        """When (`time.monotonic()`) it last was of use; None while it is.

        It is of no use while nothing is in hand and its service calls itself disposable. C-ECHO
        does not make it useful.
        """
        spare = self._rests and self.service is not None and self.service.disposable
        return self._worked_at if spare else None

    @property
    def use(self) -> AssociationUse:
        """How it is used now."""
        service = self.service
        return AssociationUse(
            self._rests and self._wire.quiet,
            self._worked_at,
            unfinished=service is not None and service.unfinished,
            between=service is not None and service.between,
        )

    def rest(self, idle_timeout_s: float, meanwhile: Callable[[], None] | None = None) -> None:
        """Wait until something comes. Only requests put off the end of an idle association.

        `meanwhile` is called every QUIET_S; another thread may end the association all the same.

        Raises:
            Closing: when we have ended it meanwhile.
            TimedOut: when nothing was asked for so long.
            WireBroken: when the connection has ended.
        """
        deadline = self._asked_at + idle_timeout_s
        self._rests = True
        try:
            if time.monotonic() >= deadline:
                raise TimedOut("asked for nothing", Refusal.IDLE)
            self._wait(deadline, meanwhile)
        finally:
            with self._lock:
                self._rests = False
        self.check()

    def _wait(self, deadline: float, meanwhile: Callable[[], None] | None) -> None:
        while meanwhile is not None and (look_at := time.monotonic() + QUIET_S) < deadline:
            try:
                self._wire.wait(look_at)
            except TimedOut:
                meanwhile()
            else:
                return
        self._wire.wait(deadline)

    def check(self) -> None:
        """Raises: Closing: when we have ended the association."""
        if self.ended is not None:
            raise self.ended

    def answered(self, *, echo: bool) -> None:
        """A request was answered: a C-ECHO, or another."""
        self._asked_at = time.monotonic()
        if not echo:
            self._worked_at = self._asked_at

    def give_way(self) -> bool:
        """A-ABORT by the provider, unless it is of use by now; whether it was ended."""
        words = "aborted by us: not used, and its place was needed"
        closing = Closing(Ending.ABORTED, words, Refusal.MADE_ROOM)
        return self._end_resting(closing, spare=True)

    def end_idle(self) -> bool:
        """A-ABORT by the user, unless a request is in hand; whether it was ended."""
        return self._end_resting(
            Closing(Ending.ABORTED, "aborted by us: stopping, and it was idle")
        )

    def _end_resting(self, closing: Closing, *, spare: bool = False) -> bool:
        """It waits for nothing."""
        with self._lock:
            free = self.spare_since is not None if spare else self._rests
            if not free or self.ended or not self._wire.quiet:
                return False
            self.ended = closing
        with suppress(WireBroken):
            self._wire.send([abort_pdu(by_provider=spare)], 0)
        self._wire.cut()
        return True
