"""How long a message may take to come or to leave: a rule on plain numbers."""

from __future__ import annotations

FLOOR = 16 * 1024
"""Bytes per second that are progress. A line that carries less takes half an hour for an image:
nobody prints over it. A peer that means to keep us busy has to pay for more than a byte at times.
"""
LONGEST_S = 30 * 60.0
"""No message takes longer, however steadily it moves; but see `Pace`."""


class Pace:
    """The deadline of one message, in seconds on any clock.

    It lies `patience_s` ahead at the beginning, and every byte moves it on by what the byte takes
    at FLOOR, to no more than `patience_s` ahead again: what moves steadily may take its time, what
    stalls or drips is given up, and no haste is saved up for a stall. The whole never takes longer
    than LONGEST_S, or `patience_s` where that is more.
    """

    def __init__(self, patience_s: float, now: float) -> None:
        self.deadline = now + patience_s
        self._patience_s = patience_s
        self._end = now + max(LONGEST_S, patience_s)

    def moved(self, count: int, now: float) -> None:
        """So many bytes more have come, or left."""
        earned = min(self.deadline + count / FLOOR, now + self._patience_s, self._end)
        self.deadline = max(self.deadline, earned)

    def ours(self, seconds: float) -> None:
        """So much of the time went by with us: with a disk of ours, not with the peer."""
        self.deadline += seconds
        self._end += seconds
