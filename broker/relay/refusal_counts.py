"""Counting refusals: every note that says no is counted by kind, and written down now and then."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from broker.model.note import Note
from broker.store.refusals import Counted, Refusals


class RefusalCounts:
    """A note that passes everything on, and counts what has a `kind`: the acceptor's refusals and
    the requests refused for want of room.

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

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
        """Count it if it is a refusal; note it."""
        if kind := str(facts.get("kind", "")):
            now = self._clock()
            address = str(facts.get("peer", ""))
            peer = str(facts.get("calling_ae") or address)
            called_ae = str(facts.get("called_ae", ""))
            with self._lock:
                self._add(kind, Counted(1, now, now, peer, address, called_ae))
        self._note(event, facts)

    def write(self) -> None:
        """Write down what was counted since the last time; kept when that fails."""
        with self._lock:
            counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            self._refusals.add(counted)
        except BaseException:
            with self._lock:
                since, self._counted = self._counted, counted
                for kind, later in since.items():
                    self._add(kind, later)
            raise

    def _add(self, kind: str, counted: Counted) -> None:
        before = self._counted.get(kind)
        self._counted[kind] = counted if before is None else before + counted
