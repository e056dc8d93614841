"""Where jobs stand: their rows, and what is known beside them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from broker.cli.explanation import Explanation, Queue, explain, whys
from broker.cli.fate import Fate, again, fate
from broker.model.job import Job, State
from broker.store.doubts import Doubt
from broker.store.reading import Unanswered

if TYPE_CHECKING:
    from broker.cli.opening import Store


@dataclass(frozen=True)
class Standing:
    """One job."""

    job: Job
    unanswered: tuple[Unanswered, ...] = ()
    """Its films that a printer was asked for and has not answered for."""
    again: tuple[Doubt, ...] = ()
    """Each time that a film of it was asked for without an answer, and then let print again."""
    cut_off: Fate | None = None
    """For a job that reads `printing`, and no broker is running."""
    why: str = ""
    """For a queued job: what it waits for."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is where it is, and what comes next where nothing moves it now."""
        fate = self.cut_off.remark if self.cut_off else ""
        return tuple(filter(None, (self.job.reason, again(self.again), self.why, fate)))

    @property
    def reason(self) -> str:
        """All of them."""
        return "; ".join(self.reasons)


def standing(store: Store, job: Job) -> Standing:
    """Where one job stands, but not what it waits for: that is `explanation`'s."""
    found = Standing(job, again=tuple(store.jobs.printed_again({job.id})))
    if job.state not in (State.PRINTING, State.HELD):
        return found
    films = tuple(each for each in store.jobs.unanswered() if each.job_id == job.id)
    return _doubtful(store, found, films, running=store.running)


def standings(store: Store, jobs: Sequence[Job]) -> list[Standing]:
    """Where each of them stands, in their order."""
    states = {job.state for job in jobs}
    why = whys(queue_of(store), time.time()) if State.QUEUED in states else {}
    again = _by_job(store.jobs.printed_again({job.id for job in jobs}))
    films = _by_job(store.jobs.unanswered() if states & {State.PRINTING, State.HELD} else ())
    running = store.running
    found = []
    for job in jobs:
        each = Standing(job, again=again.get(job.id, ()), why=why.get(job.id, ""))
        if job.state is not State.QUEUED:
            each = _doubtful(store, each, films.get(job.id, ()), running=running)
        found.append(each)
    return found


U = TypeVar("U", bound=Unanswered)


def _by_job(films: Sequence[U]) -> dict[int, tuple[U, ...]]:
    found: dict[int, list[U]] = {}
    for film in films:
        found.setdefault(film.job_id, []).append(film)
    return {job_id: tuple(each) for job_id, each in found.items()}


def _doubtful(
    store: Store, found: Standing, films: tuple[Unanswered, ...], *, running: bool
) -> Standing:
    if running or found.job.state is not State.PRINTING:
        return replace(found, unanswered=films)
    cut_off = fate(found.job, films, store.config.retry)
    return replace(found, unanswered=films, cut_off=cut_off)


def explanation(store: Store, job: Job) -> Explanation:
    """Why the job is where it is, by the same decision that the dispatcher takes."""
    films, attempts = store.jobs.films(job.id), store.jobs.attempts(job.id)
    where = standing(store, job)
    flags = [f"reprint of job {job.reprint_of}"] if job.reprint_of is not None else []
    if job.state not in (State.QUEUED, State.HELD, State.CANCELLED):
        flags.append(job.remark)  # of those, the reason is told, which begins with it
    flags.append(again(where.again))
    if job.state is State.HELD and (since := store.jobs.came_since(job.id)):
        flags.append(f"{since}, which came since: released, it prints as well")
    told = tuple(filter(None, flags))
    return explain(job, films, attempts, queue_of(store), time.time(), where.cut_off, told)


def queue_of(store: Store) -> Queue:
    """Everything that decides where queued jobs go."""
    return Queue(
        active=store.jobs.list({State.QUEUED, State.PRINTING}),
        waiting=store.jobs.waiting(),
        printers=store.printers.list(),
        session_printers=store.jobs.session_printers(),
        running=store.running,
    )
