"""Questions about jobs: lists, the order in which they are to be printed, and their cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from broker.model.jobs.job import Outcome, Priority, State
from broker.model.printers.retry import Settlement
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.commands import JobControl
from broker.store.queue.jobs import Jobs
from broker.store.reading.job_rows import NoSuchJob
from broker.store.reading.queries import JobQueries, finished_lately
from broker.store.reading.shown_state import all_in
from tests.peers.attempts import SENT, begin, print_films
from tests.store.conftest import Clock, MakeFilm, MakeRequest


def test_jobs_are_listed_by_number(jobs: Jobs, make_request: MakeRequest) -> None:
    """By state, from either end, and no more than asked for."""
    for _ in range(4):
        jobs.submission.add(make_request())
    jobs.commands.cancel(2)
    jobs.commands.hold(3)

    def numbers(**options: Any) -> list[int]:
        return [job.id for job in jobs.queries.list(**options)]

    assert numbers() == [1, 2, 3, 4]
    assert numbers(newest_first=True, limit=2) == [4, 3]
    assert numbers(limit=2) == [1, 2]
    assert numbers(states={State.QUEUED, State.HELD}) == [1, 3, 4]
    assert numbers(states=[State.PRINTED]) == []


def test_a_job_that_finishes_meanwhile_is_in_the_overview_once(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """It is among the unfinished ones or among the finished ones of the same reading."""
    for _ in range(60):
        jobs.submission.add(make_request())
    cancelling = threading.Thread(
        target=lambda: [jobs.commands.cancel(job_id) for job_id in range(1, 61)]
    )
    cancelling.start()
    seen, readings = [], []
    while not readings or cancelling.is_alive():
        unfinished, finished = jobs.queries.overview(since=0.0, most=100)
        readings.append(sorted(job.id for job in unfinished + finished))
        seen.append(len(finished))
    cancelling.join()
    assert all(reading == list(range(1, 61)) for reading in readings)
    assert len(set(seen)) > 3


def test_the_overview_has_what_finished_since_then(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """The newest of them first; what is not finished is there however old it is."""
    for _ in range(5):
        jobs.submission.add(make_request())
    for clock.now, job_id in [(1100.0, 1), (1200.0, 2), (1300.0, 4)]:
        jobs.commands.cancel(job_id)

    def numbers(since: float, most: int) -> tuple[list[int], list[int]]:
        unfinished, finished = jobs.queries.overview(since, most)
        return [job.id for job in unfinished], [job.id for job in finished]

    assert numbers(since=1200.0, most=10) == ([3, 5], [4, 2])
    assert numbers(since=0.0, most=1) == ([3, 5], [4])


def test_the_overview_takes_finished_jobs_by_their_end(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """A job that was held for long and is settled now is told before newer ones that ended
    earlier."""
    for _ in range(4):
        jobs.submission.add(make_request())
    jobs.commands.hold(1)
    for clock.now, job_id in [(1100.0, 4), (1200.0, 3), (1300.0, 2), (1400.0, 1)]:
        jobs.commands.cancel(job_id)

    def ended(most: int) -> list[int]:
        return [job.id for job in jobs.queries.overview(0.0, most)[1]]

    assert ended(2) == [1, 2]
    assert ended(10) == [1, 2, 3, 4]


def test_what_ended_lately_is_found_through_the_index(database: Database) -> None:
    """However many jobs are kept, no more is read than is shown: the index of ends gives each
    state's last ones in their order."""
    compiled = finished_lately(0.0, 150).compile(
        dialect=database._engine.dialect, compile_kwargs={"literal_binds": True}
    )
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    steps = [row[-1] for row in plan]
    ends = [each for each in steps if "ix_jobs_ended (state=? AND updated_at>?)" in each]
    assert len(ends) == 3
    assert not [each for each in steps if each.startswith("SCAN jobs")]
    # The rows that are shown are put in order, and nothing else is.
    assert sum("B-TREE" in each for each in steps) == 1


@pytest.mark.parametrize("states", [frozenset(State), frozenset({State.HELD})], ids=["all", "held"])
def test_jobs_in_some_states_are_found_through_an_index(
    database: Database, states: frozenset[State]
) -> None:
    """Also those that are shown as held because their row is damaged."""
    compiled = all_in(states).compile(
        dialect=database._engine.dialect, compile_kwargs={"literal_binds": True}
    )
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
    assert not [row for row in plan if row[-1].startswith("SCAN jobs")]


def test_the_most_urgent_then_the_oldest_waits_first(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """Claims go by priority, then by number, as a clock may be set back; a job that may not begin
    yet keeps its place."""
    for now, priority in [(4, "LOW"), (3, "MED"), (2, "MED"), (2, "MED"), (9, "HIGH")]:
        clock.now = now
        jobs.submission.add(make_request(priority=Priority(priority)))
    claim = begin(jobs, 3)
    later = Settlement(State.QUEUED, "busy", not_before=99.0)
    jobs.claims.finish(claim, Outcome.UNAVAILABLE, "busy", settlement=later)

    assert [job.id for job in jobs.queries.waiting()] == [5, 2, 3, 4, 1]
    assert jobs.queries.waiting()[2].not_before == 99.0


def test_films_of_one_film_session_come_in_order(jobs: Jobs, make_request: MakeRequest) -> None:
    """Only the earliest job of a film session waits, however urgent the later ones are."""
    for priority in (Priority.LOW, Priority.HIGH, Priority.HIGH):
        jobs.submission.add(make_request(film_session="one", priority=priority))
    jobs.submission.add(make_request(film_session="two"))

    assert [job.id for job in jobs.queries.waiting()] == [4, 1]
    claim = begin(jobs)
    assert [job.id for job in jobs.queries.waiting()] == [4]
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=SENT)
    assert [job.id for job in jobs.queries.waiting()] == [2, 4]


@pytest.mark.parametrize("command", [JobControl.hold, JobControl.cancel])
def test_a_job_out_of_the_queue_blocks_nothing(
    jobs: Jobs, make_request: MakeRequest, command: Callable[[JobControl, int], None]
) -> None:
    """A film session goes on without the job that a person took out."""
    jobs.submission.add(make_request(film_session="one"))
    jobs.submission.add(make_request(film_session="one"))

    command(jobs.commands, 1)

    assert [job.id for job in jobs.queries.waiting()] == [2]


def test_a_film_session_stays_where_its_latest_film_is(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """The printer that accepted last; none before anything was accepted."""
    for _ in range(3):
        jobs.submission.add(make_request(2, film_session="one"))
    jobs.submission.add(make_request(film_session="two"))
    assert jobs.queries.session_printers() == {}

    print_films(jobs, 1, "oki-1")
    clock.now += 1
    print_films(jobs, 2, "oki-2", films=1)

    assert jobs.queries.session_printers() == {"one": "oki-2"}


def test_every_name_that_a_job_refers_to_is_known(
    jobs: Jobs, make_film: MakeFilm, make_request: MakeRequest
) -> None:
    """Names are those of all jobs, finished or not, each once."""
    assert jobs.references.spooled() == set()
    jobs.submission.add(make_request(films=(make_film("aa"), make_film("bb"))))
    jobs.submission.add(make_request(films=(make_film("bb"), make_film("cc", image_boxes=()))))
    jobs.commands.cancel(1)

    assert jobs.references.spooled() == {"aa", "bb"}


@pytest.mark.parametrize(
    "ask", [JobQueries.get, JobQueries.films, JobQueries.attempts, JobQueries.request]
)
def test_an_unknown_number_is_said_to_be_one(
    jobs: Jobs, ask: Callable[[JobQueries, int], object]
) -> None:
    """Every question about one job raises NoSuchJob, and names the number."""
    with pytest.raises(NoSuchJob, match="no job 7"):
        ask(jobs.queries, 7)


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """Every statement that any database executes."""
    seen: list[str] = []

    def hear(statement: str) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement)

    def listen(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(hear)

    event.listen(Engine, "begin", listen)
    yield seen
    event.remove(Engine, "begin", listen)


@pytest.mark.parametrize(
    "ask",
    [
        lambda jobs, _printers: jobs.queries.waiting(),
        lambda jobs, _printers: jobs.queries.list(),
        lambda jobs, _printers: jobs.queries.list({State.QUEUED}, limit=150),
        lambda _jobs, printers: printers.list(),
    ],
    ids=["waiting", "list", "list some", "printers"],
)
def test_many_jobs_take_as_many_queries_as_one(
    jobs: Jobs,
    printers: Printers,
    make_request: MakeRequest,
    queries: list[str],
    ask: Callable[[Jobs, Printers], list[object]],
) -> None:
    """No question costs a query for each row of its answer."""
    counts = []
    for more in (1, 200):
        for _ in range(more):
            jobs.claims.line_up({jobs.submission.add(make_request(2)): "oki-1"})
        queries.clear()
        assert ask(jobs, printers)
        counts.append(len(queries))

    assert counts[0] == counts[1] <= 5
