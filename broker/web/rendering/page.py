"""Pages out of templates, and the rows of printers and jobs that these are given, in the words of
the command line.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from broker.model import row_version
from broker.model.jobs.job import State
from broker.model.peers.hosts import at_port
from broker.model.printable import one_line, printable_lines
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.standing import FEW, Standing, seems, standing, troubled_first
from broker.model.reasons.causes import mended_matters, printer_remedies
from broker.model.reasons.condition import without
from broker.model.reasons.remedies import Face
from broker.operations.commands import questions
from broker.operations.jobs.job_status import (
    JobStatus,
    allowed,
    held_remedy,
    job_remarks,
    place_of,
    printer_remarks,
)
from broker.operations.words.page_words import on_page
from broker.operations.words.text import age
from broker.web.auth.signin import Person, csrf_token
from broker.web.rendering.times import clock_mark, marked, moment_mark

READ = ["GET", "HEAD"]
"""Methods of a page: a reader may ask for its head alone (RFC 9110 9.1)."""
SAID = "said"
"""The cookie that carries the result of a command to the next page."""
SAID_S = 30
NOT_DONE = "!"
"""Before the words in that cookie where the command was refused."""


class Pages:
    """Renders templates. Text is escaped; a name that a template lacks is an error."""

    def __init__(self, ae_title: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent.with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        self._templates.globals["ae_title"] = ae_title
        self._templates.filters["age"] = lambda at: age(time.time() - at)
        self._templates.filters["moment"] = moment_mark
        self._templates.filters["clock"] = clock_mark
        self._templates.filters["times"] = marked
        self._templates.filters["commands"] = commands
        self._templates.filters["iso"] = lambda at: datetime.fromtimestamp(at, UTC).isoformat(
            timespec="seconds"
        )

    def part(self, template: str, context: Mapping[str, object]) -> str:
        """One template, as text."""
        return self._templates.get_template(template).render(context)

    def page(
        self,
        request: Request,
        template: str,
        person: Person,
        context: Mapping[str, object],
        status: int = 200,
    ) -> HTMLResponse:
        """A whole page for that person, with the result of the command before it."""
        said = unquote(request.cookies.get(SAID, ""))
        frame = {
            "person": person,
            "csrf": csrf_token(request),
            "said": said.removeprefix(NOT_DONE),
            "said_wrong": said.startswith(NOT_DONE),
        }
        response = HTMLResponse(self.part(template, {**frame, **context}), status_code=status)
        response.headers["Cache-Control"] = "no-store"
        if said:
            response.delete_cookie(SAID, path="/")
        return response


def back(to: str, words: str, *, wrong: bool = False) -> Response:
    """Go on to that page, which says these words; `wrong`: that the command was not carried out."""
    response = RedirectResponse(to, status_code=303)
    said = (NOT_DONE if wrong else "") + words[:1500]
    response.set_cookie(SAID, quote(said), max_age=SAID_S, httponly=True, samesite="strict")
    return response


def _shown(value: object) -> object:
    """What a template shows of a value: text that peers chose has no control characters there."""
    if isinstance(value, Markup):
        return Markup(printable_lines(value))
    return printable_lines(value) if isinstance(value, str) else value


def commands(words: str) -> Markup:
    """The words as the page says them: its own places instead of commands, and times marked."""
    return marked(on_page(words))


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
        return questions.of_printer(self.printer.name, command)

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


def arranged(rows: Sequence[PrinterRow]) -> tuple[Sequence[PrinterRow], Sequence[PrinterRow]]:
    """Those that are shown, and those that are folded away: of many printers those that need a
    person come first, and those that take films are folded."""
    if len(rows) <= FEW:
        return rows, ()
    by_name = {each.printer.name: each for each in rows}
    listed = [by_name[each.name] for each in troubled_first([row.printer for row in rows])]
    well = (Tone.GOOD, Tone.WORKS)
    shown = [each for each in listed if each.tone not in well]
    return shown, [each for each in listed if each.tone in well]


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
