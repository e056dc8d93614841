"""Which jobs the screen shows: by a filter with the names that every face has, and in groups."""

from __future__ import annotations

import pytest

from broker.cli.top.job_choice import (
    ALL,
    SHOWN,
    JobChoice,
    choice_given,
    in_sight,
    listed,
    matching,
)
from broker.model.jobs.job import State
from broker.model.peers.nicknames import Nicknames
from broker.operations.jobs.job_filters import InvalidFilter
from broker.operations.jobs.job_groups import FEW, LEAST
from broker.operations.jobs.job_status import JobStatus
from tests.model.conftest import MakeJob, make_job

__all__ = ["make_job"]

NOW = 10_000.0
NICKNAMES = Nicknames({"MR1": "Magnet, north"})


@pytest.fixture
def jobs(make_job: MakeJob) -> list[JobStatus]:
    """One held of CT1, one of MR1 that lines up at oki-2, one of long ago that oki-1 took."""
    return [
        JobStatus(make_job(1, state=State.HELD, reason="wrong size", created_at=NOW - 60)),
        JobStatus(
            make_job(2, calling_ae="MR1", created_at=NOW - 600), line="oki-2", nickname="Magnet"
        ),
        JobStatus(make_job(3, state=State.SENT, printer="oki-1", created_at=1.0)),
    ]


def found(jobs: list[JobStatus], given: str) -> list[int]:
    """Numbers of the jobs that the filter shows."""
    choice = choice_given(given, NICKNAMES, NOW)
    return [each.job.id for each in jobs if choice.shows(each, NOW)]


def test_a_filter_has_the_names_that_every_face_has(jobs: list[JobStatus]) -> None:
    """All of them must hold; a value with spaces stands in quotes; what is no condition is a text
    that a job must have anywhere in its row."""
    assert found(jobs, "") == [1, 2, 3]
    assert found(jobs, "state=held") == found(jobs, "STATE=Held") == [1]
    assert found(jobs, "state=held state=sent") == [1, 3]
    assert found(jobs, "modality=ct1") == [1, 3]
    assert found(jobs, 'modality="magnet, NORTH"') == found(jobs, "modality=MR1") == [2]
    assert found(jobs, "printer=oki-1") == [3]
    assert found(jobs, "printer=OKI-2") == [2]
    assert found(jobs, "since=5m") == [1]
    assert found(jobs, "since=1h until=2m") == [2]
    assert (
        found(jobs, "SIZE") == found(jobs, "text=size") == found(jobs, 'text="wrong size"') == [1]
    )
    assert found(jobs, "magnet") == [2]
    assert found(jobs, "modality=CT1 wrong size") == [1]
    assert found(jobs, "speed=3") == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            "state=lost",
            "state: lost is not one of queued, printing, sent, printed, held, cancelled",
        ),
        ("since=soon", "since: soon is not a time; use 30m, 2h or 2d"),
        ("modality=" + "x" * 65, "modality is longer than 64 characters"),
    ],
)
def test_what_is_no_condition_is_said(given: str, words: str) -> None:
    """With what may be given."""
    with pytest.raises(InvalidFilter) as raised:
        choice_given(given, NICKNAMES, NOW)
    assert words in raised.value.words


def test_a_short_list_is_shown_one_by_one(make_job: MakeJob) -> None:
    """In its own order, without headings."""
    jobs = [JobStatus(make_job(number)) for number in range(FEW, 0, -1)]
    shown = listed(matching(jobs, ALL, NOW), frozenset(), NOW)
    assert [line.key for line in shown.lines] == [str(each.job.id) for each in jobs]
    assert (shown.matching, shown.jobs) == (FEW, FEW)


def test_a_long_list_is_some_of_each_group(make_job: MakeJob) -> None:
    """What a person has to see first, with how many there are; small groups are whole and have no
    heading. A group that is unfolded is whole."""
    waiting = [JobStatus(make_job(number), why="no printer is up") for number in range(1, 501)]
    held = [JobStatus(make_job(600, state=State.HELD, reason="held by the operator"))]
    every = matching([*held, *waiting], ALL, NOW)
    shown = listed(every, frozenset(), NOW)
    assert [line.key for line in shown.lines] == ["600", "queued no printer is up", "1", "2", "3"]
    assert shown.lines[1].across == "[+] 500 jobs queued: no printer is up"
    assert (shown.matching, shown.jobs) == (501, 1 + LEAST)
    assert shown.group_of("2") == shown.group_of("queued no printer is up")
    assert shown.group_of("600") is None
    assert in_sight(1, 5, shown, 501, "") == (
        "  rows 1 to 5 of 5; 501 jobs, some of each kind: Space shows all of one"
    )

    opened = listed(every, {"queued no printer is up"}, NOW)
    assert opened.lines[1].across == "[-] 500 jobs queued: no printer is up"
    assert len(opened.lines) == 2 + SHOWN
    assert opened.lines[-1].key == str(SHOWN)


def test_the_selected_job_is_not_folded_away(make_job: MakeJob) -> None:
    """It stands behind those of its group that are shown."""
    every = matching([JobStatus(make_job(number)) for number in range(1, FEW + 2)], ALL, NOW)
    shown = listed(every, frozenset(), NOW, "35")
    assert [line.key for line in shown.lines][1:] == ["1", "2", "3", "35"]
    shown = listed(every, frozenset(), NOW, "2")
    assert [line.key for line in shown.lines][1:] == ["1", "2", "3"]


def test_a_filter_is_told_in_words() -> None:
    """As the other faces tell it."""
    assert ALL.words == ""
    choice = choice_given('modality="magnet, north" state=held jam', NICKNAMES, NOW)
    assert choice.words == "in state held from modality magnet, north (MR1) with 'jam'"
    assert choice != JobChoice()
