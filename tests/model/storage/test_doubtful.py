"""Checks of a printer while an attempt waits for it, and what they mean for films behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from broker.model.printers.choose import plan
from broker.model.printers.health import Check, CheckKind, Observation, observe
from broker.model.printers.printer import Health, Printer
from tests.model.conftest import MakeJob, MakePrinter

GONE = Check(CheckKind.SILENT, "oki-1: could not be reached", reached=False)
REFUSED = Check(CheckKind.SILENT, "oki-1: refused the connection")
BUSY = Check(CheckKind.BUSY, "busy: local limit exceeded")
MISSED: dict[str, Any] = {"claims": 1, "bad_checks": 1, "moved_at": 990.0, "last_check_at": 998.0}
"""A printer that does not answer a check while it prints."""
JAM = Check(CheckKind.ATTENTION, "WARNING: FILM JAM")


def seen(printer: Printer, check: Check, times: int = 1) -> Printer:
    """The printer after `times` checks, with rise 2 and fall 3."""
    for second in range(times):
        found: Observation = observe(printer, check, float(second), 2, 3)
        printer = replace(
            printer,
            health=found.health,
            reason=found.reason,
            good_checks=found.good_checks,
            bad_checks=found.bad_checks,
            last_check_at=found.last_check_at,
        )
    return printer


@pytest.mark.parametrize("check", [BUSY, REFUSED])
def test_a_printer_that_takes_no_second_association_is_well(
    make_printer: MakePrinter, check: Check
) -> None:
    """While it prints, neither a rejection nor a refused connection is a bad mark."""
    printer = make_printer(claims=1)

    assert seen(printer, check, 9) == replace(printer, last_check_at=8.0)


def test_a_printer_that_is_gone_while_it_prints_is_doubtful(make_printer: MakePrinter) -> None:
    """Its attempt's connection tells soon; it is down with the next check after that."""
    printer = seen(make_printer(claims=1, moved_at=0.0), GONE, 9)

    assert printer.health is Health.UP
    assert printer.doubtful
    assert "could not be reached, while it prints" in printer.reason
    assert seen(replace(printer, claims=0), GONE).health is Health.DOWN


def test_a_check_from_before_the_last_step_makes_no_doubt(make_printer: MakePrinter) -> None:
    """A printer whose last check failed and that has taken a step of an attempt since is there."""
    printer = make_printer(**MISSED)

    assert printer.doubtful
    assert not replace(printer, moved_at=999.0).doubtful
    assert not replace(printer, moved_at=None).doubtful
    assert not replace(printer, last_check_at=None).doubtful


def test_a_printer_that_prints_may_say_that_it_is_jammed(make_printer: MakePrinter) -> None:
    """An answered check counts as ever."""
    assert seen(make_printer(claims=1), JAM).health is Health.DEGRADED


def test_films_behind_a_doubtful_printer_go_elsewhere_at_once(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """They do not wait until they have been patient; nor does the rest of their film session."""
    printers = [
        make_printer("oki-1", load=3, reason="oki-1: not reached", **MISSED),
        make_printer("oki-2", weight=1, load=1),
    ]
    jobs = [
        make_job(1, printer="oki-1", assigned_at=999.0, load=1),
        make_job(2, film_session="one", load=1),
    ]

    first, second = plan(jobs, printers, 1000.0, {"one": "oki-1"})

    assert (first.printer, first.claim_now) == ("oki-2", True)
    assert second.printer == "oki-2"
    assert [each.why for each in first.passed_over] == ["does not answer checks: not reached"]


def test_films_behind_a_printer_that_takes_long_go_to_an_idle_one(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """As soon as its answer takes long; before that, and where the other is busy, they stay."""
    own = make_printer("oki-1", claims=1, load=2, moved_at=990.0)
    other = make_printer("oki-2")
    job = make_job(1, printer="oki-1", assigned_at=999.0, load=1)

    def chosen(*printers: Printer) -> str:
        return plan([job], printers, 1000.0, {})[0].printer

    assert chosen(own, other) == "oki-2"
    assert chosen(replace(own, moved_at=998.0), other) == "oki-1"
    assert chosen(own, replace(other, claims=1)) == "oki-1"


def test_films_behind_the_only_printer_wait_for_it(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Doubtful or not."""
    (choice,) = plan([make_job(1)], [make_printer(**MISSED)], 1000.0, {})

    assert (choice.printer, choice.claim_now) == ("oki-1", False)
