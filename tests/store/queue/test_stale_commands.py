"""A command is for what the person saw (promise 12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.model.jobs.job import Outcome, Priority
from broker.model.printers.printer import Duty
from broker.model.row_version import of_job, of_printer
from broker.store.printers import Printers
from broker.store.queue.commands import PrintedAgainLately
from broker.store.queue.jobs import Jobs
from broker.store.stale import Stale
from tests.peers.attempts import SENT, begin
from tests.store.conftest import Clock, MakeRequest

Command = Callable[[Jobs, str], object]

COMMANDS: dict[str, Command] = {
    "hold": lambda jobs, seen: jobs.commands.hold(1, seen=seen),
    "release": lambda jobs, seen: jobs.commands.release(1, seen=seen),
    "cancel": lambda jobs, seen: jobs.commands.cancel(1, seen=seen),
    "move": lambda jobs, seen: jobs.commands.move(1, "oki-2", seen=seen),
    "reprint": lambda jobs, seen: jobs.commands.reprint(1, seen=seen),
    "priority": lambda jobs, seen: jobs.commands.priority(1, Priority.HIGH, seen=seen),
}


@pytest.fixture(autouse=True)
def _pool(printers: Printers) -> None:
    assert len(printers.list()) == 2


def version(jobs: Jobs) -> str:
    """Of job 1, as it is listed."""
    return of_job(jobs.queries.get(1), [], jobs.queries.reprints([1]).get(1))


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_command_on_what_has_changed_does_nothing(
    jobs: Jobs, make_request: MakeRequest, command: Command
) -> None:
    """It names the job and how it is now, also where the new state would take the command; with
    the version of now it is judged by its state alone."""
    jobs.submission.add(make_request(2))
    seen = version(jobs)
    jobs.commands.hold(1, "the patient's name is wrong on it")
    found = jobs.queries.list()
    with pytest.raises(Stale, match=r"job 1 has changed .* held .the patient's name is") as told:
        command(jobs, seen)
    assert jobs.queries.list() == found
    assert told.value.version == version(jobs)


def test_a_command_on_what_was_seen_is_carried_out(jobs: Jobs, make_request: MakeRequest) -> None:
    """Also where films were accepted meanwhile."""
    jobs.submission.add(make_request(2))
    claim = begin(jobs)
    seen = version(jobs)
    film = jobs.queries.films(1)[0].id
    jobs.claims.asked(claim, film)
    jobs.claims.accepted(claim, film)
    jobs.commands.cancel(1, seen=seen)
    assert jobs.queries.get(1).command == "cancel"


def test_two_who_see_the_same_make_one_reprint(
    jobs: Jobs, make_request: MakeRequest, clock: Clock
) -> None:
    """The second is told of the first; who looks again and wants it within a minute is asked."""
    jobs.submission.add(make_request())
    jobs.claims.finish(begin(jobs), Outcome.ACCEPTED, "", settlement=SENT)
    seen = version(jobs)
    assert jobs.commands.reprint(1, seen=seen) == 2
    clock.now += 12.4
    with pytest.raises(Stale, match="printed again as job 2, 12 s ago"):
        jobs.commands.reprint(1, seen=seen)
    with pytest.raises(PrintedAgainLately) as asked:
        jobs.commands.reprint(1, seen=version(jobs))
    assert asked.value.asks == (
        "Job 1: it was printed again as job 2, 12 s ago. Print it once more?"
    )
    assert "`broker jobs reprint 1 --again`" in asked.value.words
    assert len(jobs.queries.list()) == 2
    assert jobs.commands.reprint(1, again=True, seen=version(jobs)) == 3
    clock.now += 61
    assert jobs.commands.reprint(1, seen=version(jobs)) == 4


def test_a_reprint_that_was_cancelled_does_not_count(jobs: Jobs, make_request: MakeRequest) -> None:
    """Nothing of it comes out: a person may want it after all, at once."""
    jobs.submission.add(make_request())
    jobs.claims.finish(begin(jobs), Outcome.ACCEPTED, "", settlement=SENT)
    jobs.commands.reprint(1)
    jobs.commands.cancel(2)
    assert jobs.commands.reprint(1, seen=version(jobs)) == 3


def test_a_printer_that_another_has_set_is_not_set(printers: Printers, clock: Clock) -> None:
    """Its duty and the reason that was given are told; checks make nothing stale."""
    seen = of_printer(printers.get("oki-1"))
    printers.set_duty("oki-1", Duty.MAINT, "new drum")
    for command in (
        lambda: printers.set_duty("oki-1", Duty.READY, seen=seen),
        lambda: printers.forget("oki-1", seen=seen),
    ):
        with pytest.raises(Stale, match=r"oki-1 has changed .* maint: new drum\."):
            command()
    assert printers.get("oki-1").duty is Duty.MAINT
    clock.now += 5
    printers.set_duty("oki-1", Duty.READY, seen=of_printer(printers.get("oki-1")))
    assert printers.get("oki-1").duty is Duty.READY
