"""Films in and out by hour; troubles of a printer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.day import HOUR_S, HourOfOne
from broker.model.jobs.job import Outcome, State
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from broker.store.reading.day import Day
from tests.peers.attempts import SENT, begin
from tests.store.conftest import Clock, MakeRequest


@pytest.fixture(autouse=True)
def _pool(printers: Printers) -> None:
    assert [each.name for each in printers.list()] == ["oki-1", "oki-2"]


def print_job(jobs: Jobs, job_id: int, printer: str) -> None:
    """All its films are accepted now."""
    claim = jobs.claims.claim(job_id, printer)
    assert claim is not None
    for each in jobs.queries.films(job_id):
        jobs.claims.asked(claim, each.id)
        jobs.claims.accepted(claim, each.id)
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=SENT)


def test_films_are_counted_by_hour(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock
) -> None:
    """With copies; what came before the first hour is left out, what was accepted since counts."""
    day, since = Day(database), 10 * HOUR_S
    assert (day.received(since), day.accepted(since)) == ([], [])
    for at, modality, films in (
        (9.5, "CT1", 1),
        (10.5, "CT1", 2),
        (10.9, "MR1", 1),
        (12.0, "CT1", 1),
    ):
        clock.now = at * HOUR_S
        jobs.submission.add(replace(make_request(films), calling_ae=modality, copies=2))
    clock.now = 12 * HOUR_S + 10
    print_job(jobs, 1, "oki-1")
    print_job(jobs, 4, "oki-2")
    assert day.received(since) == [
        HourOfOne("CT1", 0, 4, 0.0),
        HourOfOne("CT1", 2, 2, 0.0),
        HourOfOne("MR1", 0, 2, 0.0),
    ]
    waited = 2.5 * HOUR_S + 10
    assert day.accepted(since) == [
        HourOfOne("oki-1", 2, 2, waited, 1, waited),
        HourOfOne("oki-2", 2, 2, 10.0, 1, 10.0),
    ]
    assert day.accepted(since, printer="oki-2") == day.accepted(since)[1:]
    assert day.accepted(since, by_modality=True) == [HourOfOne("CT1", 2, 4, waited + 10, 2, waited)]


@pytest.mark.parametrize("since", range(0, 22))
def test_the_first_job_is_found_by_its_time(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock, since: int
) -> None:
    """However many there are before and behind it, and where numbers are missing."""
    for number in range(1, 21):
        clock.now = float(number)
        jobs.submission.add(make_request())
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM jobs WHERE id IN (3, 7, 8, 20)")
    found = sum(each.films for each in Day(database).received(float(since)))
    assert found == len([each for each in range(1, 20) if each >= since and each not in (3, 7, 8)])


def test_troubles_of_a_printer(database: Database, jobs: Jobs, make_request: MakeRequest) -> None:
    """The newest first, its own alone."""
    for number, (outcome, words) in enumerate(
        [(Outcome.REFUSED, "no such size"), (Outcome.UNAVAILABLE, "broke off")], start=1
    ):
        jobs.submission.add(make_request())
        claim = begin(jobs) if number == 1 else jobs.claims.claim(number, "oki-1")
        assert claim is not None
        held = replace(SENT, state=State.HELD, reason=words)
        jobs.claims.finish(claim, outcome, words, settlement=held)
    jobs.submission.add(make_request())
    print_job(jobs, 3, "oki-1")
    found = Day(database).troubles("oki-1", 10)
    assert [(each.job_id, each.outcome, each.words) for each in found] == [
        (2, "unavailable", "broke off"),
        (1, "refused", "no such size"),
    ]
    assert Day(database).troubles("oki-2", 10) == []
