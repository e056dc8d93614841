"""What the templates are given: rows of printers and jobs in the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass

from broker.model.hosts import at_port
from broker.model.job import State
from broker.model.printable import one_line
from broker.model.printer import Duty, Printer
from broker.operations.job_status import JobStatus, allowed, job_remarks, place_of, printer_remarks

BUTTONS = (("drain", "Drain"), ("halt", "Halt"), ("ready", "Ready"))
"""Commands on a printer, and their labels."""


@dataclass(frozen=True)
class PrinterRow:
    """One printer."""

    printer: Printer
    said: tuple[str, ...]
    """What it or its operator says of it."""

    @property
    def place(self) -> str:
        """AE title, host and port."""
        address = self.printer.address
        return f"{address.ae_title}@{at_port(address.host, address.port)}"

    @property
    def duties(self) -> tuple[tuple[str, str], ...]:
        """Commands that it takes: name and label."""
        now = "halt" if self.printer.duty is Duty.MAINT else str(self.printer.duty)
        anew = now == "ready" and self.printer.failures_in_row > 0
        return tuple(each for each in BUTTONS if each[0] != now or anew)


@dataclass(frozen=True)
class JobRow:
    """One job."""

    found: JobStatus
    said: tuple[str, ...]
    """Why it is where it is, and what a person has asked for."""
    where: str
    """Where it prints or was printed; in brackets, where a queued one has only lined up."""
    commands: tuple[str, ...]

    @property
    def uncertain(self) -> bool:
        """Whether a release asks whether its films are on paper."""
        return self.found.job.state is State.HELD and bool(self.found.unanswered)


def printer_row(printer: Printer, now: float, *, running: bool = True) -> PrinterRow:
    """The row of one printer; `running`: whether a broker is."""
    return PrinterRow(printer, tuple(map(one_line, printer_remarks(printer, now, running=running))))


def job_row(found: JobStatus, now: float) -> JobRow:
    """The row of one job."""
    said = tuple(map(one_line, job_remarks(found, now)))
    return JobRow(found, said, place_of(found), allowed(found))
