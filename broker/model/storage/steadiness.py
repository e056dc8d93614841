"""Whether the wall clock can be believed: what is old by it alone may not be removed for good.

A clock that jumps makes everything old at once. It is believed once it has gone on as the monotonic
clock does for a day: time enough for a time server, or for a person, to put it right.
"""

from __future__ import annotations

from dataclasses import dataclass

STEADY_S = 86400.0
"""For so long the two clocks must have gone on alike."""
APART_S = 300.0
"""So far they may be apart, in that time, and be alike."""


@dataclass(frozen=True)
class Steadiness:
    """Since when the clocks have gone on alike. Times are in seconds, the wall clock's since the
    epoch."""

    since: float
    """By the monotonic clock."""
    apart: float
    """By how much the wall clock was ahead of the monotonic clock then."""

    @classmethod
    def begin(cls, wall: float, monotonic: float) -> Steadiness:
        """Nothing is known yet."""
        return cls(monotonic, wall - monotonic)

    def seen(self, wall: float, monotonic: float) -> Steadiness:
        """As the clocks are now: from the beginning, where they have moved apart."""
        if abs(wall - monotonic - self.apart) > APART_S:
            return Steadiness.begin(wall, monotonic)
        return self

    def steady(self, monotonic: float) -> bool:
        """Whether the wall clock is believed."""
        return monotonic - self.since >= STEADY_S
