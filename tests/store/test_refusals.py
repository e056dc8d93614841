"""Refusals are counted by kind, over all lives of the broker."""

from __future__ import annotations

from broker.store.database import Database
from broker.store.refusals import Refusal, Refusals
from tests.store.conftest import Clock


def test_counts_add_up(database: Database, clock: Clock) -> None:
    """Each kind with its first and last time, and who was last; the latest kind first."""
    refusals = Refusals(database, clock)
    refusals.add({"not DICOM": (2, "10.0.0.9"), "silent": (1, "10.0.0.8")})
    clock.now = 1060.0
    Refusals(database, clock).add({"not DICOM": (40, "10.0.0.7")})

    assert refusals.list() == [
        Refusal("not DICOM", 42, 1000.0, 1060.0, "10.0.0.7"),
        Refusal("silent", 1, 1000.0, 1000.0, "10.0.0.8"),
    ]
