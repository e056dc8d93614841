"""When the whole queue is checked: at night, once."""

from __future__ import annotations

NIGHT = range(1, 6)
"""Hours of the day, local time, in which it may begin."""
APART_S = 12 * 3600.0
"""Between two checks at least."""
OVERDUE_S = 36 * 3600.0
"""After so long it may begin at any hour: a machine may be off at night."""


def check_is_due(now: float, hour: int, last_at: float) -> bool:
    """Whether a check may begin now, at this local hour; the last one, or the start, was then.

    Times are in seconds since the epoch. A clock that was set back makes it due after a day.
    """
    since = abs(now - last_at)
    return since >= OVERDUE_S or (since >= APART_S and hour in NIGHT)
