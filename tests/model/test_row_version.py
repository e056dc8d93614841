"""What a person saw of a job: what changes its version, and what does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.jobs.job import Job, Level, Priority, State
from broker.model.row_version import of_job

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
    ],
    ids=["tried again", "a film accepted", "held", "sent"],
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
