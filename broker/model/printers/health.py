"""What checks say of a printer, and how many of them it takes to believe it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from broker.model.printable import one_line
from broker.model.printers.printer import Health, Printer


class CheckKind(StrEnum):
    """What one check found."""

    NORMAL = "normal"
    WARNING = "warning"
    """Works, and will need an operator later: SUPPLY LOW."""
    ATTENTION = "attention"
    """Answers, and needs a person before it prints: SUPPLY EMPTY, FILM JAM, COVER OPEN."""
    FAILURE = "failure"
    """Says itself that it cannot print."""
    BUSY = "busy"
    """Rejected the association for now: busy is not broken."""
    SILENT = "silent"
    """No connection, no answer, or it does not want us."""


@dataclass(frozen=True)
class Check:
    """One check of one printer."""

    kind: CheckKind
    words: str
    """What it said, for a person; empty when all is well."""
    supports_lut: bool | None = None
    """Whether it accepted the Presentation LUT class; None when that was not asked."""
    reached: bool = True
    """Whether its system answered, if only to refuse the connection."""
    told: bool = False
    """Whether it is the status that the printer itself told."""
    by_itself: bool = False
    """Whether the printer reported that status, and did not tell it when it was asked."""

    @property
    def tells_nothing(self) -> bool:
        """Whether it says nothing of a printer that is known to print: many take one association at
        a time, and reject, refuse or leave waiting every other."""
        return self.kind is CheckKind.BUSY or (self.kind is CheckKind.SILENT and self.reached)


def beside_an_association(check: Check) -> Check:
    """What a check says that met an association of the broker's own, which no attempt used: of a
    printer that takes one at a time, that it is busy."""
    return Check(CheckKind.BUSY, check.words) if check.tells_nothing else check


@dataclass(frozen=True)
class Observation:
    """What to write about a printer's health."""

    health: Health
    reason: str
    good_checks: int
    bad_checks: int
    last_check_at: float | None
    supports_lut: bool | None = None
    failures_in_row: int | None = None
    """What is left of its failures now that it is back; None leaves them."""


STATUS_NOT_KNOWN = "its status is not known"
"""How the words end of a check of a printer that answers, and does not tell its status."""

FAILS_FILMS = "fails films"
"""How the reason begins of a printer that answers checks and fails the films it is given."""

LEAVES_UNANSWERED = "leaves films unanswered"
"""Likewise, of one that is asked to print and says nothing: each try makes a film uncertain."""

WARNING = "WARNING"
"""How the reason begins that is a printer's own: its status, and its info (PS3.3 C.13.9.1)."""

LONGEST_WORDS = 64
"""Characters of a printer's own text that are kept; a code string has 16 (PS3.5 6.2)."""

_CANNOT_PRINT = frozenset(
    {
        "PRINTER DOWN",
        "PRINTER OFFLINE",
        "ELEC DOWN",
        "ELEC SW ERROR",
        "ELEC CONFIG ERR",
        "EXPOSURE FAILURE",
        "PROC DOWN",
    }
)
"""Printer Status Info terms that mean a failure, even beside the status WARNING (C.13.9.1)."""

_STILL_PRINTS = (
    "SUPPLY LOW",
    "LOW ",
    "FINISHER LOW",
    "CHEMICALS LOW",
    "CALIBRATION ERR",
    "CHECK CHEMISTRY",
    "PRINTER INIT",
    "PROC INIT",
    "CALIBRATING",
    "PRINTER BUSY",
    "PRINT BUFF FULL",
    "QUEUED",
    "NORMAL",
)
"""Printer Status Info terms with which films still come out, now or in a moment (C.13.9.1)."""


def of_printer_status(status: str, info: str) -> Check:
    """What Printer Status and Printer Status Info mean (PS3.3 C.13.9.1).

    A status that is none of the three defined ones counts as normal: the printer answered.
    """
    status, info = _plain(status), _plain(info)
    words = f"{status}: {info}" if info and info != status else status
    if status == "FAILURE" or (status == WARNING and info in _CANNOT_PRINT):
        return Check(CheckKind.FAILURE, words, told=True)
    if status == WARNING:
        if not info or info.startswith(_STILL_PRINTS):
            return Check(CheckKind.WARNING, words, told=True)
        return Check(CheckKind.ATTENTION, words, told=True)
    return Check(CheckKind.NORMAL, "", told=True)


def observe(printer: Printer, check: Check, now: float, rise: int, fall: int) -> Observation:
    """A printer's health after one more check.

    Silence is believed after `fall` checks in a row, a return after `rise`; what a printer says of
    itself is believed at once. Being busy proves nothing either way. A printer that was down and is
    back may have been mended: its earlier failures no longer speak against it, but the next one
    will.

    While an attempt runs on it, silence makes it doubtful at most, and only when not even its
    system answers: the attempt's connection ends soon when it is gone, and it is down with the next
    check. Else it only takes long, and films behind must not wait for its return. A printer that
    is too busy with it to tell its status still has the one that it told last.
    """
    printing = printer.claims > 0 and printer.health is not Health.DOWN
    if check.kind is CheckKind.BUSY or (printing and check.tells_nothing):
        return Observation(
            printer.health, printer.reason, printer.good_checks, printer.bad_checks, now
        )
    if check.kind is CheckKind.SILENT and printing:
        bad = max(1, min(printer.bad_checks + 1, fall - 1))
        words = _with_habit(printer, f"{check.words}, while it prints")
        return Observation(printer.health, words, 0, bad, now)
    if check.kind is CheckKind.SILENT:
        return _silent(printer, check, now, fall)
    if check.kind is CheckKind.FAILURE:
        return Observation(
            Health.DOWN, check.words, 0, max(fall, printer.bad_checks + 1), now, check.supports_lut
        )
    good = printer.good_checks + 1
    if printer.health is Health.DOWN and good < rise:
        words = f"{good} of {rise} checks passed"
        return Observation(Health.DOWN, words, good, 0, now, check.supports_lut)
    if printing and check.kind is CheckKind.NORMAL and not check.told and shows_trouble(printer):
        return Observation(printer.health, printer.reason, good, 0, now, check.supports_lut)
    left = min(printer.failures_in_row, fall - 1) if printer.health is Health.DOWN else None
    if check.kind is CheckKind.ATTENTION:
        words = _with_habit(printer, check.words)
        return Observation(Health.DEGRADED, words, good, 0, now, check.supports_lut, left)
    if left is None and printer.failures_in_row >= fall:
        # It answers checks and fails films: only an accepted film shows that it is well again.
        reason = printer.reason.removesuffix(f"; {warned(printer)}")
        if not reason.startswith((f"{FAILS_FILMS}: ", f"{LEAVES_UNANSWERED}: ")):
            habit = LEAVES_UNANSWERED if leaves_unanswered(printer) else FAILS_FILMS
            reason = f"{habit}: {printer.failures_in_row} attempts in a row"
        if check.kind is CheckKind.WARNING:
            reason = f"{reason}; {check.words}"
        return Observation(Health.DEGRADED, reason, good, 0, now, check.supports_lut)
    return Observation(Health.UP, check.words, good, 0, now, check.supports_lut, left)


def shows_trouble(printer: Printer) -> bool:
    """Whether the printer itself says, by its status, that something is wrong with it: supplies, a
    cover, its start. A film that it refuses for now meanwhile is refused for that."""
    return bool(warned(printer))


def warned(printer: Printer) -> str:
    """The status that the printer itself told last, where that is a warning; empty otherwise."""
    _, found, info = printer.reason.partition(WARNING)
    return found + info


def leaves_unanswered(printer: Printer) -> bool:
    """Whether it was asked to print and said nothing, too often: each try makes a film uncertain.

    Its reason keeps that in mind, whatever checks say meanwhile.
    """
    return printer.failures_in_row > 0 and printer.reason.startswith(LEAVES_UNANSWERED)


def fails_films(printer: Printer) -> bool:
    """Whether it is degraded for failing films alone, not for anything that a check can see.

    Only a film that it accepts can show that it is well again. False for one that leaves films
    unanswered: trying that one costs an uncertain film each time.
    """
    return (
        printer.health is Health.DEGRADED
        and printer.failures_in_row > 0
        and printer.reason.startswith(FAILS_FILMS)
    )


def _plain(text: str) -> str:
    """One short line of printable text, whatever the printer sent."""
    return one_line(text[: 4 * LONGEST_WORDS])[:LONGEST_WORDS]


def _silent(printer: Printer, check: Check, now: float, fall: int) -> Observation:
    bad = printer.bad_checks + 1
    if bad >= fall or printer.health is Health.DOWN:
        return Observation(Health.DOWN, check.words, 0, bad, now)
    words = _with_habit(printer, f"{check.words}, {bad} of {fall} checks")
    return Observation(printer.health, words, 0, bad, now)


def _with_habit(printer: Printer, words: str) -> str:
    return f"{LEAVES_UNANSWERED}; {words}" if leaves_unanswered(printer) else words
