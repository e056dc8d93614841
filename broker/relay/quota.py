"""How much unfinished each modality may have, without counting the queue for every film."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from broker.model.caller import Caller, Waiting
from broker.model.room import MB
from broker.model.share import Full, Use, full
from broker.model.trouble import QueueFull

STALE_S = 1.0
"""A count is made again after so long: people reprint, and other programs print test films."""
NOTHING = Waiting()


@dataclass(frozen=True)
class QueueLimits:
    """What the site allows."""

    jobs: int
    """Unfinished, of one AE title at an address."""
    all_jobs: int
    """Unfinished, in all."""
    bytes: int = 0
    """Of one AE title at an address: its unfinished jobs' pixels, and what its associations hold;
    0: as much as is still free, which alone is half of the room."""


class Queue(Protocol):
    """What is asked of the queue."""

    def unfinished(self) -> Mapping[Caller, Waiting]:
        """How much each caller has; pixels of several jobs are counted with each."""

    def waiting_bytes(self, caller: Caller) -> tuple[int, int]:
        """Of a caller, and of its address, each file once."""


class Held(Protocol):
    """Bytes that associations hold, and that no job has yet."""

    def of(self, caller: Caller) -> int:
        """Of a caller."""

    def of_address(self, address: str) -> int:
        """Of an address."""


class Quota:
    """Shared by all associations. For any thread.

    `kept` tells how many bytes of the disk could be freed for films; `clock` is monotonic, in
    seconds.
    """

    def __init__(
        self,
        queue: Queue,
        limits: Callable[[], QueueLimits],
        clock: Callable[[], float],
        *,
        held: Held,
        kept: Callable[[], int] = lambda: 0,
    ) -> None:
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self._held = held
        self._kept = kept
        self._lock = threading.Lock()
        self._waiting: dict[Caller, Waiting] = {}
        """At least as much as is unfinished: what was counted, and what was taken since."""
        self._of_address: dict[str, Waiting] = {}
        self._whole = NOTHING
        self._counted_at = float("-inf")

    def check(self, caller: Caller) -> None:
        """QueueFull when as many jobs are unfinished as may. Never on a guess: the queue is counted
        before a refusal.
        """
        limits = self._limits()
        with self._lock:
            if self._clock() - self._counted_at < STALE_S and not self._jobs_full(caller, limits):
                return
            # Under the lock, so that what is taken meanwhile is added to it.
            self._recount()
            found = self._jobs_full(caller, limits)
            waiting = self._waiting.get(caller, NOTHING).jobs
            of_address = self._of_address.get(caller.address, NOTHING).jobs
            whole = self._whole.jobs
        if found is Full.CALLER:
            raise QueueFull(f"{waiting} unfinished jobs of {caller}")
        if found is Full.ADDRESS:
            raise QueueFull(f"{of_address} unfinished jobs of AE titles at {caller.address}")
        if found is Full.WHOLE:
            raise QueueFull(f"{whole} unfinished jobs in the queue")

    def check_bytes(self, caller: Caller, more: int, free: int) -> None:
        """QueueFull when `more` bytes are too many for this caller, with `free` bytes left."""
        most = self._limits().bytes
        with self._lock:
            if self._clock() - self._counted_at >= STALE_S:
                self._recount()
            jobs = self._waiting.get(caller, NOTHING).bytes
            of_address = self._of_address.get(caller.address, NOTHING).bytes
        if self._bytes_full(caller, jobs, of_address, more, free, most) is None:
            return
        jobs, of_address = self._queue.waiting_bytes(caller)
        found = self._bytes_full(caller, jobs, of_address, more, free, most)
        if found is not None and (kept := self._kept()):
            found = self._bytes_full(caller, jobs, of_address, more, free + kept, most)
        if found is None:
            return
        if found is Full.ADDRESS:
            used = of_address + self._held.of_address(caller.address)
            raise QueueFull(f"{used // MB} MB unprinted of AE titles at {caller.address}")
        used = jobs + self._held.of(caller)
        raise QueueFull(f"{used // MB} MB unprinted of {caller}")

    def took(self, caller: Caller, size: int) -> None:
        """A job of the caller, with `size` bytes of pixels, has been queued."""
        with self._lock:
            self._add(caller, Waiting(1, size))

    def _jobs_full(self, caller: Caller, limits: QueueLimits) -> Full | None:
        use = Use(
            self._waiting.get(caller, NOTHING).jobs,
            self._of_address.get(caller.address, NOTHING).jobs,
        )
        return full(use, 1, limits.all_jobs - self._whole.jobs, limits.jobs)

    def _bytes_full(
        self, caller: Caller, jobs: int, of_address: int, more: int, free: int, most: int
    ) -> Full | None:
        """A limit that the site has set takes the place of what is free."""
        own = jobs + self._held.of(caller)
        if most and own + more > most:
            return Full.CALLER
        use = Use(0 if most else own, of_address + self._held.of_address(caller.address))
        return full(use, more, free)

    def _recount(self) -> None:
        found = self._queue.unfinished()
        self._counted_at = self._clock()
        self._waiting, self._of_address, self._whole = {}, defaultdict(Waiting), NOTHING
        for caller, waiting in found.items():
            self._add(caller, waiting)

    def _add(self, caller: Caller, more: Waiting) -> None:
        self._waiting[caller] = self._waiting.get(caller, NOTHING) + more
        at = caller.address
        self._of_address[at] = self._of_address.get(at, NOTHING) + more
        self._whole += more
