"""Who may look at the page, and who may give orders there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user may do."""

    VIEWER = "viewer"
    """Sees printers and jobs, and nothing of a patient."""
    OPERATOR = "operator"
    """Gives orders, too, and sees a job's films."""


@dataclass(frozen=True)
class User:
    """One who may sign in."""

    name: str
    role: Role
    since: float
    """When the user was made, in seconds since the epoch."""
