"""All of one job or printer, as text to read; nothing of a patient."""

from __future__ import annotations

import time
from collections.abc import Sequence

from broker.cli import job_tables
from broker.cli.top import rows
from broker.model.operator_command import Order
from broker.model.printable import one_line
from broker.model.printer import Printer
from broker.operations.job_status import explanation, standing
from broker.operations.opened import Store
from broker.operations.text import age, moment

WIDTH = 70
"""Of a dialog's text."""


def of_job(store: Store, job_id: int) -> str:
    """Why it is where it is, what was ordered, its films and attempts; NoSuchJob."""
    found = standing(store, store.jobs.get(job_id))
    why = explanation(store, found.job).sentences
    films, attempts = store.jobs.films(job_id), store.jobs.attempts(job_id)
    table = job_tables.job(found, films, attempts, time.time(), WIDTH)
    parts = [*why, *_ordered(store.orders.of_job(job_id)), "\n".join(line.plain for line in table)]
    return "\n\n".join(parts)


def of_printer(store: Store, printer: Printer) -> str:
    """What it says, how it was observed, and what was ordered."""
    now = time.time()
    health = f"{printer.health} for {age(now - printer.health_since)}"
    checked = printer.last_check_at
    check = "not checked yet" if checked is None else f"last check {age(now - checked)} ago"
    parts = [
        rows.about_printer(printer, now, running=store.running),
        f"It is {health}; {check}; {printer.duty} for {age(now - printer.duty_since)}.",
        *_ordered(store.orders.of_printer(printer.name)),
    ]
    return "\n\n".join(parts)


def _ordered(orders: Sequence[Order]) -> list[str]:
    lines = [f"{moment(each.at)} UTC, {each.who}, {each.verb}: {each.words}" for each in orders]
    return ["\n".join(map(one_line, lines))] if lines else []
