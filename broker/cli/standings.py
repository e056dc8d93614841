"""Where jobs stand: their rows, and what is known beside them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.cli.explanation import Explanation, Queue, explain, whys
from broker.cli.fate import Fate, fate
from broker.model.job import Job, State
from broker.store.reading import Unanswered

if TYPE_CHECKING:
    from broker.cli.opening import Store


@dataclass(frozen=True)
class Standing:
    """One job."""

    job: Job
    unanswered: tuple[Unanswered, ...] = ()
    """Its films that a printer was asked for and has not answered for."""
    cut_off: Fate | None = None
    """For a job that reads `printing`, and no broker is running."""
    why: str = ""
    """For a queued job: what it waits for."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is where it is, and what comes next where nothing moves it now."""
        fate = self.cut_off.remark if self.cut_off else ""
        return tuple(filter(None, (self.job.reason, self.why, fate)))

    @property
    def reason(self) -> str:
        """All of them."""
        return "; ".join(self.reasons)


def standing(store: Store, job: Job) -> Standing:
    """Where one job stands, but not what it waits for: that is `explanation`'s."""
    if job.state not in (State.PRINTING, State.HELD):
        return Standing(job)
    films = tuple(each for each in store.jobs.unanswered() if each.job_id == job.id)
    return _standing(store, job, films, running=store.running)


def standings(store: Store, jobs: Sequence[Job]) -> list[Standing]:
    """Where each of them stands, in their order."""
    states = {job.state for job in jobs}
    why = whys(queue_of(store), time.time()) if State.QUEUED in states else {}
    films: dict[int, list[Unanswered]] = {}
    if states & {State.PRINTING, State.HELD}:
        for film in store.jobs.unanswered():
            films.setdefault(film.job_id, []).append(film)
    running = store.running
    return [
        Standing(job, why=why.get(job.id, ""))
        if job.state is State.QUEUED
        else _standing(store, job, tuple(films.get(job.id, ())), running=running)
        for job in jobs
    ]


def _standing(store: Store, job: Job, films: tuple[Unanswered, ...], *, running: bool) -> Standing:
    if running or job.state is not State.PRINTING:
        return Standing(job, films)
    return Standing(job, films, fate(job, films, store.config.retry))


def explanation(store: Store, job: Job) -> Explanation:
    """Why the job is where it is, by the same decision that the dispatcher takes."""
    films, attempts = store.jobs.films(job.id), store.jobs.attempts(job.id)
    cut_off = standing(store, job).cut_off
    return explain(job, films, attempts, queue_of(store), time.time(), cut_off)


def queue_of(store: Store) -> Queue:
    """Everything that decides where queued jobs go."""
    return Queue(
        active=store.jobs.list({State.QUEUED, State.PRINTING}),
        waiting=store.jobs.waiting(),
        printers=store.printers.list(),
        session_printers=store.jobs.session_printers(),
        running=store.running,
    )
