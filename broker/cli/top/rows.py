"""The text of the screen: the broker's line, rows, and all about the selected one."""

from __future__ import annotations

import time
from collections.abc import Sequence

from broker.cli.output import queue_tables
from broker.cli.output import queue_tables as shown
from broker.cli.output.local_time import told, told_in_line
from broker.cli.output.queue_tables import Field, T
from broker.cli.output.tables import Column
from broker.cli.top.listing import Line
from broker.model.jobs.job import State
from broker.model.printable import one_line
from broker.model.printers.printer import Printer
from broker.model.reasons.causes import printer_remedies
from broker.model.reasons.remedies import Face
from broker.model.recorded_command import RecordedCommand
from broker.model.vitals import Vitals
from broker.operations.jobs.job_groups import JobGroup
from broker.operations.jobs.job_status import (
    JobStatus,
    explanation,
    films_of,
    held_remedies,
    held_remedy,
    job_remarks,
    job_status,
    printer_remarks,
)
from broker.operations.opened import Store
from broker.operations.overview import OverviewState
from broker.operations.words.text import age, count, moment

PRINTERS = (
    shown.NAME.under("PRINTER"),
    shown.HEALTH,
    shown.DUTY,
    shown.WEIGHT,
    shown.LOAD,
    shown.BUSY,
    shown.ACCEPTED.under("FILMS"),
    shown.FAILURES,
    shown.CHECKED,
)
JOBS = (
    shown.ID,
    shown.STATE,
    shown.MODALITY,
    shown.NICKNAME,
    shown.FILMS,
    shown.COPIES,
    shown.PRIORITY,
    shown.WHERE,
    shown.AGE,
    shown.ARRIVED,
)
PRINTER_COLUMNS = (*shown.columns(PRINTERS), Column("WHAT IT SAYS"))
JOB_COLUMNS = (*shown.columns(JOBS), Column("WHY"))
KEYS = (
    "Job:     h hold  r release  c cancel  m move  p reprint  y priority  Enter all\n"
    "Printer: d drain  a halt  e ready  t test film  Tab other / filter ? help q quit"
)
HELP = """\
Commands are for the selected row: > marks it in the table that is
in use, - in the other.

h  hold      keep a job from printing until it is released
r  release   let a held job print; asks about uncertain films
c  cancel    print nothing more of a job
m  move      send a job to one printer and no other, or to any
p  reprint   print a finished or held job again, as a new job
y  priority  HIGH goes before MED, MED before LOW; or an emergency,
             before all that wait now

d  drain     give a printer no new jobs; checks go on
a  halt      no new jobs and no checks (maint)
e  ready     it takes jobs again once its checks pass; of one that is
             ready already: mended, try again
t  test      print a test film on it

Enter  all of a job and why it is where it is; all of a printer
Space  of a long list, some of each kind are shown, below how many
       there are: show all of the selected kind, or some again
Tab    the other table
/      show only some jobs: a text anywhere in the row, or conditions:
       modality=CT1 printer=oki-1 state=held since=2h until=08:15;
       modality="CT, ground floor" for a nickname with spaces
q      leave; the broker goes on

HEALTH is what was observed, DUTY what an operator set. LOAD is films x
copies not yet settled, BUSY attempts running, FILMS accepted, FAIL
attempts that failed. A PRINTER in brackets is where a queued job has
lined up; it is not bound to it."""


def printer_line(printer: Printer, now: float, *, running: bool = True) -> Line:
    """One row."""
    said = printer_remarks(printer, now, running=running)
    return Line(printer.name, _cells(PRINTERS, printer, now), _sentence(said))


def job_line(found: JobStatus, now: float) -> Line:
    """One row."""
    return Line(str(found.job.id), _cells(JOBS, found, now), _sentence(job_remarks(found, now)))


def _cells(fields: Sequence[Field[T]], row: T, now: float) -> tuple[str, ...]:
    return tuple(map(one_line, shown.cells(fields, row, now)))


def about_printer(printer: Printer, now: float, *, running: bool = True) -> str:
    """What it and its operator say."""
    place = f"{printer.name}: {shown.place(printer)}"
    said = "; ".join((place, *map(told_in_line, printer_remarks(printer, now, running=running))))
    remedies = [each.at(Face.COMMANDS) for each in printer_remedies(printer, now)]
    return " ".join((f"{said}.", *remedies)) if remedies else said


def about_job(found: JobStatus, now: float) -> str:
    """Why it is where it is."""
    said = job_remarks(found, now) or (f"it is {found.job.state}",)
    remedy = held_remedy(found)
    of = f" of {one_line(found.modality)}" if found.nickname else ""
    words = f"job {found.job.id}{of}: {_sentence(said)}"
    return f"{words}. {remedy.at(Face.COMMANDS)}" if remedy else words


def about_group(group: JobGroup) -> str:
    """How many, why, what the keys do, and what to do about held ones."""
    how = "Space shows all of them, or some again; for the keys of jobs select the row of one."
    return " ".join((f"{group.words}.", how, *held_remedies(group.jobs)))


def headline(scene: OverviewState, place: str, vitals: Vitals | None, now: float) -> str:
    """The broker, in a line or two."""
    said = [f"{place} {'runs' if scene.running else 'DOES NOT RUN'}"]
    states = [(scene.number(each), each) for each in (State.HELD, State.PRINTING, State.QUEUED)]
    said += [f"{number} {state}" for number, state in states if number]
    if scene.oldest is not None:
        said.append(f"oldest waits {age(now - scene.oldest.created_at)}")
    if vitals is not None:
        said.append(f"{count(vitals.films, 'film')} in")
        said.append(count(vitals.associations, "association"))
    return " | ".join(said)


def _sentence(said: tuple[str, ...]) -> str:
    return "; ".join(map(told_in_line, said))


WIDTH = 70
"""Of a dialog's text."""


def all_of_job(store: Store, job_id: int) -> str:
    """Why it is where it is, its commands, films and attempts.

    Raises: NoSuchJob: when there is none of that number.
    """
    found = job_status(store, store.jobs.get(job_id))
    why = explanation(store, found.job).sentences
    films, attempts = films_of(store, job_id), store.jobs.attempts(job_id)
    table = queue_tables.job(found, films, attempts, time.time(), WIDTH)
    parts = [
        *map(told, why),
        *_given(store.command_log.of_job(job_id)),
        "\n".join(line.plain for line in table),
    ]
    return "\n\n".join(parts)


def all_of_printer(store: Store, printer: Printer) -> str:
    """What it says, how it was observed, and its commands."""
    now = time.time()
    health = f"{printer.health} for {age(now - printer.health_since)}"
    checked = printer.last_check_at
    check = "not checked yet" if checked is None else f"last check {age(now - checked)} ago"
    parts = [
        about_printer(printer, now, running=store.running),
        f"It is {health}; {check}; {printer.duty} for {age(now - printer.duty_since)}.",
        *_given(store.command_log.of_printer(printer.name)),
    ]
    return "\n\n".join(parts)


def _given(commands: Sequence[RecordedCommand]) -> list[str]:
    lines = [
        f"{moment(each.at)} UTC, {each.who}, {each.command}: {each.words}" for each in commands
    ]
    return ["\n".join(map(told_in_line, lines))] if lines else []
