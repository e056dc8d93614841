"""Where everything notes what is worth a log line.

What repeats itself is told as a number, and what says no is counted. What is told when is decided
without a clock: the time of whatever happened is an argument.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from broker.events import Event, Facts, Note, Told
from broker.model.hosts import Caller
from broker.store.refusals import (
    MOST_CALLERS,
    OTHERS,
    Counted,
    CountedOfCaller,
    OfCallers,
    Refusals,
)

Key = tuple[str, str]
"""What counts as the same: an event, and its kind."""

SINGLY = 5
"""Events in a row that are told one by one."""
EVERY_S = 5.0
"""The rest are told as a number, at most this often."""
CALLERS = 16
"""Callers of one kind that are told apart at a time; the others are told together."""
MANY = 256
"""Different events that are kept; beyond it, those that are over are forgotten."""


@dataclass
class _Row:
    """One event that repeats itself."""

    until: float
    told: int = 0
    kept: int = 0
    last: Facts | None = None


class Repetitions:
    """Decides what is told at once, and what is told later as a number.

    Whatever is told stands for `number` events (one, where the fact is missing), with the facts of
    the last of them; no event is told twice, and none is left out.
    """

    def __init__(self, *, singly: int = SINGLY, every_s: float = EVERY_S) -> None:
        self._singly = singly
        self._every_s = every_s
        self._rows: dict[tuple[Key, str], _Row] = {}
        self._callers: Counter[Key] = Counter()
        """How many callers of each kind are told apart."""

    def heard(self, key: Key, facts: Facts, now: float, caller: str = "") -> Facts | None:
        """What to tell of this event now; None when it is kept for later.

        A flood of one caller does not hide another's; nor do callers without number make lines
        without number. What is kept is due at `next_due`. `now` is in seconds, and never goes back.
        """
        if len(self._rows) > MANY:
            self._forget(now)
        if caller and (key, caller) not in self._rows and self._callers[key] >= CALLERS:
            self._forget(now)
            caller = caller if self._callers[key] < CALLERS else ""
        row = self._rows.get((key, caller))
        if row is None:
            self._callers[key] += bool(caller)
        if row is None or (not row.kept and now >= row.until):
            row = self._rows[key, caller] = _Row(now + self._every_s)
        if row.told < self._singly:
            row.told += 1
            return facts
        row.kept += 1
        row.last = facts
        return None

    def _forget(self, now: float) -> None:
        """What has not come for a while is not remembered: causes in words may be many."""
        old = [each for each, row in self._rows.items() if not row.kept and now >= row.until]
        for key, caller in old:
            self._drop(key, caller)

    def _drop(self, key: Key, caller: str) -> None:
        del self._rows[key, caller]
        self._callers[key] -= bool(caller)
        if not self._callers[key]:
            del self._callers[key]

    @property
    def next_due(self) -> float | None:
        """When something that is kept should be told; None when nothing is kept."""
        return min((row.until for row in self._rows.values() if row.kept), default=None)

    def due(self, now: float) -> list[tuple[Key, Facts]]:
        """What is kept and should be told by now; it is not kept any more."""
        found: list[tuple[Key, Facts]] = []
        for (key, caller), row in list(self._rows.items()):
            if now < row.until:
                continue
            if row.kept:
                found.append((key, {**(row.last or {}), "number": row.kept}))
                # It goes on, so the next are counted, too, until there is a pause.
                self._rows[key, caller] = _Row(now + self._every_s, told=self._singly)
            else:
                self._drop(key, caller)
        return found


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
    refused requests; by kind, and by who was refused.

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
        if kind := str(facts.get("kind", "")):
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
