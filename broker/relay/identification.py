"""Printers are asked who they are: after they first came up, once a day, and when they come back.

The question takes an association of its own, which is never beside a check or an attempt, as a
printer may take one at a time. What comes of it does not touch the printer's health.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from broker.events import Event, Note
from broker.model.printers.health import Check, CheckKind
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.printers.printer_identity import PrinterIdentity
from broker.model.printers.trouble import Unavailable
from broker.store.printers import Printers

REST_S = 600.0
"""A printer that could not be asked, as it was busy or gone, is left alone for so long."""


Question = Callable[[], PrinterIdentity]
Aside = Callable[[Address, Question], PrinterIdentity | None]
"""Puts a question to a printer while no other association with it is open; None where one is."""
Ask = Callable[[Address], PrinterIdentity]
"""Asks a printer who it is. Raises: Unavailable: when it takes no association."""


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
        self._rest_until: dict[str, float] = {}

    def after_check(self, printer: Printer, check: Check, stopping: threading.Event) -> None:
        """`printer` as it was before that check. Nothing is written once `stopping` is set.

        Raises: NoSuchPrinter, Exception: when it cannot be written.
        """
        name = printer.name
        with self._lock:
            if printer.health is Health.DOWN:
                self._came_back.add(name)
                self._rest_until.pop(name, None)
            came_back, rests = name in self._came_back, self._rest_until.get(name)
        now = self._clock()
        if rests is not None and 0 <= rests - now <= REST_S:
            return
        if not _well(printer, check) or not printer.identification.due(now, came_back=came_back):
            return
        try:
            told = self._aside(printer.address, lambda: self._ask(printer.address))
        except Unavailable:
            with self._lock:
                self._rest_until[name] = self._clock() + REST_S
            return
        if told is None or stopping.is_set():
            return
        with self._lock:
            self._came_back.discard(name)
        before, known = self._printers.identified(name, told, printer.address)
        if known != before and known.words:
            self._note(Event.PRINTER_SAID, {"printer": name, "reason": f"is {known.words}"})


def _well(printer: Printer, check: Check) -> bool:
    """Whether it is up, is not about to be taken out, and has no film in hand or to come."""
    answers = check.kind in (CheckKind.NORMAL, CheckKind.WARNING)
    idle = not printer.claims and not printer.load
    return answers and idle and printer.health is Health.UP and printer.duty is not Duty.MAINT
