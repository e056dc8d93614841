"""Printers are asked who they are: after they first came up, once a day, and when they come back.

The question takes an association of its own, which is never beside a check or an attempt, as a
printer may take one at a time. What comes of it does not touch the printer's health. One that may
suffer from it is asked no more for long: `broker.model.printers.printer_identity`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from broker.events import Event, Note
from broker.model.printers.health import Check, CheckKind
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.printers.printer_identity import (
    AGAIN_S,
    IS_BUSY,
    IdentityAnswer,
    IdentityReply,
)
from broker.model.printers.trouble import Unavailable
from broker.store.printers import Printers

REST_S = 600.0
"""A printer that could not be asked, as it was busy or gone, or whose answer could not be written,
is left alone for so long; twice as long each further time, AGAIN_S at most."""


Question = Callable[[], IdentityReply]
Aside = Callable[[Address, Question], IdentityReply | None]
"""Puts a question to a printer while no other association with it is open; None where one is."""
Ask = Callable[[Address], IdentityReply]
"""Asks a printer who it is. Raises: Unavailable: when it takes no association."""


@dataclass(frozen=True)
class Rest:
    """A printer is left alone, from then on, for so many seconds."""

    since: float
    length_s: float

    def lasts(self, now: float) -> bool:
        """Not where the clock was set back."""
        return 0 <= now - self.since < self.length_s


class Identifying:
    """Asks each printer after one of its checks. For any thread; a printer is in one at a time."""

    def __init__(
        self,
        printers: Printers,
        aside: Aside,
        ask: Ask,
        clock: Callable[[], float],
        note: Note,
    ) -> None:
        self._printers = printers
        self._aside = aside
        self._ask = ask
        self._clock = clock
        self._note = note
        self._lock = threading.Lock()
        self._came_back: set[str] = set()
        """Printers that were down, and were not asked since."""
        self._rests: dict[str, Rest] = {}
        """The last one of each printer whose answer was not written since."""

    def after_check(self, printer: Printer, check: Check, stopping: threading.Event) -> None:
        """`printer` as it was before that check. Nothing is written once `stopping` is set.

        Raises: NoSuchPrinter, Exception: when it cannot be written.
        """
        name = printer.name
        with self._lock:
            if printer.health is Health.DOWN:
                self._came_back.add(name)
                self._rests.pop(name, None)
            came_back, rest = name in self._came_back, self._rests.get(name)
        now = self._clock()
        if rest is not None and rest.lasts(now):
            return
        if not _well(printer, check) or not printer.identification.due(now, came_back=came_back):
            return
        try:
            reply = self._aside(printer.address, lambda: self._ask(printer.address))
        except Unavailable as trouble:
            self._leave_alone(name)
            if trouble.busy and not stopping.is_set():
                self._written(printer, IS_BUSY)
            return
        except Exception:
            self._leave_alone(name)
            raise
        if reply is None or stopping.is_set():
            return
        self._leave_alone(name)  # also where the answer cannot be written
        self._written(printer, reply)
        with self._lock:
            self._came_back.discard(name)
            self._rests.pop(name, None)

    def _leave_alone(self, name: str) -> None:
        now = self._clock()
        with self._lock:
            last = self._rests.get(name)
            length_s = REST_S if last is None else min(2 * last.length_s, AGAIN_S)
            self._rests[name] = Rest(now, length_s)

    def _written(self, printer: Printer, reply: IdentityReply) -> None:
        """Raises: NoSuchPrinter, Exception: when it cannot be written."""
        name, busy = printer.name, reply.answer is IdentityAnswer.BUSY
        if busy and printer.identification.answer is reply.answer:
            return
        if reply.answer is not IdentityAnswer.TOLD:
            self._note(Event.PRINTER_NOT_IDENTIFIED, {"printer": name, "reason": reply.words})
        before, known = self._printers.identified(name, reply, printer.address)
        if known != before and known.words:
            self._note(Event.PRINTER_SAID, {"printer": name, "reason": f"is {known.words}"})


def _well(printer: Printer, check: Check) -> bool:
    """Whether it is up, tells its status when it is asked for it, is not about to be taken out, and
    has no film in hand or to come."""
    answers = check.kind in (CheckKind.NORMAL, CheckKind.WARNING)
    tells = check.told and not check.by_itself
    idle = not printer.claims and not printer.load
    up = printer.health is Health.UP and printer.duty is not Duty.MAINT
    return printer.address.identify and answers and tells and idle and up
