"""What a person orders for a job: hold, release, cancel, move, reprint, priority.

The words are the same on every face: command, page and API. What was carried out is recorded with
who ordered it, and told in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from broker.model.job import FINISHED, HELD_BY_PERSON, FilmState, Job, Priority, State
from broker.model.printable import one_line
from broker.model.trouble import PRINT_AGAIN
from broker.operations import missing_pixels
from broker.operations.duties import off_duty
from broker.operations.job_status import standing
from broker.operations.opened import Store
from broker.operations.text import count
from broker.store.commands import NotAllowed

LOST = "its pixels are not in the spool"
VERBS = ("hold", "release", "cancel", "move", "reprint", "priority")


@dataclass(frozen=True)
class JobOrders:
    """The orders of one person. Each raises NoSuchJob and NotAllowed, in which nothing is done."""

    store: Store
    who: str

    def hold(self, job_id: int, reason: str = "") -> str:
        """Keep it from printing until it is released."""
        why = f"{HELD_BY_PERSON}: {reason}" if reason else HELD_BY_PERSON
        with self._asking(job_id):
            self.store.jobs.hold(job_id, why)
        if cut := self.cut_off(job_id):
            words = cut
        elif self.store.jobs.get(job_id).state is State.PRINTING:
            words = (
                f"job {job_id} is printing: the film in hand is finished, then it is held; "
                f"`broker jobs release {job_id}` prints the rest"
            )
        else:
            words = f"job {job_id} is held; `broker jobs release {job_id}` prints it"
        return self._done("hold", job_id, words)

    def release(self, job_id: int, *, printed: bool = False) -> str:
        """Let it print; its uncertain films again, unless a person has seen them `printed`."""
        states = [film.state for film in self.store.jobs.films(job_id)]
        uncertain = states.count(FilmState.UNCERTAIN) + states.count(FilmState.ASKED)
        with self._asking(job_id):
            self.store.jobs.release(job_id, printed=printed)
        found = self.store.jobs.get(job_id)
        settled = ", its uncertain films settled as printed" if printed else ""
        if cut := self.cut_off(job_id):
            words = f"hold or cancel of job {job_id} is taken back; {cut}"
        elif found.state is State.PRINTING:
            words = f"job {job_id} goes on printing: hold or cancel is taken back"
        elif found.state is State.SENT:
            words = f"job {job_id} is sent{settled}: nothing is left to print{_remark(found)}"
        else:
            left = found.films - found.films_accepted
            words = (
                f"job {job_id} is queued{settled}: {left} of {count(found.films, 'film')} left to "
                "print"
            )
            if missing_pixels.lost(self.store, missing_pixels.left(self.store.jobs.films(job_id))):
                words += f", but {LOST}: unless they are put back, it is held again"
            if uncertain and not printed:
                words += ", uncertain ones among them: they may be on paper twice then"
            words += _remark(found)
        return self._done("release", job_id, words)

    def cancel(self, job_id: int) -> str:
        """Give it up: nothing more of it is printed."""
        with self._asking(job_id):
            self.store.jobs.cancel(job_id)
        if cut := self.cut_off(job_id):
            words = cut
        elif self.store.jobs.get(job_id).state is State.PRINTING:
            words = f"job {job_id} is printing: the film in hand is finished, then it is cancelled"
        else:
            after_all = f"`broker jobs reprint {job_id}` prints it after all"
            if self._lost(job_id):
                after_all = f"{LOST}: {PRINT_AGAIN}"
            words = f"job {job_id} is cancelled; {after_all}"
        return self._done("cancel", job_id, words)

    def move(self, job_id: int, printer: str) -> str:
        """Send it to one printer and no other, or with "" to whichever is best; NoSuchPrinter."""
        before = self.store.jobs.get(job_id)
        with self._asking(job_id):
            self.store.jobs.move(job_id, printer)
        found = self.store.jobs.get(job_id)
        where = f"{printer} and no other printer" if printer else "any printer"
        waits = off_duty(self.store, printer) if printer else ""
        words = f"job {job_id} is {self._let_go(before)}queued for {where}{waits}"
        return self._done("move", job_id, words + _remark(found))

    def reprint(self, job_id: int) -> str:
        """Print a finished or held job again, all of it, as a new job."""
        job = self.store.jobs.get(job_id)
        if job.pixels_removed_at is None and self._lost(job_id):
            raise _without_pixels(job)
        new = self.store.jobs.get(self.store.jobs.reprint(job_id))
        each = f", {new.copies} copies each" if new.copies > 1 else ""
        films = count(new.films, "film")
        words = f"job {new.id} is queued: {films} of job {job_id} again{each}{_remark(new)}"
        self._done("reprint", new.id, words)
        return self._done("reprint", job_id, words)

    def priority(self, job_id: int, priority: Priority) -> str:
        """Change how urgent it is."""
        with self._asking(job_id):
            self.store.jobs.priority(job_id, priority)
        found = self.store.jobs.get(job_id)
        if found.state is State.HELD:
            words = f"job {job_id} has priority {priority} once it is released"
        else:
            before = sum(_is_before(each, found) for each in self.store.jobs.waiting())
            jobs = count(before, "job") if before else "no jobs"
            words = f"job {job_id} has priority {priority}; {jobs} before it"
        return self._done("priority", job_id, words)

    def cut_off(self, job_id: int) -> str:
        """What is true of a job that reads `printing` while no broker is running; else empty."""
        cut_off = standing(self.store, self.store.jobs.get(job_id)).cut_off
        return f"job {job_id} is {cut_off.remark}" if cut_off else ""

    @contextmanager
    def _asking(self, job_id: int) -> Iterator[None]:
        """What cannot be done to a finished job is told without a promise to print it again, where
        its pixels are gone."""
        try:
            yield
        except NotAllowed as error:
            job = self.store.jobs.get(job_id)
            if job.state in FINISHED and self._lost(job_id):
                raise _without_pixels(job) from error
            raise

    def _lost(self, job_id: int) -> bool:
        """Whether it cannot be printed once more, from its first film."""
        return missing_pixels.lost(self.store, self.store.jobs.films(job_id))

    def _let_go(self, before: Job) -> str:
        """What is to be said of a held job that is released by another order."""
        if before.state is not State.HELD:
            return ""
        if not before.reason.endswith(PRINT_AGAIN):
            return f"released, though {one_line(before.reason)}, and "
        if missing_pixels.whole(self.store, self.store.jobs.films(before.id)):
            return "released, as its pixels are there again, and "
        return f"released, though {LOST}, and "

    def _done(self, verb: str, job_id: int, words: str) -> str:
        self.store.orders.record(self.who, verb, words, job_id=job_id)
        return words


def _without_pixels(job: Job) -> NotAllowed:
    return NotAllowed(job.id, job.state, f"{LOST}; {PRINT_AGAIN}")


def _is_before(other: Job, job: Job) -> bool:
    return (other.priority.rank, other.created_at, other.id) < (
        job.priority.rank,
        job.created_at,
        job.id,
    )


def _remark(found: Job) -> str:
    """What is to be known of a job that goes on: which other has the same films."""
    return f"; {found.remark}" if found.remark else ""
