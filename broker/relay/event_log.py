"""Where everything notes what is worth a log line.

What repeats itself is told as a number, and what says no is counted.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cachetools import FIFOCache

from broker.events import Event, Facts, Note, Told
from broker.model.peers.caller import Caller
from broker.model.repetition import Key, Repetitions
from broker.store.refusals import (
    MOST_PRINTED,
    Counted,
    CountedOfCaller,
    OfCallers,
    Refusals,
    sort_of_caller,
)

PRINTED_EVERY_S = 60.0
"""How often it is written that a caller prints, while it is not refused."""


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
    refused requests; by kind, and by who was refused. What is tolerated is no refusal. It notes,
    too, which callers had a print request accepted.

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
        self._apart: dict[str, set[Caller]] = {}
        """By kind, the callers in `_of_callers`."""
        self._printed: dict[Caller, float] = {}
        """When callers printed last that were not written down since."""
        self._printed_written: FIFOCache[Caller, float] = FIFOCache(MOST_PRINTED)
        self._refused: FIFOCache[Caller, float] = FIFOCache(MOST_PRINTED)
        """When callers were refused last, where it was not written since that they print."""

    def __call__(self, event: Event, facts: Facts) -> None:
        """Count it if it is a refusal; note it."""
        kind = str(facts.get("kind", ""))
        if event is Event.FILMS_ACCEPTED:
            caller = Caller.of(str(facts.get("calling_ae", "")), str(facts.get("peer", "")))
            with self._lock:
                if caller in self._printed or len(self._printed) < MOST_PRINTED:
                    self._printed[caller] = self._clock()
        elif kind and event is not Event.REQUEST_TOLERATED:
            now = self._clock()
            address = str(facts.get("peer", ""))
            peer = str(facts.get("calling_ae") or address)
            called_ae = str(facts.get("called_ae", ""))
            caller = Caller.of(str(facts.get("calling_ae", "")), address)
            counted = CountedOfCaller(
                1,
                now,
                now,
                str(facts.get("why") or facts.get("words") or ""),
                called_ae,
                str(facts.get("status", "")),
                str(facts.get("attribute", "")),
            )
            with self._lock:
                self._add(kind, Counted(1, now, now, peer, address, called_ae))
                self._add_caller(kind, caller, counted)
        self._note(event, facts)

    def write(self) -> None:
        """Write down what was counted since the last time; kept when that fails."""
        with self._lock:
            counted, self._counted = self._counted, {}
            of_callers, self._of_callers, self._apart = self._of_callers, {}, {}
            for (_, caller), refused in of_callers.items():
                self._refused[caller] = refused.last_at
            printed = {each: at for each, at in self._printed.items() if self._due(each, at)}
        if not counted and not printed:
            return
        try:
            self._refusals.add(counted, of_callers, printed)
        except BaseException:
            with self._lock:
                since, self._counted = self._counted, counted
                for kind, later in since.items():
                    self._add(kind, later)
                fresh, self._of_callers, self._apart = self._of_callers, {}, {}
                for (kind, caller), also in (*of_callers.items(), *fresh.items()):
                    self._add_caller(kind, caller, also)
            raise
        with self._lock:
            for caller, at in printed.items():
                if self._printed.get(caller) == at:
                    del self._printed[caller]
                self._printed_written[caller] = at
                for each in (caller, Caller("", caller.address)):
                    if self._refused.get(each, at) <= at:
                        self._refused.pop(each, None)

    def _due(self, caller: Caller, at: float) -> bool:
        """Whether it is time to write that it has printed: at once where it was refused before."""
        if caller in self._refused or Caller("", caller.address) in self._refused:
            return True
        written = self._printed_written.get(caller)
        return written is None or not 0 <= at - written < PRINTED_EVERY_S

    def _add(self, kind: str, counted: Counted) -> None:
        before = self._counted.get(kind)
        self._counted[kind] = counted if before is None else before + counted

    def _add_caller(self, kind: str, caller: Caller, counted: CountedOfCaller) -> None:
        apart = self._apart.setdefault(kind, set())
        if caller not in apart and caller not in self._printed_written:
            caller = sort_of_caller(caller, apart)
        apart.add(caller)
        before = self._of_callers.get((kind, caller))
        self._of_callers[kind, caller] = counted if before is None else before + counted
