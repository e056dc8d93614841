"""What is believed about a printer, from its checks: one answer is not yet a change.

UNKNOWN --first good check--> UP --`fall` checks without answer, or FAILURE--> DOWN
                              ^ |                                               |
      needs nobody any more   | | needs a person, refuses films                 | `rise`
                              | v                                               | good checks
                            DEGRADED                          UP or DEGRADED <--+
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from broker.model.printer import Health, Printer

REFUSES_FILMS = "refuses films"
"""How the reason of a printer begins that checks find well and that takes no films."""

UNANSWERED_FILMS = "leaves films unanswered"
"""How the reason of a printer begins that was asked to print and said nothing, again and again."""


class CheckKind(StrEnum):
    """What one check found."""

    NORMAL = "normal"
    WARNING = "warning"
    """Works, and needs nobody yet: SUPPLY LOW, for one."""
    ATTENTION = "attention"
    """Answers, but needs a person: SUPPLY EMPTY, FILM JAM, COVER OPEN."""
    FAILURE = "failure"
    """Says of itself that it cannot print."""
    BUSY = "busy"
    """Refused the association for now (transient, PS3.8 9.3.4): says nothing about its health."""
    SILENT = "silent"
    """No connection, no answer in time, refused for good, or C-ECHO failed."""


@dataclass(frozen=True)
class Check:
    """The result of one check."""

    kind: CheckKind
    words: str
    """For a person; may be empty when all is well."""
    supports_lut: bool | None = None
    """Whether it took the Presentation LUT context; None when the check did not find out."""


@dataclass(frozen=True)
class Observation:
    """What to write down about a printer after a check."""

    health: Health
    reason: str
    good_checks: int
    bad_checks: int
    last_check_at: float | None
    supports_lut: bool | None = None
    """None leaves what is known."""


WAITS = frozenset(
    {"PRINTER INIT", "PROC INIT", "CALIBRATING", "PRINTER BUSY", "PRINT BUFF FULL", "QUEUED"}
)
"""Printer Status Info that passes by itself (PS3.3 C.13.9.1)."""

STILL_PRINTS = frozenset(
    {"SUPPLY LOW", "FINISHER LOW", "CHEMICALS LOW", "CALIBRATION ERR", "CHECK CHEMISTRY"}
)
"""Printer Status Info that a person should see to, soon. Beside these: LOW and a film size."""

NEEDS_PERSON = frozenset(
    {
        "SUPPLY EMPTY",
        "NO SUPPLY MGZ",
        "BAD SUPPLY MGZ",
        "RECEIVER FULL",
        "NO RECEIVE MGZ",
        "BAD RECEIVE MGZ",
        "COVER OPEN",
        "FILM JAM",
        "FILM TRANSP ERR",
        "CHECK PRINTER",
        "CHECK PROC",
        "CHECK SORTER",
        "NO RIBBON",
        "RIBBON ERROR",
        "FINISHER EMPTY",
        "FINISHER ERROR",
        "REQ MED NOT INST",
        "REQ MED NOT AVAI",
        "UNKNOWN",
    }
)
"""Printer Status Info of a printer that waits for a person. Beside these: EMPTY and a film size."""

CANNOT_PRINT = frozenset(
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
"""Printer Status Info that means a failure, even where the status is only WARNING."""

LONGEST_WORDS = 64
"""Characters of a printer's own text that are kept; a code string has 16 (PS3.5 6.2)."""


def of_printer_status(status: str, info: str) -> Check:
    """Read Printer Status and Printer Status Info as N-GET gives them (PS3.3 C.13.9).

    A status outside the standard, or a warning with a term outside it, counts as a printer that
    works: if it does not, its first attempts tell. Its words are kept for people to see.
    """
    status, info = _plain(status).upper(), _plain(info).upper()
    if status in ("", "NORMAL"):
        return Check(CheckKind.NORMAL, "")
    if status == "FAILURE":
        return Check(CheckKind.FAILURE, info or "printer failure")
    if status != "WARNING":
        return Check(CheckKind.WARNING, f"printer status {status}")
    words = info or "printer warning"
    if info in CANNOT_PRINT:
        return Check(CheckKind.FAILURE, words)
    if info in NEEDS_PERSON or info.startswith("EMPTY "):
        return Check(CheckKind.ATTENTION, words)
    return Check(CheckKind.WARNING, words)


def observe(printer: Printer, check: Check, now: float, rise: int, fall: int) -> Observation:
    """What to believe of a printer after one more check.

    `rise` good checks in a row bring it up from DOWN, `fall` silent ones in a row take it down;
    its own word that it cannot print does so at once. A printer that is DEGRADED because it fails
    films (`failures_in_row` has reached `fall`) stays so, however good its checks, until a film is
    accepted: answering a check is not printing.
    """
    match check.kind:
        case CheckKind.BUSY:
            return Observation(
                printer.health,
                _standing(printer, fall) or "busy",
                printer.good_checks,
                printer.bad_checks,
                now,
                check.supports_lut,
            )
        case CheckKind.SILENT:
            return _silent(printer, check, now, fall)
        case CheckKind.FAILURE:
            bad = printer.bad_checks + 1
            return Observation(Health.DOWN, check.words, 0, bad, now, check.supports_lut)
        case _:
            return _answered(printer, check, now, rise, fall)


def _silent(printer: Printer, check: Check, now: float, fall: int) -> Observation:
    words = check.words or "no answer"
    bad = printer.bad_checks + 1
    if printer.health is Health.DOWN or bad >= fall:
        return Observation(Health.DOWN, words, 0, bad, now, check.supports_lut)
    reason = _standing(printer, fall) or f"{words}, {bad} of {fall} checks"
    return Observation(printer.health, reason, 0, bad, now, check.supports_lut)


def _answered(printer: Printer, check: Check, now: float, rise: int, fall: int) -> Observation:
    good = printer.good_checks + 1
    if printer.health is Health.DOWN and good < rise:
        health, reason = Health.DOWN, f"{good} of {rise} checks passed"
    elif check.kind is CheckKind.ATTENTION:
        health, reason = Health.DEGRADED, check.words
    elif printer.health is Health.DEGRADED and printer.failures_in_row >= fall:
        failures = f"{REFUSES_FILMS}: {printer.failures_in_row} failures in a row"
        health, reason = Health.DEGRADED, _standing(printer, fall) or failures
    elif check.kind is CheckKind.NORMAL and now < printer.paused_until and not printer.bad_checks:
        # What its last attempt said explains why it rests.
        health, reason = Health.UP, printer.reason
    else:
        health, reason = Health.UP, check.words
    return Observation(health, reason, good, 0, now, check.supports_lut)


def refuses(printer: Printer) -> bool:
    """Whether it is degraded for refusing films, not for anything that a check could see.

    Only a film that it accepts shows that it works again.
    """
    return (
        printer.health is Health.DEGRADED
        and printer.failures_in_row > 0
        and printer.reason.startswith(REFUSES_FILMS)
    )


def _standing(printer: Printer, fall: int) -> str:
    """The reason of a printer that fails films; checks do not overwrite it."""
    fails_films = printer.health is Health.DEGRADED and printer.failures_in_row >= fall
    if fails_films and printer.reason.startswith((REFUSES_FILMS, UNANSWERED_FILMS)):
        return printer.reason
    return ""


def _plain(text: str) -> str:
    """One short line of printable text, whatever the printer sent."""
    shown = "".join(each if each.isprintable() else " " for each in text[: 4 * LONGEST_WORDS])
    return " ".join(shown.split())[:LONGEST_WORDS]
