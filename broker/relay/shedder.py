"""Making room: pixels that are kept only for reprints go before any film is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable

from broker.model.note import Note
from broker.model.room import Room
from broker.store.database import FAILURES, in_words
from broker.store.retention import Retention
from broker.store.spool import Spool

ROOM, BUDGET = "room", "budget"
"""Why pixels went before their time: the disk was nearly full, or there were more than
retention.pixels_mb."""
WAIT_S = 5.0
"""A modality that needs room waits at most so long while room is made for another."""
ROUNDS = 3
"""So often at most the disk is measured again after something went: others write meanwhile."""


class Shedder:
    """Takes pixels from finished jobs, those that ended first, when room is needed. For any thread.

    What an unfinished job refers to, and what is being received, stays. Where nothing is left that
    could go, nothing happens, and whoever asked measures for himself.
    """

    def __init__(
        self,
        retention: Retention,
        spool: Spool,
        *,
        room: Callable[[], Room],
        budget: Callable[[], int],
        note: Note,
    ) -> None:
        """`budget` is how many bytes of pixels may be kept for reprints; 0: as many as fit."""
        self._retention = retention
        self._spool = spool
        self._room = room
        self._budget = budget
        self._note = note
        self._lock = threading.Lock()
        self._left: set[str] = set()
        """Files whose jobs are stripped, and that could not be removed yet."""

    def make_room(self, missing: Callable[[Room], int]) -> Room:
        """Remove pixels until no byte is missing by the caller's measure, or none can go; the room
        there is then. OSError when the disk cannot be asked."""
        if not self._lock.acquire(timeout=WAIT_S):
            return self._room()
        try:
            # Measured under the lock: the one before may have made room for both.
            for _ in range(ROUNDS):
                room = self._room()
                need = missing(room)
                if need <= 0 or not self._shed(need, ROOM):
                    break
            return self._room()
        finally:
            self._lock.release()

    def keep_house(self) -> None:
        """Make room before anybody needs it, and keep to the budget: once in a while."""
        if self._room().near:
            self.make_room(lambda room: room.short_of_spare)
        budget = self._budget()
        if budget and (over := self._retention.kept_bytes() - budget) > 0:
            with self._lock:
                self._shed(over, BUDGET)

    def weigh(self) -> None:
        """Write down the bytes of pixels that were taken before bytes were written down."""
        self._retention.weigh(self._spool.size)

    def _shed(self, need: int, why: str) -> int:
        """Free so many bytes, or what there is; how many. Under the lock."""
        choice = self._retention.to_shed(need, self._spool.freed_by)
        names = choice.names | self._left
        if not names:
            return 0
        chosen = set(choice.jobs)
        try:
            self._retention.shed(choice.jobs, why)
        except FAILURES as error:
            # The disk may be so full that no row can be written. The files go first then; a job
            # whose pixels are not there is not printed again either.
            self._note("storage failed", {"why": in_words(error)})
            self._remove(names, lambda some: self._retention.referred_besides(some, chosen))
            self._retention.shed(choice.jobs, why)
        else:
            self._remove(names, lambda some: self._retention.spooled(some))
        freed = choice.bytes - sum(self._spool.freed_by(name) for name in choice.names)
        if choice.jobs:
            facts = {"jobs": len(choice.jobs), "bytes": freed, "why": why}
            self._note("pixels shed", facts | {"job_numbers": list(choice.jobs[:20])})
        return freed

    def _remove(self, names: set[str] | frozenset[str], referred: Callable[..., set[str]]) -> None:
        self._left = set(names)
        self._spool.remove(names, referred)
        # A file that is there now is one that a new job refers to, or one for the next time.
        self._left = {name for name in names if self._spool.has(name)}
        self._left -= self._retention.spooled(self._left)
        self._spool.settle_removals(names)
