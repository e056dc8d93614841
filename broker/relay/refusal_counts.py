"""Counting refusals: every note that says no is counted by kind, and written down now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from broker.events import Note
from broker.model.caller import Caller
from broker.store.refusals import (
    MOST_CALLERS,
    OTHERS,
    Counted,
    CountedOfCaller,
    OfCallers,
    Refusals,
)


class RefusalCounts:
    """A note that passes everything on, and counts what has a `kind`: the acceptor's refusals and
    refused requests; by kind, and by who was refused.

    Counts are kept here until `write`: a flood of strangers must not become a flood of rows. Each
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

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
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
