"""Keeping house: what a crash, an abort, a failing disk or a turned clock left behind, and what is
done with."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from broker.events import Note
from broker.model.job import State
from broker.model.retry import Policy, longest_wait_s
from broker.model.steadiness import Steadiness
from broker.spool.files import Spool
from broker.store.database import in_words
from broker.store.jobs import Jobs
from broker.store.printers import Printers
from broker.store.recovery import BROKE_OFF, STOPPED
from broker.store.replacement import DatabaseReplaced
from broker.store.retention import Retention, Terms

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
class House:
    """What is kept in order, and how the site wants it."""

    jobs: Jobs
    printers: Printers
    retention: Retention
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
    """Raises DatabaseReplaced where the database was replaced beneath the broker."""
    replaced: Callable[[], str] = lambda: ""
    """How it was; empty as long as it was not. Then nothing can be kept in order but the mark."""
    damage: Callable[[], str] = lambda: ""
    """What SQLite has said of a damaged page; empty as long as it met none."""
    make_room: Callable[[], None] = lambda: None
    """Finished jobs lose their pixels before their time where their room is needed."""
    weigh: Callable[[], None] = lambda: None
    """Older rows get their bytes."""
    count_missing: Callable[[], None] = lambda: None
    """Files that are gone count as nothing from then on."""
    monotonic: Callable[[], float] = time.monotonic
    """A clock that does not jump, in seconds."""


class Upkeep:
    """Settles claims that nobody works on, mends times, lets go of what is finished."""

    def __init__(self, house: House, *, interval_s: float = ROUND_S) -> None:
        self._house = house
        self._interval_s = interval_s
        self._steadiness = Steadiness.begin(house.clock(), house.monotonic())
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="upkeep", daemon=True)

    def settle(self) -> None:
        """Settle what an earlier run left behind; before anything is claimed.

        What cannot be settled stays as it is, is told, and is tried again with each round: it must
        not keep the films of all others. A job that could not be recovered is still printing by its
        row, so that it is not claimed.
        """
        self._try(partial(self.recover, STOPPED))
        self._try(self.bring_back, self.hold_damaged, self.hold_lost)
        if not self._house.damage():
            self._try(self.sweep)

    def _try(self, *chores: Callable[[], None]) -> None:
        for chore in chores:
            try:
                chore()
            except DatabaseReplaced:
                return  # told where it was seen
            except Exception as error:  # noqa: BLE001 - what fails must not stop the others
                self._house.note("upkeep failed", {"why": in_words(error)})

    def start(self) -> None:
        """Begin; the first round comes after one interval."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """End after the round in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(grace_s)

    def _loop(self) -> None:
        for rounds in itertools.count():
            if self._stopping.wait(self._interval_s):
                return
            self._try(self._house.look)
            if self._house.replaced():
                self._try(self._house.keep_mark)
                continue
            chores = (self.hold_damaged, self.sweep, self.let_go, self.sweep)
            seldom = chores if rounds % SWEEP_EVERY == 0 else ()
            room: tuple[Callable[[], None], ...] = (self._house.make_room, self._house.weigh)
            if rounds % COUNT_EVERY == 0:
                room = (self._house.count_missing, *room)  # before room is made for what is gone
            if self._house.damage():
                seldom = room = ()  # what a damaged database does not refer to may be needed
            often = (
                self._house.keep_mark,
                self.recover,
                self.mend_times,
                self._house.tend_log,
                self._house.look,  # which the next film would wait for, as the log was brought in
            )
            self._try(*often, *seldom, *room, self._house.tick)

    def recover(self, why: str = BROKE_OFF) -> None:
        """Settle the claims of attempts that are gone, and why (promise 3)."""
        policy = self._house.policy()
        for job in self._house.jobs.recover(
            policy.on_uncertain, tries=policy.tries, running=self._house.running, why=why
        ):
            held = job.state is State.HELD
            unanswered = self._house.jobs.unanswered() if held else ()
            facts = {
                "job": job.id,
                "state": str(job.state),
                "reason": job.reason if held else "",
                "uncertain": sum(film.job_id == job.id for film in unanswered),
            }
            self._house.note("job recovered", facts)

    def hold_lost(self) -> None:
        """Hold what cannot be printed for want of its pixels, all of it at once: somebody who looks
        now learns what to print again."""
        if lost := self._house.jobs.hold_lost(self._house.spool.has):
            self._house.note("pixels missing", {"held": len(lost), "jobs": lost})

    def hold_damaged(self) -> None:
        """Hold jobs whose row is damaged: no list shows them."""
        if damaged := self._house.jobs.hold_damaged():
            self._house.note("rows damaged", {"held": len(damaged), "jobs": damaged})

    def mend_times(self) -> None:
        """End waits that are longer than any can be: the clock was set back meanwhile."""
        latest = self._house.clock() + longest_wait_s(self._house.policy())
        mended = self._house.jobs.end_waits(latest) + self._house.printers.end_waits(latest)
        if mended:
            self._house.note("clock was set back", {"waits_ended": mended})

    def let_go(self) -> None:
        """Let finished jobs go after their time; their files go with the next sweep."""
        terms = self._house.keeping().terms(self._house.clock())
        pixels = rows = 0
        while not self._stopping.is_set():
            removal = self._house.retention.remove(terms)
            if not (removal.pixels or removal.rows):
                break
            pixels, rows = pixels + removal.pixels, rows + removal.rows
        if pixels or rows:
            self._house.note("finished jobs let go", {"pixels_of": pixels, "rows_of": rows})

    def sweep(self) -> None:
        """Remove files that retention has released, and set aside what no job refers to
        otherwise: the database may have lost the films, and the pixels are all that is left.

        What was set aside goes after its time only when the clock has been steady for a day of this
        run: one jump of the clock must not remove all of it."""
        now, monotonic = self._house.clock(), self._house.monotonic()
        self._steadiness = self._steadiness.seen(now, monotonic)
        swept = self._house.spool.sweep(
            self._house.jobs,
            now=now,
            keep_s=self._house.keeping().orphans_s,
            expire=self._steadiness.steady(monotonic),
        )
        if swept.removed:
            self._house.note("spool swept", {"files": swept.removed})
        if swept.aside:
            self._house.note("orphans set aside", {"files": swept.aside, **self._orphans()})
        if swept.expired:
            self._house.note("orphans removed", {"files": swept.expired, **self._orphans()})
        if swept.back:
            self._house.note("orphans brought back", {"files": swept.back, **self._orphans()})
        if swept.restored:
            self._house.note("references restored", {"files": swept.restored})

    def bring_back(self) -> None:
        """Bring back what was set aside and a job refers to again: the database that it belongs to
        was put back."""
        if back := self._house.spool.bring_back(self._house.jobs):
            self._house.note("orphans brought back", {"files": back, **self._orphans()})

    def _orphans(self) -> dict[str, object]:
        """What is set aside now."""
        found = self._house.spool.orphans.found()
        return {"set_aside": len(found), "set_aside_bytes": sum(each.size for each in found)}
