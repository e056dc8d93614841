"""The rows of printers and jobs that pages show, in the words of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.model import row_version
from broker.model.jobs.job import State
from broker.model.peers.hosts import at_port
from broker.model.printable import one_line
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.standing import FEW, Standing, seems, standing, troubled_first
from broker.model.reasons.causes import grouped, mended_matters, printer_remedies
from broker.model.reasons.condition import without
from broker.model.reasons.remedies import Face
from broker.operations.commands import questions
from broker.operations.condition.printer_groups import group_remedy
from broker.operations.jobs.job_status import (
    JobStatus,
    allowed,
    held_remedy,
    job_remarks,
    place_of,
    printer_remarks,
)
from broker.operations.words.page_words import on_page

BUTTONS = (("drain", "Drain"), ("halt", "Halt"), ("ready", "Ready"))
"""Commands on a printer, and their labels."""
MENDED = "Mended, try again"
"""The label of `ready` at a printer that is ready, and has failed or refuses something."""
PRINTS_NOTHING = (Standing.REFUSING, Standing.FAILING)
"""Of printers that answer, and are as bad as one that is down."""
FAILS = 3
"""Attempts that a printer failed in a row, since it last accepted a film, before its row is red."""
LATE_S = 60.0
"""From then on a step of an attempt is slow: printers take some seconds for a film, some half a
minute."""


class Tone(StrEnum):
    """The colour of a whole row or card; what it means stands in it in words, too."""

    GOOD = "good"
    WORKS = "works"
    """It prints now."""
    SLOW = "slow"
    """It goes on, with a delay, or a person is needed soon."""
    BAD = "bad"
    """It does not go on by itself."""
    OFF = "off"
    """A person took it out, or cancelled it."""
    PLAIN = "plain"
    """Nothing to say of it yet."""


def tone_of_printer(printer: Printer, now: float, *, running: bool = True) -> Tone:
    """Of a printer's row; `running`: whether a broker is."""
    if printer.duty is not Duty.READY:
        return Tone.OFF
    match printer.health:
        case Health.DOWN:
            return Tone.BAD
        case Health.UNKNOWN:
            return Tone.PLAIN
    if printer.failures_in_row >= FAILS or standing(printer) in PRINTS_NOTHING:
        return Tone.BAD
    late = running and printer.moved_at is not None and now - printer.moved_at >= LATE_S
    if printer.health is Health.DEGRADED or printer.failures_in_row or printer.doubtful or late:
        return Tone.SLOW
    return Tone.WORKS if running and printer.claims else Tone.GOOD


def tone_of_job(found: JobStatus, now: float) -> Tone:
    """Of a job's row. A queued job that has been tried, and a printing one that takes long, are
    slow."""
    late = found.step is not None and now - found.step.since >= LATE_S
    match found.job.state:
        case State.HELD:
            return Tone.BAD
        case State.PRINTING:
            if found.cut_off:
                return Tone.BAD
            return Tone.SLOW if late or found.job.command else Tone.WORKS
        case State.QUEUED:
            return Tone.SLOW if found.job.attempts else Tone.PLAIN
        case State.CANCELLED:
            return Tone.OFF
    return Tone.GOOD


@dataclass(frozen=True)
class PrinterRow:
    """One printer."""

    printer: Printer
    said: tuple[str, ...]
    """What it or its operator says of it."""
    remedies: tuple[str, ...] = ()
    """What to do about it."""
    last_words: str = ""
    """What is said before it is drained or halted: that it is the last one that takes films."""
    tone: Tone = Tone.PLAIN
    waits_for_person: bool = False
    """Whether it stays as it is until a person has said here that it is mended, or ready."""

    @property
    def seems(self) -> str:
        """How it is, in a word."""
        return seems(self.printer)

    @property
    def look(self) -> str:
        """How that word looks: of one that fails films, or refuses all, as of one that is down."""
        return "refusing" if standing(self.printer) in PRINTS_NOTHING else self.seems

    @property
    def place(self) -> str:
        """AE title, host and port."""
        address = self.printer.address
        return f"{address.ae_title}@{at_port(address.host, address.port)}"

    @property
    def version(self) -> str:
        """Of what a command on it depends on."""
        return row_version.of_printer(self.printer)

    def question(self, command: str) -> str:
        """What a person is asked before that command; empty where nothing is."""
        return questions.of_printer(self.printer, command)

    @property
    def duties(self) -> tuple[tuple[str, str], ...]:
        """Commands that it takes: name and label."""
        now = "halt" if self.printer.duty is Duty.MAINT else str(self.printer.duty)
        others = tuple(each for each in BUTTONS if each[0] != now)
        if now == "ready" and mended_matters(self.printer):
            return (*others, ("ready", MENDED))
        return others


@dataclass(frozen=True)
class JobRow:
    """One job."""

    found: JobStatus
    said: tuple[str, ...]
    """Why it is where it is, and what a person has asked for."""
    where: str
    """Where it prints or was printed; in brackets, where a queued one has only lined up."""
    commands: tuple[str, ...]
    remedy: str = ""
    """What to do about one that is held."""
    tone: Tone = Tone.PLAIN

    heading: str = ""
    """Of its group, where it is the first of one."""
    more: str = ""
    """How many jobs of its group are left out, where it is the last one that is shown."""
    more_address: str = ""
    """Where those are."""

    def question(self, command: str) -> str:
        """What a person is asked before that command; empty where nothing is."""
        return questions.of_job(self.found, command, "the printer that is chosen")

    @property
    def uncertain(self) -> bool:
        """Whether a release asks whether its films are on paper."""
        return self.found.job.state is State.HELD and bool(self.found.unanswered)


def printer_rows(
    printers: Sequence[Printer], now: float, *, running: bool = True
) -> list[PrinterRow]:
    """The rows of all printers, which are as they stand; `running`: whether a broker is."""

    def row(printer: Printer) -> PrinterRow:
        remedies = printer_remedies(printer, now)
        return PrinterRow(
            printer,
            tuple(map(one_line, printer_remarks(printer, now, running=running))),
            tuple(found.at(Face.PAGE) for found in remedies),
            without(printers, [printer.name], Duty.MAINT),
            tone_of_printer(printer, now, running=running),
            any(not found.by_itself for found in remedies),
        )

    return [row(each) for each in printers]


def arranged(
    rows: Sequence[PrinterRow], now: float
) -> tuple[Sequence[PrinterRow], Sequence[PrinterRow]]:
    """Those that are shown, and those that are folded away: of many printers those that need a
    person come first, what to do about several of them stands once, and those that take films are
    folded."""
    if len(rows) <= FEW:
        return rows, ()
    by_name = {each.printer.name: each for each in rows}
    listed = [by_name[each.name] for each in troubled_first([row.printer for row in rows])]
    well = (Tone.GOOD, Tone.WORKS)
    shown = [each for each in listed if each.tone not in well]
    return _told_once(shown, now), [each for each in listed if each.tone in well]


def _told_once(rows: Sequence[PrinterRow], now: float) -> Sequence[PrinterRow]:
    """The same; what is to be done for the first cause that several share stands at the first."""
    groups = grouped([each.printer for each in rows], now)
    first = {
        names[0]: group_remedy(names, cause, Face.PAGE) for names, cause in groups if names[1:]
    }
    others = {name for names, _ in groups for name in names[1:]}

    def told(row: PrinterRow) -> PrinterRow:
        name = row.printer.name
        if name in first:
            return replace(row, remedies=(first[name], *row.remedies[1:]))
        return replace(row, remedies=row.remedies[1:]) if name in others else row

    return [told(each) for each in rows]


def job_row(found: JobStatus, now: float, *, grouped: bool = False) -> JobRow:
    """The row of one job; `grouped`: what a queued one waits for is said of its group."""
    if grouped and found.job.state is State.QUEUED:
        found = replace(found, why="")
    said = tuple(on_page(one_line(each)) for each in job_remarks(found, now))
    remedy = held_remedy(found)
    return JobRow(
        found,
        said,
        place_of(found),
        allowed(found),
        remedy.at(Face.PAGE) if remedy else "",
        tone_of_job(found, now),
    )
