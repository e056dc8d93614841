"""Who a printer says it is: its maker, its model, its serial number. And when it is asked for that.

Health checks ask for none of it: some printers refuse all of an N-GET, or abort, over an attribute
that they need not have.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from broker.model.printable import one_line

AGAIN_S = 86400.0
"""A printer is asked again after a day: its software may be another one, or it was exchanged."""
AFTER_SILENCE_S = 30 * AGAIN_S
"""The same of one that broke off or did not answer in time: it may suffer from the question."""
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


class IdentityAnswer(StrEnum):
    """How a printer took the question."""

    UNKNOWN = ""
    """It was never asked, or by a version that did not keep that."""
    TOLD = "told"
    REFUSED = "refused"
    """It answered, with nothing that was asked for."""
    SILENT = "no answer"
    """It broke off, or did not answer in time."""
    BUSY = "busy"
    """It was not asked: it took no association beyond those that it had."""


@dataclass(frozen=True)
class IdentityReply:
    """What came of the question."""

    answer: IdentityAnswer
    identity: PrinterIdentity = NOT_TOLD
    words: str = ""
    """Why nothing was told, for a person."""


IS_BUSY = IdentityReply(IdentityAnswer.BUSY, words="was busy when it was asked")


@dataclass(frozen=True)
class Identification:
    """What is known of a printer's identity, and how."""

    identity: PrinterIdentity = NOT_TOLD
    """As it was told last."""
    asked_at: float | None = None
    """When it was asked last, in seconds since the epoch; None: never."""
    told_at: float | None = None
    """When it told last; None: never."""
    answer: IdentityAnswer = IdentityAnswer.UNKNOWN
    """The last one."""

    @property
    def untold(self) -> bool:
        """Whether it was asked last without an answer that tells anything."""
        return self.asked_at is not None and self.asked_at != self.told_at

    def due(self, now: float, *, came_back: bool) -> bool:
        """Whether it is to be asked now. `came_back`: it was down since it was asked, so it may be
        another machine; one that told nothing is left alone for its time all the same.
        """
        if self.asked_at is None:
            return True
        rest_s = AFTER_SILENCE_S if self.answer is IdentityAnswer.SILENT else AGAIN_S
        # A clock that was set back must not put the question off.
        late = not 0 <= now - self.asked_at < rest_s
        return late or (came_back and not self.untold)

    def after(self, reply: IdentityReply, now: float) -> Identification:
        """What is known with this reply: one that tells nothing leaves what was known."""
        if reply.answer is IdentityAnswer.TOLD:
            return Identification(reply.identity, now, now, reply.answer)
        asked_at = self.asked_at if reply.answer is IdentityAnswer.BUSY else now
        return replace(self, asked_at=asked_at, answer=reply.answer)


NEVER_ASKED = Identification()


def told_text(values: Iterable[object]) -> str:
    """The values of an attribute as text that can be shown anywhere: without control characters,
    and no longer than it may be."""
    each = [one_line(str(value))[:LONGEST].strip() for value in values]
    return ", ".join(filter(None, each))[:LONGEST_OF_SEVERAL]
