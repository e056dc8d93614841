"""How many unfinished jobs a modality may have, without counting the queue for every film."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from broker.model.trouble import QueueFull

STALE_S = 1.0
"""A count is made again after so long: people reprint, and other programs print test films."""
MOST_NAMES = 1000
"""Remembered at once. Strangers may call themselves what they like."""


Key = tuple[str, str]
"""`AE title` or `address`, and its name."""


@dataclass
class _Count:
    jobs: int
    """At least as many as are unfinished: those of the queue, and what was taken since."""
    counted_at: float


class Quota:
    """Shared by all associations. For any thread.

    `count` tells how many jobs of an AE title, and of an address, are unfinished; `most` how many
    may be; `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        count: Callable[[str, str], tuple[int, int]],
        most: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        self._count = count
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Key, _Count] = {}

    def check(self, calling_ae: str, peer: str) -> None:
        """QueueFull when as many jobs of the AE title, or of the peer's address, are unfinished as
        may be. Never on a guess: the queue is counted before anybody is refused.
        """
        most, keys = self._most(), _keys(calling_ae, peer)
        with self._lock:
            if all(self._below(key, most) for key in keys):
                return
            # Under the lock, so that what is taken meanwhile is added to it.
            counts = self._count(*(name for _, name in keys))
            if len(self._known) > MOST_NAMES:
                self._known.clear()
            now = self._clock()
            self._known |= {key: _Count(jobs, now) for key, jobs in zip(keys, counts, strict=True)}
        for (_, name), jobs in zip(keys, counts, strict=True):
            if jobs >= most:
                raise QueueFull(f"{most} jobs of {name} are not finished")

    def took(self, calling_ae: str, peer: str) -> None:
        """A job of theirs has been queued."""
        with self._lock:
            for key in _keys(calling_ae, peer):
                if key in self._known:
                    self._known[key].jobs += 1

    def _below(self, key: Key, most: int) -> bool:
        known = self._known.get(key)
        if known is None or known.jobs >= most:
            return False
        return self._clock() - known.counted_at < STALE_S


def _keys(calling_ae: str, peer: str) -> tuple[Key, Key]:
    return ("AE title", calling_ae), ("address", peer.rpartition(":")[0])
