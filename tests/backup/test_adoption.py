"""Adoption: what may have been printed is never printed by itself, and no number is given twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.backup import adoption
from broker.backup.adoption import AdoptCommand
from broker.model.jobs.job import FilmState, Outcome, State
from broker.model.storage.spool_fit import Progress
from broker.spool.binding import read_mark
from broker.store import identity
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.store.conftest import Clock, MakeRequest

ORDER = AdoptCommand("ruth", "adopt", "set back")


def adopt(database: Database, spool: Path, clock: Clock, mark: Progress | None = None) -> list[int]:
    """Adopt it; the jobs that were held."""
    return adoption.adopt(database, spool, mark, ORDER, clock)


def test_what_is_not_finished_is_held_and_flagged(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock, tmp_path: Path
) -> None:
    """Waiting, printing or held already: each film that no printer has accepted may be on paper."""
    for _ in range(5):
        jobs.submission.add(make_request(2))
    jobs.commands.cancel(5)
    jobs.commands.hold(3, "held by the operator: wrong size")
    claim, asked = jobs.claims.claim(1, "oki-1"), jobs.claims.claim(2, "oki-1")
    assert claim is not None
    assert asked is not None
    jobs.claims.asked(asked, jobs.queries.films(2)[0].id)
    jobs.claims.accepted(asked, jobs.queries.films(2)[0].id)
    jobs.claims.asked(asked, jobs.queries.films(2)[1].id)

    assert adopt(database, tmp_path, clock) == [1, 2, 3, 4]

    assert [job.state for job in jobs.queries.list()] == [State.HELD] * 4 + [State.CANCELLED]
    assert jobs.queries.get(1).reason == "it may be on paper already: set back"
    assert jobs.queries.get(3).reason == (
        "it may be on paper already: set back; before that: held by the operator: wrong size"
    )
    states = [[film.state for film in jobs.queries.films(number)] for number in (1, 2, 3, 4)]
    uncertain = FilmState.UNCERTAIN
    assert states == [
        [uncertain, uncertain],
        [FilmState.ACCEPTED, uncertain],
        [uncertain, uncertain],
        [uncertain, uncertain],
    ]
    assert jobs.queries.films(2)[1].printer == "oki-1"
    assert jobs.queries.attempts(1)[0].outcome is Outcome.UNCERTAIN
    assert jobs.queries.waiting() == []
    assert jobs.recovery.recover() == []


def test_a_person_prints_them_again_or_closes_them(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock, tmp_path: Path
) -> None:
    """A film that is printed again stays flagged; one that was seen needs no paper."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    adopt(database, tmp_path, clock)

    jobs.commands.release(1)
    jobs.commands.release(2, printed=True)

    assert jobs.queries.get(1).state is State.QUEUED
    assert [uncertain.number for uncertain in jobs.queries.printed_again([1])] == [1]
    assert jobs.queries.get(2).state is State.SENT


@pytest.mark.parametrize(("mark_jobs", "following"), [(40, 41), (1, 3)])
def test_no_number_is_given_twice(
    database: Database,
    jobs: Jobs,
    make_request: MakeRequest,
    clock: Clock,
    tmp_path: Path,
    mark_jobs: int,
    following: int,
) -> None:
    """Neither of a job nor of a change: both go on from whichever is ahead."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    mark = Progress("ab" * 16, 900, mark_jobs, 1000.0)

    adopt(database, tmp_path, clock, mark)

    found = identity.seen(database).progress
    assert read_mark(tmp_path) == found
    assert found is not None
    assert found.changes > 900
    assert jobs.submission.add(make_request()) == following


def test_a_new_database_goes_on_with_the_numbers(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock, tmp_path: Path
) -> None:
    """Also where it never had a job."""
    assert adopt(database, tmp_path, clock, Progress("ab" * 16, 5, 40, 1.0)) == []
    assert jobs.submission.add(make_request()) == 41


def test_it_is_recorded_who_said_so(database: Database, clock: Clock, tmp_path: Path) -> None:
    """With the time and the words."""
    adopt(database, tmp_path, clock)
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT at, who, verb, words FROM orders").all()
    assert [tuple(row) for row in rows] == [(1000.0, "ruth", "adopt", "set back")]
