"""Claims: one attempt at a time, and none that is late changes anything."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from broker.model.jobs.job import Claim, FilmState, Job, Outcome, Sending, State
from broker.model.printers.retry import PrinterVerdict, Settlement
from broker.store.printers import Printers
from broker.store.queue.claims import ClaimLost
from broker.store.queue.commands import JobControl
from broker.store.queue.jobs import Jobs
from tests.peers.other_process import OtherProcess
from tests.store.conftest import Clock, MakeRequest

AGAIN = Settlement(State.QUEUED, "busy", not_before=1010.0)
HELD = Settlement(State.HELD, "every printer refused it")
SENT = Settlement(State.SENT, "")

CLAIMS = """
    import sys
    from broker.store.database import Database
    from broker.store.queue.jobs import Jobs
    jobs = Jobs(Database.open(sys.argv[1]), lambda: 1.0)
    waiting = [job.id for job in jobs.queries.waiting()]
    print("ready")
    sys.stdin.readline()
    print(" ".join(str(job) for job in waiting if jobs.claims.claim(job, sys.argv[2])))
"""


def _claim(jobs: Jobs, job_id: int = 1, printer: str = "oki-1") -> Claim:
    claim = jobs.claims.claim(job_id, printer)
    assert claim is not None
    return claim


def _everything(jobs: Jobs) -> list[tuple[Job, list[Sending], object]]:
    return [
        (job, jobs.queries.films(job.id), jobs.queries.attempts(job.id))
        for job in jobs.queries.list()
    ]


def test_eight_threads_get_each_job_once(jobs: Jobs, make_request: MakeRequest) -> None:
    """However many want the same jobs at once, each job has exactly one attempt."""
    for _ in range(20):
        jobs.submission.add(make_request())
    together = threading.Barrier(8)

    def claim_all(thread: int) -> list[Claim]:
        together.wait()
        claims = [jobs.claims.claim(number, f"oki-{thread}") for number in range(1, 21)]
        return [claim for claim in claims if claim is not None]

    with ThreadPoolExecutor(8) as threads:
        claims = [claim for found in threads.map(claim_all, range(8)) for claim in found]

    assert Counter(claim.job_id for claim in claims) == Counter(range(1, 21))
    assert len({claim.token for claim in claims}) == 20
    assert [len(jobs.queries.attempts(number)) for number in range(1, 21)] == [1] * 20


def test_two_processes_get_each_job_once(url: str, jobs: Jobs, make_request: MakeRequest) -> None:
    """Two brokers on one database never attempt the same job."""
    for _ in range(40):
        jobs.submission.add(make_request())

    with OtherProcess(CLAIMS, url, "oki-1") as one, OtherProcess(CLAIMS, url, "oki-2") as other:
        assert (one.hear(), other.hear()) == ("ready", "ready")
        one.tell()
        other.tell()
        claimed = f"{one.hear()} {other.hear()}".split()

    assert sorted(map(int, claimed)) == list(range(1, 41))


def test_a_claimed_job_is_printing(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """It is at its printer, with a new attempt, and without the reason for which it waited."""
    jobs.submission.add(make_request())
    jobs.claims.finish(_claim(jobs), Outcome.UNAVAILABLE, "busy", settlement=AGAIN)
    clock.now = 1020.0

    claim = _claim(jobs, printer="oki-2")

    job = jobs.queries.get(1)
    assert (job.state, job.reason, job.printer) == (State.PRINTING, "", "oki-2")
    assert (job.attempts, job.updated_at, job.load) == (2, 1020.0, 1)
    assert [each.id for each in jobs.queries.attempts(1)][-1] == claim.attempt_id
    assert jobs.claims.claim(1, "oki-1") is None


def test_a_pinned_job_goes_to_no_other_printer(
    jobs: Jobs, printers: Printers, make_request: MakeRequest
) -> None:
    """A dispatcher that has not seen the move yet gets nothing."""
    assert [printer.name for printer in printers.list()] == ["oki-1", "oki-2"]
    jobs.submission.add(make_request())
    jobs.commands.move(1, "oki-2")

    assert jobs.claims.claim(1, "oki-1") is None
    assert jobs.claims.claim(1, "oki-2") is not None


def test_only_a_queued_job_is_lined_up(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """It waits for its printer from then on; a job that is not queued is left alone."""
    jobs.submission.add(make_request())
    clock.now = 1001.0

    jobs.claims.line_up({1: "oki-2"})
    assert (jobs.queries.get(1).printer, jobs.queries.get(1).assigned_at) == ("oki-2", 1001.0)
    jobs.commands.hold(1)
    before = jobs.queries.get(1)
    jobs.claims.line_up({1: "oki-1", 7: "oki-1"})
    assert jobs.queries.get(1) == before
    assert jobs.queries.get(1).printer == ""


def test_the_line_is_on_record(jobs: Jobs, clock: Clock, make_request: MakeRequest) -> None:
    """A film says when and where it was asked for, when it was accepted, and with which words."""
    jobs.submission.add(make_request(2))
    claim = _claim(jobs)
    first, second = jobs.queries.films(1)
    jobs.claims.asked(claim, first.id)
    asked = jobs.queries.films(1)[0]
    clock.now = 1003.0
    jobs.claims.accepted(claim, first.id, "0xB605: density limited")
    clock.now = 1004.0
    jobs.claims.asked(claim, second.id)
    jobs.claims.uncertain(claim, second.id, "no answer in 360 s")

    first, second = jobs.queries.films(1)
    assert (asked.state, asked.printer, asked.asked_at) == (FilmState.ASKED, "oki-1", 1000.0)
    assert (first.state, first.asked_at, first.accepted_at) == (FilmState.ACCEPTED, 1000.0, 1003.0)
    assert first.words == "0xB605: density limited"
    assert (second.state, second.asked_at, second.accepted_at) == (
        FilmState.UNCERTAIN,
        1004.0,
        None,
    )
    assert second.words == "no answer in 360 s"


def test_an_uncertain_film_can_be_asked_for_again(jobs: Jobs, make_request: MakeRequest) -> None:
    """Where the site chose to print again, the next attempt asks for it."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    jobs.claims.uncertain(claim, film.id, "no answer")
    jobs.claims.finish(claim, Outcome.UNCERTAIN, "no answer", settlement=AGAIN)

    claim = _claim(jobs, printer="oki-2")
    jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)

    (film,) = jobs.queries.films(1)
    assert (film.state, film.printer, film.words) == (FilmState.ACCEPTED, "oki-2", "")


@pytest.mark.parametrize(("settlement", "printer"), [(AGAIN, ""), (HELD, "oki-1"), (SENT, "oki-1")])
def test_an_attempt_ends_as_settled(
    jobs: Jobs, make_request: MakeRequest, settlement: Settlement, printer: str
) -> None:
    """A job that goes back to the queue is no printer's; one that is held or sent keeps its own."""
    jobs.submission.add(make_request())
    jobs.claims.line_up({1: "oki-1"})

    jobs.claims.finish(_claim(jobs), Outcome.REFUSED, "no", settlement=settlement)

    job = jobs.queries.get(1)
    assert (job.state, job.reason) == (settlement.state, settlement.reason)
    assert (job.not_before, job.printer, job.assigned_at) == (settlement.not_before, printer, None)


@pytest.mark.parametrize(
    ("command", "settlement", "state", "reason"),
    [
        (JobControl.hold, AGAIN, State.HELD, "held by the operator while printing"),
        (JobControl.cancel, AGAIN, State.CANCELLED, "cancelled by the operator while printing"),
        (JobControl.hold, SENT, State.SENT, ""),
        (JobControl.cancel, SENT, State.SENT, ""),
        (JobControl.hold, HELD, State.HELD, "every printer refused it"),
        (JobControl.cancel, HELD, State.HELD, "every printer refused it"),
    ],
)
def test_a_command_is_obeyed_when_the_attempt_ends(
    jobs: Jobs,
    make_request: MakeRequest,
    command: Callable[[JobControl, int], None],
    settlement: Settlement,
    state: State,
    reason: str,
) -> None:
    """A job that would print again goes where the person wanted it; what is on paper stays sent."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    command(jobs.commands, 1)
    assert jobs.claims.command(claim) == command.__name__

    jobs.claims.finish(claim, Outcome.UNAVAILABLE, "stopped", settlement=settlement)

    job = jobs.queries.get(1)
    assert (job.state, job.reason, job.command) == (state, reason, "")


LATE: dict[str, Callable[[Jobs, Claim, int], object]] = {
    "asked": lambda jobs, claim, film: jobs.claims.asked(claim, film),
    "accepted": lambda jobs, claim, film: jobs.claims.accepted(claim, film),
    "not printed": lambda jobs, claim, film: jobs.claims.not_printed(claim, film, "no"),
    "uncertain": lambda jobs, claim, film: jobs.claims.uncertain(claim, film, "no answer"),
    "command": lambda jobs, claim, _film: jobs.claims.command(claim),
    "finish": lambda jobs, claim, _film: jobs.claims.finish(
        claim, Outcome.REFUSED, "no", settlement=SENT, blame=PrinterVerdict(True, "no", 9e9)
    ),
}


@pytest.mark.parametrize("write", LATE.values(), ids=LATE.keys())
@pytest.mark.parametrize("state", [State.PRINTING, State.QUEUED, State.HELD, State.SENT])
def test_a_late_writer_changes_nothing(
    jobs: Jobs,
    printers: Printers,
    make_request: MakeRequest,
    write: Callable[[Jobs, Claim, int], object],
    state: State,
) -> None:
    """A claim that was given up for dead is lost for good, whatever has become of the job; nor is
    its printer blamed."""
    jobs.submission.add(make_request(2))
    late = _claim(jobs)
    first, _ = jobs.queries.films(1)
    jobs.recovery.recover()
    current = _claim(jobs)
    jobs.claims.asked(current, first.id)  # the film is in a state that the late one could write to
    if state is not State.PRINTING:
        settlement = Settlement(state, "")
        jobs.claims.finish(current, Outcome.UNAVAILABLE, "", settlement=settlement)
    before = _everything(jobs), printers.list()

    with pytest.raises(ClaimLost):
        write(jobs, late, first.id)

    assert (_everything(jobs), printers.list()) == before


@pytest.mark.parametrize("write", ["accepted", "not printed", "uncertain"])
def test_a_film_that_was_not_asked_for_cannot_be_settled(
    jobs: Jobs, make_request: MakeRequest, write: str
) -> None:
    """The line comes first: no film is accepted, refused or uncertain without it."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    before = _everything(jobs)

    with pytest.raises(ClaimLost):
        LATE[write](jobs, claim, jobs.queries.films(1)[0].id)

    assert _everything(jobs) == before


def test_a_film_is_asked_for_once(jobs: Jobs, make_request: MakeRequest) -> None:
    """A film that a printer has, or may have, is not asked for again under the same claim."""
    jobs.submission.add(make_request())
    claim = _claim(jobs)
    (film,) = jobs.queries.films(1)
    jobs.claims.asked(claim, film.id)
    with pytest.raises(ClaimLost):
        jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)
    with pytest.raises(ClaimLost):
        jobs.claims.asked(claim, film.id)


def test_a_claim_reaches_no_other_jobs_films(jobs: Jobs, make_request: MakeRequest) -> None:
    """The films of another job are out of its reach."""
    jobs.submission.add(make_request())
    jobs.submission.add(make_request())
    (other,) = jobs.queries.films(2)

    with pytest.raises(ClaimLost):
        jobs.claims.asked(_claim(jobs, 1), other.id)

    assert jobs.queries.films(2)[0].state is FilmState.WAITING
