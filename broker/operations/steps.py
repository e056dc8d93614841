"""What a printing job's attempt is doing, and since when, as far as rows tell.

The line is stored before N-ACTION leaves, so a film that was asked for is told apart from all that
comes before; each step stored before it says since when.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from broker.model.job import FilmState, Job
from broker.model.printer import LONG_WAIT_S, Printer

if TYPE_CHECKING:
    from broker.store.reading import Unanswered


class What(StrEnum):
    """What is waited for; the values are those of `--json`."""

    ANSWER = "N-ACTION"
    """The answer to it."""
    FILM = "film"
    """The printer is to take the next film: association, film box, image boxes."""
    END = "release"
    """Every film was accepted."""


_WORDS = {
    What.ANSWER: "the answer to N-ACTION",
    What.FILM: "the printer to take the next film",
    What.END: "the end of the association",
}


@dataclass(frozen=True)
class Step:
    """One step that has not ended."""

    what: What
    film: int | None
    """The film that was asked for; None before that, and after the last."""
    since: float

    def words(self, now: float) -> str:
        """`waits for the answer to N-ACTION for film 1, 14 s`; empty while that is nothing special.

        A clock that was set back makes it nothing special, too.
        """
        if now - self.since < LONG_WAIT_S:
            return ""
        film = f" for film {self.film}" if self.film is not None else ""
        return f"waits for {_WORDS[self.what]}{film}, {int(now - self.since)} s"


def of_job(job: Job, unanswered: Sequence[Unanswered]) -> Step:
    """The step of a printing job; `unanswered` are its films that may be on paper."""
    for film in unanswered:
        if film.state is FilmState.ASKED:
            return Step(What.ANSWER, film.number, film.asked_at or job.updated_at)
    what = What.END if job.films_accepted == job.films else What.FILM
    return Step(what, None, job.updated_at)


def of_printer(printer: Printer) -> Step | None:
    """The step that a printer is waited for; None while no attempt runs on it."""
    if printer.asked_at is not None:
        return Step(What.ANSWER, None, printer.asked_at)
    if printer.moved_at is not None:
        return Step(What.FILM, None, printer.moved_at)
    return None
