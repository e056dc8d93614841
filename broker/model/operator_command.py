"""What a person ordered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Order:
    """One order that was carried out, on a job or on a printer."""

    at: float
    """In seconds since the epoch."""
    who: str
    """The user's name: of the page, or of the system where a command was typed."""
    verb: str
    """As it is typed: hold, drain."""
    job_id: int | None
    printer: str
    """Empty for an order on a job."""
    words: str
    """What the person was told."""
