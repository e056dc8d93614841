"""Users of the page, their sessions, and sign-ins that failed."""

from __future__ import annotations

import hashlib
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
    sign_outs: int = 0
    """How often all sessions of the user were ended."""


IDLE_S, LIFE_S = 12 * 3600, 7 * 24 * 3600
"""A session of the page ends when it was not used for so long, and after so long in any case."""


@dataclass(frozen=True)
class PageSession:
    """One browser that is signed in to the page."""

    session: str
    """A hash of its number, which opens nothing."""
    user: str
    mark: str
    """Of the user, as it was when the session was used."""
    began_at: float
    """In seconds since the epoch, as below."""
    used_at: float
    address: str
    """From which it was used last."""


@dataclass(frozen=True)
class FailedSignInCount:
    """How often signing in to the page failed, as one user from one address. The name that was
    given is kept only where it is a user's: another one may be a password in the wrong field."""

    user: str
    """Empty: there is no user of the names that were given."""
    address: str
    number: int
    first_at: float
    """In seconds since the epoch, as below."""
    last_at: float

    def __add__(self, other: FailedSignInCount) -> FailedSignInCount:
        """Both, of the same user and address, whichever is the earlier."""
        return FailedSignInCount(
            self.user,
            self.address,
            self.number + other.number,
            min(self.first_at, other.first_at),
            max(self.last_at, other.last_at),
        )


def session_mark(user: User, hashed: str) -> str:
    """What sessions carry of their user: another one after the role or the password is changed, or
    all sessions are ended."""
    parts = [user.role, hashed, *([str(user.sign_outs)] if user.sign_outs else [])]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
