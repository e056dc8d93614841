"""Operator commands as they are recorded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RecordedCommand:
    """One operator command that was carried out, on a job or on a printer."""

    at: float
    """In seconds since the epoch."""
    who: str
    """The user's name: of the page, or of the system where a command was typed."""
    command: str
    """As it is typed: hold, drain."""
    job_id: int | None
    printer: str
    """Empty for a command on a job."""
    words: str
    """What the operator was told."""
    id: int = 0
    """Rises with each command."""


@dataclass(frozen=True)
class CommandFilter:
    """Conditions on recorded commands that must all hold; an empty one always does."""

    who: str = ""
    job_id: int | None = None
    printer: str = ""
    since: float | None = None
    """Given then or later, in seconds since the epoch."""
