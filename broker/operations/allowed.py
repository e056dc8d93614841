"""Which orders a job takes in its state: what a page offers, and what the store would refuse."""

from __future__ import annotations

from broker.model.job import FINISHED, State
from broker.operations.job_status import Standing


def allowed(found: Standing) -> tuple[str, ...]:
    """Verbs, the most usual first. The store decides again when one is ordered."""
    job = found.job
    if job.state in FINISHED:
        return () if job.pixels_removed_at is not None else ("reprint",)
    match job.state:
        case State.PRINTING:
            return ("release", "hold", "cancel") if job.wish else ("hold", "cancel")
        case State.QUEUED:
            return ("hold", "cancel", "move", "priority")
    doubtful = bool(found.unanswered)
    verbs = ("release", "cancel", "reprint", "priority")
    left = job.films_accepted < job.films
    return verbs if doubtful or not left else (*verbs[:3], "move", "priority")
