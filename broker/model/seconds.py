"""Seconds in a sentence: with one decimal at most, as what is left of a time has many."""

from __future__ import annotations

LEAST_S = 0.1
"""What is shorter is told as that: no time at all is never meant."""


def seconds_told(seconds: float) -> str:
    """For a person: 5 s, 0.3 s."""
    return f"{round(max(seconds, LEAST_S), 1):.12g} s"
