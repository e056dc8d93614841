"""A job: what one print request asked for, and how far it has come.

queued --claimed--> printing --every film accepted--> sent --Print Job says DONE--> printed
  ^                    | unavailable: back to queued
  |                    | refused by all, tries used up, uncertain: held
  +---- release ---- held <-- hold (a person)      cancelled <-- cancel (a person)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from broker.model.films.capabilities import Combination
from broker.model.films.film import Attributes, Film


class State(StrEnum):
    """A job's place in its life. Why it is there stands beside it, as `Job.reason`."""

    QUEUED = "queued"
    """Waits for a printer. The dispatcher takes it out; a person may hold or cancel it."""
    PRINTING = "printing"
    """Claimed: one attempt is running. The attempt takes it out."""
    SENT = "sent"
    """Every film was accepted by a printer. The end, for a printer without Print Job."""
    PRINTED = "printed"
    """The printer said that its Print Job is done. The end."""
    HELD = "held"
    """Only a person takes it out: release or cancel."""
    CANCELLED = "cancelled"
    """A person gave it up. The end."""


FINISHED = frozenset({State.SENT, State.PRINTED, State.CANCELLED})
"""States that nothing leaves."""
ACTIVE = (State.QUEUED, State.PRINTING)
"""States of jobs that take their turn."""
UNFINISHED = (*ACTIVE, State.HELD)
"""States of jobs that need their pixels."""
URGENCY = {State.HELD: 0, State.PRINTING: 1, State.QUEUED: 2}
"""What a person has to see first."""
LISTED_S = 3600.0
"""How long finished jobs are listed."""


class Priority(StrEnum):
    """Print Priority (PS3.3 C.13.1), the most urgent first."""

    HIGH = "HIGH"
    MED = "MED"
    LOW = "LOW"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Priority).index(self)


class Level(StrEnum):
    """Where the modality sent its N-ACTION (PS3.4 H.4.1.2.4, H.4.2.2.4)."""

    FILM_BOX = "film box"
    FILM_SESSION = "film session"


def collation(level: Level, films: int, copies: int) -> tuple[int, int]:
    """How a print request is sent: in how many passes, and how many copies of a film in each.

    A film session's copies are collated (PS3.4 H.4.1.2.4): several films are sent once for each.
    The copies of a single film are made by the printer.
    """
    if level is Level.FILM_SESSION and films > 1:
        return copies, 1
    return 1, copies


class Outcome(StrEnum):
    """How an attempt ended."""

    ACCEPTED = "accepted"
    """The printer accepted every film that was left."""
    UNAVAILABLE = "unavailable"
    """The printer could not be reached, was busy or full, or broke off before the line."""
    REFUSED = "refused"
    """The printer answered with a failure status."""
    UNCERTAIN = "uncertain"
    """A film was asked for and no answer came: it may have been printed."""


class FilmState(StrEnum):
    """How far one film has come."""

    WAITING = "waiting"
    ASKED = "asked"
    """N-ACTION is about to leave, or has left without an answer. Stored before it leaves."""
    ACCEPTED = "accepted"
    PRINTED = "printed"
    UNCERTAIN = "uncertain"
    """Asked and never answered. A person, or the site's `on_uncertain`, settles it."""


SETTLED = "settled by the operator as printed"
"""What is written beside a film that a person has seen on paper, without the printer's answer."""
HELD_BY_PERSON = "held by the operator"
"""How the reason of a job begins that a person held."""
UNANSWERED = frozenset({FilmState.ASKED, FilmState.UNCERTAIN})
"""States of films that may be on paper, which is not known."""
DONE = frozenset({FilmState.ACCEPTED, FilmState.PRINTED})
"""States of films that need no more sending."""


@dataclass(frozen=True)
class PrintRequest:
    """What one N-ACTION asked for, frozen when it was asked (PS3.4 H.4.1.2.4.3, H.4.2.2.4.3)."""

    calling_ae: str
    called_ae: str
    peer: str
    """Address of the modality, as `host:port`."""
    film_session: str
    """The film session that it came from: the same for all its requests, never used twice."""
    level: Level
    session: Attributes
    """Of the film session: NumberOfCopies, MediumType, FilmDestination, FilmSessionLabel, …"""
    films: tuple[Film, ...]
    copies: int = 1
    priority: Priority = Priority.MED
    lut_class: bool = False
    """Whether the modality's association had the Presentation LUT class: some printers print a film
    that has no LUT otherwise then."""


@dataclass(frozen=True)
class Strike:
    """One attempt since the last release that a printer answered with no, or broke off."""

    printer: str
    permanent: bool
    """The same film would be refused again: never send it there unchanged."""
    words: str
    at: float = field(default=0.0, compare=False)
    """When the attempt ended, in seconds since the epoch."""


@dataclass(frozen=True)
class Job:
    """One row of the queue, without the films' content."""

    id: int
    state: State
    reason: str
    """Why it is in this state, for a person; empty where the state says it all."""
    calling_ae: str
    called_ae: str
    peer: str
    film_session: str
    level: Level
    films: int
    """Films asked for, not counting copies."""
    films_accepted: int
    """Of those, the ones of which a printer has accepted every copy."""
    copies: int
    priority: Priority
    needs_lut: bool
    printer: str
    """Where it is printing or was printed; for a queued job, whose turn it waits for; or empty."""
    pinned: str
    """The only printer that it may go to, when a person said so; or empty."""
    attempts: int
    strikes: tuple[Strike, ...]
    not_before: float
    """Not to be claimed before this time (seconds since the epoch, UTC)."""
    command: str
    """What a person asked for while it was printing: hold, cancel or nothing."""
    load: int
    """Films x copies not yet settled."""
    reprint_of: int | None
    created_at: float
    updated_at: float
    assigned_at: float | None = None
    """When it began to wait for `printer`."""
    duplicate_of: int | None = None
    """A job of the same modality with an equal film, accepted not long before; the reason says
    so."""
    remark: str = ""
    """What is to be known of it in every state, for a person; the reason begins with it."""
    pixels_removed_at: float | None = None
    """When its pixels were removed, after its end: it cannot be printed again."""
    lut_class: bool = False
    """As of its PrintRequest."""
    asks: frozenset[Combination] = frozenset()
    """What its films ask of a printer; of jobs of an earlier version, nothing is known."""
    priority_rank: int | None = None
    """Its place among others: that of its priority (also for None), or before all of them, below 0,
    where a person has put it to the front."""
    avoided: frozenset[str] = frozenset()
    """Printers that it does not go to, as a person said."""
    pixels_removed_why: str = ""
    """`room` or `budget` when they went before their time; empty when their time was over."""

    @property
    def turn(self) -> tuple[int, int]:
        """Queued jobs go in the order of these. Not by time: the clock may be set back."""
        return self.priority.rank if self.priority_rank is None else self.priority_rank, self.id

    def may_go_to(self, printer: str) -> bool:
        """Whether a person's choice leaves it that printer."""
        return self.pinned in ("", printer) and printer not in self.avoided


@dataclass(frozen=True)
class Sending:
    """One sending of one film: the unit that is asked, counted and settled.

    A film-session request for n copies is printed collated (PS3.4 H.4.1.2.4), as n passes of one
    copy; everything else is one pass, its copies made by the printer.
    """

    id: int
    job_id: int
    number: int
    """From 1, in the order of the film session."""
    pass_number: int
    """From 1."""
    copies: int
    """Number of Copies to ask the printer for."""
    state: FilmState
    printer: str
    asked_at: float | None
    accepted_at: float | None
    words: str
    """What the printer said about it: a warning, for one."""
    film: Film


@dataclass(frozen=True)
class Attempt:
    """One try at printing a job on one printer."""

    id: int
    job_id: int
    printer: str
    """Empty where it ended because the job's own pixels are missing."""
    began_at: float
    ended_at: float | None
    outcome: Outcome | None
    """None while it runs."""
    words: str


@dataclass(frozen=True)
class Claim:
    """The fenced right to attempt a job: every write about the attempt names its token."""

    job_id: int
    attempt_id: int
    printer: str
    token: str
