"""Refusals are counted by kind, over all lives of the broker."""

from __future__ import annotations

from broker.store.database import Database
from broker.store.refusals import Counted, RefusalCount, Refusals


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
