"""What is finished goes after its time: pixels first, rows later, nothing else ever."""

from __future__ import annotations

import pytest

from broker.model.job import Outcome, State
from broker.model.retry import Settlement
from broker.store.database import Database
from broker.store.jobs import Jobs, NoSuchJob, NotAllowed
from broker.store.retention import BATCH, Removal, Retention, Terms
from tests.store.conftest import Clock, MakeRequest

PIXELS_ONLY = Terms(pixels_before=2000.0, rows_before=0.0)
EVERYTHING = Terms(pixels_before=2000.0, rows_before=2000.0)


@pytest.fixture
def retention(database: Database, clock: Clock) -> Retention:
    """Of the same database as the jobs."""
    return Retention(database, clock)


def _finish(jobs: Jobs, number: int) -> None:
    claim = jobs.claim(number, "oki-1")
    assert claim is not None
    for film in jobs.films(number):
        jobs.asked(claim, film.id)
        jobs.accepted(claim, film.id)
    jobs.finish(claim, Outcome.ACCEPTED, "", settlement=Settlement(State.SENT, ""))


def test_pixels_of_finished_jobs_go_and_their_rows_stay(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """The spool is asked to keep nothing of it; the job says so, and cannot be printed again."""
    jobs.add(make_request())
    _finish(jobs, 1)

    assert retention.due(PIXELS_ONLY) == Removal(pixels=1)
    assert retention.remove(PIXELS_ONLY) == Removal(pixels=1)

    assert jobs.spooled() == set()
    assert jobs.get(1).pixels_removed_at == 1000.0
    with pytest.raises(NotAllowed, match="its pixels have been removed since; print it at the mod"):
        jobs.reprint(1)
    assert retention.remove(PIXELS_ONLY) == Removal()


def test_a_label_goes_with_the_pixels(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """It may name a patient; what else was asked for the film session stays to be looked up."""
    session = {"FilmSessionLabel": ("DOE^JANE",), "MediumType": ("BLUE FILM",)}
    jobs.add(make_request(session=session))
    _finish(jobs, 1)
    assert jobs.request(1).session == session

    retention.remove(PIXELS_ONLY)

    assert jobs.request(1).session == {"MediumType": ("BLUE FILM",)}


def test_pixels_that_another_job_needs_stay(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """Two jobs of the same content have one file, which goes with the second."""
    for _ in range(2):
        jobs.add(make_request())
    _finish(jobs, 1)

    retention.remove(EVERYTHING)

    assert jobs.spooled() == {"ab" * 32}


def test_rows_go_later(jobs: Jobs, retention: Retention, make_request: MakeRequest) -> None:
    """Films, sendings and attempts go with their job; its number is never given again."""
    jobs.add(make_request(2))
    _finish(jobs, 1)

    assert retention.due(EVERYTHING) == Removal(pixels=1, rows=1)
    assert retention.remove(EVERYTHING) == Removal(pixels=1, rows=1)

    with pytest.raises(NoSuchJob):
        jobs.films(1)
    assert jobs.add(make_request()) == 2


@pytest.mark.parametrize("state", ["queued", "printing", "held"])
def test_what_is_not_finished_stays(
    jobs: Jobs, retention: Retention, make_request: MakeRequest, state: str
) -> None:
    """However old it is: only a person cancels (promise 5)."""
    jobs.add(make_request())
    if state == "printing":
        jobs.claim(1, "oki-1")
    if state == "held":
        jobs.hold(1)

    assert retention.remove(Terms(1e12, 1e12)) == Removal()
    assert jobs.get(1).state == state
    assert jobs.spooled() == {"ab" * 32}


def test_what_has_just_ended_stays(
    jobs: Jobs, clock: Clock, retention: Retention, make_request: MakeRequest
) -> None:
    """The time counts from the end of a job, not from when it came."""
    jobs.add(make_request())
    clock.now = 2500.0
    jobs.cancel(1)

    assert retention.remove(EVERYTHING) == Removal()


def test_much_goes_in_several_steps(
    jobs: Jobs, retention: Retention, make_request: MakeRequest
) -> None:
    """A writer waits for one batch at most; what referred to a job that is gone stays whole."""
    for _ in range(BATCH + 1):
        jobs.add(make_request())
    for number in range(1, BATCH + 2):
        jobs.cancel(number)
    again = jobs.reprint(1)

    assert retention.remove(EVERYTHING) == Removal(pixels=BATCH, rows=BATCH)
    assert retention.remove(EVERYTHING) == Removal(pixels=1, rows=1)
    assert jobs.get(again).reprint_of is None
