"""What a person is asked before a command puts paper out or cannot be undone (promise 12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from broker.model.jobs.job import FINISHED, State
from broker.model.jobs.reprint import ReprintChoice
from broker.model.printers.printer import Health, Printer
from broker.operations.jobs.job_status import JobStatus
from broker.operations.words.text import and_more, count
from broker.store.queue.commands import AS_IT_WAS

SEVERAL = 5
"""Film numbers that a question names."""
NAMED = 12
"""Jobs that it names."""


def of_job(
    found: JobStatus, command: str, printer: str = "", choice: ReprintChoice = AS_IT_WAS
) -> str:
    """The question, with the job's number, modality and films; empty where none is asked.

    `command` is one of `JOB_COMMANDS`, or `release-printed`; `printer` is where a job is moved;
    `choice` is what a reprint is to be.
    """
    job = found.job
    left = job.films - job.films_accepted
    which = f"job {job.id} of {found.modality}"
    each = f", {job.copies} copies each" if job.copies > 1 else ""
    films = f"{count(job.films, 'film')}{each}"
    left_films = f"{left} of {count(job.films, 'film')}{each}"
    uncertain = sorted({film.number for film in found.unanswered})
    numbers = and_more(uncertain, SEVERAL)
    named = f"film {numbers}" if len(uncertain) == 1 else f"films {numbers}"
    twice = f"{named} may be" if job.films > 1 else "it may be"
    match command:
        case "reprint":
            since = (
                f" It was printed again as job {found.reprinted_as}." if found.reprinted_as else ""
            )
            where = f" on {choice.printer}" if choice.printer else ""
            where += ", not on the printer that made it" if choice.elsewhere else ""
            what = f"{choice.words}, else as it was" if choice.words else films
            scaled = " The images are laid out for that sheet, at another scale."
            note = scaled if choice.film_size else ""
            return f"Print {which} again{where}: {what}?{note}{since}"
        case "cancel" if job.state not in FINISHED:
            return f"Cancel {which}: {left_films} will not be printed?"
        case "release" if job.state is State.HELD and uncertain:
            asked = f"Release {which}: print {left_films}, though {twice} on paper already?"
            return f"{asked}{_later(found)}"
        case "release" if job.state is State.HELD:
            return f"Release {which}: print {left_films}?{_later(found)}"
        case "release-printed" if job.state is State.HELD:
            rest = left - len(uncertain)
            then = f"print the other {rest}" if rest > 0 else "print no more of it"
            is_there = "is" if len(uncertain) == 1 else "are"
            return f"Release {which}: {named} {is_there} on paper, {then}?"
        case "move" if job.state is State.HELD:
            where = printer or "any printer"
            return f"Release {which} and move it to {where}: print {left_films}?{_later(found)}"
    return ""


def _later(found: JobStatus) -> str:
    """What prints besides, where a later job may be the same films."""
    return "" if found.later is None else f" Job {found.later} may have printed the same already."


VERBS = {
    "release": "Release",
    "cancel": "Cancel",
    "reprint": "Print again",
    "move": "Move",
    "hold": "Hold",
    "priority": "Change the priority of",
    "emergency": "Put to the front",
}


def of_jobs(found: Sequence[JobStatus], command: str, printer: str = "") -> str:
    """The question for several jobs: how many, of which modalities, how many films."""
    jobs = [each.job for each in found]
    of_each = Counter(each.modality for each in found)
    who = and_more([f"{name} {number}" for name, number in of_each.most_common()], SEVERAL)
    all_films = command == "reprint"
    films = sum(each.films if all_films else each.films - each.films_accepted for each in jobs)
    where = f" to {printer or 'any printer'}" if command == "move" else ""
    what = f"{VERBS[command]} {count(len(jobs), 'job')}{where}"
    numbers = and_more(sorted(job.id for job in jobs), NAMED)
    which = f" Job{'s' if len(jobs) > 1 else ''} {numbers}."
    uncertain = sum(
        len({film.number for film in each.unanswered})
        for each in found
        if command in ("release", "move") and each.job.state is State.HELD
    )
    twice = ""
    if uncertain:
        is_are = "is" if uncertain == 1 else "are"
        films_of = count(uncertain, "film")
        twice = f" {films_of} of them may be on paper, and {is_are} printed once more."
    return f"{what} ({who}): {count(films, 'film')}?{which}{twice}"


def of_printers(names: Sequence[str], command: str) -> str:
    """The question for several printers."""
    return f"{command.capitalize()} {count(len(names), 'printer')}: {and_more(names, SEVERAL)}?"


def of_printer(printer: Printer, command: str) -> str:
    """The question; empty where none is asked."""
    name = printer.name
    match command:
        case "test-print" if printer.health is Health.DOWN:
            return f"Print a test film on {name}? {name} is down: it prints when {name} is back."
        case "test-print":
            return f"Print a test film on {name}?"
        case "forget":
            return f"Forget what was learned of {name}? It is asked again for all that films ask."
    return ""
