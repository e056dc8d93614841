"""Who a printer says it is: its maker, its model, its serial number. And when it is asked for that.

Health checks ask for none of it: some printers refuse all of an N-GET, or abort, over an attribute
that they need not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace

from broker.model.printable import one_line

AGAIN_S = 86400.0
"""A printer is asked again after a day: its software may be another one, or it was exchanged."""
LONGEST = 64
"""Characters of a value that are kept: what VR LO has (PS3.5 6.2)."""
LONGEST_OF_SEVERAL = 200
"""The same of Software Versions, which may be several."""


@dataclass(frozen=True)
class PrinterIdentity:
    """What the Printer's SOP instance tells of the machine (PS3.3 C.13.9); empty: not told."""

    manufacturer: str = ""
    model: str = ""
    serial_number: str = ""
    software_versions: str = ""
    """Several with commas between."""
    printer_name: str = ""
    """What it is called at its own panel."""

    def __bool__(self) -> bool:
        return any(getattr(self, each.name) for each in fields(self))

    @property
    def words(self) -> str:
        """Maker, model and serial number, as far as they were told."""
        machine = " ".join(filter(None, (self.manufacturer, self.model)))
        serial = self.serial_number and f"serial number {self.serial_number}"
        return ", ".join(filter(None, (machine, serial)))


NOT_TOLD = PrinterIdentity()


@dataclass(frozen=True)
class Identification:
    """What is known of a printer's identity, and how."""

    identity: PrinterIdentity = NOT_TOLD
    """As it was told last."""
    asked_at: float | None = None
    """When it was asked last, in seconds since the epoch; None: never."""
    told_at: float | None = None
    """When it told last; None: never."""

    @property
    def refused(self) -> bool:
        """Whether it was asked last without an answer that tells anything."""
        return self.asked_at is not None and self.asked_at != self.told_at

    def due(self, now: float, *, came_back: bool) -> bool:
        """Whether it is to be asked now. `came_back`: it was down since it was asked, so it may be
        another machine; one that did not answer the question is left alone for a day all the same.
        """
        if self.asked_at is None:
            return True
        # A clock that was set back must not put the question off.
        late = not 0 <= now - self.asked_at < AGAIN_S
        return late or (came_back and not self.refused)

    def after(self, told: PrinterIdentity, now: float) -> Identification:
        """What is known once it was asked, and has `told` this: nothing leaves what was known."""
        if not told:
            return replace(self, asked_at=now)
        return Identification(told, now, now)


NEVER_ASKED = Identification()


def told_text(values: Iterable[object]) -> str:
    """The values of an attribute as text that can be shown anywhere: without control characters,
    and no longer than it may be."""
    each = [one_line(str(value))[:LONGEST].strip() for value in values]
    return ", ".join(filter(None, each))[:LONGEST_OF_SEVERAL]
