"""A film that is printed again without an answer in between is remembered as long as its job."""

from __future__ import annotations

import pytest

from broker.model.jobs.job import FilmState, Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.queue.claims import ClaimLost
from broker.store.queue.jobs import Jobs
from broker.store.reading.queries import PrintedAgain
from tests.peers.attempts import begin, leave_uncertain, print_films
from tests.store.conftest import Clock, MakeRequest

AGAIN = PrintedAgain(1, 2, "oki-1", 1000.0, waits=False)


def test_a_person_prints_it_again(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """Of the uncertain film, and of no other; the next try and its end do not hide it."""
    jobs.submission.add(make_request(3))
    leave_uncertain(jobs)
    assert jobs.queries.printed_again({1}) == []
    clock.now = 2000.0

    jobs.commands.release(1)
    print_films(jobs, 1, "oki-2")

    assert jobs.queries.get(1).state is State.SENT
    assert jobs.queries.printed_again({1}) == jobs.queries.printed_again(range(1, 200)) == [AGAIN]
    assert jobs.queries.printed_again({2}) == []


def test_a_person_has_seen_it(jobs: Jobs, make_request: MakeRequest) -> None:
    """What is settled as printed is not printed again: there is nothing to remember."""
    jobs.submission.add(make_request(3))
    leave_uncertain(jobs)

    jobs.commands.release(1, printed=True)

    assert jobs.queries.printed_again({1}) == []


def test_the_site_prints_it_again_after_a_stop(jobs: Jobs, make_request: MakeRequest) -> None:
    """As often as it happens."""
    jobs.submission.add(make_request())
    for _ in range(2):
        claim = begin(jobs)
        jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
        jobs.recovery.recover("reprint")

    assert [(each.number, each.printer) for each in jobs.queries.printed_again({1})] == [
        (1, "oki-1")
    ] * 2


def test_the_site_prints_it_again_after_silence(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """The job is queued with its uncertain film; a request for it again first says so."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.uncertain(claim, film.id, "no answer")
    again = Settlement(State.QUEUED, "no answer")
    jobs.claims.finish(claim, Outcome.UNCERTAIN, "no answer", strike=True, settlement=again)
    assert jobs.queries.printed_again({1}) == []
    clock.now = 2000.0

    jobs.claims.asked(begin(jobs, 1, "oki-2"), film.id)

    assert jobs.queries.printed_again({1}) == [PrintedAgain(1, 1, "oki-1", 1000.0, waits=False)]


def test_a_late_writer_leaves_no_uncertain_film(jobs: Jobs, make_request: MakeRequest) -> None:
    """An attempt whose job was taken from it changes nothing, here neither."""
    jobs.submission.add(make_request())
    late = begin(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(late, film.id)
    jobs.recovery.recover("hold")

    with pytest.raises(ClaimLost):
        jobs.claims.asked(late, film.id)

    assert jobs.queries.printed_again({1}) == []
    assert jobs.queries.films(1)[0].state is FilmState.UNCERTAIN


def test_a_film_that_waits_again_may_yet_be_seen(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """A person lets it print, stops that, and finds it: it is settled as it was asked for first."""
    jobs.submission.add(make_request(3))
    leave_uncertain(jobs)
    jobs.commands.release(1)
    assert [each.waits for each in jobs.queries.printed_again({1})] == [True]
    jobs.commands.hold(1)
    clock.now = 3000.0

    jobs.commands.release(1, printed=True)

    second = jobs.queries.films(1)[1]
    assert (second.state, second.printer) == (FilmState.ACCEPTED, "oki-1")
    assert (second.asked_at, second.accepted_at) == (1000.0, 3000.0)
    assert (jobs.queries.printed_again({1}), jobs.queries.get(1).films_accepted) == ([], 2)
