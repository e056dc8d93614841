"""How much room there is, in words."""

from __future__ import annotations

from broker.model.storage.disk import MB, Room


def test_what_is_free_is_told_beside_what_is_needed() -> None:
    """In the megabytes of retention.floor_mb, or thousands of them: much may be too little."""
    low = Room(74_808 * MB, 100_000 * MB)
    assert low.words == "74.8 GB free, less than the 100.0 GB of retention.floor_mb"
    assert Room(900 * MB, 1000 * MB).words.startswith("900 MB free, less than the 1000 MB")
    assert Room(1100 * MB, 1000 * MB).words == "1100 MB free, and retention.floor_mb is 1000 MB"
