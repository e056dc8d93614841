"""The columns of jobs and of printers: for the tables of commands, and for `broker top`.

A face chooses among them, and may give one another heading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from broker.cli.tables import Column
from broker.model.hosts import at_port
from broker.model.printer import Printer
from broker.operations.job_status import JobStatus, place_of
from broker.operations.text import age

T = TypeVar("T")


@dataclass(frozen=True)
class Field(Generic[T]):
    """A column, and what it says of one row at a time (seconds since the epoch)."""

    column: Column
    cell: Callable[[T, float], str]

    def under(self, heading: str) -> Field[T]:
        """The same with another heading."""
        return replace(self, column=replace(self.column, heading=heading))


def columns(fields: Sequence[Field[T]]) -> tuple[Column, ...]:
    """Their columns, in this order."""
    return tuple(each.column for each in fields)


def cells(fields: Sequence[Field[T]], row: T, now: float) -> tuple[str, ...]:
    """The cells of a row, in this order."""
    return tuple(each.cell(row, now) for each in fields)


def place(printer: Printer) -> str:
    """AE title, host and port in one word."""
    address = printer.address
    return f"{address.ae_title}@{at_port(address.host, address.port)}"


def _last_check(printer: Printer, now: float, after: str = "") -> str:
    checked = printer.last_check_at
    return "never" if checked is None else f"{age(now - checked)}{after}"


def _pixels(found: JobStatus, _now: float) -> str:
    return "all" if found.job.pixels_removed_at is None else "row"


ID = Field[JobStatus](Column("ID", right=True), lambda found, _: str(found.job.id))
STATE = Field[JobStatus](Column("STATE"), lambda found, _: str(found.job.state))
MODALITY = Field[JobStatus](Column("MODALITY"), lambda found, _: found.job.calling_ae)
FILMS = Field[JobStatus](
    Column("FILMS", right=True), lambda found, _: f"{found.job.films_accepted}/{found.job.films}"
)
COPIES = Field[JobStatus](Column("COPIES", right=True), lambda found, _: str(found.job.copies))
PRIORITY = Field[JobStatus](Column("PRIO"), lambda found, _: str(found.job.priority))
WHERE = Field[JobStatus](Column("PRINTER"), lambda found, _: place_of(found))
TRIES = Field[JobStatus](Column("TRIES", right=True), lambda found, _: str(found.job.attempts))
AGE = Field[JobStatus](
    Column("AGE", right=True), lambda found, now: age(now - found.job.created_at)
)
KEPT = Field[JobStatus](Column("KEPT"), _pixels)
"""Whether the pixels are still there."""

NAME = Field[Printer](Column("NAME"), lambda printer, _: printer.name)
PLACE = Field[Printer](Column("AE@HOST:PORT", below=True), lambda printer, _: place(printer))
HEALTH = Field[Printer](Column("HEALTH"), lambda printer, _: str(printer.health))
DUTY = Field[Printer](Column("DUTY"), lambda printer, _: str(printer.duty))
WEIGHT = Field[Printer](Column("WGHT", right=True), lambda printer, _: str(printer.address.weight))
LOAD = Field[Printer](Column("LOAD", right=True), lambda printer, _: str(printer.load))
BUSY = Field[Printer](Column("BUSY", right=True), lambda printer, _: str(printer.claims))
ACCEPTED = Field[Printer](
    Column("DONE", right=True), lambda printer, _: str(printer.films_accepted)
)
FAILURES = Field[Printer](Column("FAIL", right=True), lambda printer, _: str(printer.failures))
CHECKED = Field[Printer](Column("CHECK", right=True), _last_check)
CHECKED_AGO = Field[Printer](
    Column("LAST-CHECK", right=True), lambda printer, now: _last_check(printer, now, " ago")
)
