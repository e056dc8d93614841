"""Making room: pixels that are kept only for reprints go before any film is refused."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from broker.events import Note
from broker.model.room import Room
from broker.model.shedding import SheddingChoice
from broker.spool.files import Referenced, Spool
from broker.store.database import FAILURES, Database, in_words
from broker.store.retention import Retention

ROOM, BUDGET = "room", "budget"
"""Why pixels went before their time: the disk was nearly full, or there were more than
retention.pixels_mb."""
WAIT_S = 5.0
"""How long a modality that needs room waits, at most, while room is made for another."""
ROUNDS = 3
"""How often the disk is measured again, at most, after pixels went: others write meanwhile."""
REST = 10
"""After a search without success the next one waits for this many times what it took: modalities
that try again and again must not keep the database busy."""


class Shedder:
    """Takes pixels from finished jobs, those that ended first, when room is needed. For any thread.

    What an unfinished job refers to, and what is being received, stays. Where nothing is left that
    could go, nothing happens, and the caller measures again.
    """

    def __init__(
        self,
        retention: Retention,
        spool: Spool,
        *,
        room: Callable[[], Room],
        budget: Callable[[], int],
        note: Note,
        damage: Callable[[], str] = lambda: "",
    ) -> None:
        """`budget` is how many bytes of pixels may be kept for reprints; 0: as many as fit.
        `damage` is what the database is known to have; while that is something nothing is removed,
        as what it does not refer to may be needed."""
        self._retention = retention
        self._spool = spool
        self._room = room
        self._budget = budget
        self._note = note
        self._damage = damage
        self._lock = threading.Lock()
        self._left: frozenset[str] = frozenset()
        """Files whose jobs are stripped, and that could not be removed yet."""
        self._rests_until = float("-inf")

    def make_room(self, missing: Callable[[Room], int], *, partly: bool = False) -> Room:
        """Remove pixels until no byte is missing by the caller's measure; the room there is then.
        Where that cannot be reached nothing is removed, unless a part helps, too (`partly`).
        OSError when the disk cannot be asked.

        What a sweep has set aside goes last, and only so that a film need not be refused: it may
        be wanted again, when a database that was lost is put back."""
        if self._damage() or not self._lock.acquire(timeout=WAIT_S):
            return self._room()
        try:
            # Measured under the lock: the one before may have made room for both.
            for _ in range(ROUNDS):
                need = missing(self._room())
                if need <= 0 or not self._search(need, partly=partly):
                    break
            return self._room()
        finally:
            self._lock.release()

    def keep_house(self) -> None:
        """Make room before a film needs it, and keep to the budget: once in a while."""
        if self._room().near:
            self.make_room(lambda room: room.short_of_spare, partly=True)
        budget = 0 if self._damage() else self._budget()
        if budget and (over := self._retention.kept_bytes() - budget) > 0:
            with self._lock:
                self._shed(over, BUDGET, partly=True)

    def weigh(self) -> None:
        """Write down the bytes of pixels that were taken before bytes were written down."""
        self._retention.weigh(self._spool.size)

    def count_missing(self) -> None:
        """Have what is not in the spool any more count as nothing: it gives no room, and is none of
        what may be kept."""
        self._retention.count_missing(self._spool.size)

    def _search(self, need: int, *, partly: bool) -> int:
        """As `_shed`, unless there was nothing a moment ago."""
        began = time.monotonic()
        if began < self._rests_until:
            return 0
        aside = 0 if partly else sum(each.size for each in self._spool.orphans.found())
        freed = self._shed(need, ROOM, partly=partly, elsewhere=aside)
        # Files whose jobs are stripped go once no film is being kept: they come before these.
        if not self._left and 0 < need - freed <= aside:
            freed += self._drop_orphans(need - freed)
        if not freed and not self._left:
            now = time.monotonic()
            self._rests_until = now + REST * (now - began)
        return freed

    def _drop_orphans(self, need: int) -> int:
        """Remove what was set aside, the oldest first, until `need` bytes are free; how many."""
        gone = self._spool.make_room(need, self._retention.spooled)
        freed = sum(each.size for each in gone)
        if gone:
            facts = {"files": len(gone), "bytes": freed, "why": "their room was needed"}
            self._note("orphans removed", facts)
        return freed

    def _shed(self, need: int, why: str, *, partly: bool, elsewhere: int = 0) -> int:
        """Free `need` bytes, or `partly` what there is; how many. Under the lock. `elsewhere` is
        what else can be freed."""
        before = 0
        if self._left:
            before = self._remove_left()
            if self._left:
                return before  # nothing can be removed now: stripping more jobs would free nothing
            if why == ROOM:
                need -= before
                if need <= 0:
                    return before
        printed = False
        size = self._spool.freed_by
        choice = self._retention.to_shed(need, size)
        if choice.bytes < need and why == ROOM:
            # Associations that stay open keep what they have printed, in case they print it again.
            printed, size = True, partial(self._spool.freed_by, printed=True)
            choice = self._retention.to_shed(need, size)
        if choice.bytes + elsewhere < need and not partly:
            choice = SheddingChoice()
        names = choice.names
        if not names:
            return before
        chosen = set(choice.jobs)
        try:
            self._retention.shed(choice.jobs, why)
        except FAILURES as error:
            if not Database.is_full(error):
                raise
            # The disk is so full that no row can be written. The files go first then; a job whose
            # pixels are not there is not printed again either.
            self._note("storage failed", {"why": in_words(error)})
            besides = partial(self._retention.referred_besides, job_ids=chosen)
            self._remove(names, besides, printed=printed)
            self._retention.shed(choice.jobs, why)
        else:
            self._remove(names, self._retention.spooled, printed=printed)
        freed = choice.bytes - sum(size(name) for name in choice.names)
        if choice.jobs:
            facts = {"jobs": len(choice.jobs), "bytes": freed, "why": why}
            self._note("pixels shed", facts | {"job_numbers": list(choice.jobs[:20])})
        return before + freed

    def _remove_left(self) -> int:
        """Remove files that could not be removed before, where that can be done now; the bytes."""
        sizes = {name: self._spool.freed_by(name) for name in self._left}
        self._remove(self._left, self._retention.spooled, printed=False)
        return sum(size for name, size in sizes.items() if not self._spool.has(name))

    def _remove(self, names: frozenset[str], referred: Referenced, *, printed: bool) -> None:
        self._left = frozenset(names)
        self._spool.remove(names, referred, printed=printed)
        # A file that is there now is one that a new job refers to, or one for the next time.
        there = {name for name in names if self._spool.has(name)}
        self._left = frozenset(there - self._retention.spooled(there))
        self._spool.settle_removals(names)
