"""One command on several jobs or printers: each is carried out or refused for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from broker.model.jobs.reprint import UnfitChoice
from broker.model.printers.trouble import RecordDamaged
from broker.operations.words.failures import explained
from broker.store.printers import NoSuchPrinter
from broker.store.queue.commands import NotAllowed
from broker.store.reading.job_rows import NoSuchJob
from broker.store.stale import Stale

Name = TypeVar("Name", int, str)
"""A job's number, or a printer's name."""
REFUSED = (NoSuchJob, NoSuchPrinter, NotAllowed, Stale, UnfitChoice, RecordDamaged)
"""What is wrong with one job or printer alone."""


@dataclass(frozen=True)
class Target(Generic[Name]):
    """A job or a printer, and the version that the person saw of it; empty where none is known."""

    name: Name
    seen: str = ""


@dataclass(frozen=True)
class Carried(Generic[Name]):
    """What became of the command on one of them."""

    name: Name
    words: str
    error: Exception | None = None
    """Why it was refused; None where it was carried out."""


NOT_TRIED = "not tried, as the one before it could not be done"


def carry_out(
    targets: Sequence[Target[Name]],
    command: Callable[[Name, str], str],
    *,
    last_first: bool = False,
) -> list[Carried[Name]]:
    """Give it for each, once, in their order; what became of each, in that order.

    `last_first`: from the highest on, for a command that puts each before all others. A refusal
    does not stop the others; what fails them all, as a disk that is full, does, and they are said
    not to have been tried.
    """
    seen = {each.name: each.seen for each in targets}
    found: dict[Name, Carried[Name]] = {}
    failed: Exception | None = None
    for name in sorted(seen, reverse=last_first):
        if failed is not None:
            found[name] = Carried(name, NOT_TRIED, failed)
            continue
        try:
            found[name] = Carried(name, command(name, seen[name]))
        except Exception as error:
            known = explained(error)
            alone = len(seen) == 1 and not isinstance(error, REFUSED)
            if known is None or alone:
                raise
            found[name] = Carried(name, " ".join(known[1]), error)
            if not isinstance(error, REFUSED):
                failed = error
    return [found[name] for name in seen]
