"""The JSON that commands print. Keys are a promise to scripts; times are ISO 8601, UTC.

Nothing of a patient is here: neither labels nor the content of films.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from broker.model import row_version
from broker.model.films.capabilities import Capability
from broker.model.jobs.job import Attempt, Sending
from broker.model.printers.choose import Choice
from broker.model.printers.health import Check
from broker.model.printers.printer import Printer
from broker.model.reasons.causes import printer_remedies
from broker.model.reasons.remedies import Face
from broker.model.recorded_command import RecordedCommand

if TYPE_CHECKING:
    from broker.operations.jobs.job_status import JobStatus, Step
    from broker.store.reading.queries import Unanswered

Document = dict[str, object]


def iso(seconds: float | None) -> str | None:
    """A time to the millisecond, as 2026-01-31T08:15:00.000Z; none stays none, as does one that
    cannot be: the row is damaged."""
    if seconds is None:
        return None
    try:
        text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return None
    return text.replace("+00:00", "Z")


def of_job(found: JobStatus) -> Document:
    """One row of `broker jobs --json`."""
    from broker.operations.jobs.job_status import remedy_of

    job, remedy = found.job, remedy_of(found)
    return {
        "id": job.id,
        "version": found.version,
        "state": str(job.state),
        "reason": found.reason,
        "cause": str(remedy.cause) if remedy else None,
        "remedy": remedy.at(Face.COMMANDS) if remedy else "",
        "cut_off": found.cut_off is not None,
        "calling_ae": job.calling_ae,
        "calling_nickname": found.nickname,
        "called_ae": job.called_ae,
        "films": job.films,
        "film_count": job.films,
        "films_accepted": job.films_accepted,
        "copies": job.copies,
        "priority": str(job.priority),
        "printer": job.printer,
        "pinned": job.pinned,
        "avoided": sorted(job.avoided),
        "attempts": job.attempts,
        "attempt_count": job.attempts,
        "wish": job.command,
        "reprint_of": job.reprint_of,
        "reprinted_as": found.reprinted_as,
        "duplicate_of": job.duplicate_of,
        "came_again_as": found.twin.job_id if found.twin else None,
        "overtaken_by": list(found.overtaken_by),
        "pixels_removed_at": iso(job.pixels_removed_at),
        "pixels_removed_why": job.pixels_removed_why,
        **_of_step(found.step),
        "unanswered": [_of_unanswered(film) for film in found.unanswered],
        "printed_again": [_of_unanswered(film) for film in found.again],
        "not_before": iso(job.not_before or None),
        "created_at": iso(job.created_at),
        "updated_at": iso(job.updated_at),
    }


def _of_step(step: Step | None) -> Document:
    """What the attempt that runs waits for (N-ACTION, film, release), and since when."""
    return {
        "waits_for": str(step.what) if step else None,
        "waits_since": iso(step.since) if step else None,
    }


def _of_unanswered(film: Unanswered) -> Document:
    return {"film": film.number, "printer": film.printer, "asked_at": iso(film.asked_at)}


def of_job_whole(
    found: JobStatus, films: Sequence[Sending], attempts: Sequence[Attempt]
) -> Document:
    """`broker jobs show ID --json`: films and attempts as lists, their numbers beside them.

    `films` and `attempts` are lists here and numbers in `of_job`: scripts have them so. The names
    with `_list` and `_count` mean the same in both.
    """
    job = found.job
    film_list = [of_film(film) for film in films]
    attempt_list = [of_attempt(attempt) for attempt in attempts]
    return of_job(found) | {
        "peer": job.peer,
        "level": str(job.level),
        "films": film_list,
        "film_list": film_list,
        "attempts": attempt_list,
        "attempt_list": attempt_list,
    }


def of_film(film: Sending) -> Document:
    """One sending of one film."""
    return {
        "number": film.number,
        "pass": film.pass_number,
        "copies": film.copies,
        "state": str(film.state),
        "printer": film.printer,
        "asked_at": iso(film.asked_at),
        "accepted_at": iso(film.accepted_at),
        "film_size": film.film.film_size,
        "display_format": film.film.display_format,
        "words": film.words,
    }


def of_attempt(attempt: Attempt) -> Document:
    """One try at one printer; no outcome while it runs."""
    return {
        "printer": attempt.printer,
        "began_at": iso(attempt.began_at),
        "ended_at": iso(attempt.ended_at),
        "outcome": str(attempt.outcome) if attempt.outcome else None,
        "words": attempt.words,
    }


def of_printer(printer: Printer) -> Document:
    """One row of `broker printers --json`. `refusing` says that it refuses every film, which health
    does not; that is known of printers as `broker.operations.condition.whole` gives them."""
    from broker.operations.jobs.job_status import step_of_printer

    remedies = printer_remedies(printer, time.time())
    return {
        **asdict(printer.address),
        "version": row_version.of_printer(printer),
        "refuses": [each.words for each in printer.refuses],
        "duty": str(printer.duty),
        "duty_reason": printer.duty_reason,
        "duty_since": iso(printer.duty_since),
        "health": str(printer.health),
        "health_since": iso(printer.health_since),
        "reason": printer.reason,
        "refusing": printer.refusing,
        "causes": [str(each.cause) for each in remedies],
        "remedies": [each.at(Face.COMMANDS) for each in remedies],
        "load": printer.load,
        "films_accepted": printer.films_accepted,
        "failures": printer.failures,
        "printing": printer.claims,
        **_of_step(step_of_printer(printer)),
        "paused_until": iso(printer.paused_until or None),
        "supports_lut": printer.supports_lut,
        "last_check_at": iso(printer.last_check_at),
        **asdict(printer.identification.identity),
        "identity_asked_at": iso(printer.identification.asked_at),
        "identity_told_at": iso(printer.identification.told_at),
        "identity_answer": str(printer.identification.answer),
    }


def of_capability(capability: Capability) -> Document:
    """One thing that was learned of a printer."""
    return {
        "lesson": str(capability.lesson),
        "level": str(capability.trait.level),
        "keyword": capability.trait.keyword,
        "value": capability.trait.value,
        "among": [each.words for each in sorted(capability.among)],
        "answer": capability.answer,
        "learned_at": iso(capability.learned_at),
        "words": capability.words,
    }


def of_choice(choice: Choice) -> Document:
    """Where a queued job goes, and why not elsewhere."""
    return {
        "printer": choice.printer,
        "now": choice.claim_now,
        "why": choice.why,
        "passed_over": [asdict(each) for each in choice.passed_over],
    }


def of_check(name: str, place: str, check: Check, *, healthy: bool) -> Document:
    """One row of `broker check --json`."""
    return {
        "name": name,
        "address": place,
        "healthy": healthy,
        "kind": str(check.kind),
        "words": check.words,
    }


def of_observed(printer: Printer | None) -> Document:
    """What `broker check --json` says of a printer's row beside its own finding; none is null."""
    return {
        "broker_health": str(printer.health) if printer else None,
        "broker_health_since": iso(printer.health_since) if printer else None,
        "broker_reason": printer.reason if printer else None,
        "failures_in_row": printer.failures_in_row if printer else None,
        "duty": str(printer.duty) if printer else None,
    }


def of_command(command: RecordedCommand) -> Document:
    """One recorded command."""
    return {
        "at": iso(command.at),
        "who": command.who,
        "verb": command.command,
        "words": command.words,
    }


def of_logged_command(command: RecordedCommand) -> Document:
    """One command of the operator log, with what it was given on."""
    on = {"job": command.job_id, "printer": command.printer or None}
    return {"id": command.id} | of_command(command) | on
