"""Recovery: what a broker that is gone left printing obeys the line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from broker.model.jobs.job import Claim, FilmState, Job, Level, Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.database import Database
from broker.store.queue import recovery
from broker.store.queue.claims import ClaimLost, left_to_print
from broker.store.queue.commands import JobControl
from broker.store.queue.jobs import Jobs
from tests.store.conftest import Clock, MakeRequest


def _claim(jobs: Jobs, job_id: int = 1) -> Claim:
    claim = jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    return claim


def _ended(jobs: Jobs, job_id: int = 1) -> tuple[Outcome | None, float | None, str]:
    attempt = jobs.queries.attempts(job_id)[-1]
    return attempt.outcome, attempt.ended_at, attempt.words


def test_nothing_asked_goes_back_to_the_queue(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """Before the line everything may be repeated; the attempt is no strike."""
    jobs.submission.add(make_request())
    _claim(jobs)
    clock.now = 1050.0

    (job,) = jobs.recovery.recover()

    assert job == jobs.queries.get(1)
    assert (job.state, job.printer, job.strikes) == (State.QUEUED, "", ())
    assert _ended(jobs) == (Outcome.UNAVAILABLE, 1050.0, "the broker stopped")
    assert [each.id for each in jobs.queries.waiting()] == [1]


def test_a_film_asked_for_is_held_for_a_person(jobs: Jobs, make_request: MakeRequest) -> None:
    """It may be on paper: it is not printed again unseen; what came before it stays accepted."""
    jobs.submission.add(make_request(3))
    claim = _claim(jobs)
    first, second, _ = jobs.queries.films(1)
    jobs.claims.asked(claim, first.id)
    jobs.claims.accepted(claim, first.id)
    jobs.claims.asked(claim, second.id)

    (job,) = jobs.recovery.recover("hold")

    assert (job.state, job.printer) == (State.HELD, "oki-1")
    assert job.reason == "film 2: uncertain, the broker stopped after asking oki-1"
    states = [film.state for film in jobs.queries.films(1)]
    assert states == [FilmState.ACCEPTED, FilmState.UNCERTAIN, FilmState.WAITING]
    assert jobs.queries.films(1)[1].asked_at == 1000.0
    assert _ended(jobs) == (Outcome.UNCERTAIN, 1000.0, "the broker stopped")


def test_a_film_asked_for_is_printed_again_where_the_site_chose_so(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """With reprint the film waits, and its job is queued from that film on."""
    jobs.submission.add(make_request(2))
    claim = _claim(jobs)
    first, second = jobs.queries.films(1)
    jobs.claims.asked(claim, first.id)
    jobs.claims.accepted(claim, first.id)
    jobs.claims.asked(claim, second.id)

    (job,) = jobs.recovery.recover("reprint")

    assert (job.state, job.printer, job.films_accepted) == (State.QUEUED, "", 1)
    assert [film.state for film in jobs.queries.films(1)] == [FilmState.ACCEPTED, FilmState.WAITING]
    assert _ended(jobs)[0] is Outcome.UNCERTAIN


@pytest.mark.parametrize(
    ("on_uncertain", "state"), [("hold", State.HELD), ("reprint", State.QUEUED)]
)
def test_a_film_already_uncertain_is_settled_alike(
    jobs: Jobs, make_request: MakeRequest, on_uncertain: str, state: State
) -> None:
    """The broker may stop between writing down that it is uncertain and settling the job."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.uncertain(claim, film.id, "no answer")

    (job,) = jobs.recovery.recover(on_uncertain)

    assert job.state is state


def test_a_job_with_every_film_accepted_was_sent(jobs: Jobs, make_request: MakeRequest) -> None:
    """The broker may stop between the last answer and settling the job: nothing is left to do."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)

    (job,) = jobs.recovery.recover()

    assert (job.state, job.printer, job.films_accepted) == (State.SENT, "oki-1", 1)
    assert _ended(jobs)[0] is Outcome.ACCEPTED


def test_only_the_pass_that_was_asked_for_is_uncertain(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """Of a collated request, passes before it are accepted and passes after it still wait."""
    jobs.submission.add(make_request(2, level=Level.FILM_SESSION, copies=2))
    claim = _claim(jobs)
    for film in jobs.queries.films(1)[:2]:
        jobs.claims.asked(claim, film.id)
        jobs.claims.accepted(claim, film.id)
    jobs.claims.asked(claim, jobs.queries.films(1)[2].id)

    (job,) = jobs.recovery.recover()

    assert job.reason == "film 1: uncertain, the broker stopped after asking oki-1"
    assert [str(film.state) for film in jobs.queries.films(1)] == [
        "accepted",
        "accepted",
        "uncertain",
        "waiting",
    ]


@pytest.mark.parametrize("command", ["hold", "cancel"])
def test_a_command_comes_before_printing_again(
    jobs: Jobs, make_request: MakeRequest, command: str
) -> None:
    """Where a person wanted to stop it, a film that may be on paper stays uncertain, also where the
    site prints again: they shall hear of it."""
    jobs.submission.add(make_request(2))
    claim = _claim(jobs)
    jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
    getattr(jobs.commands, command)(1)

    (job,) = jobs.recovery.recover("reprint", why="the attempt broke off")

    assert job.state is State.HELD
    assert job.reason == "film 1: uncertain, the attempt broke off after asking oki-1"
    assert [film.state for film in jobs.queries.films(1)] == [
        FilmState.UNCERTAIN,
        FilmState.WAITING,
    ]
    assert _ended(jobs) == (Outcome.UNCERTAIN, 1000.0, "the attempt broke off")


@pytest.mark.parametrize(
    ("command", "expected"), [(JobControl.hold, State.HELD), (JobControl.cancel, State.CANCELLED)]
)
def test_a_command_outlives_the_broker(
    jobs: Jobs,
    make_request: MakeRequest,
    command: Callable[[JobControl, int], None],
    expected: State,
) -> None:
    """What a person asked for while it was printing is done, rather than printing it after all."""
    jobs.submission.add(make_request())
    _claim(jobs)
    command(jobs.commands, 1)

    (job,) = jobs.recovery.recover()

    assert (job.state, job.command) == (expected, "")


def test_jobs_that_are_not_printing_are_left_alone(jobs: Jobs, make_request: MakeRequest) -> None:
    """Recovery touches nothing else, and a second one finds nothing."""
    for _ in range(4):
        jobs.submission.add(make_request())
    jobs.commands.hold(2)
    jobs.claims.finish(_claim(jobs, 3), Outcome.ACCEPTED, "", settlement=Settlement(State.SENT, ""))
    _claim(jobs, 4)

    def others() -> list[Job]:
        return [job for job in jobs.queries.list() if job.id != 4]

    before = others()
    assert [job.id for job in jobs.recovery.recover()] == [4]
    assert others() == before
    assert jobs.recovery.recover() == []


def test_running_attempts_are_left_alone(jobs: Jobs, make_request: MakeRequest) -> None:
    """Upkeep settles only what no thread works on; it asks when no claim can be new."""
    for _ in range(2):
        jobs.submission.add(make_request())
    running, abandoned = _claim(jobs, 1), _claim(jobs, 2)

    recovered = jobs.recovery.recover(running=lambda: {1})

    assert [job.id for job in recovered] == [2]
    assert jobs.claims.command(running) == ""
    with pytest.raises(ClaimLost):
        jobs.claims.command(abandoned)


def test_printing_again_ends_when_the_tries_are_used_up(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A film on which the broker dies each time is held, not printed for ever."""
    jobs.submission.add(make_request())
    states = []
    for _ in range(3):
        claim = _claim(jobs, 1)
        jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
        (job,) = jobs.recovery.recover("reprint", tries=3)
        states.append(job.state)

    assert states == [State.QUEUED, State.QUEUED, State.HELD]
    assert job.reason == "film 1: uncertain, the broker stopped after asking oki-1"
    assert jobs.queries.films(1)[0].state is FilmState.UNCERTAIN


def _spoil(database: Database, job_id: int) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET state = 'prioting' WHERE id = {job_id}")


def test_a_damaged_state_of_a_printing_job_leaves_its_film_uncertain(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """It was asked for: the attempt ends, the film may be on paper, and a late answer changes
    nothing. Released by a person, it prints as any other job."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
    _spoil(database, 1)

    assert jobs.recovery.hold_damaged() == [1]

    assert [film.state for film in jobs.queries.films(1)] == [FilmState.UNCERTAIN]
    assert _ended(jobs) == (Outcome.UNCERTAIN, 1000.0, "its row in the database is damaged (state)")
    assert [film.job_id for film in jobs.queries.unanswered()] == [1]
    with pytest.raises(ClaimLost):
        jobs.claims.accepted(claim, jobs.queries.films(1)[0].id)

    jobs.commands.release(1)
    claim = _claim(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=Settlement(State.SENT, ""))
    assert jobs.queries.get(1).state is State.SENT


def test_two_open_attempts_of_one_job_are_both_settled(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """An earlier version has left one open: the job, and the one beside it, are recovered."""
    for _ in range(2):
        jobs.submission.add(make_request())
    for job_id in (1, 2):
        _claim(jobs, job_id)
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO attempts (job_id, printer, began_at, outcome, words, permanent, strike)"
            " VALUES (1, 'oki-1', 1, '', '', 0, 0)"
        )

    assert [job.state for job in jobs.recovery.recover()] == [State.QUEUED] * 2
    assert all(attempt.ended_at is not None for attempt in jobs.queries.attempts(1))


@pytest.mark.parametrize(
    ("asked", "on_uncertain", "state", "film"),
    [
        (False, "hold", State.QUEUED, FilmState.WAITING),
        (True, "hold", State.HELD, FilmState.UNCERTAIN),
        (True, "reprint", State.QUEUED, FilmState.WAITING),
    ],
)
def test_a_printing_job_whose_attempt_has_no_row_is_settled_by_the_same_rule(
    database: Database,
    jobs: Jobs,
    make_request: MakeRequest,
    asked: bool,
    on_uncertain: str,
    state: State,
    film: FilmState,
) -> None:
    """The database was damaged or restored: the job does not print for ever, and its attempt is
    told, so that printing again counts."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    if asked:
        jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM attempts")
    assert jobs.recovery.recover(on_uncertain, running=lambda: {1}) == []

    (job,) = jobs.recovery.recover(on_uncertain)

    assert job.state is state
    assert [each.state for each in jobs.queries.films(1)] == [film]
    outcome = Outcome.UNCERTAIN if asked else Outcome.UNAVAILABLE
    assert _ended(jobs) == (outcome, 1000.0, "the broker stopped")
    assert len(job.strikes) == (on_uncertain == "reprint")
    assert jobs.recovery.recover(on_uncertain) == []
    if state is State.QUEUED:
        _claim(jobs)


def test_a_job_that_cannot_be_recovered_is_held_and_keeps_no_other(
    jobs: Jobs,
    make_request: MakeRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its rows contradict each other: its film is uncertain, and the others go on."""
    for _ in range(2):
        jobs.submission.add(make_request())
    claim = _claim(jobs, 1)
    jobs.claims.asked(claim, jobs.queries.films(1)[0].id)
    _claim(jobs, 2)
    settle = left_to_print

    def contradict(connection: Connection, job_id: int) -> int:
        if job_id == 1:
            raise ClaimLost("job 1 was taken from this attempt")
        return settle(connection, job_id)

    monkeypatch.setattr(recovery, "left_to_print", contradict)

    assert [job.state for job in jobs.recovery.recover()] == [State.HELD, State.QUEUED]
    assert jobs.queries.get(1).reason.startswith("its row in the database is damaged")
    assert [film.state for film in jobs.queries.films(1)] == [FilmState.UNCERTAIN]
    assert _ended(jobs, 1)[0] is Outcome.UNCERTAIN
