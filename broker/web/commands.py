"""Verbs as words into orders: what the pages and the API have in common."""

from __future__ import annotations

from broker.model.job import Priority
from broker.model.printer import Duty
from broker.operations.commands import VERBS, JobOrders
from broker.operations.duties import PrinterOrders
from broker.operations.opened import Store

DUTIES = {"drain": Duty.DRAIN, "maint": Duty.MAINT, "halt": Duty.MAINT, "ready": Duty.READY}
"""Verbs on a printer."""


class Wrong(ValueError):
    """What was asked for makes no sense. `words` says what would."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def on_job(
    orders: JobOrders,
    verb: str,
    job_id: int,
    *,
    reason: str = "",
    printer: str = "",
    priority: Priority = Priority.MED,
    printed: bool = False,
) -> str:
    """Carry it out; what came of it. Wrong, NoSuchJob, NoSuchPrinter, NotAllowed."""
    match verb:
        case "hold":
            return orders.hold(job_id, reason)
        case "release":
            return orders.release(job_id, printed=printed)
        case "cancel":
            return orders.cancel(job_id)
        case "move":
            return orders.move(job_id, printer)
        case "reprint":
            return orders.reprint(job_id)
        case "priority":
            return orders.priority(job_id, priority)
    raise Wrong(f"{verb} is not an order for a job; use {', '.join(VERBS)}")


def on_printer(store: Store, who: str, verb: str, name: str, reason: str = "") -> str:
    """Carry it out; what it means. Wrong, NoSuchPrinter."""
    if verb not in DUTIES:
        raise Wrong(f"{verb} is not an order for a printer; use {', '.join(DUTIES)}")
    return PrinterOrders(store, who).set_duty(name, DUTIES[verb], reason)
