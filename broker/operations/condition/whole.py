"""The state of the whole, read from the store: the sentence that stands above every table and page,
what to do about it, and the printers as they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.model.printers.printer import Duty, Printer
from broker.model.printers.standing import judged
from broker.model.reasons.causes import advised, grouped, typed
from broker.model.reasons.condition import Condition, Overall, WholeView, overall, without
from broker.model.reasons.remedies import Cause, Face
from broker.operations.condition.readiness import Obstacle, ObstacleKind
from broker.operations.jobs import missing_pixels
from broker.operations.words.page_words import on_page
from broker.operations.words.text import age, each_of, moment

if TYPE_CHECKING:
    from broker.operations.opened import Store

FRONT = 64
"""Waiting jobs by which it is judged whether a printer refuses everything: those that come next."""
NAMED = 3
"""Causes that are named in the sentence of the whole; each printer's own stands beside it."""
NO_REFUSAL = frozenset({ObstacleKind.NOT_RUNNING})
"""Obstacles for which no film is refused."""
PRINTS_ON = frozenset({ObstacleKind.ROOM, ObstacleKind.QUEUE})
"""Obstacles beside which what was accepted prints."""
UNREADABLE = frozenset({ObstacleKind.DATABASE, ObstacleKind.DAMAGED, ObstacleKind.REPLACED})
"""With these, what is read of jobs and printers may be wrong, or cannot be read."""
SAID_ELSEWHERE = frozenset({ObstacleKind.NOT_RUNNING, ObstacleKind.SPOOL, ObstacleKind.NO_PRINTER})
"""While no broker runs: what its own sentence says, and what the list of printers says."""
CAUSES = {
    ObstacleKind.NOT_RUNNING: Cause.NOT_RUNNING,
    ObstacleKind.RELAY: Cause.RELAY,
    ObstacleKind.SPOOL: Cause.SPOOL,
    ObstacleKind.ROOM: Cause.ROOM,
    ObstacleKind.LOCKED: Cause.LOCKED,
    ObstacleKind.DATABASE: Cause.DATABASE,
    ObstacleKind.DAMAGED: Cause.DAMAGED,
    ObstacleKind.REPLACED: Cause.REPLACED,
    ObstacleKind.NO_PRINTER: Cause.NO_PRINTER,
    ObstacleKind.QUEUE: Cause.QUEUE,
    ObstacleKind.HANGS: Cause.HANGS,
}
"""What each obstacle is a case of."""
SAFE = "What waits is safe."
NETWORK = (
    "No printer can be reached: look first at the network of the broker's own machine, its cable "
    "and its switch."
)


@dataclass(frozen=True)
class Situation:
    """The state of the whole, and what a person does about it."""

    overall: Overall
    page: str = ""
    """What to do, on the page; empty where nothing is to be done."""
    commands: str = ""
    """The same, as commands."""

    def remedy(self, face: Face) -> str:
        """What to do, for that face."""
        return self.page if face is Face.PAGE else self.commands

    def sentence(self, now: float) -> str:
        """The state in a line, without what to do."""
        return self.overall.sentence(lambda at: age(now - at), lambda at: f"{moment(at)} UTC")

    def line(self, now: float, face: Face) -> str:
        """The state, and what to do."""
        return " ".join(filter(None, (self.sentence(now), self.remedy(face))))


def situation(
    store: Store, obstacles: Sequence[Obstacle], printers: Sequence[Printer], now: float
) -> Situation:
    """The state of the whole; `printers` are those of `standing_printers`."""
    refusing = in_order(obstacles)
    unreadable = any(each.kind in UNREADABLE for each in refusing)
    if unreadable and store.running:
        # What is read from such a database may be wrong, or break.
        words = "; ".join(each.words for each in refusing)
        unknown = Overall(Condition.REFUSED, words, 0, len(printers))
        return _advised(store, unknown, refusing, printers, now)
    flow = None if unreadable else store.flow.flow()
    view = WholeView(
        store.running,
        printers,
        refused(obstacles),
        all(each.kind in PRINTS_ON for each in refusing),
        flow.waiting if flow else 0,
        flow.oldest_at if flow else None,
        flow.unbound_at if flow else None,
        flow.accepted_at if flow else None,
        flow.held if flow else 0,
    )
    found = _advised(store, overall(view, now), refusing, printers, now)
    if found.overall.condition is Condition.STOPPED:
        return stopped(store, found.overall, readable=not unreadable)
    return found


def refused(obstacles: Sequence[Obstacle]) -> tuple[str, ...]:
    """Why new films are refused; empty while they are taken."""
    return tuple(each.words for each in in_order(obstacles))


def in_order(obstacles: Sequence[Obstacle]) -> list[Obstacle]:
    """Those for which films are refused; what is behind the others comes first."""
    found = [each for each in obstacles if each.kind not in NO_REFUSAL]
    return sorted(found, key=lambda each: each.kind not in UNREADABLE)


STOPPED = overall(WholeView(running=False), 0.0)
"""That no broker runs, where nothing else is asked."""


def stopped(store: Store, found: Overall = STOPPED, *, readable: bool = True) -> Situation:
    """That no broker runs, and what is to be done: what is promised depends on the pixels, where
    the database that knows of them can be read."""
    start = advised(Cause.NOT_RUNNING)
    if not readable:
        return Situation(found, start.page, start.commands)
    gone = missing_pixels.spool_gone(store)
    if gone:
        return Situation(found, on_page(f"{gone}."), f"{gone}.")
    # Where pixels are missing, an alarm says what is lost.
    safe = "" if missing_pixels.missing(store)[0] else f"{SAFE} "
    return Situation(found, f"{safe}{start.page}", f"{safe}{start.commands}")


def _advised(
    store: Store,
    found: Overall,
    refused: Sequence[Obstacle],
    printers: Sequence[Printer],
    now: float,
) -> Situation:
    """With what to do about the causes."""
    causes: list[tuple[tuple[str, ...], Cause]] = []
    match found.condition:
        case Condition.REFUSED:
            kinds = {each.kind for each in refused}
            spool = ObstacleKind.SPOOL in kinds and not kinds & UNREADABLE
            if spool and (gone := missing_pixels.spool_gone(store)):
                stop = f"Stop it. {gone}."
                return Situation(found, on_page(stop), stop)
            causes = [((), CAUSES[each.kind]) for each in refused]
        case Condition.KEPT if found.taking:
            causes = [((), Cause.STUCK)]
        case Condition.KEPT:
            causes = grouped(printers, now)
    if not causes:
        return Situation(found)
    places = {"folder": store.config.fuller, "file": store.config.database_file}
    shown = dict.fromkeys(causes[:NAMED])
    said = [
        advised(
            cause, printer=each_of(names) if names else "", name=typed(names or ("",)), **places
        )
        for names, cause in shown
    ]
    more = " More stands at each printer." if len(causes) > NAMED else ""
    first = [NETWORK] if _none_reached(causes, printers) else []
    page = " ".join([*first, *(each.page for each in said)])
    commands = " ".join([*first, *(each.commands for each in said)])
    return Situation(found, page + more, commands + more)


def _none_reached(
    causes: Sequence[tuple[tuple[str, ...], Cause]], printers: Sequence[Printer]
) -> bool:
    """Whether not one of several printers can be reached: what they share is to be looked at."""
    away = sum(len(names) for names, cause in causes if cause is Cause.UNREACHABLE)
    return away == len(printers) > 1


def besides(store: Store, obstacles: Sequence[Obstacle]) -> list[str]:
    """While no broker runs: what else will keep films from being taken, with what to type."""
    places = {"folder": store.config.fuller, "file": store.config.database_file}
    said = []
    for each in obstacles:
        if each.kind in SAID_ELSEWHERE:
            continue
        words = f"{each.words[:1].upper()}{each.words[1:]}."
        said.append(f"{words} {advised(CAUSES[each.kind], **places).commands}")
    return said


def standing_printers(store: Store) -> tuple[Printer, ...]:
    """All printers; of each that refuses every film, it is said."""
    printers = store.printers.list()
    if not any(each.refuses or each.failures_in_row for each in printers):
        return tuple(printers)  # the usual case costs no further question
    return judged(printers, store.jobs.waiting(FRONT), store.flow.last_tries())


def standing_printer(store: Store, name: str) -> Printer:
    """One of them. Raises: NoSuchPrinter: when there is none of that name."""
    found = store.printers.get(name)
    return next((each for each in standing_printers(store) if each.name == name), found)


def before_duty(store: Store, names: Collection[str], duty: Duty) -> str:
    """What to say before a person gives these printers that duty: that nothing prints then; else
    empty. For the command line, which asks, and for the page's question."""
    return without(standing_printers(store), names, duty)
