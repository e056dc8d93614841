"""Operator commands: each one in each state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from broker.model.jobs.job import FilmState, Job, Level, Outcome, Priority, State
from broker.store.printers import Printers
from broker.store.queue.commands import NotAllowed
from broker.store.queue.jobs import Jobs
from broker.store.reading.job_rows import NoSuchJob
from tests.peers.attempts import SENT, begin, leave_uncertain
from tests.store.conftest import Clock, MakeRequest

Command = Callable[[Jobs], object]

COMMANDS: dict[str, Command] = {
    "hold": lambda jobs: jobs.commands.hold(1),
    "release": lambda jobs: jobs.commands.release(1),
    "cancel": lambda jobs: jobs.commands.cancel(1),
    "move": lambda jobs: jobs.commands.move(1, "oki-2"),
    "reprint": lambda jobs: jobs.commands.reprint(1),
    "priority": lambda jobs: jobs.commands.priority(1, Priority.HIGH),
}

FINISHED = r"`broker jobs reprint 1` prints it (again|after all)"


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

SITUATIONS = [
    (command, before, after) for command in TABLE for before, after in TABLE[command].items()
]


@pytest.fixture(autouse=True)
def _pool(printers: Printers) -> None:
    assert len(printers.list()) == 2


def _bring(jobs: Jobs, before: str) -> None:
    """Bring job 1 into that state."""
    match before:
        case "printing":
            begin(jobs)
        case "held":
            jobs.commands.hold(1)
        case "uncertain":
            leave_uncertain(jobs)
        case "sent":
            jobs.claims.finish(begin(jobs), Outcome.ACCEPTED, "", settlement=SENT)
        case "cancelled":
            jobs.commands.cancel(1)


@pytest.mark.parametrize(("command", "before", "after"), SITUATIONS)
def test_each_command_in_each_state(
    jobs: Jobs, make_request: MakeRequest, command: str, before: str, after: State | str
) -> None:
    """The job moves where the table says, or job, state and remedy are named and none moves."""
    jobs.submission.add(make_request(2))
    _bring(jobs, before)
    found = jobs.queries.get(1)

    if isinstance(after, State):
        COMMANDS[command](jobs)
        assert jobs.queries.get(1).state is after
    else:
        with pytest.raises(NotAllowed, match=f"job 1 is {found.state}: .*{after}"):
            COMMANDS[command](jobs)
        assert jobs.queries.list() == [found]


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_on_no_job_says_so(jobs: Jobs, command: Command) -> None:
    """Every command names the number that there is no job of."""
    with pytest.raises(NoSuchJob, match="no job 1"):
        command(jobs)


def test_a_held_job_waits_for_nothing(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """It says why, and since when; no printer's turn is kept for it."""
    jobs.submission.add(make_request())
    jobs.claims.line_up({1: "oki-2"})
    clock.now = 1200.0

    jobs.commands.hold(1, "the patient's name is wrong on it")

    job = jobs.queries.get(1)
    assert (job.reason, job.printer) == ("the patient's name is wrong on it", "")
    assert (job.assigned_at, job.updated_at, job.load) == (None, 1200.0, 0)


@pytest.mark.parametrize("command", ["hold", "cancel"])
def test_a_printing_job_hears_of_the_command(
    jobs: Jobs, make_request: MakeRequest, command: str
) -> None:
    """The attempt reads it before its next film; the latest command is the one that counts."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    jobs.commands.hold(1)
    jobs.commands.cancel(1)
    COMMANDS[command](jobs)

    assert (jobs.claims.command(claim), jobs.queries.get(1).command) == (command, command)


def test_a_reprint_is_a_new_job_of_the_same_films(
    jobs: Jobs, clock: Clock, make_request: MakeRequest
) -> None:
    """All films and copies again, in a film session of its own; the old job stays as it is."""
    request = make_request(2, level=Level.FILM_SESSION, copies=3, priority=Priority.HIGH)
    jobs.submission.add(request, pinned="oki-1")
    leave_uncertain(jobs)
    before = jobs.queries.get(1)
    clock.now = 1400.0

    number = jobs.commands.reprint(1)

    job = jobs.queries.get(number)
    assert (job.state, job.reprint_of, job.created_at) == (State.QUEUED, 1, 1400.0)
    assert (job.copies, job.load, job.priority) == (3, 6, Priority.HIGH)
    assert (job.pinned, job.attempts) == ("", 0)
    assert len(job.film_session) == 32
    assert jobs.queries.request(number).films == request.films
    assert {film.state for film in jobs.queries.films(number)} == {FilmState.WAITING}
    # Each of them names the other.
    assert job.remark == "film 2 of job 1 may be on paper, too"
    told = replace(before, remark="printed again as job 2", reason=jobs.queries.get(1).reason)
    assert jobs.queries.get(1) == told
    assert told.reason == f"printed again as job 2; {before.reason}"


def test_an_urgent_job_comes_first(jobs: Jobs, make_request: MakeRequest) -> None:
    """A change of priority is a change of turn."""
    for _ in range(3):
        jobs.submission.add(make_request())

    jobs.commands.priority(3, Priority.HIGH)
    jobs.commands.priority(1, Priority.LOW)

    assert [(job.id, job.priority) for job in jobs.queries.waiting()] == [
        (3, Priority.HIGH),
        (2, Priority.MED),
        (1, Priority.LOW),
    ]


def test_a_command_may_come_from_another_thread_at_any_time(
    jobs: Jobs, make_request: MakeRequest
) -> None:
    """A hold that comes too late for the queue waits for the attempt, and is not lost."""
    jobs.submission.add(make_request())
    queued: Job = jobs.queries.get(1)
    claim = begin(jobs)
    assert queued.state is State.QUEUED

    jobs.commands.hold(queued.id)

    assert jobs.claims.command(claim) == "hold"
