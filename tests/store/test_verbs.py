"""The operator's verbs: each one in each state."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from broker.model.job import Claim, FilmState, Job, Level, Outcome, Priority, State
from broker.model.retry import Settlement
from broker.store.jobs import Jobs, NoSuchJob, NotAllowed
from broker.store.printers import NoSuchPrinter, Printers
from tests.store.conftest import Clock, MakeRequest

Verb = Callable[[Jobs], object]

VERBS: dict[str, Verb] = {
    "hold": lambda jobs: jobs.hold(1),
    "release": lambda jobs: jobs.release(1),
    "cancel": lambda jobs: jobs.cancel(1),
    "move": lambda jobs: jobs.move(1, "oki-2"),
    "reprint": lambda jobs: jobs.reprint(1),
    "priority": lambda jobs: jobs.priority(1, Priority.HIGH),
}

FINISHED = r"`broker jobs reprint 1` prints it again"

# What becomes of the job's state, or what the person is told.
TABLE: dict[str, dict[str, State | str]] = {
    "hold": {
        "queued": State.HELD,
        "printing": State.PRINTING,
        "held": r"`broker jobs release 1` lets it print",
        "uncertain": r"`broker jobs release 1` lets it print",
        "sent": FINISHED,
        "cancelled": FINISHED,
    },
    "release": {
        "queued": r"only a held job can be released",
        "printing": r"only a held job can be released",
        "held": State.QUEUED,
        "uncertain": State.QUEUED,
        "sent": FINISHED,
        "cancelled": FINISHED,
    },
    "cancel": {
        "queued": State.CANCELLED,
        "printing": State.PRINTING,
        "held": State.CANCELLED,
        "uncertain": State.CANCELLED,
        "sent": FINISHED,
        "cancelled": FINISHED,
    },
    "move": {
        "queued": State.QUEUED,
        "printing": r"`broker jobs hold 1` first",
        "held": State.QUEUED,
        "uncertain": r"may be on paper already; `broker jobs release 1` first",
        "sent": FINISHED,
        "cancelled": FINISHED,
    },
    "reprint": {
        "queued": r"wait, or `broker jobs cancel 1` first",
        "printing": r"wait, or `broker jobs cancel 1` first",
        "held": State.HELD,
        "uncertain": State.HELD,
        "sent": State.SENT,
        "cancelled": State.CANCELLED,
    },
    "priority": {
        "queued": State.QUEUED,
        "printing": r"its turn has come",
        "held": State.HELD,
        "uncertain": State.HELD,
        "sent": FINISHED,
        "cancelled": FINISHED,
    },
}

SITUATIONS = [(verb, before, after) for verb in TABLE for before, after in TABLE[verb].items()]


@pytest.fixture(autouse=True)
def _pool(printers: Printers) -> None:
    assert len(printers.list()) == 2


def _claim(jobs: Jobs) -> Claim:
    claim = jobs.claim(1, "oki-1")
    assert claim is not None
    return claim


def _uncertain(jobs: Jobs) -> None:
    """Job 1 is held, its first film accepted and its second one in doubt."""
    claim = _claim(jobs)
    first, second, *_ = jobs.films(1)
    jobs.asked(claim, first.id)
    jobs.accepted(claim, first.id)
    jobs.asked(claim, second.id)
    jobs.recover()


def _bring(jobs: Jobs, before: str) -> None:
    """Bring job 1 into that state."""
    match before:
        case "printing":
            _claim(jobs)
        case "held":
            jobs.hold(1)
        case "uncertain":
            _uncertain(jobs)
        case "sent":
            sent = Settlement(State.SENT, "")
            jobs.finish(_claim(jobs), Outcome.ACCEPTED, "", settlement=sent)
        case "cancelled":
            jobs.cancel(1)


@pytest.mark.parametrize(("verb", "before", "after"), SITUATIONS)
def test_each_verb_in_each_state(
    jobs: Jobs, make_request: MakeRequest, verb: str, before: str, after: State | str
) -> None:
    """A verb moves the job where the table says, or names job, state and remedy, and moves none."""
    jobs.add(make_request(2))
    _bring(jobs, before)
    found = jobs.get(1)

    if isinstance(after, State):
        VERBS[verb](jobs)
        assert jobs.get(1).state is after
    else:
        with pytest.raises(NotAllowed, match=f"job 1 is {found.state}: .*{after}"):
            VERBS[verb](jobs)
        assert jobs.list() == [found]


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_a_verb_on_no_job_says_so(jobs: Jobs, verb: Verb) -> None:
    """Every verb names the number that there is no job of."""
    with pytest.raises(NoSuchJob, match="no job 1"):
        verb(jobs)


def test_a_held_job_waits_for_nobody(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """It says why, and since when; no printer's turn is kept for it."""
    jobs.add(make_request())
    jobs.line_up({1: "oki-2"})
    clock.now = 1200.0

    jobs.hold(1, "the patient's name is wrong on it")

    job = jobs.get(1)
    assert (job.reason, job.printer) == ("the patient's name is wrong on it", "")
    assert (job.assigned_at, job.updated_at, job.load) == (None, 1200.0, 0)


@pytest.mark.parametrize("wish", ["hold", "cancel"])
def test_a_printing_job_hears_of_the_wish(jobs: Jobs, make_request: MakeRequest, wish: str) -> None:
    """The attempt reads it before its next film; the latest wish is the one that counts."""
    jobs.add(make_request())
    claim = _claim(jobs)
    jobs.hold(1)
    jobs.cancel(1)
    VERBS[wish](jobs)

    assert (jobs.wish(claim), jobs.get(1).wish) == (wish, wish)


def test_released_films_in_doubt_are_printed_again(jobs: Jobs, make_request: MakeRequest) -> None:
    """The person says that they are not on paper: they wait, and what was accepted stays so."""
    jobs.add(make_request(3))
    _uncertain(jobs)

    jobs.release(1)

    assert [str(film.state) for film in jobs.films(1)] == ["accepted", "waiting", "waiting"]
    second = jobs.films(1)[1]
    assert (second.printer, second.asked_at, second.words) == ("", None, "")
    job = jobs.get(1)
    assert (job.state, job.reason, job.printer) == (State.QUEUED, "", "")


def test_films_seen_on_paper_are_not_printed_again(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """With `printed` the film in doubt is settled, and only what is left is printed."""
    jobs.add(make_request(3))
    _uncertain(jobs)
    clock.now = 1300.0

    jobs.release(1, printed=True)

    assert [str(film.state) for film in jobs.films(1)] == ["accepted", "accepted", "waiting"]
    second = jobs.films(1)[1]
    assert (second.printer, second.accepted_at) == ("oki-1", 1300.0)
    assert second.words == "settled by the operator as printed"
    assert jobs.get(1).state is State.QUEUED


def test_a_released_job_with_nothing_left_is_sent(jobs: Jobs, make_request: MakeRequest) -> None:
    """When the film in doubt was the last one, its job is done where it was printed."""
    jobs.add(make_request(2))
    _uncertain(jobs)

    jobs.release(1, printed=True)

    job = jobs.get(1)
    assert (job.state, job.reason, job.printer) == (State.SENT, "", "oki-1")


@pytest.mark.parametrize("verb", ["release", "move"])
def test_a_person_forgives_strikes(jobs: Jobs, make_request: MakeRequest, verb: str) -> None:
    """The job begins anew: earlier attempts stay on record, and count no more; later ones do."""
    jobs.add(make_request())
    again = Settlement(State.QUEUED, "no", not_before=9999.0)
    jobs.finish(_claim(jobs), Outcome.REFUSED, "no", strike=True, settlement=again)
    assert len(jobs.get(1).strikes) == 1
    jobs.hold(1)

    VERBS[verb](jobs)

    job = jobs.get(1)
    assert (job.attempts, job.strikes, job.not_before, job.reason) == (1, (), 0.0, "")
    claim = jobs.claim(1, job.pinned or "oki-1")
    assert claim is not None
    jobs.finish(claim, Outcome.REFUSED, "again", strike=True, settlement=again)
    assert [strike.words for strike in jobs.get(1).strikes] == ["again"]


def test_a_moved_job_is_pinned(jobs: Jobs, make_request: MakeRequest) -> None:
    """It goes to that printer and waits for no other; a second move changes that."""
    jobs.add(make_request())
    jobs.line_up({1: "oki-1"})
    jobs.move(1, "oki-2")
    moved = jobs.get(1)
    jobs.move(1, "oki-1")

    assert (moved.pinned, moved.printer, moved.assigned_at) == ("oki-2", "", None)
    assert jobs.get(1).pinned == "oki-1"


def test_a_job_is_moved_to_a_printer_that_there_is(jobs: Jobs, make_request: MakeRequest) -> None:
    """The words name the printers that there are, and the job stays where it was."""
    jobs.add(make_request())
    before = jobs.get(1)

    with pytest.raises(NoSuchPrinter, match=re.escape("no printer oki-9; there are: oki-1, oki-2")):
        jobs.move(1, "oki-9")

    assert jobs.get(1) == before


def test_a_job_that_prints_again_by_the_sites_choice_may_be_moved(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """Its film in doubt is queued already: there is nothing that a person has to settle first."""
    jobs.add(make_request())
    claim = _claim(jobs)
    (film,) = jobs.films(1)
    jobs.asked(claim, film.id)
    jobs.uncertain(claim, film.id, "no answer")
    again = Settlement(State.QUEUED, "printing again")
    jobs.finish(claim, Outcome.UNCERTAIN, "no answer", settlement=again)

    jobs.move(1, "oki-2")

    assert (jobs.get(1).state, jobs.get(1).pinned) == (State.QUEUED, "oki-2")


def test_a_job_with_nothing_left_is_not_moved(jobs: Jobs, make_request: MakeRequest) -> None:
    """All its films were accepted: printing them elsewhere is a reprint."""
    jobs.add(make_request())
    claim = _claim(jobs)
    (film,) = jobs.films(1)
    jobs.asked(claim, film.id)
    jobs.accepted(claim, film.id)
    failed = Settlement(State.HELD, "the printer reports FILM JAM")
    jobs.finish(claim, Outcome.ACCEPTED, "", settlement=failed)

    with pytest.raises(NotAllowed, match="`broker jobs reprint 1` prints them again"):
        jobs.move(1, "oki-2")


def test_a_reprint_is_a_new_job_of_the_same_films(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """All films and copies again, in a film session of its own; the old job stays as it is."""
    request = make_request(2, level=Level.FILM_SESSION, copies=3, priority=Priority.HIGH)
    jobs.add(request, pinned="oki-1")
    _uncertain(jobs)
    before = jobs.get(1)
    clock.now = 1400.0

    number = jobs.reprint(1)

    job = jobs.get(number)
    assert (job.state, job.reprint_of, job.created_at) == (State.QUEUED, 1, 1400.0)
    assert (job.copies, job.load, job.priority) == (3, 6, Priority.HIGH)
    assert (job.pinned, job.attempts) == ("", 0)
    assert len(job.film_session) == 32
    assert jobs.request(number).films == request.films
    assert {film.state for film in jobs.films(number)} == {FilmState.WAITING}
    assert jobs.get(1) == before


def test_an_urgent_job_comes_first(jobs: Jobs, make_request: MakeRequest) -> None:
    """A change of priority is a change of turn."""
    for _ in range(3):
        jobs.add(make_request())

    jobs.priority(3, Priority.HIGH)
    jobs.priority(1, Priority.LOW)

    assert [(job.id, job.priority) for job in jobs.waiting()] == [
        (3, Priority.HIGH),
        (2, Priority.MED),
        (1, Priority.LOW),
    ]


def test_a_verb_may_come_from_another_thread_at_any_time(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A hold that comes too late for the queue becomes a wish, and never gets lost."""
    jobs.add(make_request())
    queued: Job = jobs.get(1)
    claim = _claim(jobs)
    assert queued.state is State.QUEUED

    jobs.hold(queued.id)

    assert jobs.wish(claim) == "hold"


def test_saying_printed_of_a_film_that_nobody_asked_for_prints_nothing(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A person who says that a held film is on paper must not get it a second time."""
    jobs.add(make_request())
    jobs.hold(1)

    with pytest.raises(NotAllowed, match="it has no uncertain film, so nothing is released"):
        jobs.release(1, printed=True)

    assert jobs.get(1).state is State.HELD
