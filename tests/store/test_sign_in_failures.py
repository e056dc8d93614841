"""Failed sign-ins as they are counted in the database."""

from __future__ import annotations

import pytest

from broker.model.user import FailedSignInCount
from broker.store.database import Database
from broker.store.sign_in_failures import KEPT_S, MOST_FAILED, SignInFailures
from tests.store.conftest import Clock


@pytest.fixture
def failures(database: Database, clock: Clock) -> SignInFailures:
    """None yet."""
    return SignInFailures(database, clock)


def failed(user: str, address: str, at: float, number: int = 1) -> FailedSignInCount:
    """So often, all at one time."""
    return FailedSignInCount(user, address, number, at, at)


def test_they_are_counted_by_user_and_address(failures: SignInFailures, clock: Clock) -> None:
    """With the first and the last time; the latest stand first."""
    now = clock()
    failures.add([failed("otto", "10.0.0.9", now - 50, 2), failed("", "10.0.0.9", now - 40)])
    failures.add([failed("otto", "10.0.0.9", now - 10), failed("otto", "10.0.0.8", now - 20)])
    assert failures.list() == [
        FailedSignInCount("otto", "10.0.0.9", 3, now - 50, now - 10),
        failed("otto", "10.0.0.8", now - 20),
        failed("", "10.0.0.9", now - 40),
    ]


def test_there_are_no_more_than_so_many(failures: SignInFailures, clock: Clock) -> None:
    """However many addresses guess; those of long ago are forgotten, first and in any case."""
    now = clock()
    failures.add([failed("otto", "old", now - KEPT_S - 1)])
    assert failures.list() == []
    failures.add([failed("", str(number), now - number) for number in range(MOST_FAILED + 5)])
    found = failures.list()
    assert len(found) == MOST_FAILED
    assert (found[0].address, found[-1].address) == ("0", str(MOST_FAILED - 1))
