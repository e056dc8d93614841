"""Health from checks: rise, fall, and what a printer says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.printers.health import (
    LONGEST_WORDS,
    Check,
    CheckKind,
    beside_an_association,
    fails_films,
    observe,
    of_printer_status,
    warned,
)
from broker.model.printers.printer import NORMAL, Duty, Health, Printer, pool_status
from tests.model.conftest import MakePrinter

GOOD = Check(CheckKind.NORMAL, "")
SILENT = Check(CheckKind.SILENT, "no answer")
JAM = Check(CheckKind.ATTENTION, "FILM JAM")


def after(printer: Printer, *checks: Check) -> Printer:
    """The printer after checks one second apart, with rise 2 and fall 3."""
    for second, check in enumerate(checks):
        seen = observe(printer, check, float(second), 2, 3)
        printer = replace(
            printer,
            health=seen.health,
            reason=seen.reason,
            good_checks=seen.good_checks,
            bad_checks=seen.bad_checks,
            last_check_at=seen.last_check_at,
            failures_in_row=(
                printer.failures_in_row if seen.failures_in_row is None else seen.failures_in_row
            ),
        )
    return printer


@pytest.mark.parametrize(
    ("health", "checks", "expected"),
    [
        (Health.UNKNOWN, [GOOD], Health.UP),
        (Health.UNKNOWN, [SILENT], Health.UNKNOWN),
        (Health.UNKNOWN, [SILENT] * 3, Health.DOWN),
        (Health.UP, [SILENT] * 2, Health.UP),
        (Health.UP, [SILENT] * 3, Health.DOWN),
        (Health.UP, [SILENT, SILENT, GOOD, SILENT, SILENT], Health.UP),
        (Health.DOWN, [GOOD], Health.DOWN),
        (Health.DOWN, [GOOD, GOOD], Health.UP),
        (Health.DOWN, [GOOD, SILENT, GOOD], Health.DOWN),
        (Health.UP, [Check(CheckKind.FAILURE, "jam")], Health.DOWN),
        (Health.UP, [Check(CheckKind.ATTENTION, "empty")], Health.DEGRADED),
        (Health.DEGRADED, [GOOD], Health.UP),
        (Health.UP, [Check(CheckKind.WARNING, "low")], Health.UP),
        (Health.UP, [Check(CheckKind.BUSY, "busy")] * 9, Health.UP),
        (Health.DOWN, [Check(CheckKind.BUSY, "busy")] * 9, Health.DOWN),
    ],
)
def test_checks_change_health_when_they_are_believed(
    make_printer: MakePrinter, health: Health, checks: list[Check], expected: Health
) -> None:
    """Silence and return need several checks in a row; a printer's own word needs one."""
    printer = make_printer(health=health, good_checks=0)
    assert after(printer, *checks).health is expected


def test_the_reason_counts_the_checks(make_printer: MakePrinter) -> None:
    """On its way down and on its way up, a printer's reason says how far it is."""
    printer = after(make_printer(), SILENT, SILENT)
    assert printer.reason == "no answer, 2 of 3 checks"
    printer = after(printer, SILENT)
    assert (printer.health, printer.reason) == (Health.DOWN, "no answer")
    printer = after(printer, GOOD)
    assert printer.reason == "1 of 2 checks passed"
    assert after(printer, GOOD).reason == ""


def test_a_printer_that_fails_films_is_not_well_because_it_answers(
    make_printer: MakePrinter,
) -> None:
    """C-ECHO alone does not lift the black hole: only an accepted film does."""
    printer = make_printer(health=Health.DEGRADED, failures_in_row=3, reason="fails films: no")
    seen = after(printer, GOOD, GOOD)
    assert (seen.health, seen.reason) == (Health.DEGRADED, "fails films: no")


@pytest.mark.parametrize("between", [(SILENT,), (JAM,), (JAM, SILENT, JAM)])
def test_a_printer_that_leaves_films_unanswered_stays_known_for_it(
    make_printer: MakePrinter, between: tuple[Check, ...]
) -> None:
    """Whatever checks say meanwhile: a trial film there would be one more uncertain film."""
    printer = make_printer(
        health=Health.DEGRADED, failures_in_row=3, reason="leaves films unanswered: no answer"
    )
    seen = after(printer, *between)
    assert seen.reason.startswith("leaves films unanswered; ")
    seen = after(seen, GOOD)
    assert (seen.health, fails_films(seen)) == (Health.DEGRADED, False)
    assert seen.reason == "leaves films unanswered: 3 attempts in a row"


def test_a_printer_that_was_down_gets_a_new_chance(make_printer: MakePrinter) -> None:
    """It may have been mended: it is up, and stays up with further checks; one more failure is
    enough to doubt it again."""
    printer = make_printer(
        health=Health.DEGRADED, failures_in_row=9, reason="leaves films unanswered: no answer"
    )
    back = after(printer, SILENT, SILENT, SILENT, GOOD, GOOD)
    assert (back.health, back.reason, back.failures_in_row) == (Health.UP, "", 2)
    assert after(back, GOOD).health is Health.UP


@pytest.mark.parametrize(
    ("status", "info", "kind"),
    [
        ("NORMAL", "NORMAL", CheckKind.NORMAL),
        ("NORMAL", "", CheckKind.NORMAL),
        ("WARNING", "SUPPLY LOW", CheckKind.WARNING),
        ("WARNING", "LOW 8X10", CheckKind.WARNING),
        ("WARNING", "CALIBRATING", CheckKind.WARNING),
        ("WARNING", "SUPPLY EMPTY", CheckKind.ATTENTION),
        ("WARNING", "FILM JAM", CheckKind.ATTENTION),
        ("WARNING", "EMPTY A4 PAPR", CheckKind.ATTENTION),
        ("WARNING", "SOMETHING OF THE VENDOR", CheckKind.ATTENTION),
        ("FAILURE", "FILM JAM", CheckKind.FAILURE),
        ("FAILURE", "", CheckKind.FAILURE),
        ("", "", CheckKind.NORMAL),
    ],
)
def test_what_printer_status_means(status: str, info: str, kind: CheckKind) -> None:
    """Printer Status and its info are sorted by what has to happen (PS3.3 C.13.9.1)."""
    assert of_printer_status(status, info).kind is kind


@pytest.mark.parametrize(
    ("printers", "can_store", "expected"),
    [
        ([{}], True, ("NORMAL", "NORMAL")),
        ([{"health": Health.DOWN}, {}], True, ("NORMAL", "NORMAL")),
        ([{"health": Health.DEGRADED}], True, ("NORMAL", "NORMAL")),
        ([{"health": Health.DOWN}], True, ("WARNING", "QUEUED")),
        ([{"duty": Duty.MAINT}], True, ("WARNING", "QUEUED")),
        ([], True, ("WARNING", "QUEUED")),
        ([{}], False, ("FAILURE", "PRINTER DOWN")),
    ],
)
def test_the_pool_fails_only_when_nothing_can_be_kept(
    make_printer: MakePrinter,
    printers: list[dict[str, object]],
    can_store: bool,
    expected: tuple[str, str],
) -> None:
    """One empty tray, or all of them, is not the modality's affair."""
    pool = pool_status([make_printer(**given) for given in printers], can_store=can_store)
    assert (pool.status, pool.info) == expected


@pytest.mark.parametrize(
    ("can_store", "room", "status"),
    [(True, True, "NORMAL"), (True, False, "FAILURE"), (False, True, "FAILURE")],
)
def test_what_cannot_be_stored_is_a_failure_whatever_the_site_wants(
    can_store: bool, room: bool, status: str
) -> None:
    """A site may call a pool that only keeps films NORMAL, and never one that keeps none."""
    assert pool_status([], can_store=can_store, room=room, kept=NORMAL).status == status


def test_without_any_printer_the_pool_is_offline() -> None:
    """A film would be refused, whatever the site wants to be told while films are kept."""
    pool = pool_status([], can_store=True, configured=False, kept=NORMAL)
    assert (pool.status, pool.info) == ("FAILURE", "PRINTER OFFLINE")
    # As a print request is refused for that first, too.
    assert pool_status([], can_store=True, room=False, configured=False) == pool


def test_the_pool_fails_before_the_disk_is_full(make_printer: MakePrinter) -> None:
    """With too little room a modality must not print now, however well the printers are."""
    pool = pool_status([make_printer()], can_store=True, room=False)
    assert (pool.status, pool.info) == ("FAILURE", "PRINT BUFF FULL")


@pytest.mark.parametrize("info", ["PRINTER DOWN", "PRINTER OFFLINE", "ELEC DOWN", "PROC DOWN"])
def test_a_warning_that_means_a_failure_is_one(info: str) -> None:
    """A printer that calls itself down is down, whatever status it puts beside it."""
    assert of_printer_status("WARNING", info).kind is CheckKind.FAILURE


def test_a_printers_text_stays_one_short_line() -> None:
    """Whatever a printer sends as info, no control character and no flood reaches a reason."""
    words = of_printer_status("WARNING", "COVER\x1b[2J\r\nOPEN" + "x" * 5000).words
    assert words.startswith("WARNING: COVER?[2J OPEN")
    assert words.isprintable()
    assert len(words) <= 2 * LONGEST_WORDS + 2


def test_a_stale_reason_does_not_stay(make_printer: MakePrinter) -> None:
    """Good checks of a printer that fails films do not leave the words of an older check."""
    printer = make_printer(health=Health.DEGRADED, failures_in_row=3, reason="fails films: busy")
    assert after(printer, GOOD).reason == "fails films: busy"
    assert after(printer, SILENT, GOOD).reason == "fails films: 3 attempts in a row"


def test_a_printer_that_fails_films_still_shows_its_own_warning(make_printer: MakePrinter) -> None:
    """Beside its failures, once, as it is now, and no longer than it says so."""
    printer = make_printer(health=Health.DEGRADED, failures_in_row=3, reason="fails films: 0x0110")
    starting, low = (of_printer_status("WARNING", info) for info in ("PRINTER INIT", "SUPPLY LOW"))
    warns = after(printer, starting, starting, low)
    assert warns.reason == "fails films: 0x0110; WARNING: SUPPLY LOW"
    assert (warned(warns), fails_films(warns)) == ("WARNING: SUPPLY LOW", True)
    assert after(warns, of_printer_status("NORMAL", "")).reason == "fails films: 0x0110"


@pytest.mark.parametrize("health", [Health.UP, Health.DEGRADED])
@pytest.mark.parametrize(
    "check",
    [
        Check(CheckKind.BUSY, "busy"),
        Check(CheckKind.SILENT, "no answer"),
        Check(CheckKind.NORMAL, "its status is not known"),
    ],
)
def test_a_printer_too_busy_to_tell_its_status_has_the_one_that_it_told(
    make_printer: MakePrinter, health: Health, check: Check
) -> None:
    """While it prints, a check that learns nothing of its status changes nothing that is shown."""
    printer = make_printer(health=health, claims=1, reason="WARNING: SUPPLY LOW")
    busy = after(printer, check, check, check)
    assert (busy.health, busy.reason) == (health, "WARNING: SUPPLY LOW")
    assert after(busy, of_printer_status("NORMAL", "NORMAL")).reason == ""


@pytest.mark.parametrize(
    ("check", "met"),
    [
        (SILENT, CheckKind.BUSY),
        (Check(CheckKind.BUSY, "busy"), CheckKind.BUSY),
        (Check(CheckKind.SILENT, "no route", reached=False), CheckKind.SILENT),
        (GOOD, CheckKind.NORMAL),
        (JAM, CheckKind.ATTENTION),
        (Check(CheckKind.FAILURE, "jam"), CheckKind.FAILURE),
    ],
)
def test_what_a_check_says_beside_an_association_of_ours(check: Check, met: CheckKind) -> None:
    """A printer that takes one at a time is busy with it; what it says is what it says, and one
    whose system does not answer is silent."""
    assert beside_an_association(check).kind is met
