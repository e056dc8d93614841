"""Sessions of the page that are open, ending them, and failed sign-ins, whatever the face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from broker.model.user import IDLE_S, LIFE_S, FailedSignInCount, PageSession, session_mark
from broker.operations.documents import Document, iso

if TYPE_CHECKING:
    from broker.operations.opened import Store


def open_sessions(
    store: Store, name: str, now: float, just_used: Sequence[PageSession] = ()
) -> list[PageSession]:
    """Those of a user that open the page now, the last used first; `just_used` is not noted in the
    database yet. None where there is no such user."""
    found = store.users.password(name)
    if found is None:
        return []
    mark = session_mark(*found)
    noted: Mapping[str, PageSession] = {
        each.session: each for each in (*store.sessions.of(name), *just_used)
    }
    there = [
        each
        for each in noted.values()
        if each.mark == mark and now - each.used_at < IDLE_S and now - each.began_at < LIFE_S
    ]
    return sorted(there, key=lambda each: each.used_at, reverse=True)


def document_of_failures(failed: FailedSignInCount) -> Document:
    """One row of `broker user failures --json`."""
    return {
        "user": failed.user,
        "address": failed.address,
        "number": failed.number,
        "first_at": iso(failed.first_at),
        "last_at": iso(failed.last_at),
    }


def document_of_session(session: PageSession) -> Document:
    """One row of `broker user sessions --json`."""
    return {
        "user": session.user,
        "began_at": iso(session.began_at),
        "used_at": iso(session.used_at),
        "address": session.address,
    }
