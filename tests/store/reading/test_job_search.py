"""Finding jobs: what each condition means, pages below a cursor, and what a question costs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from broker.model.jobs.job import Outcome, State
from broker.model.jobs.job_filter import JobFilter
from broker.model.printers.retry import Settlement
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from broker.store.reading.job_search import JobSearch
from tests.store.conftest import Clock, MakeRequest


@pytest.fixture
def search(database: Database) -> JobSearch:
    """As every face has it."""
    return JobSearch(database)


def numbers(
    search: JobSearch, limit: int = 100, cursor: int | None = None, **given: Any
) -> list[int]:
    """Of the jobs that are found."""
    return [job.id for job in search.page(JobFilter(**given), limit, cursor).jobs]


def test_every_condition_must_hold(
    jobs: Jobs, search: JobSearch, clock: Clock, make_request: MakeRequest
) -> None:
    """Modality, state and time of arrival, each alone and together; the newest come first."""
    for caller in ("CT1", "MR1", "CT1", "CT11"):
        clock.now += 100
        jobs.submission.add(make_request(calling_ae=caller))
    jobs.commands.hold(1)
    jobs.commands.cancel(2)

    assert numbers(search) == [4, 3, 2, 1]
    assert numbers(search, modality="CT1") == [3, 1]
    assert numbers(search, modality="ct1") == [3, 1]
    assert numbers(search, modality="CT") == []
    assert numbers(search, states=frozenset({State.HELD, State.CANCELLED})) == [2, 1]
    assert numbers(search, since=1200.0) == [4, 3, 2]
    assert numbers(search, until=1200.0) == [1]
    assert numbers(search, since=1200.0, until=1400.0, modality="CT1") == [3]


def test_a_printer_has_all_that_it_printed_tried_or_waits_for(
    jobs: Jobs, search: JobSearch, printers: Printers, make_request: MakeRequest
) -> None:
    """Also a job that went on elsewhere, and one that a person bound to it."""
    del printers
    for _ in range(5):
        jobs.submission.add(make_request())

    def tried(job_id: int, printer: str, state: State) -> None:
        claim = jobs.claims.claim(job_id, printer)
        assert claim is not None
        settlement = Settlement(state, "")
        jobs.claims.finish(claim, Outcome.UNAVAILABLE, "", settlement=settlement)

    tried(1, "oki-1", State.SENT)
    tried(2, "oki-1", State.QUEUED)
    tried(2, "oki-2", State.SENT)
    tried(3, "oki-1", State.QUEUED)
    jobs.commands.move(4, "oki-1")

    assert numbers(search, printer="oki-1") == [4, 3, 2, 1]
    assert numbers(search, printer="OKI-2") == [2]
    assert numbers(search, printer="oki") == []


def test_text_stands_in_titles_reasons_and_numbers_and_nothing_of_a_patient(
    jobs: Jobs, search: JobSearch, make_request: MakeRequest
) -> None:
    """In any case and as it is: no character of it means something else. Labels are not looked
    through."""
    session = {"FilmSessionLabel": ("Doe^John",)}
    for caller in ("CT_ROOM", "CTXROOM", "MR1"):
        jobs.submission.add(make_request(calling_ae=caller, called_ae="LASER", session=session))
    jobs.commands.hold(3, "Wrong film: 100% blue")

    assert numbers(search, text="ct_room") == [1]
    assert numbers(search, text="laser") == [3, 2, 1]
    assert numbers(search, text="wrong FILM") == [3]
    assert numbers(search, text="0% b") == [3]
    assert numbers(search, text="%") == [3]
    assert numbers(search, text="2") == [2]
    assert numbers(search, text="9" * 30) == []
    assert numbers(search, text="Doe") == numbers(search, text="session") == []


def test_a_damaged_state_is_found_as_it_is_shown(
    jobs: Jobs, search: JobSearch, database: Database, make_request: MakeRequest
) -> None:
    """Held."""
    for _ in range(2):
        jobs.submission.add(make_request())
    with database.write() as connection:
        connection.execute(text("UPDATE jobs SET state = 'h@ld' WHERE id = 1"))
    assert numbers(search, states=frozenset({State.HELD})) == [1]


def test_pages_go_down_from_the_cursor(
    jobs: Jobs, search: JobSearch, make_request: MakeRequest
) -> None:
    """Each job is on one page, also when newer ones come meanwhile; the last page has no cursor."""
    for _ in range(5):
        jobs.submission.add(make_request())
    first = search.page(JobFilter(), 2)
    jobs.submission.add(make_request())
    second = search.page(JobFilter(), 2, first.cursor)
    third = search.page(JobFilter(), 2, second.cursor)
    found = [[job.id for job in each.jobs] for each in (first, second, third)]
    assert found == [[5, 4], [3, 2], [1]]
    assert third.cursor is None
    assert search.page(JobFilter(), 6).cursor is None
    assert search.page(JobFilter(), 2, 1).jobs == search.page(JobFilter(), 2, -5).jobs == []
    assert numbers(search, cursor=2**70) == [6, 5, 4, 3, 2, 1]


def test_one_question_looks_at_a_bounded_part(
    jobs: Jobs, database: Database, make_request: MakeRequest
) -> None:
    """What it has not come to is found from its cursor, until nothing is left."""
    for number in range(9):
        jobs.submission.add(make_request(calling_ae="CT1" if number in (0, 8) else "MR1"))
    search = JobSearch(database, looked_at=3)
    wanted = JobFilter(modality="CT1")

    first = search.page(wanted, 5)
    second = search.page(wanted, 5, first.cursor)
    third = search.page(wanted, 5, second.cursor)

    assert [job.id for job in first.jobs] == [9]
    assert (first.cursor, second.jobs, second.cursor) == (7, [], 4)
    assert [job.id for job in third.jobs] == [1]
    assert third.cursor is None
    assert list(search.numbers(wanted)) == [9, 1]


def test_all_numbers_are_found_and_their_rows_piece_by_piece(
    search: JobSearch, jobs: Jobs, make_request: MakeRequest
) -> None:
    """The newest first, as many as were asked for; a job that is gone by then is left out."""
    for _ in range(5):
        jobs.submission.add(make_request())
    assert list(search.numbers(JobFilter())) == [5, 4, 3, 2, 1]
    assert list(search.numbers(JobFilter(), 2)) == [5, 4]
    assert list(search.numbers(JobFilter(), 0)) == []
    assert [job.id for job in search.jobs([4, 9, 2])] == [2, 4]
    assert search.jobs([]) == []


def test_an_empty_queue_has_nothing(search: JobSearch) -> None:
    """No job, no number, no caller."""
    assert search.page(JobFilter(text="x"), 5).jobs == []
    assert search.page(JobFilter(), 5).cursor is None
    assert search.count(JobFilter(), 100) == 0
    assert search.callers() == []


def test_found_jobs_are_counted_up_to_a_bound(
    jobs: Jobs, search: JobSearch, make_request: MakeRequest
) -> None:
    """And the modalities that printed lately are known by name."""
    for caller in ("CT1", "MR1", "CT1"):
        jobs.submission.add(make_request(calling_ae=caller))
    assert search.count(JobFilter(modality="CT1"), 100) == 2
    assert search.count(JobFilter(), 2) == 2
    assert search.callers() == ["CT1", "MR1"]


@pytest.fixture
def asked(database: Database) -> Iterator[list[str]]:
    """Each query of the test."""
    del database
    found: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield found
    event.remove(Engine, "before_cursor_execute", note)


def test_a_page_takes_the_same_queries_whatever_is_found(
    jobs: Jobs, search: JobSearch, make_request: MakeRequest, asked: list[str]
) -> None:
    """One job or many, with all conditions; and they are answered from the index alone."""
    for _ in range(30):
        jobs.submission.add(make_request())
    wanted = JobFilter(frozenset({State.QUEUED}), "CT1", "", 1.0, 9e9, "ct1")

    def cost(limit: int) -> int:
        asked.clear()
        assert len(search.page(wanted, limit).jobs) == limit
        return len([each for each in asked if each.startswith("SELECT")])

    assert cost(10) == cost(30) <= 6


def test_the_index_has_all_that_is_asked_for(
    search: JobSearch, database: Database, asked: list[str]
) -> None:
    """No row of the table is read for what is not found."""
    search.page(JobFilter(frozenset(State), "a", "b", 1.0, 2.0, "c"), 10)
    (statement,) = [each for each in asked if "INDEXED BY" in each]
    bound = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", bound).all()
    assert "SEARCH jobs USING COVERING INDEX ix_jobs_found" in str(plan[0])
