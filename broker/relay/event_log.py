"""Where everything notes what is worth a log line.

What repeats itself is told as a number, and what says no is counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from broker.events import Event, Facts, Note, Told
from broker.model.caller import Caller
from broker.model.repetition import Key, Repetitions
from broker.store.refusals import (
    MOST_CALLERS,
    OTHERS,
    Counted,
    CountedOfCaller,
    OfCallers,
    Refusals,
)


class EventLog:
    """Passes events on: those that are told BY_KIND, equal in event, `kind` and caller, the first
    few one by one, and then one every few seconds with their `number`; those BY_CAUSE, equal in
    event and `why`, the first, and then one a minute.

    For any thread. `close` tells what is still kept.
    """

    def __init__(self, note: Note, monotonic: Callable[[], float]) -> None:
        self._pass_on = note
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._repeated = Repetitions()
        self._lasting = Repetitions(singly=1, every_s=60.0)
        self._timer: threading.Timer | None = None
        self._rings_at = 0.0

    def note(self, event: Event, facts: Facts) -> None:
        """Tell this, now or as one of a number."""
        caller = ""
        if event.told is Told.BY_KIND:
            if calling_ae := str(facts.get("calling_ae", "")):
                caller = str(Caller.of(calling_ae, str(facts.get("peer", ""))))
            repetitions, same = self._repeated, str(facts.get("kind", ""))
        elif event.told is Told.BY_CAUSE:
            repetitions, same = self._lasting, str(facts.get("why", ""))
        else:
            self._pass_on(event, facts)
            return
        with self._lock:
            now = self._monotonic()
            told = repetitions.heard((event, same), facts, now, caller)
            if told is None:
                self._wind(now)
        if told is not None:
            self._pass_on(event, told)

    def close(self) -> None:
        """Tell everything that is kept."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            kept = self._due(float("inf"))
        for (event, _), facts in kept:
            self._pass_on(Event(event), facts)

    def _wind(self, now: float) -> None:
        """See to it that what is kept is told in time."""
        dues = [self._repeated.next_due, self._lasting.next_due]
        known = [due for due in dues if due is not None]
        if not known or (self._timer is not None and self._rings_at <= min(known)):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        timer = threading.Timer(max(0.0, min(known) - now), self._ring)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError:
            return  # the system has no thread for it now: the next note tries again
        self._timer, self._rings_at = timer, min(known)

    def _ring(self) -> None:
        with self._lock:
            self._timer = None
            now = self._monotonic()
            told = self._due(now)
            self._wind(now)
        for (event, _), facts in told:
            self._pass_on(Event(event), facts)

    def _due(self, now: float) -> list[tuple[Key, Facts]]:
        return [*self._repeated.due(now), *self._lasting.due(now)]


class RefusalCounts:
    """A note that passes everything on, and counts what has a `kind`: the acceptor's refusals and
    refused requests; by kind, and by who was refused. What is tolerated is no refusal.

    Counts are kept here until `write`: a flood of connections must not become a flood of rows. Each
    keeps the moment at which it was heard, by `clock`.
    """

    def __init__(
        self, note: Note, refusals: Refusals, clock: Callable[[], float] = time.time
    ) -> None:
        self._note = note
        self._refusals = refusals
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: dict[str, Counted] = {}
        self._of_callers: OfCallers = {}

    def __call__(self, event: Event, facts: Facts) -> None:
        """Count it if it is a refusal; note it."""
        kind = str(facts.get("kind", ""))
        if kind and event is not Event.REQUEST_TOLERATED:
            now = self._clock()
            address = str(facts.get("peer", ""))
            peer = str(facts.get("calling_ae") or address)
            called_ae = str(facts.get("called_ae", ""))
            caller = Caller.of(str(facts.get("calling_ae", "")), address)
            why = str(facts.get("why") or facts.get("words") or "")
            with self._lock:
                self._add(kind, Counted(1, now, now, peer, address, called_ae))
                self._add_caller((kind, caller), CountedOfCaller(1, now, now, why))
        self._note(event, facts)

    def write(self) -> None:
        """Write down what was counted since the last time; kept when that fails."""
        with self._lock:
            counted, self._counted = self._counted, {}
            of_callers, self._of_callers = self._of_callers, {}
        if not counted:
            return
        try:
            self._refusals.add(counted, of_callers)
        except BaseException:
            with self._lock:
                since, self._counted = self._counted, counted
                for kind, later in since.items():
                    self._add(kind, later)
                fresh, self._of_callers = self._of_callers, dict(of_callers)
                for key, also in fresh.items():
                    self._add_caller(key, also)
            raise

    def _add(self, kind: str, counted: Counted) -> None:
        before = self._counted.get(kind)
        self._counted[kind] = counted if before is None else before + counted

    def _add_caller(self, key: tuple[str, Caller], counted: CountedOfCaller) -> None:
        if key not in self._of_callers and len(self._of_callers) >= MOST_CALLERS:
            key = (key[0], OTHERS)
        before = self._of_callers.get(key)
        self._of_callers[key] = counted if before is None else before + counted
