"""Counting refusals: every note that says no is counted by kind, and written down now and then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from broker.store.refusals import Refusals

Note = Callable[[str, Mapping[str, object]], None]


class RefusalCounts:
    """A note that passes everything on, and counts what has a `kind`: the acceptor's refusals and
    the requests refused for want of room.

    Counts are kept here until `write`: a flood of strangers must not become a flood of rows.
    """

    def __init__(self, note: Note, refusals: Refusals) -> None:
        self._note = note
        self._refusals = refusals
        self._lock = threading.Lock()
        self._counted: dict[str, tuple[int, str]] = {}

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
        """Count it if it is a refusal; note it."""
        if kind := str(facts.get("kind", "")):
            peer = str(facts.get("calling_ae") or facts.get("peer", ""))
            with self._lock:
                number, _ = self._counted.get(kind, (0, ""))
                self._counted[kind] = (number + 1, peer)
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
                for kind, (number, peer) in counted.items():
                    later, last = self._counted.get(kind, (0, peer))
                    self._counted[kind] = (number + later, last)
            raise
