"""Pixels on their way in: the disk is watched while they come."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.model.room import MB
from broker.model.trouble import CannotStore
from broker.relay.receiving import STEP, Receiving
from broker.spool.files import Spool

PIECE = memoryview(bytes(MB))


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool")


def test_the_disk_is_looked_at_again_while_a_large_image_comes(spool: Spool) -> None:
    """Each STEP bytes, for what is still to come: others fill the disk meanwhile."""
    asked: list[int] = []
    pixels = Receiving(spool.begin(), 20 * MB, asked.append, lambda words, _: CannotStore(words))

    for _ in range(20):
        pixels.write(PIECE)

    assert STEP == 8 * MB
    assert asked == [13 * MB, 5 * MB]
    spool.drop([pixels.finish()])


def test_an_image_that_no_longer_fits_ends_there(spool: Spool, tmp_path: Path) -> None:
    """It is refused before the disk is full, and nothing of it is left."""

    def full(_: int) -> None:
        raise CannotStore("less is free than retention.floor_mb")

    pixels = Receiving(spool.begin(), 20 * MB, full, lambda words, _: CannotStore(words))
    for _ in range(7):
        pixels.write(PIECE)

    with pytest.raises(CannotStore, match="floor_mb"):
        pixels.write(PIECE)

    pixels.discard()
    assert not list((tmp_path / "spool" / "incoming").iterdir())
