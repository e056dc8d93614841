"""Films that a modality sends again are flagged or held, and never dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import update

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from broker.store.reading.duplicates import Rule
from broker.store.tables import films
from tests.peers.attempts import leave_uncertain
from tests.store.conftest import Clock, MakeFilm, MakeRequest

RULE = Rule(window_s=900.0)
FLAG = "possible duplicate of job 1"


def test_an_equal_film_of_the_same_modality_is_flagged(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """It is queued all the same, and says in every state which job it equals."""
    jobs.submission.add(make_request(), rule=RULE)
    again = jobs.queries.get(jobs.submission.add(make_request(), rule=RULE))

    assert (again.state, again.duplicate_of, again.reason) == (State.QUEUED, 1, FLAG)
    assert jobs.queries.get(1).duplicate_of is None
    claim = jobs.claims.claim(2, "oki-1")
    assert claim is not None
    assert jobs.queries.get(2).reason == FLAG
    jobs.claims.finish(
        claim, Outcome.UNAVAILABLE, "", settlement=Settlement(State.HELD, "no paper")
    )
    assert jobs.queries.get(2).reason == f"{FLAG}; no paper"
    jobs.commands.release(2)
    assert jobs.queries.get(2).reason == FLAG


@pytest.mark.parametrize(
    "changed",
    [
        {"calling_ae": "MR1"},
        {"pixels": "cd" * 32},
        {"attributes": {"ImageDisplayFormat": ("STANDARD\\1,2",)}},
        {"attributes": {"ImageDisplayFormat": ("STANDARD\\1,1",), "FilmSizeID": ("A4",)}},
    ],
    ids=["another modality", "another image", "another layout", "another size"],
)
def test_a_film_that_differs_is_no_duplicate(
    jobs: Jobs, make_film: MakeFilm, make_request: MakeRequest, changed: dict[str, object]
) -> None:
    """Content, layout and modality must all be equal."""
    jobs.submission.add(make_request(), rule=RULE)
    calling_ae = changed.pop("calling_ae", "CT1")
    films = (make_film(**changed),)  # type: ignore[arg-type]

    other = jobs.queries.get(
        jobs.submission.add(make_request(films=films, calling_ae=calling_ae), rule=RULE)
    )

    assert (other.duplicate_of, other.reason) == (None, "")


def test_the_order_of_attributes_makes_no_difference(
    jobs: Jobs, make_film: MakeFilm, make_request: MakeRequest
) -> None:
    """What is seen on the sheet counts, not how it was sent."""
    film = make_film()
    turned = replace(film, attributes=dict(reversed(list(film.attributes.items()))))
    jobs.submission.add(make_request(films=(film,)), rule=RULE)

    assert (
        jobs.queries.get(jobs.submission.add(make_request(films=(turned,)), rule=RULE)).duplicate_of
        == 1
    )


@pytest.mark.parametrize(("later", "twin"), [(899.0, 1), (901.0, None), (-3600.0, 1)])
def test_only_within_the_window(
    jobs: Jobs, clock: Clock, make_request: MakeRequest, later: float, twin: int | None
) -> None:
    """An equal film is no news when it comes the next day; a clock set back hides none."""
    jobs.submission.add(make_request(), rule=RULE)
    clock.now += later

    assert jobs.queries.get(jobs.submission.add(make_request(), rule=RULE)).duplicate_of == twin


def test_the_rule_may_be_turned_off(jobs: Jobs, make_request: MakeRequest) -> None:
    """A window of no seconds looks for nothing."""
    jobs.submission.add(make_request())

    assert (
        jobs.queries.get(
            jobs.submission.add(make_request(), rule=Rule(0.0, hold=True))
        ).duplicate_of
        is None
    )


def test_a_site_may_want_them_held(jobs: Jobs, make_request: MakeRequest) -> None:
    """Then nothing prints before a person releases it; it is there, whole."""
    jobs.submission.add(make_request(), rule=Rule(900.0, hold=True))
    held = jobs.queries.get(jobs.submission.add(make_request(), rule=Rule(900.0, hold=True)))

    assert held.state is State.HELD
    assert held.reason == f"{FLAG}; a person decides whether it is printed again"
    assert [job.id for job in jobs.queries.waiting()] == [1]
    jobs.commands.release(2)
    assert [job.id for job in jobs.queries.waiting()] == [1, 2]


def test_the_films_that_are_equal_are_named(
    jobs: Jobs, make_film: MakeFilm, make_request: MakeRequest
) -> None:
    """Where only some of a job's films were printed before, the operator is told which."""
    jobs.submission.add(make_request(), rule=RULE)
    films = (make_film(), make_film("cd" * 32), make_film())

    job = jobs.queries.get(jobs.submission.add(make_request(films=films), rule=RULE))

    assert job.reason == f"films 1, 3: {FLAG}"


def test_what_was_cancelled_in_time_is_on_no_paper(jobs: Jobs, make_request: MakeRequest) -> None:
    """Printing again what a person cancelled is no duplicate, unless a printer had it already."""
    jobs.submission.add(make_request(), rule=RULE)
    jobs.commands.cancel(1)
    assert jobs.queries.get(jobs.submission.add(make_request(), rule=RULE)).duplicate_of is None

    claim = jobs.claims.claim(2, "oki-1")
    assert claim is not None
    jobs.claims.asked(claim, jobs.queries.films(2)[0].id)
    jobs.commands.cancel(2)
    jobs.recovery.recover()
    jobs.commands.cancel(2)
    assert jobs.queries.get(jobs.submission.add(make_request(), rule=RULE)).duplicate_of == 2


def test_of_several_the_first_is_named(jobs: Jobs, make_request: MakeRequest) -> None:
    """A modality that sends a film five times points to the one that was wanted."""
    numbers = [jobs.submission.add(make_request(), rule=RULE) for _ in range(4)]

    assert [jobs.queries.get(number).duplicate_of for number in numbers] == [None, 1, 1, 1]


def test_a_reprint_is_asked_for_and_no_duplicate(jobs: Jobs, make_request: MakeRequest) -> None:
    """A person who wants a film again is not told so."""
    jobs.submission.add(make_request(), rule=RULE)
    jobs.commands.cancel(1)

    assert jobs.queries.get(jobs.commands.reprint(1)).duplicate_of is None


@pytest.mark.parametrize("command", ["release", "move"])
def test_a_job_that_goes_on_is_the_duplicate_of_what_came_meanwhile(
    jobs: Jobs, printers: Printers, make_film: MakeFilm, make_request: MakeRequest, command: str
) -> None:
    """Both print, and each says so; only films that are left count, and cancelled jobs do not."""
    two = (make_film("11" * 32), make_film("22" * 32), make_film("33" * 32))
    assert printers.list()
    jobs.submission.add(make_request(films=two))
    leave_uncertain(jobs)
    if command == "move":
        jobs.commands.release(1, printed=True)
        jobs.commands.hold(1)
    jobs.submission.add(make_request(films=(make_film("11" * 32),)))
    jobs.submission.add(make_request(films=(make_film("33" * 32),)))
    jobs.submission.add(make_request(films=(make_film("33" * 32),)))
    jobs.commands.cancel(3)
    before = jobs.queries.get(1).duplicate_of

    jobs.commands.release(1) if command == "release" else jobs.commands.move(1, "oki-2")

    flag = "film 3: possible duplicate of job 4"
    assert (before, jobs.queries.get(1).duplicate_of, jobs.queries.get(1).remark) == (None, 4, flag)


def test_one_flag_does_not_hide_another(jobs: Jobs, make_request: MakeRequest) -> None:
    """A job that was held as the duplicate of an earlier one, and whose film came once more: both
    are told, and each once."""
    for _ in range(3):
        jobs.submission.add(make_request(), rule=replace(RULE, hold=True))

    for _ in range(2):
        jobs.commands.release(2)
        jobs.commands.hold(2)

    both = f"{FLAG}; possible duplicate of job 3"
    assert (jobs.queries.get(2).duplicate_of, jobs.queries.get(2).remark) == (1, both)


def test_a_job_that_was_not_held_is_no_duplicate_of_later_ones(
    jobs: Jobs, printers: Printers, make_request: MakeRequest
) -> None:
    """A move while it waits changes nothing: the later one is flagged already."""
    assert printers.list()
    for _ in range(2):
        jobs.submission.add(make_request(), rule=RULE)

    jobs.commands.move(1, "oki-2")

    assert (jobs.queries.get(1).remark, jobs.queries.get(2).remark) == ("", FLAG)


def test_films_without_a_digest_are_no_duplicates(
    database: Database, jobs: Jobs, make_film: MakeFilm, make_request: MakeRequest
) -> None:
    """Those that an earlier version of the tables has kept: what is on them is not known."""
    for pixels in ("11" * 32, "22" * 32):
        jobs.submission.add(make_request(films=(make_film(pixels),)))
    jobs.commands.hold(1)
    with database.write() as connection:
        connection.execute(update(films).values(digest=""))

    assert jobs.queries.came_again() == {}
    jobs.commands.release(1)
    assert jobs.queries.get(1).remark == ""
