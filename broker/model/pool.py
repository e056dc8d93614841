"""The pool as the one printer that modalities see (PS3.3 C.13.9, PS3.4 H.4.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from broker.model.printer import Duty, Health, Printer


class PrinterStatus(StrEnum):
    """Printer Status."""

    NORMAL = "NORMAL"
    WARNING = "WARNING"
    FAILURE = "FAILURE"


@dataclass(frozen=True)
class PoolStatus:
    """What N-GET of the Printer answers."""

    status: PrinterStatus
    info: str
    """Printer Status Info: a defined term of PS3.3 C.13.9.1, or NORMAL."""


def pool_status(printers: Iterable[Printer], can_store: bool) -> PoolStatus:
    """The state of the pool, from what a modality needs to know: may it send films?

    One printer's trouble is not shown: modalities give up on SUPPLY EMPTY, RECEIVER FULL and FILM
    JAM, while the other printers, or the queue, would take their films.

    WARNING while no printer is at hand says QUEUED: it is the truth, films wait for a printer, and
    none of the terms at which modalities give up. FAILURE, at which they do not even begin, only
    when films cannot be stored; it says PRINTER DOWN, because INSUFFIC MEMORY belongs to print
    jobs, and PRINT BUFF FULL promises to pass by itself, which a disk that fails does not.
    """
    if not can_store:
        return PoolStatus(PrinterStatus.FAILURE, "PRINTER DOWN")
    if any(each.duty is Duty.READY and each.health is not Health.DOWN for each in printers):
        return PoolStatus(PrinterStatus.NORMAL, "NORMAL")
    return PoolStatus(PrinterStatus.WARNING, "QUEUED")
