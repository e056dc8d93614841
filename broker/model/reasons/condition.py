"""The state of the whole, in one sentence: films print, print slower, are kept, are refused; or no
broker runs.

One of the five is true at any moment, the worst that holds. It stands above every table and page,
in the metrics, and is what a message is sent of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.standing import TAKING, Standing, standing

STUCK_S = 600.0
"""Films wait for so long, and so long no printer has accepted one: nothing prints, whatever the
printers say of themselves."""
NAMED = 4
"""Printers that are named one by one."""


class Condition(StrEnum):
    """The state of the whole. Stable: it is counted by it, and JSON names it."""

    PRINTING = "printing"
    """Every printer takes films."""
    SLOWER = "slower"
    """Some printers take films, others do not."""
    KEPT = "nothing prints"
    """Films are accepted and kept, and no printer takes one."""
    REFUSED = "films refused"
    """New films are refused; what was accepted may print on."""
    STOPPED = "not running"
    """No broker runs: modalities cannot print, and nothing comes out."""

    @property
    def alarming(self) -> bool:
        """Whether a person has to do something before films print again, or are taken again."""
        return self in (Condition.KEPT, Condition.REFUSED, Condition.STOPPED)


@dataclass(frozen=True)
class WholeView:
    """Everything that decides it, at about one moment."""

    running: bool
    printers: Sequence[Printer] = ()
    """Each with whether it refuses every film: see `broker.model.printers.standing`."""
    refused: Sequence[str] = ()
    """Why new films are refused, a clause for each reason; empty while they are taken."""
    prints_on: bool = True
    """Whether what was accepted prints while new films are refused for these reasons."""
    waiting: int = 0
    """Jobs that are queued."""
    oldest_at: float | None = None
    """When the oldest job was made of which nothing comes out; None without one."""
    unbound_at: float | None = None
    """The same, of jobs that any printer may take: a person's choice of a printer that is out of
    service is no trouble of the whole."""
    accepted_at: float | None = None
    """When a printer last accepted a film; None: never, as far as is known."""
    held: int = 0
    """Jobs that are held: each waits for a person."""


@dataclass(frozen=True)
class Overall:
    """The state of the whole."""

    condition: Condition
    words: str
    """What is so, in one clause."""
    taking: int
    """Printers that take films."""
    printers: int
    since: float | None = None
    """Since when nothing prints, in seconds since the epoch; None while something may."""
    waiting: int = 0
    oldest_at: float | None = None
    held: int = 0

    @property
    def heading(self) -> str:
        """The state in two or three words; in capitals where a person has to do something."""
        return _HEADINGS[self.condition]

    def sentence(self, age: Callable[[float], str], moment: Callable[[float], str]) -> str:
        """All of it in one line. `age` says how long ago a time is, `moment` names a time."""
        since = f" since {moment(self.since)}" if self.since is not None else ""
        first, last = (since, "") if self.since_leads else ("", since)
        held = f" {self.held_words}." if self.held_words else ""
        return f"{self.heading}{first}: {self.words}{last}.{self._waits(age)}{held}"

    @property
    def since_leads(self) -> bool:
        """Whether `since` stands behind the heading: else it ends the words, which say that nothing
        prints."""
        return self.condition is Condition.KEPT

    @property
    def shown_waiting(self) -> bool:
        """Whether it is worth a word that jobs wait: not where no broker runs."""
        return self.waiting > 0 and self.condition is not Condition.STOPPED

    @property
    def waiting_words(self) -> str:
        """How many jobs wait, in words."""
        return "1 job waits" if self.waiting == 1 else f"{self.waiting} jobs wait"

    @property
    def oldest_words(self) -> str:
        """What stands before how long the oldest of them has waited."""
        return " for" if self.waiting == 1 else ", the oldest for"

    @property
    def held_words(self) -> str:
        """How many jobs do not print before a person has decided; empty without any, and where no
        broker runs."""
        if not self.held or self.condition is Condition.STOPPED:
            return ""
        return "1 is held for a person" if self.held == 1 else f"{self.held} are held for a person"

    def _waits(self, age: Callable[[float], str]) -> str:
        if not self.shown_waiting:
            return ""
        oldest = "" if self.oldest_at is None else f"{self.oldest_words} {age(self.oldest_at)}"
        return f" {self.waiting_words}{oldest}."


_HEADINGS = {
    Condition.PRINTING: "Printing",
    Condition.SLOWER: "Printing slower",
    Condition.KEPT: "NOTHING PRINTS",
    Condition.REFUSED: "FILMS ARE REFUSED",
    Condition.STOPPED: "NO BROKER IS RUNNING on this data directory",
}


def overall(view: WholeView, now: float) -> Overall:
    """The state of the whole at `now`, in seconds since the epoch."""
    return replace(_judged(view, now), held=view.held)


def _judged(view: WholeView, now: float) -> Overall:
    taking = [each for each in view.printers if standing(each) in TAKING]
    numbers = (len(taking), len(view.printers))
    waits = (view.waiting, view.oldest_at)
    if not view.running:
        words = "modalities cannot print, nothing comes out"
        return Overall(Condition.STOPPED, words, *numbers, None, *waits)
    since = _nothing_since(view, taking, now)
    nothing = since is not None or not view.printers
    if view.refused:
        words = "; ".join(view.refused)
        if nothing:
            words += "; and nothing prints"
        elif view.prints_on:
            words += "; what was accepted prints on"
        return Overall(Condition.REFUSED, words, *numbers, since, *waits)
    if nothing:
        kept = "films are kept"
        if not view.printers:
            words = f"no printers are configured; {kept}"
        elif taking:
            words = f"no film was accepted although {_counted(taking, view.printers)}; {kept}"
        else:
            words = f"{_named(view.printers)}; {kept}"
        return Overall(Condition.KEPT, words, *numbers, since, *waits)
    others = [each for each in view.printers if standing(each) is not Standing.TAKES]
    if not others:
        return Overall(Condition.PRINTING, _counted(taking, view.printers), *numbers, None, *waits)
    words = _named(others)  # of all, at a start
    if taking:
        words = f"{_counted(taking, view.printers)}; {words}"
    return Overall(Condition.SLOWER, words, *numbers, None, *waits)


def _nothing_since(view: WholeView, taking: Sequence[Printer], now: float) -> float | None:
    """Since when nothing prints; None while something may, and where it is not known."""
    if not view.printers:
        return view.accepted_at
    if not taking:
        unsure = [each for each in view.printers if standing(each) is Standing.UNCHECKED]
        if any(not each.bad_checks for each in unsure):
            return None  # the first check of a start decides
        stopped = [at for each in view.printers if (at := _stopped_at(each)) is not None]
        found = max(stopped, default=view.accepted_at or view.oldest_at or now)
        failing = any(
            standing(each) in (Standing.FAILING, Standing.REFUSING) for each in view.printers
        )
        if failing and view.unbound_at is not None:
            # One that a person said is mended is well until it fails again; nothing has come out
            # since the oldest film that waits came.
            found = min(found, view.unbound_at)
        return min(max(found, view.accepted_at or found), now)
    stuck = view.unbound_at is not None and now - view.unbound_at >= STUCK_S
    if stuck and (view.accepted_at is None or now - view.accepted_at >= STUCK_S):
        return view.accepted_at if view.accepted_at is not None else view.unbound_at
    return None


def _stopped_at(printer: Printer) -> float | None:
    """When a printer ceased to take films, as far as that is known."""
    match standing(printer):
        case Standing.OFF if printer.health is Health.DOWN:
            return min(printer.duty_since, printer.health_since)
        case Standing.OFF:
            return printer.duty_since
        case Standing.REFUSING:
            return printer.accepted_at
        case Standing.TAKES | Standing.TAKES_ANYWAY:
            return None
    return printer.health_since


def _counted(taking: Sequence[Printer], printers: Sequence[Printer]) -> str:
    if len(printers) == 1:
        return "the printer takes films"
    if len(taking) == len(printers):
        return f"all {len(printers)} printers take films"
    verb = "takes" if len(taking) == 1 else "take"
    return f"{len(taking)} of {len(printers)} printers {verb} films"


def _named(printers: Sequence[Printer]) -> str:
    """How each of them is, in a clause; many of one kind are counted."""
    kinds: dict[str, list[str]] = {}
    for each in printers:
        kinds.setdefault(state_words(each), []).append(each.name)
    said = []
    for words, names in kinds.items():
        several = len(names) > 1
        who = f"{len(names)} printers" if len(names) > NAMED else _listed(names)
        said.append(f"{who} {_plural(words) if several else words}")
    return ", ".join(said)


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def state_words(printer: Printer) -> str:
    """How one printer is, as the end of a sentence that begins with its name."""
    match standing(printer):
        case Standing.OFF:
            return f"is in {printer.duty}"
        case Standing.DOWN:
            return "is down"
        case Standing.UNCHECKED:
            return "is not checked yet"
        case Standing.ATTENTION | Standing.TAKES_ANYWAY:
            return "needs a person"
        case Standing.REFUSING:
            return "refuses every film"
        case Standing.FAILING:
            return "fails films"
        case Standing.TAKES:
            return "takes films"


def _plural(words: str) -> str:
    verb, _, rest = words.partition(" ")
    return f"{_PLURALS[verb]} {rest}"


_PLURALS = {
    "is": "are",
    "needs": "need",
    "refuses": "refuse",
    "fails": "fail",
    "takes": "take",
}


def without(printers: Sequence[Printer], names: Collection[str], duty: Duty) -> str:
    """What is to be said before a person gives those printers that duty: that they are the last
    ones that take films; empty where another one does, or they take none anyway."""
    if duty is Duty.READY:
        return ""
    taking = {each.name for each in printers if standing(each) in TAKING}
    if not taking or not taking <= set(names):
        return ""
    others = [each for each in printers if each.name not in taking]
    why = f" ({_named(others)})" if others else ""
    last = [each.name for each in printers if each.name in taking]
    who = f"{len(last)} printers" if len(last) > NAMED else _listed(last)
    which = "is the last printer that takes" if len(last) == 1 else "are the last that take"
    return f"{who} {which} films{why}: NOTHING PRINTS then. Films are kept."
