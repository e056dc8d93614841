"""Which associations a stop may end, and when: a decision on plain data."""

from __future__ import annotations

from dataclasses import dataclass

QUIET_S = 1.0
"""An association on which nothing was asked for so long is idle: its modality is not about to."""
UNFINISHED_S = 3.0
"""The same where something would be lost: a modality that prints asks for its next step sooner."""


@dataclass(frozen=True)
class Use:
    """How an association is used at some moment, times of `time.monotonic()`."""

    resting: bool
    """No request is in hand, and none has begun to come."""
    asked_at: float
    """When the last request beside C-ECHO was answered; at first, when it began."""
    unfinished: bool
    """Whether its modality is in the middle of something, as of a film."""


def ends_at(use: Use, stopped_at: float) -> float | None:
    """When a stop that began at `stopped_at` may end the association, if nothing is asked before.

    None while a request is in hand. One that is idle ends at once: its modality waits for nothing,
    and opens another when it prints next. One with an unprinted film gets UNFINISHED_S for its next
    request; its modality would show a print error otherwise.
    """
    if not use.resting:
        return None
    if use.unfinished:
        return max(use.asked_at, stopped_at) + UNFINISHED_S
    return use.asked_at + QUIET_S
