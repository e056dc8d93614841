"""Who may have an association, and who must go to make room: a decision on plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from broker.dicom.upper_layer.negotiation import TOO_MANY, Rejection

SPARE_S = 5.0
"""An association that has been spare for so long may be ended to make room for another."""
SPARE_OF_MANY_S = 0.5
"""The same, for an address that has more than its share."""

TOO_MANY_OF_ONE = Rejection("local limit exceeded by one address", 2, 3, 2)
"""Transient, service-provider (presentation), local-limit-exceeded (PS3.8 table 9-21)."""

A = TypeVar("A")


@dataclass(frozen=True)
class RunningAssociation(Generic[A]):
    """An association that is running."""

    association: A
    address: str
    spare_since: float | None
    """Since when nothing would be lost by ending it; None while something would."""


@dataclass(frozen=True)
class Caps:
    """How many associations there may be at once."""

    in_all: int
    of_one: int
    """From one address."""
    spare_s: float = SPARE_S


@dataclass(frozen=True)
class Admitted(Generic[A]):
    """There is room, as soon as `instead_of` has been ended."""

    instead_of: A | None = None


def admit(
    address: str, held: Sequence[RunningAssociation[A]], caps: Caps, now: float
) -> Admitted[A] | Rejection:
    """What to answer one more association from an address.

    An address that is full makes room among its own. When all places are taken, the one goes that
    has been spare for longest, of those addresses first that have more than an equal share and
    more than the newcomer's: nobody can lock the others out by opening associations and leaving
    them, and nobody loses one that is in use.
    """
    of_address = Counter(each.address for each in held)
    own = of_address[address]
    if own >= caps.of_one:
        mine = [each for each in held if each.address == address]
        return _instead(mine, caps.spare_s, now, frozenset()) or TOO_MANY_OF_ONE
    if len(held) < caps.in_all:
        return Admitted()
    # More than one, too: an address with a single association has not too many.
    share = max(caps.in_all / len(of_address.keys() | {address}), own + 1)
    greedy = frozenset(each for each, number in of_address.items() if number > share)
    return _instead(held, caps.spare_s, now, greedy) or TOO_MANY


def _instead(
    held: Sequence[RunningAssociation[A]], spare_s: float, now: float, greedy: frozenset[str]
) -> Admitted[A] | None:
    """The one that can best be spared, if any can."""
    spare = [
        (each.address not in greedy, each.spare_since, each.association)
        for each in held
        if each.spare_since is not None
        and now - each.spare_since >= (SPARE_OF_MANY_S if each.address in greedy else spare_s)
    ]
    if not spare:
        return None
    return Admitted(min(spare, key=lambda each: each[:2])[2])
