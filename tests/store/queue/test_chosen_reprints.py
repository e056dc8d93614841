"""A reprint with a choice: where it goes, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.jobs.job import Outcome, Priority, State
from broker.model.jobs.reprint import ReprintChoice, UnfitChoice
from broker.model.printers.choose import AVOIDED, plan
from broker.model.printers.printer import Health
from broker.model.printers.retry import Settlement
from broker.store.printers import NoSuchPrinter, Printers
from broker.store.queue.jobs import Jobs
from broker.store.reading.duplicates import Twin
from tests.peers.attempts import SENT, begin, leave_uncertain
from tests.store.conftest import Clock, MakeRequest


@pytest.fixture(autouse=True)
def _pool(printers: Printers) -> None:
    assert [each.name for each in printers.list()] == ["oki-1", "oki-2"]


def sent(jobs: Jobs, make_request: MakeRequest, films: int = 1) -> None:
    """Job 1, made by oki-1."""
    jobs.submission.add(make_request(films))
    claim = begin(jobs)
    assert claim.printer == "oki-1"
    for each in jobs.queries.films(1):
        jobs.claims.asked(claim, each.id)
        jobs.claims.accepted(claim, each.id)
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=SENT)


def test_one_film_is_printed_again(jobs: Jobs, make_request: MakeRequest) -> None:
    """The row says which of which job, and how."""
    sent(jobs, make_request, films=3)
    jobs.commands.reprint(1, ReprintChoice(films=(2,), copies=2, film_size="A4"))
    job, (film,) = jobs.queries.get(2), jobs.queries.films(2)
    assert (job.films, job.copies, film.copies) == (1, 2, 2)
    assert film.film.film_size == "A4"
    assert job.remark == "film 2 alone, 2 copies of job 1 on A4"


def test_a_printer_is_chosen(jobs: Jobs, make_request: MakeRequest) -> None:
    """It and no other; one that there is not is named."""
    sent(jobs, make_request)
    jobs.commands.reprint(1, ReprintChoice(printer="oki-2"))
    assert jobs.queries.get(2).pinned == "oki-2"
    with pytest.raises(NoSuchPrinter, match="there is no printer oki-9"):
        jobs.commands.reprint(1, ReprintChoice(printer="oki-9"), again=True)


def test_not_on_the_printer_that_made_it(
    jobs: Jobs, printers: Printers, make_request: MakeRequest, clock: Clock
) -> None:
    """It waits for another though that one is idle; a move takes it back."""
    sent(jobs, make_request)
    jobs.commands.reprint(1, ReprintChoice(elsewhere=True))
    job = jobs.queries.get(2)
    assert job.avoided == {"oki-1"}
    up = [each for each in printers.list() if each.name == "oki-1"]
    up = [type(each)(**{**vars(each), "health": Health.UP}) for each in up]
    (choice,) = plan([job], up, clock.now, {})
    assert not choice.claim_now
    assert [(each.printer, each.why) for each in choice.passed_over] == [("oki-1", AVOIDED)]
    assert "`broker jobs move 2 --any`" in choice.why
    jobs.commands.move(2, "")
    assert jobs.queries.get(2).avoided == frozenset()


def test_a_printer_must_be_left(jobs: Jobs, printers: Printers, make_request: MakeRequest) -> None:
    """What could never print is refused at once."""
    sent(jobs, make_request)
    with pytest.raises(UnfitChoice, match="oki-1: it made job 1"):
        jobs.commands.reprint(1, ReprintChoice(printer="oki-1", elsewhere=True))
    printers.sync([each.address for each in printers.list()][:1])
    with pytest.raises(UnfitChoice, match="there is no printer but oki-1: it made job 1"):
        jobs.commands.reprint(1, ReprintChoice(elsewhere=True))
    assert len(jobs.queries.list()) == 1


def test_an_uncertain_film_is_told_beside_the_choice(jobs: Jobs, make_request: MakeRequest) -> None:
    """It may be on paper, too."""
    jobs.submission.add(make_request(2))
    leave_uncertain(jobs)
    jobs.commands.reprint(1, ReprintChoice(films=(2,)))
    remark = jobs.queries.get(2).remark
    assert remark == "film 2 alone of job 1; film 2 of job 1 may be on paper, too"
    jobs.commands.reprint(1, ReprintChoice(films=(1,)), again=True)
    assert jobs.queries.get(3).remark == "film 1 alone of job 1"


def test_a_held_job_says_which_of_its_films_were_printed_again(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """Or a person cancels those that never were; a reprint that is cancelled takes it back."""
    jobs.submission.add(make_request(3))
    jobs.commands.hold(1)
    jobs.commands.reprint(1, ReprintChoice(films=(2, 3)))
    assert jobs.queries.get(1).remark == "films 2, 3 printed again as job 2"
    jobs.commands.cancel(2)
    assert jobs.queries.get(1).remark == ""


@pytest.mark.parametrize(
    "choice",
    [ReprintChoice(film_size="A4"), ReprintChoice(medium="PAPER"), ReprintChoice()],
    ids=["size", "medium", "as it was"],
)
def test_a_reprint_is_the_later_twin_of_its_held_job(
    jobs: Jobs, make_request: MakeRequest, choice: ReprintChoice
) -> None:
    """However it was chosen, the held job says so, and says it once it is released; not of a
    reprint that was cancelled before anything was printed."""
    jobs.submission.add(make_request())
    jobs.commands.hold(1)
    jobs.commands.reprint(1, choice)
    assert jobs.queries.came_again() == {1: Twin(2, "possible duplicate of job 2")}
    jobs.commands.cancel(2)
    assert jobs.queries.came_again() == {}
    jobs.commands.reprint(1, choice)
    jobs.commands.release(1)
    job = jobs.queries.get(1)
    assert job.remark == "printed again as job 3; possible duplicate of job 3"
    assert job.duplicate_of == 3


def test_films_that_were_printed_again_in_another_size_are_named(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """Those that the held job has yet to print; another reprint adds its own."""
    jobs.submission.add(make_request(3))
    claim = begin(jobs)
    first = jobs.queries.films(1)[0]
    jobs.claims.asked(claim, first.id)
    jobs.claims.accepted(claim, first.id)
    held = Settlement(State.HELD, "no paper")
    jobs.claims.finish(claim, Outcome.REFUSED, "no paper", settlement=held)
    jobs.commands.reprint(1, ReprintChoice(films=(1, 3), film_size="A4"))
    assert jobs.queries.came_again() == {1: Twin(2, "film 3: possible duplicate of job 2")}
    jobs.commands.reprint(1, ReprintChoice(films=(2,), medium="PAPER"), again=True)
    assert jobs.queries.came_again() == {1: Twin(2, "films 2, 3: possible duplicate of job 2")}


def test_what_belonged_to_the_old_medium_is_told(jobs: Jobs, make_request: MakeRequest) -> None:
    """The remark says what the film is printed without; what was chosen is kept beside the film,
    through a restart."""
    request = make_request()
    film = replace(request.films[0], attributes={"MaxDensity": ("300",)})
    session = {"MediumType": ("BLUE FILM",)}
    jobs.submission.add(replace(request, session=session, films=(film,)))
    jobs.commands.hold(1)
    jobs.commands.reprint(1, ReprintChoice(medium="PAPER", film_size="A4"))
    assert jobs.queries.get(2).remark == (
        "job 1 on A4, PAPER; without MaxDensity, made for BLUE FILM"
    )
    (sending,) = jobs.queries.whole_films(2)
    assert sending.film.attributes == {"FilmSizeID": ("A4",)}
    assert sending.film.chosen == ("FilmSizeID", "MediumType")


def test_a_reprint_is_held_to_the_sites_sheets(jobs: Jobs, make_request: MakeRequest) -> None:
    """And nothing is queued."""
    sent(jobs, make_request, films=3)
    with pytest.raises(UnfitChoice, match="3 films in 4 copies are 12 sheets"):
        jobs.commands.reprint(1, ReprintChoice(copies=4), sheets=10)
    assert len(jobs.queries.list()) == 1
    jobs.commands.reprint(1, ReprintChoice(copies=3), sheets=10)


def test_an_emergency_goes_before_all_that_wait(jobs: Jobs, make_request: MakeRequest) -> None:
    """The newest emergency first; another priority takes it back."""
    for _ in range(4):
        jobs.submission.add(make_request())
    jobs.commands.priority(2, Priority.HIGH)
    jobs.commands.priority(4, Priority.HIGH, first=True)
    jobs.commands.priority(3, Priority.HIGH, first=True)
    waiting = jobs.queries.waiting()
    assert [each.id for each in waiting] == [3, 4, 2, 1]
    assert sorted(waiting, key=lambda each: each.turn) == list(waiting)
    jobs.commands.priority(3, Priority.LOW)
    assert [each.id for each in jobs.queries.waiting()] == [4, 2, 1, 3]
    assert jobs.queries.get(4).state is State.QUEUED


def test_an_emergency_keeps_its_film_session_in_order(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """Put to the front, a later job of a film session still waits for the earlier one of it
    (promise 8), and goes as soon as that has."""
    for _ in range(2):
        jobs.submission.add(make_request(film_session="one"))
    jobs.submission.add(make_request())
    jobs.commands.priority(2, Priority.HIGH, first=True)
    assert [each.id for each in jobs.queries.waiting()] == [1, 3]
    jobs.claims.finish(begin(jobs), Outcome.ACCEPTED, "", settlement=SENT)
    assert [each.id for each in jobs.queries.waiting()] == [2, 3]
