"""The tone of a row: which color a whole printer or job gets."""

from __future__ import annotations

from typing import Any

import pytest

from broker.model.jobs.job import State
from broker.model.printers.printer import Duty, Health
from broker.model.printers.standing import FEW
from broker.operations.jobs.job_status import AwaitedStep, JobStatus, Step
from broker.web.rendering.rows import (
    FAILS,
    LATE_S,
    Tone,
    arranged,
    printer_rows,
    tone_of_job,
    tone_of_printer,
)
from tests.model.conftest import MakeJob, MakePrinter, make_job, make_printer

__all__ = ["make_job", "make_printer"]

NOW = 100.0


@pytest.mark.parametrize(
    ("given", "tone"),
    [
        ({}, Tone.GOOD),
        ({"claims": 1, "moved_at": NOW}, Tone.WORKS),
        ({"claims": 1, "moved_at": NOW - LATE_S + 1}, Tone.WORKS),
        ({"claims": 1, "moved_at": NOW - LATE_S}, Tone.SLOW),
        ({"health": Health.DEGRADED}, Tone.SLOW),
        ({"failures_in_row": 1}, Tone.SLOW),
        ({"failures_in_row": FAILS}, Tone.BAD),
        ({"health": Health.DOWN}, Tone.BAD),
        ({"health": Health.UNKNOWN}, Tone.PLAIN),
        ({"duty": Duty.DRAIN}, Tone.OFF),
        ({"duty": Duty.MAINT, "health": Health.DOWN}, Tone.OFF),
    ],
)
def test_a_printer_has_the_tone_of_its_state(
    make_printer: MakePrinter, given: dict[str, Any], tone: Tone
) -> None:
    """One that refuses every film is as bad as one that is down; one that a person took out is off,
    whatever it says.
    """
    assert tone_of_printer(make_printer(**given), NOW) is tone


def test_nothing_works_without_a_broker(make_printer: MakePrinter) -> None:
    """What was claimed before the broker stopped is not printed now."""
    printer = make_printer(claims=1, moved_at=NOW)
    assert tone_of_printer(printer, NOW, running=False) is Tone.GOOD


@pytest.mark.parametrize(
    ("given", "waited_s", "tone"),
    [
        ({"state": State.QUEUED}, 0, Tone.PLAIN),
        ({"state": State.QUEUED, "attempts": 1}, 0, Tone.SLOW),
        ({"state": State.PRINTING}, 0, Tone.WORKS),
        ({"state": State.PRINTING}, LATE_S, Tone.SLOW),
        ({"state": State.PRINTING, "command": "hold"}, 0, Tone.SLOW),
        ({"state": State.HELD}, 0, Tone.BAD),
        ({"state": State.CANCELLED}, 0, Tone.OFF),
        ({"state": State.SENT}, 0, Tone.GOOD),
        ({"state": State.PRINTED}, 0, Tone.GOOD),
    ],
)
def test_a_job_has_the_tone_of_its_state(
    make_job: MakeJob, given: dict[str, Any], waited_s: float, tone: Tone
) -> None:
    """Only what a person must look at is red."""
    step = Step(AwaitedStep.ANSWER, 1, NOW - waited_s)
    assert tone_of_job(JobStatus(make_job(**given), step=step), NOW) is tone


def test_of_many_printers_the_troubled_come_first(make_printer: MakePrinter) -> None:
    """And those that take films are folded; a few keep the order of the configuration."""
    health = [Health.UP, Health.DEGRADED, Health.UP, Health.DOWN]
    few = printer_rows(
        [make_printer(f"oki-{n}", health=each) for n, each in enumerate(health)], NOW
    )
    assert arranged(few, NOW) == (few, ())
    names = [f"oki-{number}" for number in range(FEW + 1)]
    healths = dict(zip(names, health, strict=False))
    given = [make_printer(name, health=healths.get(name, Health.UP)) for name in names]
    given[-1] = make_printer(names[-1], duty=Duty.MAINT)
    shown, folded = arranged(printer_rows(given, NOW), NOW)
    assert [each.printer.name for each in shown] == ["oki-3", "oki-1", names[-1]]
    assert [each.printer.name for each in folded] == ["oki-0", "oki-2", *names[4:-1]]


def test_what_to_do_about_many_printers_stands_once(make_printer: MakePrinter) -> None:
    """At the first of those that share a cause, with their names; a few say it one by one."""
    down = {"health": Health.DOWN, "reason": "10.0.0.1:104 refused the connection"}
    many = [make_printer(f"oki-{number}", **down) for number in range(FEW + 1)]

    shown, _ = arranged(printer_rows(many, NOW), NOW)

    assert [len(each.remedies) for each in shown] == [1] + FEW * [0]
    assert f"oki-0 and {FEW} more" in shown[0].remedies[0]
    few, _ = arranged(printer_rows(many[:2], NOW), NOW)
    assert [len(each.remedies) for each in few] == [1, 1]
