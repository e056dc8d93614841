"""Troubles that come again and again, told seldom: a full disk must not fill the log as well."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

Note = Callable[[str, Mapping[str, object]], None]

AGAIN_S = 60.0
"""A trouble that lasts is told again after so long."""
LASTING = frozenset({"storage failed", "dispatcher failed", "monitor failed", "upkeep failed"})
"""Notes that come with every poll while their cause lasts."""


class Complaints:
    """A note that passes others on; of those that repeat it tells the first, each change of the
    cause, and one a minute, with how many were left out.
    """

    def __init__(self, note: Note, monotonic: Callable[[], float]) -> None:
        self._note = note
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told: dict[str, tuple[str, float, int]] = {}
        """Event -> its cause, when it was told, how often it was left out since."""

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
        """Note it, or count it."""
        if event not in LASTING:
            self._note(event, facts)
            return
        cause, now = str(facts.get("why", "")), self._monotonic()
        with self._lock:
            before, told_at, left_out = self._told.get(event, ("", now - AGAIN_S, 0))
            if cause == before and now - told_at < AGAIN_S:
                self._told[event] = (before, told_at, left_out + 1)
                return
            self._told[event] = (cause, now, 0)
        self._note(event, {**facts, "left_out": left_out} if left_out else facts)
