"""Attempts at jobs of a store, as tests need them: begun, left in doubt, or over."""

from __future__ import annotations

from broker.model.jobs.job import DONE, Claim, Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.queue.jobs import Jobs

SENT = Settlement(State.SENT, "")
AGAIN = Settlement(State.QUEUED, "")


def begin(jobs: Jobs, job_id: int = 1, printer: str = "oki-1") -> Claim:
    """Claim a job that waits."""
    claim = jobs.claims.claim(job_id, printer)
    assert claim is not None
    return claim


def print_films(jobs: Jobs, job_id: int, printer: str = "oki-1", films: int | None = None) -> None:
    """Print what is left of a job, or of its first films and no more."""
    claim = begin(jobs, job_id, printer)
    for film in jobs.queries.films(job_id)[:films]:
        if film.state in DONE:
            continue
        jobs.claims.asked(claim, film.id)
        jobs.claims.accepted(claim, film.id)
    settlement = SENT if films is None else AGAIN
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=settlement)


def leave_uncertain(jobs: Jobs) -> None:
    """Job 1 is held, its first film accepted and its second one in doubt."""
    claim = begin(jobs)
    first, second, *_ = jobs.queries.films(1)
    jobs.claims.asked(claim, first.id)
    jobs.claims.accepted(claim, first.id)
    jobs.claims.asked(claim, second.id)
    jobs.recovery.recover()
