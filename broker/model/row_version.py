"""The version of what a person saw of a job or a printer: a command on it carries that version, and
is refused where it has changed since (promise 12).

It stays the same while only such things change as no command depends on: films of a printing job
are accepted, a queued one is tried again, a printer is checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from broker.model.jobs.job import FINISHED, Job, State
from broker.model.printers.printer import Printer

LENGTH = 12
"""Hexadecimal digits."""


def of_job(job: Job, unanswered: Collection[int], reprinted_as: int | None) -> str:
    """`unanswered`: numbers of its films that a printer was asked for and has not answered for.
    `reprinted_as`: the newest job that prints it again."""
    seen: list[object] = [job.state]
    if job.state is State.PRINTING:
        seen += [job.command]
    elif job.state is State.QUEUED:
        seen += [job.priority, job.priority_rank, job.pinned, sorted(job.avoided)]
    elif job.state is State.HELD:
        seen += [job.priority, job.pinned, job.attempts, job.films_accepted, job.reason]
        seen += [sorted(set(unanswered)), reprinted_as]
    elif job.state in FINISHED:
        seen += [job.pixels_removed_at is None, reprinted_as]
    return _digest(seen)


def of_printer(printer: Printer) -> str:
    """What its operator wants of it, and since when."""
    return _digest([printer.duty, printer.duty_reason, printer.duty_since])


def _digest(seen: list[object]) -> str:
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:LENGTH]
