"""What a person should know of a job beside the columns of a table."""

from __future__ import annotations

from broker.model.job import State
from broker.operations.job_status import Standing
from broker.operations.recovery_preview import tray
from broker.operations.text import count


def of_job(found: Standing, now: float) -> tuple[str, ...]:
    """Why it is where it is, what it waits for, and what a person has asked for."""
    job = found.job
    said = [f"reprint of job {job.reprint_of}"] if job.reprint_of is not None else []
    said += found.at(now).reasons
    if job.state is State.QUEUED and job.not_before > now:
        said.append(f"not before {count(round(job.not_before - now) or 1, 'second')} from now")
    if job.pinned and job.state in (State.QUEUED, State.HELD):
        said.append(f"for {job.pinned} only, as a person said")
    if job.wish and job.state is State.PRINTING and not found.cut_off:
        said.append(f"will be {'held' if job.wish == 'hold' else 'cancelled'} before its next film")
    if found.unanswered and job.state is State.HELD:
        said.append(tray(found.unanswered))
    return tuple(said)


def where(found: Standing) -> str:
    """Where it prints or was printed; in brackets, where a queued job has only lined up."""
    job = found.job
    if job.state is not State.QUEUED:
        return job.printer
    return job.pinned or (f"({found.line})" if found.line else "")
