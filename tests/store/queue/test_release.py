"""A person lets a job go on, or moves it: what is uncertain is decided, what was is forgiven."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.printers import NoSuchPrinter, Printers
from broker.store.queue.commands import NotAllowed
from broker.store.queue.jobs import Jobs
from tests.peers.attempts import begin, leave_uncertain
from tests.store.conftest import Clock, MakeRequest


@pytest.fixture(autouse=True)
def _pool(printers: Printers) -> None:
    assert len(printers.list()) == 2


def test_released_uncertain_films_are_printed_again(jobs: Jobs, make_request: MakeRequest) -> None:
    """The person says that they are not on paper: they wait, and what was accepted stays so."""
    jobs.submission.add(make_request(3))
    leave_uncertain(jobs)

    jobs.commands.release(1)

    assert [str(film.state) for film in jobs.queries.films(1)] == ["accepted", "waiting", "waiting"]
    second = jobs.queries.films(1)[1]
    assert (second.printer, second.asked_at, second.words) == ("", None, "")
    job = jobs.queries.get(1)
    assert (job.state, job.reason, job.printer) == (State.QUEUED, "", "")


def test_films_seen_on_paper_are_not_printed_again(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """With `printed` the uncertain film is settled, and only what is left is printed."""
    jobs.submission.add(make_request(3))
    leave_uncertain(jobs)
    clock.now = 1300.0

    jobs.commands.release(1, printed=True)

    assert [str(film.state) for film in jobs.queries.films(1)] == [
        "accepted",
        "accepted",
        "waiting",
    ]
    second = jobs.queries.films(1)[1]
    assert (second.printer, second.accepted_at) == ("oki-1", 1300.0)
    assert second.words == "settled by the operator as printed"
    assert jobs.queries.get(1).state is State.QUEUED


def test_a_released_job_with_nothing_left_is_sent(jobs: Jobs, make_request: MakeRequest) -> None:
    """When the uncertain film was the last one, its job is done where it was printed."""
    jobs.submission.add(make_request(2))
    leave_uncertain(jobs)

    jobs.commands.release(1, printed=True)

    job = jobs.queries.get(1)
    assert (job.state, job.reason, job.printer) == (State.SENT, "", "oki-1")


def test_saying_printed_of_a_film_that_was_not_asked_for_prints_nothing(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A person who says that a held film is on paper must not get it a second time."""
    jobs.submission.add(make_request())
    jobs.commands.hold(1)

    with pytest.raises(NotAllowed, match="it has no uncertain film, so nothing is released"):
        jobs.commands.release(1, printed=True)

    assert jobs.queries.get(1).state is State.HELD


@pytest.mark.parametrize(
    "command",
    [lambda jobs: jobs.commands.release(1), lambda jobs: jobs.commands.move(1, "oki-2")],
    ids=["release", "move"],
)
def test_a_person_forgives_strikes(
    jobs: Jobs, make_request: MakeRequest, command: Callable[[Jobs], None]
) -> None:
    """The job begins anew: earlier attempts stay on record, and count no more; later ones do."""
    jobs.submission.add(make_request())
    again = Settlement(State.QUEUED, "no", not_before=9999.0)
    jobs.claims.finish(begin(jobs), Outcome.REFUSED, "no", strike=True, settlement=again)
    assert len(jobs.queries.get(1).strikes) == 1
    jobs.commands.hold(1)

    command(jobs)

    job = jobs.queries.get(1)
    assert (job.attempts, job.strikes, job.not_before, job.reason) == (1, (), 0.0, "")
    claim = begin(jobs, 1, job.pinned or "oki-1")
    jobs.claims.finish(claim, Outcome.REFUSED, "again", strike=True, settlement=again)
    assert [strike.words for strike in jobs.queries.get(1).strikes] == ["again"]


def test_a_moved_job_is_pinned(jobs: Jobs, make_request: MakeRequest) -> None:
    """It goes to that printer and waits for no other; a second move changes that."""
    jobs.submission.add(make_request())
    jobs.claims.line_up({1: "oki-1"})
    jobs.commands.move(1, "oki-2")
    moved = jobs.queries.get(1)
    jobs.commands.move(1, "oki-1")

    assert (moved.pinned, moved.printer, moved.assigned_at) == ("oki-2", "", None)
    assert jobs.queries.get(1).pinned == "oki-1"


def test_a_job_is_moved_to_a_printer_that_there_is(jobs: Jobs, make_request: MakeRequest) -> None:
    """The words name the printers that there are, and the job stays where it was."""
    jobs.submission.add(make_request())
    before = jobs.queries.get(1)

    with pytest.raises(NoSuchPrinter, match=re.escape("no printer oki-9; there are: oki-1, oki-2")):
        jobs.commands.move(1, "oki-9")

    assert jobs.queries.get(1) == before


def test_a_job_that_prints_again_by_the_sites_choice_may_be_moved(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """Its uncertain film is queued already: there is nothing that a person has to settle first."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.uncertain(claim, film.id, "no answer")
    again = Settlement(State.QUEUED, "printing again")
    jobs.claims.finish(claim, Outcome.UNCERTAIN, "no answer", settlement=again)

    jobs.commands.move(1, "oki-2")

    assert (jobs.queries.get(1).state, jobs.queries.get(1).pinned) == (State.QUEUED, "oki-2")


def test_a_job_with_nothing_left_is_not_moved(jobs: Jobs, make_request: MakeRequest) -> None:
    """All its films were accepted: printing them elsewhere is a reprint."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)
    failed = Settlement(State.HELD, "the printer reports FILM JAM")
    jobs.claims.finish(claim, Outcome.ACCEPTED, "", settlement=failed)

    with pytest.raises(NotAllowed, match="`broker jobs reprint 1` prints them again"):
        jobs.commands.move(1, "oki-2")
