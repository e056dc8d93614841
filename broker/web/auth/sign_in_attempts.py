"""Failed sign-ins: how long the next one has to wait, so that guessing is slow for its peer alone.

Failures are counted for each name at each address, and there a few are free. One address may guess
many names, and many addresses one name, far more often before they wait as a whole. A user who has
signed in before, from that browser or address, does not wait for the guesses of others.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import FIFOCache

LONGEST_S = 300.0
"""No wait is longer."""
PAUSE_S = 2.0
"""The first wait; it doubles with each further failure."""
PACE_S = 5.0
"""Between two guesses of one name, from all addresses that are not known for it."""
MOST = 10_000
"""Counters that are remembered, and addresses known for a name; the oldest are forgotten first."""


@dataclass(frozen=True)
class FailureAllowance:
    """How often one may fail."""

    free: int
    """Failures that cost nothing."""
    forgiven_s: float
    """After this time one failure is forgotten."""
    longest_s: float = LONGEST_S


OF_PAIR = FailureAllowance(free=5, forgiven_s=600.0)
"""One name at one address, or in one browser that is known."""
OF_ADDRESS = FailureAllowance(free=50, forgiven_s=60.0)
"""All names at one address."""
OF_NAME = FailureAllowance(free=100, forgiven_s=60.0, longest_s=PACE_S)
"""One name at all addresses that are not known for it."""


@dataclass(frozen=True)
class SignInAttempt:
    """One attempt to sign in."""

    name: str
    address: str
    device: str = ""
    """The number of a browser that has signed in as this name before; empty when it is none."""


Key = tuple[str, str, str]


class FailedSignIns:
    """Counts. For any thread; in memory alone."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failed: FIFOCache[Key, tuple[float, float]] = FIFOCache(MOST)
        """Failures that count, and when the last one was."""
        self._known: FIFOCache[tuple[str, str], None] = FIFOCache(MOST)

    def wait_s(self, attempt: SignInAttempt) -> float:
        """How long this one has to wait now, in seconds; 0 when it need not."""
        now = self._monotonic()
        with self._lock:
            counters = self._counters(attempt)
            return max(self._wait(key, allowance, now) for key, allowance in counters)

    def failed(self, attempt: SignInAttempt) -> None:
        """One more failure."""
        now = self._monotonic()
        with self._lock:
            for key, allowance in self._counters(attempt):
                number = self._number(key, allowance, now)
                self._failed[key] = (number + 1, now)

    def succeeded(self, attempt: SignInAttempt) -> None:
        """The name's failures there are forgotten; those of other names at that address are not."""
        with self._lock:
            for key in _of_pair(attempt):
                self._failed.pop(key, None)
            self._known[attempt.name, attempt.address] = None

    def _counters(self, attempt: SignInAttempt) -> list[tuple[Key, FailureAllowance]]:
        pair = _of_pair(attempt)[0]
        if attempt.device or (attempt.name, attempt.address) in self._known:
            return [(pair, OF_PAIR)]
        return [
            (pair, OF_PAIR),
            (("address", attempt.address, ""), OF_ADDRESS),
            (("name", attempt.name, ""), OF_NAME),
        ]

    def _number(self, key: Key, allowance: FailureAllowance, now: float) -> float:
        number, at = self._failed.get(key, (0.0, now))
        return max(0.0, number - (now - at) / allowance.forgiven_s)

    def _wait(self, key: Key, allowance: FailureAllowance, now: float) -> float:
        number = math.ceil(self._number(key, allowance, now))
        if key not in self._failed or number < allowance.free:
            return 0.0
        pause = PAUSE_S * math.pow(2.0, min(number - allowance.free, 20))
        return max(0.0, self._failed[key][1] + min(allowance.longest_s, pause) - now)


def _of_pair(attempt: SignInAttempt) -> tuple[Key, ...]:
    """The counters of a name in one place, the one that counts for this attempt first."""
    pair = ("name and address", attempt.name, attempt.address)
    return (("device", attempt.name, attempt.device), pair) if attempt.device else (pair,)
