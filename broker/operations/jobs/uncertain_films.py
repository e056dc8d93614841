"""Films that a printer was asked for and has not answered for, in words; and what the next start of
a broker does with their jobs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from broker.config.schema import Retry
from broker.model.jobs.job import Job, State
from broker.model.printers.retry import prints_again
from broker.operations.words.text import moment
from broker.store.reading.queries import PrintedAgain, Unanswered

CUT_OFF = "cut off: no broker is running; at its next start"
"""Begins the remark of a job in state `printing` while no broker runs."""


@dataclass(frozen=True)
class RecoveryPreview:
    """What the next start of a broker does with a job that was printing."""

    state: State
    words: str
    """A clause, with the job as `it`."""

    @property
    def remark(self) -> str:
        """For a table, and after `job 42 is`."""
        return f"{CUT_OFF} {self.words}"


def recovery_preview(job: Job, unanswered: Sequence[Unanswered], retry: Retry) -> RecoveryPreview:
    """What recovery at the next start does with a printing job, as the rows are now."""
    if job.films_accepted == job.films:
        return RecoveryPreview(State.SENT, "it is sent, as every film was accepted")
    again = prints_again(retry.on_uncertain, retry.tries, job.strikes, job.command)
    if unanswered and not again:
        held = "held, not cancelled" if job.command == "cancel" else "held"
        return RecoveryPreview(
            State.HELD, f"it is {held}: {uncertain_text(unanswered)}, and may be on paper"
        )
    if job.command == "cancel":
        return RecoveryPreview(State.CANCELLED, "it is cancelled, as a person asked")
    if job.command:
        return RecoveryPreview(State.HELD, "it is held, as a person asked")
    if unanswered:
        return RecoveryPreview(
            State.QUEUED,
            f"what is left prints, uncertain films too: {uncertain_text(unanswered)}",
        )
    return RecoveryPreview(State.QUEUED, "what is left of it prints")


def uncertain_text(unanswered: Sequence[Unanswered]) -> str:
    """Which films are uncertain, and when which printer was asked for them."""
    latest = {(each.number, each.printer): each for each in unanswered}
    return " and ".join(
        f"film {each.number} was asked of {each.printer} at {moment(each.asked_at)} UTC"
        if each.printer
        else f"film {each.number} may have been printed before {moment(each.asked_at)} UTC, and it "
        "is not known where"
        for each in latest.values()
    )


def trays(unanswered: Sequence[Unanswered]) -> str:
    """The printers in whose trays uncertain films may be."""
    found = dict.fromkeys(each.printer for each in unanswered)
    return "every printer" if "" in found else " and ".join(found)


def printed_again_text(films: Sequence[PrintedAgain]) -> str:
    """How often films may be on paper that were printed again without an answer; may be empty.

    One that was not asked for again yet may be there once.
    """
    anew = [each for each in films if not each.waits]
    waiting = [each for each in films if each.waits]
    said = []
    if anew:
        most = max(Counter(each.number for each in anew).values())
        times = "twice" if most == 1 else f"up to {most + 1} times"
        said.append(f"may be on paper {times}: {_without_answer(anew)}")
    if waiting:
        said.append(f"may be on paper already: {_without_answer(waiting)}")
    return "; ".join(said)


def _without_answer(films: Sequence[PrintedAgain]) -> str:
    return uncertain_text(films) + (
        ", without an answer" if all(each.printer for each in films) else ""
    )
