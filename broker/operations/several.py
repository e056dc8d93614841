"""One command on several jobs or printers: each is carried out or refused for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from broker.model.reprint import UnfitChoice
from broker.store.commands import NotAllowed
from broker.store.job_rows import NoSuchJob
from broker.store.printers import NoSuchPrinter
from broker.store.stale import Stale

Name = TypeVar("Name", int, str)
"""A job's number, or a printer's name."""
REFUSED = (NoSuchJob, NoSuchPrinter, NotAllowed, Stale, UnfitChoice)


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


def carry_out(
    targets: Sequence[Target[Name]], command: Callable[[Name, str], str]
) -> list[Carried[Name]]:
    """Give it for each, once; a refusal does not stop the others."""
    found = []
    for name, seen in {each.name: each.seen for each in targets}.items():
        try:
            found.append(Carried(name, command(name, seen)))
        except REFUSED as error:
            found.append(Carried(name, error.words, error))
    return found
