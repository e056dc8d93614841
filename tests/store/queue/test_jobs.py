"""Jobs: what goes in comes out, and what attempts at it leave behind."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from broker.model.films.film import PresentationLut
from broker.model.jobs.job import (
    FilmState,
    Level,
    Outcome,
    PrintRequest,
    Priority,
    Sending,
    State,
    Strike,
)
from broker.store import tables
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.peers.attempts import AGAIN, begin, print_films
from tests.store.conftest import Clock, MakeFilm, MakeRequest


def _order(films: list[Sending]) -> list[tuple[int, int, int]]:
    return [(film.pass_number, film.number, film.copies) for film in films]


def test_a_new_job_says_what_was_asked_for(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """Every field of the job comes from the request or is that of an untouched job."""
    clock.now = 1234.5
    request = make_request(2, copies=3, priority=Priority.HIGH)

    job = jobs.queries.get(jobs.submission.add(request, pinned="oki-2"))

    assert (job.id, job.state, job.reason) == (1, State.QUEUED, "")
    assert (job.calling_ae, job.called_ae, job.peer) == ("CT1", "BROKER", "10.0.0.9:4000")
    assert (job.film_session, job.level) == ("session-1", Level.FILM_BOX)
    assert (job.films, job.films_accepted, job.copies, job.load) == (2, 0, 3, 6)
    assert (job.priority, job.needs_lut) == (Priority.HIGH, False)
    assert (job.printer, job.pinned, job.assigned_at) == ("", "oki-2", None)
    assert (job.attempts, job.strikes, job.not_before, job.command) == (0, (), 0.0, "")
    assert (job.reprint_of, job.created_at, job.updated_at) == (None, 1234.5, 1234.5)


def test_a_request_comes_back_as_it_was(
    jobs: Jobs, make_film: MakeFilm, make_request: MakeRequest
) -> None:
    """Session and films, tables too, are the frozen copy of what the modality asked for."""
    lut = PresentationLut(descriptor=(4096, 0, 12), table=bytes(range(256)) * 32)
    films = (make_film("cd" * 32), make_film(lut=lut))
    request = make_request(films=films, session={"FilmSessionLabel": ("M\xfcller",)}, copies=4)

    number = jobs.submission.add(request)

    assert jobs.queries.request(number) == request
    assert [each.film for each in jobs.queries.films(number)] == list(films)
    assert jobs.queries.get(number).needs_lut is True


@pytest.mark.parametrize(
    ("level", "films", "copies", "expected"),
    [
        (Level.FILM_SESSION, 2, 3, [(p, n, 1) for p in (1, 2, 3) for n in (1, 2)]),
        (Level.FILM_SESSION, 1, 3, [(1, 1, 3)]),
        (Level.FILM_SESSION, 2, 1, [(1, 1, 1), (1, 2, 1)]),
        (Level.FILM_BOX, 1, 3, [(1, 1, 3)]),
    ],
)
def test_copies_of_a_film_session_are_collated(
    jobs: Jobs,
    make_request: MakeRequest,
    level: Level,
    films: int,
    copies: int,
    expected: list[tuple[int, int, int]],
) -> None:
    """Several films of a film session come as 1 2 1 2, all others as copies made by the printer."""
    number = jobs.submission.add(make_request(films, level=level, copies=copies))

    assert _order(jobs.queries.films(number)) == expected
    assert jobs.queries.get(number).load == films * copies


def test_a_collated_film_is_accepted_with_its_last_pass(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A film counts as accepted when a printer has accepted every copy; the load falls by one."""
    number = jobs.submission.add(make_request(2, level=Level.FILM_SESSION, copies=2))
    claim = begin(jobs, number)
    seen = []
    for film in jobs.queries.films(number):
        jobs.claims.asked(claim, film.id)
        jobs.claims.accepted(claim, film.id)
        job = jobs.queries.get(number)
        seen.append((job.films_accepted, job.load))

    assert seen == [(0, 3), (0, 2), (1, 1), (2, 0)]


def test_a_job_without_films_is_a_mistake(jobs: Jobs, make_request: MakeRequest) -> None:
    """It is refused, and nothing of it is left."""
    with pytest.raises(ValueError, match="at least one film"):
        jobs.submission.add(make_request(films=()))

    assert jobs.queries.list() == []


def test_an_attempt_tells_how_it_ended(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """It runs without outcome, and ends with one; a strike is a strike of the job."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    (running,) = jobs.queries.attempts(1)
    clock.now += 5
    jobs.claims.finish(
        claim, Outcome.REFUSED, "0x0106", permanent=True, strike=True, settlement=AGAIN
    )
    (ended,) = jobs.queries.attempts(1)

    assert (running.outcome, running.ended_at, running.words) == (None, None, "")
    assert (ended.id, ended.job_id, ended.printer) == (claim.attempt_id, 1, "oki-1")
    assert (ended.outcome, ended.words) == (Outcome.REFUSED, "0x0106")
    assert (ended.began_at, ended.ended_at) == (1000.0, 1005.0)
    job = jobs.queries.get(1)
    assert (job.attempts, job.strikes) == (1, (Strike("oki-1", True, "0x0106"),))


def test_only_strikes_count_as_strikes(jobs: Jobs, make_request: MakeRequest) -> None:
    """An attempt that failed by the printer's doing is an attempt, and no strike."""
    jobs.submission.add(make_request())
    for strike in (True, False, True):
        claim = begin(jobs)
        jobs.claims.finish(claim, Outcome.UNAVAILABLE, "gone", strike=strike, settlement=AGAIN)

    job = jobs.queries.get(1)
    assert (job.attempts, len(job.strikes)) == (3, 2)


def test_a_number_is_never_given_twice(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """A job's number stays its own when the job is gone, with all that belonged to it."""
    jobs.submission.add(make_request())
    print_films(jobs, jobs.submission.add(make_request(2)))
    with database.write() as connection:
        connection.execute(tables.jobs.delete())

    assert jobs.submission.add(make_request()) == 3
    with database.read() as connection:
        for table in (tables.films, tables.sendings, tables.spooled):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 1
        assert connection.execute(select(tables.attempts)).all() == []


def test_a_film_that_waits_again_keeps_what_the_printer_said(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A failure status says that the film was not printed: it waits, and no printer has it."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.not_printed(claim, film.id, "0xC602: queue full")

    (film,) = jobs.queries.films(1)
    assert (film.state, film.printer, film.asked_at) == (FilmState.WAITING, "", None)
    assert film.words == "0xC602: queue full"


def test_equal_requests_are_two_jobs(jobs: Jobs, make_request: MakeRequest) -> None:
    """A modality that asks twice for the same film gets it twice."""
    request: PrintRequest = make_request()

    assert [jobs.submission.add(request), jobs.submission.add(request)] == [1, 2]
