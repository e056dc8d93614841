"""Sessions of the page, as they are noted and ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.user import PageSession, Role, User, session_mark
from broker.store.accounts import NoSuchUser, Users
from broker.store.database import Database
from broker.store.sessions import MOST_OF_USER, PageSessions
from tests.store.conftest import Clock

WARD = PageSession("a" * 64, "otto", "m", 900.0, 950.0, "10.0.0.9")
HOME = PageSession("b" * 64, "otto", "m", 910.0, 940.0, "10.0.0.8")


@pytest.fixture
def sessions(database: Database, clock: Clock) -> PageSessions:
    """None yet."""
    return PageSessions(database, clock)


def note(sessions: PageSessions, *used: PageSession, idle_since: float = 0.0) -> None:
    """These are used."""
    sessions.note(used, idle_since=idle_since, begun_before=0.0)


def test_the_last_use_counts(sessions: PageSessions) -> None:
    """When, from where, and as whom; the beginning stays. The last used comes first."""
    note(sessions, WARD, HOME, replace(WARD, session="c" * 64, user="vera"))
    moved = replace(HOME, used_at=999.0, address="10.0.0.7", mark="n")
    note(sessions, moved)
    assert sessions.of("otto") == [moved, WARD]
    assert sessions.of("ruth") == []


def test_one_that_was_ended_is_noted_no_more(sessions: PageSessions) -> None:
    """Though its last use is written down late."""
    note(sessions, WARD, HOME)
    sessions.end(WARD.session, 2000.0)
    assert sessions.ended(WARD.session)
    assert not sessions.ended(HOME.session)
    note(sessions, replace(WARD, used_at=960.0))
    assert sessions.of("otto") == [HOME]


def test_what_has_run_out_is_forgotten(sessions: PageSessions, clock: Clock) -> None:
    """Not used for long, or begun long ago; and of those ended, what no cookie can be taken for."""
    note(sessions, WARD, HOME)
    note(sessions, idle_since=945.0)
    assert sessions.of("otto") == [WARD]
    sessions.note([], idle_since=0.0, begun_before=905.0)
    assert sessions.of("otto") == []
    sessions.end(WARD.session, 1100.0)
    clock.now = 1200.0
    sessions.end(HOME.session, 2000.0)
    assert not sessions.ended(WARD.session)


def test_one_user_fills_no_disk(sessions: PageSessions) -> None:
    """However often that user signs in; others keep theirs."""
    note(sessions, replace(HOME, user="vera"))
    note(
        sessions,
        *(
            replace(WARD, session=f"{number:064}", used_at=1000.0 + number)
            for number in range(MOST_OF_USER + 20)
        ),
    )
    found = sessions.of("otto")
    assert len(found) == MOST_OF_USER
    assert found[-1].used_at == 1020.0
    assert len(sessions.of("vera")) == 1


def test_signing_out_a_user_changes_the_mark(
    database: Database, clock: Clock, sessions: PageSessions
) -> None:
    """Of that user alone, each time; what is noted of the user's sessions is gone. The mark of a
    user who never did that is the one of earlier versions, whose sessions go on."""
    users = Users(database, clock)
    users.add("otto", Role.OPERATOR, "hash-o")
    users.add("vera", Role.VIEWER, "hash-v")
    note(sessions, WARD, replace(HOME, user="vera"))
    marks = []
    for _ in range(2):
        found = users.password("otto")
        assert found is not None
        marks.append(session_mark(*found))
        users.sign_out("otto")
    assert len(set(marks)) == 2
    assert marks[0] == session_mark(User("otto", Role.OPERATOR, 0.0), "hash-o")
    assert sessions.of("otto") == []
    assert [each.user for each in sessions.of("vera")] == ["vera"]
    with pytest.raises(NoSuchUser):
        users.sign_out("ruth")
