"""Passwords: what they must be, how they are kept, and how they are compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from broker.model.user import Role
from broker.operations.passwords import LEAST, MOST, checked_name, hashed, verified
from broker.operations.words.failures import Failure
from broker.store import schema
from broker.store.accounts import Users
from broker.store.database import Database

PASSWORD = "correct horse"


@pytest.fixture
def users(tmp_path: Path) -> Iterator[Users]:
    """With otto, whose hash was made with other settings than today's."""
    database = Database.open(f"sqlite:///{tmp_path}/broker.db")
    schema.upgrade(database)
    found = Users(database, lambda: 1000.0)
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    found.add("otto", Role.OPERATOR, cheap.hash(PASSWORD))
    yield found
    database.close()


def kept(users: Users, name: str) -> str:
    """The hash in the store."""
    found = users.password(name)
    assert found is not None
    return found[1]


def test_a_hash_with_other_settings_is_replaced_by_the_right_password_alone(users: Users) -> None:
    """Once; it is the one that is handed back, and the password is the same."""
    before = kept(users, "otto")
    assert verified(users, "otto", "wrong horse") is None
    assert kept(users, "otto") == before
    first = verified(users, "otto", PASSWORD)
    after = kept(users, "otto")
    assert after != before
    assert first is not None
    assert first[1] == after
    second = verified(users, "otto", PASSWORD)
    assert second is not None
    assert second[1] == after


def test_a_password_that_is_changed_during_the_comparison_stays_changed(users: Users) -> None:
    """The old one, which was right a moment ago, opens nothing and does not come back."""
    changed = hashed("another horse")

    class Meanwhile(PasswordHasher):
        def check_needs_rehash(self, hash: str | bytes) -> bool:
            users.change("otto", hashed=changed)
            return super().check_needs_rehash(hash)

    assert verified(users, "otto", PASSWORD, Meanwhile()) is None
    assert kept(users, "otto") == changed


def test_a_name_of_no_user_costs_a_comparison_too(users: Users) -> None:
    """With today's settings, so that its time tells nothing of who there is."""
    compared: list[str] = []

    class Watched(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            compared.append(str(hash))
            return super().verify(hash, password)

    users.change("otto", hashed=hashed(PASSWORD))
    assert verified(users, "otto", "wrong horse", Watched()) is None
    assert verified(users, "nobody", "wrong horse", Watched()) is None
    settings = [each.rpartition("$")[0].rpartition("$")[0] for each in compared]
    assert len(settings) == 2
    assert settings[0] == settings[1]


def test_a_damaged_hash_opens_nothing(users: Users) -> None:
    """Nor does it fail."""
    users.change("otto", hashed="damaged")
    assert verified(users, "otto", PASSWORD) is None


@pytest.mark.parametrize("length", [0, LEAST - 1, MOST + 1])
def test_a_password_has_a_length(length: int) -> None:
    """The error names both ends, and not the password."""
    with pytest.raises(Failure) as caught:
        hashed("x" * length)
    assert caught.value.words == f"a password has 8 to 200 characters; this has {length}"
    assert hashed("x" * LEAST).startswith("$argon2id$")
    assert hashed("x" * MOST).startswith("$argon2id$")


def test_a_password_that_is_no_text_is_refused_in_words(users: Users) -> None:
    """Bytes of another encoding, as a terminal hands them on."""
    with pytest.raises(Failure, match="not UTF-8"):
        hashed("p\udce4ssw\udcf6rt")
    assert verified(users, "otto", "p\udce4ssw\udcf6rt") is None


@pytest.mark.parametrize("name", ["otto", "o", "Otto.M", "mr1@radiology", "9-a_b", "x" * 64])
def test_names_that_a_user_may_have(name: str) -> None:
    """Handed back as they are."""
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-otto", ".otto", "o t", "a:b", "otto\n", "x" * 65, "Ärztin", "<b>"]
)
def test_names_that_a_user_may_not_have(name: str) -> None:
    """The error says which ones may be."""
    with pytest.raises(Failure, match="beginning with a letter or digit"):
        checked_name(name)
