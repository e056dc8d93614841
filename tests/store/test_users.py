"""Users: each name once, and a password as its hash alone."""

from __future__ import annotations

import pytest

from broker.model.user import Role, User
from broker.store.accounts import NoSuchUser, UserExists, Users
from broker.store.database import Database
from tests.store.conftest import Clock


@pytest.fixture
def users(database: Database, clock: Clock) -> Users:
    """No user yet."""
    return Users(database, clock)


def test_users_are_added_changed_and_removed(users: Users, clock: Clock) -> None:
    """Sorted by name, with when they were made; what is not changed stays."""
    assert not users.any()
    users.add("vera", Role.VIEWER, "hash-v")
    clock.now += 60
    users.add("otto", Role.OPERATOR, "hash-o")
    assert users.any()
    assert users.list() == [User("otto", Role.OPERATOR, 1060.0), User("vera", Role.VIEWER, 1000.0)]

    users.change("vera", role=Role.OPERATOR)
    assert users.password("vera") == (User("vera", Role.OPERATOR, 1000.0), "hash-v")
    users.change("vera", hashed="hash-w")
    assert users.password("vera") == (User("vera", Role.OPERATOR, 1000.0), "hash-w")

    users.remove("vera")
    assert users.password("vera") is None
    users.remove("otto")
    assert not users.any()


def test_a_name_is_there_once(users: Users) -> None:
    """The second is told how to change the first, which stays as it is."""
    users.add("otto", Role.OPERATOR, "hash-o")
    with pytest.raises(UserExists) as caught:
        users.add("otto", Role.VIEWER, "hash-x")
    assert caught.value.words == (
        "there is a user otto already; `broker user password otto` changes it"
    )
    assert users.password("otto") == (User("otto", Role.OPERATOR, 1000.0), "hash-o")


def test_a_name_that_is_not_there_is_answered_with_those_that_are(users: Users) -> None:
    """To change and to remove; asking for a password is no error."""
    with pytest.raises(NoSuchUser) as caught:
        users.remove("ruth")
    assert caught.value.words == "there is no user ruth; there are: none"
    users.add("otto", Role.OPERATOR, "hash-o")
    with pytest.raises(NoSuchUser) as caught:
        users.change("ruth", role=Role.VIEWER)
    assert caught.value.words == "there is no user ruth; there are: otto"
    assert users.password("ruth") is None


def test_a_hash_is_replaced_only_where_it_still_is(users: Users) -> None:
    """A password that was changed meanwhile stays changed, and a user that has gone stays gone."""
    users.add("otto", Role.OPERATOR, "hash-o")
    assert users.replace("otto", "hash-o", "hash-p")
    assert not users.replace("otto", "hash-o", "hash-q")
    found = users.password("otto")
    assert found is not None
    assert found[1] == "hash-p"
    users.remove("otto")
    assert not users.replace("otto", "hash-p", "hash-q")
    assert not users.any()
