"""What a person saw of a job or a printer: what changes its version, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.jobs.job import Job, Level, Priority, State
from broker.model.printers.health import LEAVES_UNANSWERED
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.row_version import FORGET, changed, of_job, of_printer

JOB = Job(
    id=6,
    state=State.QUEUED,
    reason="",
    calling_ae="CT1",
    called_ae="BROKER",
    peer="10.0.0.9:4000",
    film_session="one",
    level=Level.FILM_BOX,
    films=3,
    films_accepted=0,
    copies=1,
    priority=Priority.MED,
    needs_lut=False,
    printer="",
    pinned="",
    attempts=0,
    strikes=(),
    not_before=0.0,
    command="",
    load=3,
    reprint_of=None,
    created_at=1.0,
    updated_at=1.0,
)
PRINTING = replace(JOB, state=State.PRINTING, printer="oki-1")
HELD = replace(JOB, state=State.HELD, reason="held by the operator")
SENT = replace(JOB, state=State.SENT, films_accepted=3)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (JOB, replace(JOB, attempts=2, reason="oki-1: busy", not_before=9.0, printer="oki-2")),
        (PRINTING, replace(PRINTING, films_accepted=2, updated_at=5.0)),
        (HELD, replace(HELD, updated_at=5.0)),
        (SENT, replace(SENT, updated_at=5.0)),
        (SENT, replace(SENT, state=State.PRINTED, updated_at=5.0)),
    ],
    ids=["tried again", "a film accepted", "held", "sent", "printed"],
)
def test_progress_is_no_other_version(before: Job, after: Job) -> None:
    """Of what no command depends on, nothing makes a command stale."""
    assert of_job(before, [], None) == of_job(after, [], None)


VERSIONS = {
    "queued": of_job(JOB, [], None),
    "of another priority": of_job(replace(JOB, priority=Priority.HIGH), [], None),
    "for one printer": of_job(replace(JOB, pinned="oki-2"), [], None),
    "printing": of_job(PRINTING, [], None),
    "to be held": of_job(replace(PRINTING, command="hold"), [], None),
    "held": of_job(HELD, [], None),
    "held for another reason": of_job(replace(HELD, reason="oki-1 refused film 1"), [], None),
    "held once more": of_job(replace(HELD, attempts=1), [], None),
    "held with a film accepted": of_job(replace(HELD, films_accepted=1), [], None),
    "held and uncertain": of_job(HELD, [2], None),
    "held and printed again": of_job(HELD, [], 9),
    "sent": of_job(SENT, [], None),
    "sent and printed again": of_job(SENT, [], 9),
    "printed again once more": of_job(SENT, [], 12),
    "sent, without pixels": of_job(replace(SENT, pixels_removed_at=5.0), [], None),
    "cancelled": of_job(replace(JOB, state=State.CANCELLED), [], None),
}


def test_what_a_command_depends_on_is_another_version() -> None:
    """Each of these is told from each other."""
    assert len(set(VERSIONS.values())) == len(VERSIONS)


PRINTER = Printer(
    address=Address("oki-1", "OKI1", "10.0.0.1", 104),
    duty=Duty.READY,
    duty_reason="",
    duty_since=1.0,
    health=Health.UP,
    health_since=1.0,
    reason="",
    good_checks=1,
    bad_checks=0,
    last_check_at=1.0,
    failures_in_row=0,
    paused_until=0.0,
    supports_lut=None,
    load=0,
    claims=0,
    films_accepted=0,
    failures=0,
    recent=0,
)
REFUSES = Capability(Lesson.REFUSES, Trait(PrintObject.FILM_BOX, "FilmSizeID", "8INX10IN"))
PRINTERS = {
    "checked": (replace(PRINTER, last_check_at=9.0, good_checks=7, reason="paper low"), set()),
    "busy": (replace(PRINTER, claims=1, load=3, films_accepted=8, moved_at=3.0), set()),
    "drained": (replace(PRINTER, duty=Duty.DRAIN), {*Duty, FORGET}),
    "failed": (replace(PRINTER, failures_in_row=1), {Duty.READY}),
    "leaving films unanswered": (
        replace(PRINTER, health=Health.DEGRADED, reason=f"{LEAVES_UNANSWERED}: no answer"),
        {Duty.READY},
    ),
    "refusing": (
        replace(PRINTER, refuses=(REFUSES,), lessons=1, learned_at=5.0),
        {Duty.READY, FORGET},
    ),
    "learned of": (replace(PRINTER, lessons=1, learned_at=5.0), {FORGET}),
}


@pytest.mark.parametrize(("now", "stale"), PRINTERS.values(), ids=PRINTERS.keys())
def test_a_command_on_a_printer_depends_on_what_it_acts_on(
    now: Printer, stale: set[Duty | str]
) -> None:
    """Mended depends on what it forgives, Forget on what was learned, and each on the duty; checks
    and films make none stale."""
    before, after = of_printer(PRINTER), of_printer(now)
    assert {each for each in (*Duty, FORGET) if changed(before, after, each)} == stale


def test_a_printer_that_failed_once_more_is_what_it_was() -> None:
    """A person who has mended it may say so while it goes on failing."""
    once, twice = replace(PRINTER, failures_in_row=1), replace(PRINTER, failures_in_row=2)
    assert of_printer(once) == of_printer(twice)


def test_what_is_no_version_is_another_one() -> None:
    """Nothing is done for it."""
    assert changed("4f1c09ab27de", of_printer(PRINTER), Duty.DRAIN)
