"""What a person wants of a printer: ready, drain, maint; recorded with who said so."""

from __future__ import annotations

import time
from dataclasses import dataclass

from broker.model.printer import Duty, Health, Printer
from broker.operations.opened import Store
from broker.operations.text import age


@dataclass(frozen=True)
class PrinterOrders:
    """The orders of one person."""

    store: Store
    who: str

    def set_duty(self, name: str, duty: Duty, reason: str = "") -> str:
        """From now on; what it means, in a sentence. NoSuchPrinter."""
        before = self.store.printers.get(name)
        same = before.duty is duty and reason in ("", before.duty_reason)
        if same and duty is not Duty.READY:
            return _as_before(before)
        self.store.printers.set_duty(name, duty, "" if same else reason)
        forgets = duty is Duty.READY and before.failures_in_row
        forgiven = "; what it failed before is forgotten" if forgets else ""
        words = _next(self.store, self.store.printers.get(name)) + forgiven
        told = f"{words} ({reason})" if reason else words
        self.store.orders.record(self.who, str(duty), told, printer=name)
        return words


def off_duty(store: Store, name: str) -> str:
    """What to say of a job that was sent to a printer which takes none now, and what ends that;
    empty where it is ready."""
    duty = store.printers.get(name).duty
    if duty is Duty.READY:
        return ""
    return f", once it is ready: it is in {duty} now"


def _as_before(printer: Printer) -> str:
    """For a duty that is set already: nothing is written, its time counts on."""
    lasts = time.time() - printer.duty_since
    since = f", for {age(lasts)}" if lasts >= 1 else ", set just now"
    why = f": {printer.duty_reason}" if printer.duty_reason else ""
    return f"{printer.name} was already {printer.duty}{since}{why}; nothing was changed"


def _next(store: Store, printer: Printer) -> str:
    """What the broker does with a printer whose duty was just set."""
    name = printer.name
    others = any(
        other.name != name and other.duty is Duty.READY and other.health is not Health.DOWN
        for other in store.printers.list()
    )
    elsewhere = "go to the others" if others else "wait: no other printer can take them"
    cut_off = printer.claims and not store.running
    prints = printer.claims and not cut_off
    now = "the job in hand is finished" if prints else "nothing is printing on it"
    if cut_off:
        elsewhere += "; no broker is running, and its last job was cut off"
    match printer.duty:
        case Duty.DRAIN:
            return f"{name} drains: {now}, checks go on, jobs {elsewhere}"
        case Duty.MAINT:
            return f"{name} is in maintenance: {now}, no checks, jobs {elsewhere}"
        case Duty.READY:
            if printer.health in (Health.UP, Health.DEGRADED):
                return f"{name} is ready and {printer.health}: it takes jobs now"
            return f"{name} is ready and {printer.health}: it takes jobs once its checks pass"
