"""The version of what a person saw of a job or a printer: a command on it carries that version, and
is refused where it has changed since (promise 12).

It stays the same while only such things change as no command depends on: films of a printing job
are accepted, a queued one is tried again, a printer is checked, and says that what it took is
printed. That of a printer has a part for each thing that commands depend on: a command compares
those of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from enum import IntEnum

from broker.model.jobs.job import FINISHED, Job, State
from broker.model.printers.health import FAILS_FILMS, LEAVES_UNANSWERED
from broker.model.printers.printer import Duty, Health, Printer

LENGTH = 12
"""Hexadecimal digits of one part."""
BETWEEN = "-"
"""Stands between the parts of a printer's version."""


class PrinterPart(IntEnum):
    """The parts of a printer's version, in their order."""

    DUTY = 0
    """What its operator wants of it, and since when."""
    TROUBLE = 1
    """What "Mended, try again" forgives: that it fails, and what it is known to refuse."""
    LEARNED = 2
    """What Forget forgets: all that was learned of it."""


FORGET = "forget"
"""The command, beside those of a duty."""


def parts_of(command: Duty | str) -> frozenset[PrinterPart]:
    """What a command on a printer depends on: a duty that is set, or FORGET."""
    own = {Duty.READY: PrinterPart.TROUBLE, FORGET: PrinterPart.LEARNED}.get(command)
    return frozenset({PrinterPart.DUTY} | ({own} if own is not None else set()))


def of_job(job: Job, unanswered: Collection[int], reprinted_as: int | None) -> str:
    """`unanswered`: numbers of its films that a printer was asked for and has not answered for.
    `reprinted_as`: the newest job that prints it again."""
    # That a printer says so makes no difference to what can be done.
    seen: list[object] = [State.SENT if job.state is State.PRINTED else job.state]
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
    """All parts."""
    fails = printer.health is Health.DEGRADED and printer.reason.startswith(
        (FAILS_FILMS, LEAVES_UNANSWERED)
    )
    refuses = sorted(
        [each.trait.level, each.trait.keyword, each.trait.value, sorted(map(repr, each.among))]
        for each in printer.refuses
    )
    parts: dict[PrinterPart, list[object]] = {
        PrinterPart.DUTY: [printer.duty, printer.duty_reason, printer.duty_since],
        PrinterPart.TROUBLE: [printer.failures_in_row > 0, fails, refuses],
        PrinterPart.LEARNED: [printer.lessons, printer.learned_at],
    }
    return BETWEEN.join(_digest(parts[each]) for each in PrinterPart)


def changed(seen: str, now: str, command: Duty | str) -> frozenset[PrinterPart]:
    """The parts in which a printer's versions differ, of those that the command depends on; all of
    them where `seen` is no version of a printer."""
    depends = parts_of(command)
    before, after = seen.split(BETWEEN), now.split(BETWEEN)
    if len(before) != len(after):
        return depends
    return frozenset(each for each in depends if before[each] != after[each])


def _digest(seen: list[object]) -> str:
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:LENGTH]
