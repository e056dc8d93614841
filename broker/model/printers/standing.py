"""What a printer is worth to films that wait: whether it takes them, and if not, why.

Its health is what checks and attempts have seen of it one by one. A printer may pass every check
and still refuse each film that it is given: its standing says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.model.jobs.job import Job, Outcome
from broker.model.printers.choose import never_takes
from broker.model.printers.health import fails_films, leaves_unanswered
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.trouble import AS_CHOSEN

ALIKE = 3
"""Tries in a row that a printer refused for good, before it is said to refuse everything. One film
of an odd kind, sent again by its modality, is no reason yet."""


class Standing(StrEnum):
    """Whether a printer takes films."""

    TAKES = "takes films"
    TAKES_ANYWAY = "takes films, and needs a person"
    """It says itself that it cannot print before a person has been there, and has accepted a film
    since all the same."""
    ATTENTION = "needs a person"
    """It says itself that it cannot print before a person has been there, and has accepted no film
    since."""
    REFUSING = "refuses every film"
    FAILING = "fails films"
    """It answers checks, and its last attempts failed or were not answered."""
    DOWN = "down"
    OFF = "out of service"
    """A person took it out: drain, or maint."""
    UNCHECKED = "not checked yet"


TAKING = (Standing.TAKES, Standing.TAKES_ANYWAY)
"""Those of printers to which films go."""


@dataclass(frozen=True)
class Try:
    """One attempt that has ended, as far as it tells whether a printer refuses everything."""

    printer: str
    job_id: int
    outcome: Outcome
    permanent: bool
    """The same film would be refused again."""
    ended_at: float
    words: str = ""
    """What the printer answered, or what became of the connection."""


def standing(printer: Printer) -> Standing:
    """Whether it takes films, as it is now. `printer.refusing` must be known: see `judged`."""
    if printer.duty is not Duty.READY:
        return Standing.OFF
    if printer.health is Health.DOWN:
        return Standing.DOWN
    if printer.refusing:
        return Standing.REFUSING
    if printer.health is Health.UNKNOWN:
        return Standing.UNCHECKED
    if fails_films(printer) or leaves_unanswered(printer):
        return Standing.FAILING
    if printer.health is Health.DEGRADED:
        accepted = (printer.accepted_at or 0) >= printer.health_since
        return Standing.TAKES_ANYWAY if accepted else Standing.ATTENTION
    return Standing.TAKES


FEW = 8
"""Printers that are listed as the configuration has them."""
_FIRST = (
    Standing.REFUSING,
    Standing.FAILING,
    Standing.DOWN,
    Standing.ATTENTION,
    Standing.TAKES_ANYWAY,
    Standing.UNCHECKED,
    Standing.OFF,
    Standing.TAKES,
)


def troubled_first(printers: Sequence[Printer]) -> list[Printer]:
    """Many printers for a person: those that need one first. A few keep their order."""
    if len(printers) <= FEW:
        return list(printers)
    return sorted(printers, key=lambda each: _FIRST.index(standing(each)))


def seems(printer: Printer) -> str:
    """How a printer is, in a word: its health, or that it refuses every film."""
    return "refusing" if standing(printer) is Standing.REFUSING else str(printer.health)


def judged(
    printers: Sequence[Printer], waiting: Sequence[Job], tries: Sequence[Try]
) -> tuple[Printer, ...]:
    """The same printers; of each that refuses every film, it is said, and of each that has failed
    and tells nothing of it by now, what its last failed attempt said.

    `waiting` are queued jobs, the next ones first; `tries` the last attempts, the latest first.
    """
    by_printer: dict[str, list[Try]] = {}
    for each in tries:
        by_printer.setdefault(each.printer, []).append(each)
    return tuple(
        replace(
            each,
            refusing=refusing(each, waiting, by_printer.get(each.name, ())),
            failed_with=_failed_with(each, by_printer.get(each.name, ())),
        )
        for each in printers
    )


def _failed_with(printer: Printer, tries: Sequence[Try]) -> str:
    """The words of its last failed attempt, without its name: a check that it passed since has
    replaced them in its row."""
    if not printer.failures_in_row or printer.reason:
        return ""
    failed = next((each.words for each in tries if each.outcome is not Outcome.ACCEPTED), "")
    return failed.removeprefix(f"{printer.name}: ")


def refusing(printer: Printer, waiting: Sequence[Job], tries: Sequence[Try]) -> str:
    """That a printer refuses every film, and which, in words; empty where it does not.

    It does where either of these holds, and it has accepted no film since:

    - its last `ALIKE` tries, of different jobs, were refused for good. Jobs that it refused for now
      are no sign of that: they make it degraded by themselves, after `health.fall` of them; nor is
      what a person chose for a reprint;
    - jobs wait that it may print, none of them is being tried there, and it refuses each of them,
      by what it answered to them or by what is known of it. What waits is what a person sees.

    Neither counts once a person has said that it is mended: what it refused is forgotten then.
    """
    if not printer.refuses and not printer.failures_in_row:
        return ""
    last = [each for each in tries if AS_CHOSEN not in each.words][:ALIKE]
    alike = (
        len(last) == ALIKE
        and len({each.job_id for each in last}) == ALIKE
        and all(each.outcome is Outcome.REFUSED and each.permanent for each in last)
        and not any((printer.accepted_at or 0) >= each.ended_at for each in last)
    )
    if alike:
        return f"refuses every film: its last {ALIKE} jobs were refused for good{_what(printer)}"
    # A reprint may be of what a person chose, which says nothing of films as they come.
    own = [
        each for each in waiting if each.pinned in ("", printer.name) and each.reprint_of is None
    ]
    if not own or printer.claims or printer.recent:
        return ""
    if all(_refused(each, printer) for each in own):
        jobs = "the job that waits" if len(own) == 1 else "each job that waits"
        return f"refuses every film: {jobs} is one that it does not take{_what(printer)}"
    return ""


def _refused(job: Job, printer: Printer) -> bool:
    """Whether it refused this job for good, or is known to."""
    struck = any(each.printer == printer.name and each.permanent for each in job.strikes)
    return struck or bool(never_takes(job, printer))


def _what(printer: Printer) -> str:
    """What it is known to refuse, at the end of a sentence."""
    found = list(dict.fromkeys(each.refused for each in printer.refuses))
    return f" ({found[0]})" if len(found) == 1 else ""
