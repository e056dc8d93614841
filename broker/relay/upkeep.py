"""Upkeep: what a crash, an abort, a failing disk or a changed clock left behind, and the removal of
what is finished."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from broker.events import Event, Note
from broker.model.jobs.job import State
from broker.model.printers.retry import Policy, longest_wait_s
from broker.model.storage.disk import Room, SheddingChoice
from broker.model.storage.steadiness import Steadiness
from broker.relay.loop import Loop
from broker.spool.files import Referenced, Spool
from broker.store.database import FAILURES, Database, DatabaseReplaced, in_words
from broker.store.printers import Printers
from broker.store.queue.recovery import BROKE_OFF, STOPPED, Recovery
from broker.store.queue.retention import Retention, Terms
from broker.store.queue.spool_references import SpoolReferences
from broker.store.reading.queries import JobQueries

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
        references: SpoolReferences,
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
        self._references = references
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

        What a sweep has set aside goes last, and only so that a film need not be refused: it is
        needed again when a database that was lost is put back.

        Raises: OSError: when the disk cannot be asked.
        """
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

    def make_spare_room(self) -> None:
        """Make room before a film needs it, and keep to the budget: once in a while."""
        if self._room().near:
            self.make_room(lambda room: room.short_of_spare, partly=True)
        budget = 0 if self._damage() else self._budget()
        if budget and (over := self._references.kept_bytes() - budget) > 0:
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
        gone = self._spool.make_room(need, self._references.spooled)
        freed = sum(each.size for each in gone)
        if gone:
            facts = {"files": len(gone), "bytes": freed, "why": "their room was needed"}
            self._note(Event.ORPHANS_REMOVED, facts)
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
            self._note(Event.STORAGE_FAILED, {"why": in_words(error)})
            besides = partial(self._retention.referred_besides, job_ids=chosen)
            self._remove(names, besides, printed=printed)
            self._retention.shed(choice.jobs, why)
        else:
            self._remove(names, self._references.spooled, printed=printed)
        freed = choice.bytes - sum(size(name) for name in choice.names)
        if choice.jobs:
            facts = {"jobs": len(choice.jobs), "bytes": freed, "why": why}
            self._note(Event.PIXELS_SHED, facts | {"job_numbers": list(choice.jobs[:20])})
        return before + freed

    def _remove_left(self) -> int:
        """Remove files that could not be removed before, where that can be done now; the bytes."""
        sizes = {name: self._spool.freed_by(name) for name in self._left}
        self._remove(self._left, self._references.spooled, printed=False)
        return sum(size for name, size in sizes.items() if not self._spool.has(name))

    def _remove(self, names: frozenset[str], referred: Referenced, *, printed: bool) -> None:
        self._left = frozenset(names)
        self._spool.remove(names, referred, printed=printed)
        # A file that is there now is one that a new job refers to, or one for the next time.
        there = {name for name in names if self._spool.has(name)}
        self._left = frozenset(there - self._references.spooled(there))
        self._spool.settle_removals(names)


ROUND_S = 5.0
SWEEP_EVERY = 12
"""Rounds from one look through the spool to the next."""
COUNT_EVERY = 720
"""Rounds from one count of missing files to the next, about an hour; the first round counts."""


@dataclass(frozen=True)
class Keeping:
    """How long finished jobs are kept, in seconds from their end."""

    pixels_s: float
    rows_s: float
    orphans_s: float = 7 * 86400.0
    """How long spool files are kept that no job refers to, from when they were set aside."""

    def terms(self, now: float) -> Terms:
        """What goes at this time."""
        return Terms(now - self.pixels_s, now - max(self.pixels_s, self.rows_s))


@dataclass(frozen=True)
class UpkeepEdges:
    """What upkeep touches, and how the site wants it."""

    jobs: JobQueries
    recovery: Recovery
    printers: Printers
    retention: Retention
    references: SpoolReferences
    spool: Spool
    running: Callable[[], Collection[int]]
    """Jobs that an attempt is working on, or is about to."""
    policy: Callable[[], Policy]
    keeping: Callable[[], Keeping]
    tick: Callable[[], None]
    """What else is done each round."""
    keep_mark: Callable[[], None]
    """Puts the spool's mark on stable storage."""
    clock: Callable[[], float]
    note: Note
    tend_log: Callable[[], None] = lambda: None
    """Keeps the database's log small."""
    look: Callable[[], None] = lambda: None
    """Raises: DatabaseReplaced: where the database was replaced beneath the broker."""
    replaced: Callable[[], str] = lambda: ""
    """How it was; empty as long as it was not. Then nothing can be kept in order but the mark."""
    damage: Callable[[], str] = lambda: ""
    """What SQLite has said of a damaged page; empty as long as it met none."""
    make_room: Callable[[], None] = lambda: None
    """Finished jobs lose their pixels before their time where their room is needed."""
    forget_capabilities: Callable[[], None] = lambda: None
    """What was learned of printers is forgotten after its time."""
    weigh: Callable[[], None] = lambda: None
    """Older rows get their bytes."""
    count_missing: Callable[[], None] = lambda: None
    """Files that are gone count as nothing from then on."""
    monotonic: Callable[[], float] = time.monotonic
    """A clock that does not jump, in seconds."""


class Upkeep:
    """Settles claims without an attempt, mends times, removes what is finished after its time."""

    def __init__(self, edges: UpkeepEdges, *, interval_s: float = ROUND_S) -> None:
        self._edges = edges
        self._interval_s = interval_s
        self._steadiness = Steadiness.begin(edges.clock(), edges.monotonic())
        self._rounds = itertools.count()
        self._loop = Loop("upkeep", self._round, first_s=interval_s)

    def settle(self) -> None:
        """Settle what an earlier run left behind; before anything is claimed.

        What cannot be settled stays as it is, is told, and is tried again with each round: it must
        not keep the films of all others. A job that could not be recovered is still printing by its
        row, so that it is not claimed.
        """
        self._try(partial(self.recover, STOPPED))
        self._try(self.bring_back, self.hold_damaged, self.hold_lost)
        if not self._edges.damage():
            self._try(self.sweep)

    def _try(self, *chores: Callable[[], None]) -> None:
        for chore in chores:
            try:
                chore()
            except DatabaseReplaced:
                return  # told where it was seen
            except Exception as error:  # noqa: BLE001 - what fails must not stop the others
                self._edges.note(Event.UPKEEP_FAILED, {"why": in_words(error)})

    def start(self) -> None:
        """Begin; the first round comes after one interval."""
        self._loop.start()

    def stop(self, grace_s: float) -> None:
        """End after the round in hand."""
        self._loop.stop(grace_s)

    def _round(self) -> float:
        rounds = next(self._rounds)
        self._try(self._edges.look)
        if self._edges.replaced():
            self._try(self._edges.keep_mark)
            return self._interval_s
        chores = (self.hold_damaged, self.sweep, self.retire, self.sweep)
        seldom = chores if rounds % SWEEP_EVERY == 0 else ()
        room: tuple[Callable[[], None], ...] = (self._edges.make_room, self._edges.weigh)
        if rounds % COUNT_EVERY == 0:
            room = (self._edges.count_missing, *room)  # before room is made for what is gone
        if self._edges.damage():
            seldom = room = ()  # what a damaged database does not refer to may be needed
        often = (
            self._edges.keep_mark,
            self.recover,
            self.mend_times,
            self._edges.forget_capabilities,
            self._edges.tend_log,
            self._edges.look,  # which the next film would wait for, as the log was brought in
        )
        self._try(*often, *seldom, *room, self._edges.tick)
        return self._interval_s

    def recover(self, why: str = BROKE_OFF) -> None:
        """Settle the claims of attempts that are gone, and why (promise 3)."""
        policy = self._edges.policy()
        for job in self._edges.recovery.recover(
            policy.on_uncertain, tries=policy.tries, running=self._edges.running, why=why
        ):
            held = job.state is State.HELD
            unanswered = self._edges.jobs.unanswered() if held else ()
            facts = {
                "job": job.id,
                "state": str(job.state),
                "reason": job.reason if held else "",
                "uncertain": sum(film.job_id == job.id for film in unanswered),
            }
            self._edges.note(Event.JOB_RECOVERED, facts)

    def hold_lost(self) -> None:
        """Hold all jobs that cannot be printed because pixels are missing, in one transaction: a
        listing shows at once what to print again."""
        if lost := self._edges.recovery.hold_without_pixels(self._edges.spool.has):
            self._edges.note(Event.PIXELS_MISSING, {"held": len(lost), "jobs": lost})

    def hold_damaged(self) -> None:
        """Hold jobs whose row is damaged: no list shows them."""
        if damaged := self._edges.recovery.hold_damaged():
            self._edges.note(Event.ROWS_DAMAGED, {"held": len(damaged), "jobs": damaged})

    def mend_times(self) -> None:
        """End waits that are longer than any can be: the clock was set back meanwhile."""
        latest = self._edges.clock() + longest_wait_s(self._edges.policy())
        mended = self._edges.recovery.end_waits(latest) + self._edges.printers.end_waits(latest)
        if mended:
            self._edges.note(Event.CLOCK_SET_BACK, {"waits_ended": mended})

    def retire(self) -> None:
        """Remove finished jobs after their time; their files are removed by the next sweep."""
        terms = self._edges.keeping().terms(self._edges.clock())
        pixels = rows = 0
        while not self._loop.stopping.is_set():
            removal = self._edges.retention.remove(terms)
            if not (removal.pixels or removal.rows):
                break
            pixels, rows = pixels + removal.pixels, rows + removal.rows
        if pixels or rows:
            self._edges.note(Event.RETENTION_REMOVED, {"pixels_of": pixels, "rows_of": rows})

    def sweep(self) -> None:
        """Remove files that retention has released, and set aside what no job refers to
        otherwise: the database may have lost the films, and the pixels are all that is left.

        What was set aside goes after its time only when the clock has been steady for a day of this
        run: one jump of the clock must not remove all of it."""
        now, monotonic = self._edges.clock(), self._edges.monotonic()
        self._steadiness = self._steadiness.seen(now, monotonic)
        swept = self._edges.spool.sweep(
            self._edges.references,
            now=now,
            keep_s=self._edges.keeping().orphans_s,
            expire=self._steadiness.steady(monotonic),
        )
        if swept.removed:
            self._edges.note(Event.SPOOL_SWEPT, {"files": swept.removed})
        if swept.aside:
            self._edges.note(Event.ORPHANS_SET_ASIDE, {"files": swept.aside, **self._orphans()})
        if swept.expired:
            self._edges.note(Event.ORPHANS_REMOVED, {"files": swept.expired, **self._orphans()})
        if swept.back:
            self._edges.note(Event.ORPHANS_BROUGHT_BACK, {"files": swept.back, **self._orphans()})
        if swept.restored:
            self._edges.note(Event.REFERENCES_RESTORED, {"files": swept.restored})

    def bring_back(self) -> None:
        """Bring back what was set aside and a job refers to again: the database that it belongs to
        was put back."""
        if back := self._edges.spool.bring_back(self._edges.references):
            self._edges.note(Event.ORPHANS_BROUGHT_BACK, {"files": back, **self._orphans()})

    def _orphans(self) -> dict[str, object]:
        """What is set aside now."""
        found = self._edges.spool.orphans.found()
        return {"set_aside": len(found), "set_aside_bytes": sum(each.size for each in found)}
