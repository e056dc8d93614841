"""Refusals are counted by kind, over all lives of the broker."""

from __future__ import annotations

from broker.model.peers.caller import Caller
from broker.store.database import Database
from broker.store.refusals import (
    FORGOTTEN_S,
    MOST_OF_ADDRESS,
    Counted,
    CountedOfCaller,
    RefusalCount,
    Refusals,
)


def test_counts_add_up(database: Database) -> None:
    """Each kind with its first and last time, and who was last; the latest kind first. The times
    are those at which it was heard."""
    refusals = Refusals(database)
    refusals.add(
        {
            "called AE": Counted(2, 900.0, 950.0, "CT1", "10.0.0.9:4000", "BORKER"),
            "silent": Counted(1, 940.0, 940.0, "10.0.0.8:4000", "10.0.0.8:4000"),
        }
    )
    Refusals(database).add({"called AE": Counted(40, 960.0, 970.0, "MR1", "10.0.0.8:4000", "X")})

    assert refusals.list() == [
        RefusalCount("called AE", 42, 900.0, 970.0, "MR1", "10.0.0.8:4000", "X"),
        RefusalCount("silent", 1, 940.0, 940.0, "10.0.0.8:4000", "10.0.0.8:4000"),
    ]


def row(number: int, at: float) -> CountedOfCaller:
    """That number of refusals, all at that time."""
    return CountedOfCaller(number, at, at, f"at {at:g}")


def test_of_several_that_stand_together_the_latest_is_told(database: Database) -> None:
    """Whatever is added first, and whichever row gives way: numbers add up, the first and the last
    time are those of all, and what is told of the last is of the last."""
    refusals = Refusals(database)
    titles = [Caller(f"AE{number}", "10.0.0.9") for number in range(MOST_OF_ADDRESS + 2)]
    refusals.add({}, {("slow", each): row(1, 1000.0) for each in titles})
    day = FORGOTTEN_S
    refusals.add({}, {("slow", each): row(1, 1000.0 + day) for each in titles[1:]})
    found = {each.calling_ae: each for each in refusals.callers()}
    assert len(found) == MOST_OF_ADDRESS + 1
    assert "AE0" not in found
    assert (found["AE40"].number, found["AE40"].first_at) == (1, 1000.0 + day)
    assert found[""].number == 4
    assert (found[""].first_at, found[""].last_at) == (1000.0, 1000.0 + day)
    assert found[""].last_why == f"at {1000 + day:g}"

    refusals.add({}, {("slow", Caller("NEW", "10.0.0.9")): row(5, 999.0)})
    found = {each.calling_ae: each for each in refusals.callers()}
    assert "NEW" not in found
    assert (found[""].number, found[""].first_at) == (9, 999.0)
    assert found[""].last_why == f"at {1000 + day:g}"
