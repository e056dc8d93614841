"""What a person should know of a job or a printer beside the columns of a table."""

from __future__ import annotations

from broker.model.job import State
from broker.model.printer import Duty, Printer
from broker.operations import job_status
from broker.operations.job_status import Standing
from broker.operations.recovery_preview import tray
from broker.operations.text import age, count


def of_job(found: Standing, now: float) -> tuple[str, ...]:
    """Why it is where it is, what it waits for, and what a person has asked for."""
    job = found.job
    said = [f"reprint of job {job.reprint_of}"] if job.reprint_of is not None else []
    said += found.at(now).reasons
    if job.state is State.QUEUED and job.not_before > now:
        said.append(f"not before {count(round(job.not_before - now) or 1, 'second')} from now")
    if job.pinned and job.state in (State.QUEUED, State.HELD):
        said.append(f"for {job.pinned} only, as a person said")
    if job.command and job.state is State.PRINTING and not found.cut_off:
        said.append(
            f"will be {'held' if job.command == 'hold' else 'cancelled'} before its next film"
        )
    if found.unanswered and job.state is State.HELD:
        said.append(tray(found.unanswered))
    return tuple(said)


def where(found: Standing) -> str:
    """Where it prints or was printed; in brackets, where a queued job has only lined up."""
    job = found.job
    if job.state is not State.QUEUED:
        return job.printer
    return job.pinned or (f"({found.line})" if found.line else "")


def of_printer(printer: Printer, now: float, *, running: bool = True) -> tuple[str, ...]:
    """What its operator wants of it and why, what it says, and what it is waited for by a broker
    that is running."""
    said = []
    if printer.duty is not Duty.READY:
        why = f": {printer.duty_reason}" if printer.duty_reason else ""
        said.append(f"{printer.duty} for {age(now - printer.duty_since)}{why}")
    if printer.reason:
        said.append(printer.said)
    elif printer.failures_in_row:
        number = printer.failures_in_row
        said.append(f"its last {count(number, 'attempt') if number > 1 else 'attempt'} failed")
    step = job_status.of_printer(printer) if running else None
    if step is not None and (words := step.words(now)):
        said.append(f"a job {words}")
    if printer.paused_until > now:
        pause = count(max(1, round(printer.paused_until - now)), "second")
        said.append(f"rests for {pause} after a failure")
    return tuple(said)
