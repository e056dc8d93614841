"""Failed sign-ins: after a few, a name or an address waits."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

FREE = 5
"""Failures that cost nothing."""
PAUSE_S, LONGEST_S = 2.0, 300.0
"""The first wait doubles with each further failure, up to the longest."""
MOST = 10_000
"""Names and addresses that are remembered; the oldest are forgotten first."""


class FailedSignIns:
    """How often a name or an address has failed. For any thread; in memory alone."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait_s(self, *keys: str) -> float:
        """How long any of these has to wait now, in seconds; 0 when none has to."""
        now = self._monotonic()
        with self._lock:
            return max((self._wait(key, now) for key in keys), default=0.0)

    def failed(self, *keys: str) -> None:
        """One more failure of each."""
        now = self._monotonic()
        with self._lock:
            for key in keys:
                number, _ = self._failed.pop(key, (0, 0.0))
                self._failed[key] = (number + 1, now)
            while len(self._failed) > MOST:
                self._failed.popitem(last=False)

    def succeeded(self, *keys: str) -> None:
        """What these have failed before is forgotten."""
        with self._lock:
            for key in keys:
                self._failed.pop(key, None)

    def _wait(self, key: str, now: float) -> float:
        number, at = self._failed.get(key, (0, now))
        if number < FREE:
            return 0.0
        pause = min(LONGEST_S, PAUSE_S * 2.0 ** min(number - FREE, 20))
        return max(0.0, at + pause - now)
