"""What becomes of films that nobody answered for, and of jobs that a stop or a crash cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from broker.config.schema import Retry
from broker.model.job import Job, State
from broker.model.retry import prints_again
from broker.operations.text import moment
from broker.store.queries import PrintedAgain, Unanswered

CUT_OFF = "cut off: no broker is running; at its next start"
"""How the words begin of a job that reads `printing` while nothing prints."""


@dataclass(frozen=True)
class Fate:
    """What the next start of a broker makes of a job."""

    state: State
    words: str
    """A clause, with the job as `it`."""

    @property
    def remark(self) -> str:
        """For a table, and after `job 42 is`."""
        return f"{CUT_OFF} {self.words}"


def fate(job: Job, unanswered: Sequence[Unanswered], retry: Retry) -> Fate:
    """What recovery at the next start does with a printing job, as the rows are now."""
    if job.films_accepted == job.films:
        return Fate(State.SENT, "it is sent, as every film was accepted")
    again = prints_again(retry.on_uncertain, retry.tries, job.strikes, job.command)
    if unanswered and not again:
        held = "held, not cancelled" if job.command == "cancel" else "held"
        return Fate(State.HELD, f"it is {held}: {asked(unanswered)}, and may be on paper")
    if job.command == "cancel":
        return Fate(State.CANCELLED, "it is cancelled, as a person asked")
    if job.command:
        return Fate(State.HELD, "it is held, as a person asked")
    if unanswered:
        return Fate(
            State.QUEUED, f"what is left prints, the film in doubt too: {asked(unanswered)}"
        )
    return Fate(State.QUEUED, "what is left of it prints")


def asked(unanswered: Sequence[Unanswered]) -> str:
    """Which films are in doubt, whom they were asked of, and when."""
    latest = {(each.number, each.printer): each for each in unanswered}
    return " and ".join(
        f"film {each.number} was asked of {each.printer} at {moment(each.asked_at)} UTC"
        if each.printer
        else f"film {each.number} may have been printed before {moment(each.asked_at)} UTC, and it "
        "is not known where"
        for each in latest.values()
    )


def tray(unanswered: Sequence[Unanswered]) -> str:
    """Where to look for films in doubt."""
    printers = {each.printer for each in unanswered}
    several = len(printers) > 1
    where = "every tray" if "" in printers else "their trays" if several else "its tray"
    return f"{asked(unanswered)}: look in {where}"


def again(doubts: Sequence[PrintedAgain]) -> str:
    """How often films may be on paper that were let print again without an answer; empty of none.

    One that nobody has asked for again yet may be there once.
    """
    anew = [each for each in doubts if not each.waits]
    waiting = [each for each in doubts if each.waits]
    said = []
    if anew:
        most = max(Counter(each.number for each in anew).values())
        times = "twice" if most == 1 else f"up to {most + 1} times"
        said.append(f"may be on paper {times}: {_without_answer(anew)}")
    if waiting:
        said.append(f"may be on paper already: {_without_answer(waiting)}")
    return "; ".join(said)


def _without_answer(doubts: Sequence[PrintedAgain]) -> str:
    return asked(doubts) + (", without an answer" if all(each.printer for each in doubts) else "")
