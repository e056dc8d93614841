"""Films out: which job goes to which printer now, one thread for each attempt.

Whether there is work is read from the database every time: a wake-up is a hint, and the poll
behind it is what is relied on, so that rows written by commands are obeyed within a second.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence

from broker.events import Event
from broker.model.jobs.job import Claim, Job, Outcome, State
from broker.model.printers.choose import Choice, left_idle, plan, refusals
from broker.model.printers.printer import Duty, Printer
from broker.model.printers.retry import Settlement
from broker.model.printers.trouble import PRINT_AGAIN
from broker.relay.attempt import Edges, run
from broker.relay.loop import Loop
from broker.store.database import DatabaseReplaced, damage, in_words

POLL_S = 0.5
DAMAGED_S = 30.0
"""The same, once the queue could not be read as its database is damaged: that does not pass."""
HELD_DAMAGED = f"the database is damaged where this job is kept; {PRINT_AGAIN}"
FRONT = 8
"""Jobs that are looked at first."""


class Dispatcher:
    """Claims jobs and attempts them until it is stopped."""

    def __init__(self, edges: Edges, *, poll_s: float = POLL_S) -> None:
        self._edges = edges
        self._poll_s = poll_s
        self._changed = threading.Condition()
        self._full = False
        """At the last look, no printer could have begun one more job."""
        self._hurried = False
        self._looking = False
        """The thread that claims is running."""
        self._running: dict[int, int] = {}
        """Ticket -> job, from before the claim is written to the end of its attempt. A job may be
        claimed again before its last attempt is quite over."""
        self._tickets = itertools.count(1)
        self._loop = Loop("dispatcher", self._step, at_end=self._looked)

    def start(self) -> None:
        """Begin to claim."""
        self._looking = True
        self._loop.start()

    def arrived(self) -> None:
        """A job has come: look now, unless no printer could begin it anyway."""
        if not self._full:
            self.wake()

    def wake(self) -> None:
        """Look for work now rather than at the next poll."""
        self._loop.wake()

    def stop(self, grace_s: float) -> bool:
        """Claim nothing more; let films in hand be answered, for at most `grace_s` seconds.

        Jobs are handed back between two films. True when no attempt is left running.
        """
        self._loop.end()
        with self._changed:
            self._changed.wait_for(
                lambda: self._hurried or not (self._running or self._looking), timeout=grace_s
            )
            return not (self._running or self._looking)

    def hurry(self) -> None:
        """Cut the grace of a stop short."""
        with self._changed:
            self._hurried = True
            self._changed.notify_all()

    @property
    def running(self) -> frozenset[int]:
        """Jobs that an attempt of this dispatcher is working on, or is about to."""
        with self._changed:
            return frozenset(self._running.values())

    def _step(self) -> float:
        try:
            self.look()
        except DatabaseReplaced:
            return DAMAGED_S  # told where it was seen; nothing can be claimed any more
        except Exception as error:  # noqa: BLE001 - a failing disk must not end the relay
            self._edges.note(Event.DISPATCHER_FAILED, {"why": in_words(error)})
            return DAMAGED_S if damage(error) else self._poll_s
        return self._poll_s

    def _looked(self) -> None:
        with self._changed:
            self._looking = False
            self._changed.notify_all()

    def look(self) -> None:
        """Claim and begin everything that can begin now; line up what comes next. End associations
        that linger at printers which a person took off duty.

        A long queue is looked at from its front, and only as far as it keeps the printers busy.
        """
        front: int = FRONT
        jobs = self._edges.jobs.waiting(front)
        self._full = False
        lingering = self._edges.sessions.lingering
        if not jobs and not lingering:
            return
        printers = self._edges.printers.list()
        if lingering:
            ready = [each.name for each in printers if each.duty is Duty.READY]
            self._edges.sessions.only_at(ready)
        if not jobs:
            return
        sessions = self._edges.jobs.session_printers()
        while True:
            now = self._edges.clock()
            choices = plan(jobs, printers, now, sessions)
            idle = left_idle(printers, choices, now)
            if len(jobs) < front or not idle:
                break
            front *= 8
            jobs = self._edges.jobs.waiting(front)
        self._begin_all(jobs, printers, choices)
        self._full = not idle

    def _begin_all(
        self, jobs: Sequence[Job], printers: Sequence[Printer], choices: Sequence[Choice]
    ) -> None:
        by_name = {printer.name: printer for printer in printers}
        by_id = {job.id: job for job in jobs}
        for choice in choices:
            if choice.claim_now and not self._loop.stopping.is_set():
                self._claim(by_id[choice.job_id], by_name[choice.printer])
        for choice in choices:
            if choice.hold and self._edges.claims.hold(choice.job_id, choice.hold):
                facts = {"job": choice.job_id, "why": choice.hold, "state": State.HELD.value}
                self._edges.note(Event.JOB_IMPOSSIBLE, facts)
                self._edges.recheck(refusals(by_id[choice.job_id], printers))
        moved = {
            choice.job_id: choice.printer
            for choice in choices
            if choice.printer
            and not choice.claim_now
            and choice.printer != by_id[choice.job_id].printer
        }
        if moved:
            self._edges.claims.line_up(moved)

    def _claim(self, job: Job, printer: Printer) -> None:
        ticket = next(self._tickets)
        with self._changed:
            self._running[ticket] = job.id
        begun = False
        try:
            claim = self._edges.claims.claim(job.id, printer.name)
            if claim is not None:
                self._begin(ticket, claim, job, printer)
                begun = True
        finally:
            if not begun:
                self._end(ticket)

    def _begin(self, ticket: int, claim: Claim, job: Job, printer: Printer) -> None:
        thread = threading.Thread(
            target=self._attempt,
            args=(ticket, claim, job, printer),
            name=f"attempt-{claim.attempt_id}",
            daemon=True,
        )
        try:
            thread.start()
        except RuntimeError:
            # The system has no room for one more thread: the job is handed back.
            words = "no thread for the attempt"
            settlement = Settlement(State.QUEUED, words, self._edges.clock() + self._poll_s)
            self._edges.claims.finish(claim, Outcome.UNAVAILABLE, words, settlement=settlement)
            raise

    def _end(self, ticket: int) -> None:
        with self._changed:
            del self._running[ticket]
            self._changed.notify_all()

    def _hold(self, claim: Claim) -> None:
        """Hold a job that cannot be read: the next try would end as this one."""
        try:
            self._edges.recovery.hold_claimed(claim, HELD_DAMAGED)
        except Exception as error:  # noqa: BLE001 - upkeep settles what is left of the claim
            self._edges.note(Event.STORAGE_FAILED, {"why": in_words(error)})
        else:
            facts = {"job": claim.job_id, "printer": claim.printer, "why": HELD_DAMAGED}
            self._edges.note(Event.FILM_DAMAGED, facts)

    def _attempt(self, ticket: int, claim: Claim, job: Job, printer: Printer) -> None:
        try:
            run(self._edges, claim, job, printer, self._loop.stopping)
        except Exception as error:  # noqa: BLE001 - upkeep settles what is left of the claim
            self._edges.note(Event.ATTEMPT_BROKE, {"job": job.id, "why": in_words(error)})
            if damage(error):
                self._hold(claim)
        finally:
            self._end(ticket)
            self.wake()
