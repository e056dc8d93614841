"""What a person should know of a printer beside the columns of a table."""

from __future__ import annotations

from broker.model.printer import Duty, Printer
from broker.operations import steps
from broker.operations.text import age, count


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
    step = steps.of_printer(printer) if running else None
    if step is not None and (words := step.words(now)):
        said.append(f"a job {words}")
    if printer.paused_until > now:
        pause = count(max(1, round(printer.paused_until - now)), "second")
        said.append(f"rests for {pause} after a failure")
    return tuple(said)
