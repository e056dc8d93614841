"""A printer: what the site says of it, what its operator wants of it, what was observed of it.

Also the printers behind one called AE title, as a modality sees them: one printer (PS3.4 H.2.2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from broker.model.films.capabilities import Capability
from broker.model.printers.printer_identity import NEVER_ASKED, Identification

LONG_WAIT_S = 5.0
"""Most steps of an attempt take milliseconds, and a film some seconds: what takes longer is told,
and the printer is checked meanwhile."""


class Duty(StrEnum):
    """What the operator wants. Only a person changes it."""

    READY = "ready"
    DRAIN = "drain"
    """No new jobs; what it has is finished; checks go on."""
    MAINT = "maint"
    """No new jobs and no checks."""


class Health(StrEnum):
    """What was observed. Only checks and attempts change it."""

    UP = "up"
    DEGRADED = "degraded"
    """Answers, but needs a person soon or refuses films: used when no printer is up."""
    DOWN = "down"
    UNKNOWN = "unknown"
    """Not checked yet."""


@dataclass(frozen=True)
class Address:
    """How to reach a printer, and its habits."""

    name: str
    ae_title: str
    host: str
    port: int
    weight: int = 100
    """1 to 256; a printer of twice the weight gets twice the films."""
    associations: int = 1
    """Print associations at once."""
    lut_level: str = "film box"
    """Where the printer wants its Presentation LUT referenced: film box or film session."""
    adapt: tuple[str, ...] = ()
    """Names of adaptations that it gets beside the harmless ones, or with `no-` does not get."""
    omit: tuple[str, ...] = ()
    """Keywords that it is never asked for."""
    implicit_only: bool = False
    """Whether it is spoken to in Implicit VR alone."""
    max_pdu: int = 0
    """Bytes of the largest PDU that it gets and sends; 0: as both sides say."""
    identify: bool = True
    """Whether it is asked who it is."""


@dataclass(frozen=True)
class Printer:
    """One row of the printers' table."""

    address: Address
    duty: Duty
    duty_reason: str
    """What the person who set the duty gave as reason."""
    duty_since: float
    health: Health
    health_since: float
    reason: str
    """What its last check, or its last failure, said; empty when all is well."""
    good_checks: int
    """Checks passed in a row, since the last one failed."""
    bad_checks: int
    """Checks failed in a row, since the last one passed."""
    last_check_at: float | None
    failures_in_row: int
    """Attempts that it failed since it last accepted a film."""
    paused_until: float
    """No attempt before this time: the printer's own clock after a failure."""
    supports_lut: bool | None
    """Whether it takes Presentation LUT; None while it is not known."""
    load: int
    """Films x copies of its claimed jobs and of jobs waiting for it, not yet settled."""
    claims: int
    """Attempts running on it."""
    films_accepted: int
    failures: int
    """Attempts that ended unavailable, refused or uncertain, ever."""
    recent: int
    """Films x copies accepted in the last ten minutes; decides between equals."""
    moved_at: float | None = None
    """When an attempt running on it last took a step that is stored: it began, asked for a film, or
    had one accepted. None while there is none."""
    refuses: tuple[Capability, ...] = ()
    """What it is known to refuse."""
    asked_at: float | None = None
    """When the N-ACTION left that it has owed an answer for the longest time; None: it owes none.
    """
    accepted_at: float | None = None
    """When it last accepted a film, of the last ten minutes; None where it accepted none."""
    identification: Identification = NEVER_ASKED
    """Who it says it is."""
    refusing: str = ""
    """That it refuses every film, and which, in a sentence without its name; empty where it does
    not. Not of its row: `broker.model.printers.standing` finds it."""
    failed_with: str = ""
    """What its last failed attempt said, where its reason does not tell it any more. Not of its
    row, either."""
    lessons: int = 0
    """How many things were learned of it."""
    learned_at: float | None = None
    """When the last of them was; None where nothing was."""

    @property
    def name(self) -> str:
        """Its name in the configuration: what operators type."""
        return self.address.name

    def waited_for(self, now: float) -> bool:
        """Whether every attempt running on it has waited for long. A clock that was set back makes
        that a no."""
        return self.moved_at is not None and now - self.moved_at >= LONG_WAIT_S

    @property
    def doubtful(self) -> bool:
        """Whether it does not answer checks while an attempt waits for it: it may be gone, which
        the attempt's own connection will tell. A check from before the attempt's last step says
        nothing: the printer has answered since."""
        return (
            self.claims > 0
            and self.bad_checks > 0
            and self.moved_at is not None
            and (self.last_check_at or 0) > self.moved_at
        )

    @property
    def said(self) -> str:
        """Its reason, for a place where its name stands already."""
        return self.reason.replace(f"{self.name}: ", "", 1)


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
OFFLINE = PoolStatus("FAILURE", "PRINTER OFFLINE")
"""No printer is configured: a modality must not print, as nothing would come out."""


def pool_status(
    printers: Iterable[Printer],
    *,
    can_store: bool,
    room: bool = True,
    configured: bool = True,
    kept: PoolStatus = KEPT,
) -> PoolStatus:
    """What N-GET of the Printer answers for the pool; `kept` while films are only kept.
    `configured` is whether there is any printer.

    One printer's empty tray is never the modality's affair while films can be kept.
    """
    if not can_store:
        return BROKEN
    if not configured:
        return OFFLINE
    if not room:
        return FULL
    well = any(
        printer.duty is Duty.READY and printer.health is not Health.DOWN for printer in printers
    )
    return NORMAL if well else kept
