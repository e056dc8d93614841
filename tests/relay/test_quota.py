"""How much unfinished a modality may have, and how seldom the queue is counted for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest

from broker.model.peers.caller import Caller, Waiting
from broker.model.printers.trouble import QueueFull
from broker.model.storage.disk import MB
from broker.relay.intake import STALE_S, QueueLimits, Quota

CT1 = Caller("CT1", "10.0.0.9")
BESIDE = Caller("MR1", "10.0.0.9")
"""Behind the same address, as with NAT."""
ELSEWHERE = Caller("CT1", "10.0.0.7")


class Queue:
    """A queue of jobs by caller, which counts how often it is counted; associations hold nothing
    but what a test puts there."""

    def __init__(self) -> None:
        self.jobs: list[tuple[Caller, int]] = []
        self.counted = 0
        self.now = 0.0
        self.held: Counter[Caller] = Counter()
        self.kept = 0
        self.shared = 0
        """Bytes that several jobs refer to, and that are counted with each."""
        self.limits = QueueLimits(jobs=3, all_jobs=30)
        self.quota = Quota(
            self, lambda: self.limits, lambda: self.now, held=self, kept=lambda: self.kept
        )

    def unfinished(self) -> Mapping[Caller, Waiting]:
        """As the store counts it."""
        self.counted += 1
        found: dict[Caller, Waiting] = {}
        for caller, size in self.jobs:
            found[caller] = found.get(caller, Waiting()) + Waiting(1, size)
        return found

    def waiting_bytes(self, caller: Caller) -> tuple[int, int]:
        """As the store counts it."""
        own = sum(size for each, size in self.jobs if each == caller)
        at = sum(size for each, size in self.jobs if each.address == caller.address)
        return own - self.shared, at - self.shared

    def of(self, caller: Caller) -> int:
        """Bytes that its associations hold."""
        return self.held[caller]

    def of_address(self, address: str) -> int:
        """Likewise, of an address."""
        return sum(size for each, size in self.held.items() if each.address == address)

    def take(self, caller: Caller, size: int = 0) -> None:
        """A job comes in, as the intake takes it."""
        self.quota.check(caller)
        self.jobs.append((caller, size))
        self.quota.took(caller, size)


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.mark.parametrize("other", [BESIDE, ELSEWHERE])
def test_a_flood_stops_itself_alone(queue: Queue, other: Caller) -> None:
    """As many as may be are taken; another AE title behind the same address, and the same AE title
    elsewhere, print on. The words name the one that is full."""
    for _ in range(3):
        queue.take(CT1)

    with pytest.raises(QueueFull, match=r"^3 unfinished jobs of CT1 at 10\.0\.0\.9$"):
        queue.take(CT1)
    queue.take(other)


def test_an_address_that_invents_ae_titles_is_stopped(queue: Queue) -> None:
    """It fills three quarters of the queue and no more, and another address has the rest."""
    for number in range(23):
        queue.take(Caller(f"AE{number}", "10.0.0.9"))
    with pytest.raises(QueueFull, match=r"^23 unfinished jobs of AE titles at 10\.0\.0\.9$"):
        queue.take(Caller("AE23", "10.0.0.9"))

    for _ in range(3):
        queue.take(ELSEWHERE)


def test_the_queue_has_an_end(queue: Queue) -> None:
    """However many addresses there are."""
    for number in range(30):
        queue.take(Caller("CT1", f"10.0.0.{number}"))
    with pytest.raises(QueueFull, match=r"^30 unfinished jobs in the queue$"):
        queue.take(Caller("CT1", "10.0.0.30"))


def test_the_queue_is_counted_once_a_second(queue: Queue) -> None:
    """Between two counts, what was taken is added: no film costs a question of its own."""
    for _ in (1, 2):
        queue.take(CT1)
    queue.quota.check_bytes(CT1, MB, 1 << 40)
    assert queue.counted == 1
    queue.now += STALE_S
    queue.take(CT1)
    assert queue.counted == 2


def test_no_film_is_refused_on_a_guess(queue: Queue) -> None:
    """Jobs that were finished meanwhile make room at once."""
    for _ in range(3):
        queue.take(CT1)
    queue.jobs.pop()

    queue.take(CT1)
    with pytest.raises(QueueFull):
        queue.take(CT1)


def test_who_has_nothing_waiting_is_not_remembered(queue: Queue) -> None:
    """Peers that may call themselves what they like cost no memory."""
    for number in range(2000):
        queue.quota.check(Caller(f"AE{number}", "10.0.0.8"))
    assert len(queue.quota._waiting) == 0


def test_bytes_are_bounded_by_what_is_free(queue: Queue) -> None:
    """One AE title at an address has at most as much waiting and held as is still free: alone,
    half of the room and its last image. Another one has its share of what is left."""
    free = 100 * MB
    for _ in range(3):
        queue.quota.check_bytes(CT1, 20 * MB, free)
        queue.held[CT1] += 20 * MB
        free -= 20 * MB
    with pytest.raises(QueueFull, match=r"^60 MB unprinted of CT1 at 10\.0\.0\.9$"):
        queue.quota.check_bytes(CT1, 20 * MB, free)
    queue.quota.check_bytes(BESIDE, 20 * MB, free)
    queue.quota.check_bytes(ELSEWHERE, 40 * MB, free)


def test_invented_ae_titles_share_the_bytes_of_their_address(queue: Queue) -> None:
    """Three quarters of the room at most."""
    queue.held = Counter({Caller(f"AE{number}", "10.0.0.9"): 15 * MB for number in range(5)})
    with pytest.raises(QueueFull, match=r"^75 MB unprinted of AE titles at 10\.0\.0\.9$"):
        queue.quota.check_bytes(CT1, MB, 25 * MB)
    queue.quota.check_bytes(ELSEWHERE, 20 * MB, 25 * MB)


def test_a_limit_of_bytes_takes_the_place_of_the_share(queue: Queue) -> None:
    """limits.waiting_mb counts jobs and what is held together."""
    queue.limits = QueueLimits(jobs=3, all_jobs=30, bytes=50 * MB)
    queue.take(CT1, 30 * MB)
    queue.held[CT1] = 15 * MB
    queue.quota.check_bytes(CT1, 5 * MB, 40 * MB)
    with pytest.raises(QueueFull, match=r"^45 MB unprinted of CT1 at 10\.0\.0\.9$"):
        queue.quota.check_bytes(CT1, 6 * MB, 1 << 40)


def test_bytes_are_counted_exactly_before_anybody_is_refused(queue: Queue) -> None:
    """Jobs that share their pixels count them once, and what finished films keep is room, too."""
    for _ in range(3):
        queue.take(CT1, 20 * MB)
    queue.shared = 40 * MB
    queue.quota.check_bytes(CT1, 20 * MB, 40 * MB)
    with pytest.raises(QueueFull):
        queue.quota.check_bytes(CT1, 20 * MB, 30 * MB)
    queue.kept = 10 * MB
    queue.quota.check_bytes(CT1, 20 * MB, 30 * MB)
