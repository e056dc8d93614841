"""Users of the page: what a name and a password must be, and how a password is kept."""

from __future__ import annotations

import re

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from broker.model.user import User
from broker.operations.words.failures import Failure
from broker.store.accounts import Users

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
LEAST, MOST = 8, 200
"""Characters of a password."""

_HASHER = PasswordHasher()
_UNKNOWN_USER = _HASHER.hash("no user has this password")
"""Compared with the password of an unknown name, so that the answer takes as long."""


def checked_name(name: str) -> str:
    """The name. Raises: Failure: when a user may not have it."""
    if not NAME.fullmatch(name):
        raise Failure(
            f"{name!r} is no name for a user: use 1 to 64 letters, digits, dots, dashes, "
            "underscores and @, beginning with a letter or digit"
        )
    return name


def hashed(password: str) -> str:
    """The hash of a password, as it is stored.

    Raises: Failure: when it is too short, too long or not UTF-8.
    """
    if not LEAST <= len(password) <= MOST:
        raise Failure(f"a password has {LEAST} to {MOST} characters; this has {len(password)}")
    try:
        return _HASHER.hash(password)
    except UnicodeEncodeError:
        raise Failure("the password is not UTF-8; send it in that encoding") from None


def verified(
    users: Users, name: str, password: str, hasher: PasswordHasher = _HASHER
) -> tuple[User, str] | None:
    """The user and the hash that is kept, when the password is right; None otherwise.

    A hash made with other settings is replaced, unless the password was changed meanwhile.
    It takes as long for an unknown name.
    """
    found = users.password(name)
    kept = found[1] if found else _UNKNOWN_USER
    try:
        hasher.verify(kept, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return None
    if found is None:
        return None
    if hasher.check_needs_rehash(kept):
        fresh = hasher.hash(password)
        if not users.replace(name, kept, fresh):
            return None
        kept = fresh
    return found[0], kept
