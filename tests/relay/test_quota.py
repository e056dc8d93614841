"""How many unfinished jobs a modality may have, and how seldom the queue is counted for it."""

from __future__ import annotations

import pytest

from broker.model.trouble import QueueFull
from broker.relay.quota import MOST_NAMES, STALE_S, Quota


class Queue:
    """A queue of jobs by AE title and address, which counts how often it is counted."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, str]] = []
        self.counted = 0
        self.now = 0.0
        self.quota = Quota(self.count, lambda: 3, lambda: self.now)

    def count(self, calling_ae: str, address: str) -> tuple[int, int]:
        self.counted += 1
        titles, addresses = zip(*self.jobs, strict=True) if self.jobs else ((), ())
        return titles.count(calling_ae), addresses.count(address)

    def take(self, calling_ae: str, peer: str) -> None:
        """A job comes in, as the intake takes it."""
        self.quota.check(calling_ae, peer)
        self.jobs.append((calling_ae, peer.rpartition(":")[0]))
        self.quota.took(calling_ae, peer)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.mark.parametrize(
    ("calling_ae", "peer", "whose"),
    [
        ("CT1", "10.0.0.7:1", "CT1"),
        ("MR1", "10.0.0.9:1", "10.0.0.9"),
        ("MR1", "10.0.0.90:1", ""),
        ("MR1", "10.0.0.7:1", ""),
    ],
)
def test_a_flood_is_stopped(queue: Queue, calling_ae: str, peer: str, whose: str) -> None:
    """As many as may be are taken, whatever the modality calls itself; others are not stopped."""
    for number in (1, 2, 3):
        queue.take("CT1", f"10.0.0.9:{number}")

    if whose:
        with pytest.raises(QueueFull, match=f"^3 jobs of {whose} are not finished$"):
            queue.take(calling_ae, peer)
    else:
        queue.take(calling_ae, peer)


def test_the_queue_is_counted_once_a_second(queue: Queue) -> None:
    """Between two counts, what was taken is added: no film costs a question of its own."""
    for number in (1, 2):
        queue.take("CT1", f"10.0.0.9:{number}")
    assert queue.counted == 1
    queue.now += STALE_S
    queue.take("CT1", "10.0.0.9:3")
    assert queue.counted == 2


def test_nobody_is_refused_on_a_guess(queue: Queue) -> None:
    """Jobs that were finished meanwhile make room at once."""
    for number in (1, 2, 3):
        queue.take("CT1", f"10.0.0.9:{number}")
    queue.jobs.pop()

    queue.take("CT1", "10.0.0.9:4")
    with pytest.raises(QueueFull):
        queue.take("CT1", "10.0.0.9:5")


def test_an_ae_title_like_an_address_is_counted_by_itself(queue: Queue) -> None:
    """What a modality calls itself does not lend it another's room, nor take it."""
    for number in (1, 2):
        queue.take("10.0.0.9", f"10.0.0.7:{number}")

    for number in (1, 2, 3):
        queue.take("CT1", f"10.0.0.9:{number}")


def test_strangers_are_forgotten(queue: Queue) -> None:
    """A thousand names cost the memory of a thousand, and nobody's count is lost by it."""
    for number in (1, 2, 3):
        queue.take("CT1", f"10.0.0.9:{number}")
    for number in range(2 * MOST_NAMES):
        queue.quota.check(f"AE{number}", "10.0.0.8:1")

    assert len(queue.quota._known) <= MOST_NAMES + 2
    with pytest.raises(QueueFull):
        queue.take("CT1", "10.0.0.9:4")
