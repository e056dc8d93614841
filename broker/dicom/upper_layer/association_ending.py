"""Which associations a stop may end, and when: a decision on plain data."""

from __future__ import annotations

from dataclasses import dataclass

QUIET_S = 1.0
"""An association on which nothing was asked for so long is idle: its modality is not about to."""
BETWEEN_S = 3.0
"""The same within an open film session: a modality that prints asks for its next film sooner."""


@dataclass(frozen=True)
class AssociationUse:
    """How an association is used at some moment, times of `time.monotonic()`."""

    resting: bool
    """No request is in hand, and none has begun to come."""
    asked_at: float
    """When the last request beside C-ECHO was answered; at first, when it began."""
    unfinished: bool
    """Whether its modality is in the middle of something that would be lost, as a film."""
    between: bool = False
    """Whether it has begun something that may go on, as a film session."""


def ends_at(use: AssociationUse) -> float | None:
    """When a stop may end the association, if nothing is asked before; None: not before its grace
    is over.

    None while a request is in hand, or a film is unprinted: its modality would show a print error.
    One that is idle ends at once: its modality waits for nothing, and opens another when it prints
    next. One between two films of a film session gets BETWEEN_S since its last request.
    """
    if not use.resting or use.unfinished:
        return None
    return use.asked_at + (BETWEEN_S if use.between else QUIET_S)
