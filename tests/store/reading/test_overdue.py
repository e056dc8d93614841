"""What a person should be told of: held jobs that no person held, and jobs that do not move."""

from __future__ import annotations

import pytest

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.queue.jobs import Jobs
from broker.store.reading.duplicates import Rule
from tests.store.conftest import Clock, MakeRequest

TRIED = Settlement(State.HELD, "every printer refused it")


def _tried_without_success(jobs: Jobs, job_id: int) -> None:
    claim = jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    jobs.claims.finish(claim, Outcome.REFUSED, "oki-1 refused it", settlement=TRIED)


@pytest.mark.usefixtures("printers")
def test_a_job_that_a_person_held_is_no_news(jobs: Jobs, make_request: MakeRequest) -> None:
    """A person is not told of their own orders, but of what the broker held since."""
    refused, held = jobs.submission.add(make_request()), jobs.submission.add(make_request())
    _tried_without_success(jobs, refused)
    jobs.commands.hold(held)
    assert jobs.queries.held_by_broker() == [refused]

    jobs.commands.release(held)
    _tried_without_success(jobs, held)
    assert jobs.queries.held_by_broker() == [refused, held]


@pytest.mark.usefixtures("printers")
def test_a_person_who_held_it_hears_that_a_film_is_uncertain(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A person held it while it printed; why it is held is another matter now."""
    job_id = jobs.submission.add(make_request())
    claim = jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    jobs.commands.hold(job_id)
    uncertain = Settlement(State.HELD, "uncertain: film 1 may be on paper")
    jobs.claims.finish(claim, Outcome.UNCERTAIN, "no answer", settlement=uncertain)
    assert jobs.queries.held_by_broker() == [job_id]


def test_a_duplicate_that_waits_for_a_person_is_news(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """No printer has tried it, and no person held it."""
    rule = Rule(window_s=900, hold=True)
    jobs.submission.admit(make_request(), rule=rule)
    clock.now += 1
    again = jobs.submission.admit(make_request(), rule=rule)

    assert again.held
    assert jobs.queries.held_by_broker() == [again.job_id]


@pytest.mark.usefixtures("printers")
def test_a_job_that_is_tried_without_success_is_as_old_as_it_is(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """Queued or claimed, it waits; once a film has come out, it moves, and the next one counts."""
    assert jobs.queries.oldest_unmoved() is None
    first = jobs.submission.add(make_request(2))
    clock.now += 100
    second = jobs.submission.add(make_request())
    assert jobs.queries.oldest_unmoved() == 1000.0

    claim = jobs.claims.claim(first, "oki-1")
    assert claim is not None
    assert jobs.queries.oldest_unmoved() == 1000.0

    film = jobs.queries.films(first)[0]
    jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)
    assert jobs.queries.oldest_unmoved() == 1100.0

    clock.now += 100
    jobs.claims.finish(
        claim, Outcome.UNAVAILABLE, "jammed", settlement=Settlement(State.QUEUED, "")
    )
    again = jobs.claims.claim(first, "oki-2")
    assert again is not None
    assert jobs.queries.oldest_unmoved() == 1000.0, "this try has not moved it"
    assert jobs.queries.get(second).created_at == 1100.0
