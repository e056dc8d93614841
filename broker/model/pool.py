"""The printers behind one called AE title, as a modality sees them: one printer (PS3.4 H.2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from broker.model.printer import Duty, Health, Printer


@dataclass(frozen=True)
class PoolStatus:
    """Printer Status and Printer Status Info (PS3.3 C.13.9)."""

    status: str
    info: str


NORMAL = PoolStatus("NORMAL", "NORMAL")
KEPT = PoolStatus("WARNING", "QUEUED")
"""No printer is well, yet films are taken and kept.

QUEUED is the defined term that says so, and is none of those (SUPPLY EMPTY, RECEIVER FULL, FILM
JAM) on which modalities stop printing.
"""
BROKEN = PoolStatus("FAILURE", "PRINTER DOWN")
"""Nothing can be stored: a modality must not print."""
FULL = PoolStatus("FAILURE", "PRINT BUFF FULL")
"""There is little room left: a modality must not print now, and can later."""


def pool_status(printers: Iterable[Printer], *, can_store: bool, room: bool = True) -> PoolStatus:
    """What N-GET of the Printer answers for the pool.

    One printer's empty tray is never the modality's affair while films can be kept.
    """
    if not can_store:
        return BROKEN
    if not room:
        return FULL
    well = any(
        printer.duty is Duty.READY and printer.health is not Health.DOWN for printer in printers
    )
    return NORMAL if well else KEPT
