"""One film session at a printer that stays open for a moment: how it was begun, and its sleep.

`OpenSessions` decides over it; see there.
"""

from __future__ import annotations

import math
import os
import select
import time
from dataclasses import dataclass, replace

from broker.dicom.scu.print_session import PrintSession
from broker.model.films.film import Attributes
from broker.model.printers.printer import Address


@dataclass(frozen=True)
class BegunWith:
    """What a film session at a printer is begun with, and for which film session of a modality."""

    film_session: str
    address: Address
    session: Attributes
    copies: int
    lut: bool
    """Whether a film has a Presentation LUT."""
    lut_class: bool
    """Whether the modality had that class."""
    more: bytes
    chosen: frozenset[str] = frozenset()
    """Keywords that no film of it is printed without, as a person chose them."""

    def serves(self, wanted: BegunWith, *, has_class: bool) -> bool:
        """Whether a job that wants this can go on through it; `has_class`: the association has
        Presentation LUT."""
        serves = self.lut or has_class or not wanted.lut
        return serves and replace(self, lut=wanted.lut) == wanted


class Lingering:
    """One that lingers. What changes is changed under the lock of `OpenSessions`."""

    def __init__(self, begun_with: BegunWith, session: PrintSession, until: float) -> None:
        self.begun_with = begun_with
        self.session = session
        self.until = until
        """Of `time.monotonic()`."""
        self.attended = False
        """Its thread deals with what the printer has said."""
        self.ending = False
        """Its thread ends it."""
        self._printer_said = session.fileno()
        self.woken = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    @property
    def printer(self) -> str:
        """The printer's name."""
        return self.begun_with.address.name

    def serves(self, wanted: BegunWith) -> bool:
        """Whether a job that wants this can go on through it."""
        return self.begun_with.serves(wanted, has_class=self.session.lut_class)

    def wake(self) -> None:
        """End the sleep of its thread, which has not closed the file yet."""
        os.eventfd_write(self.woken, 1)

    def over(self, now: float) -> bool:
        """Whether it lingers no more: its thread ends it now, or is about to."""
        return self.ending or now >= self.until

    def end_by(self, when: float) -> None:
        """Linger no longer than until then."""
        if when < self.until:
            self.until = when
            self.wake()

    def sleep(self) -> None:
        """Until there is something to do."""
        poll = select.poll()
        for each in (self._printer_said, self.woken):
            poll.register(each, select.POLLIN)
        left = self.until - time.monotonic()
        if self.woken in dict(poll.poll(max(0, math.ceil(left * 1000)))):
            os.eventfd_read(self.woken)
