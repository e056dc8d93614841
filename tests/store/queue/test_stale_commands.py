"""A command is for what the person saw (promise 12)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.jobs.job import Outcome, Priority, State
from broker.model.printers.printer import Duty
from broker.model.printers.retry import Settlement
from broker.model.row_version import of_job, of_printer
from broker.store.capabilities import Capabilities
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.claims import ClaimLost
from broker.store.queue.commands import NotAllowed, PrintedAgainLately
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


def test_what_was_learned_meanwhile_is_not_forgotten(
    database: Database, printers: Printers, clock: Clock
) -> None:
    """Forget, and "Mended, try again", are for what the person saw: what a printer was seen to
    refuse since is told instead. Drain depends on none of it."""
    learned = Capabilities(database, clock)
    seen = of_printer(printers.get("oki-1"))
    refuses = Trait(PrintObject.FILM_BOX, "FilmSizeID", "8INX10IN")
    learned.learn("oki-1", Capability(Lesson.REFUSES, refuses))
    told = r"it is ready, it fails no attempt, it is known to refuse one thing"
    with pytest.raises(Stale, match=told):
        printers.set_duty("oki-1", Duty.READY, seen=seen)
    with pytest.raises(Stale, match=r"it is ready, one thing learned of it"):
        printers.forget("oki-1", seen=seen)
    assert printers.get("oki-1").refuses
    printers.set_duty("oki-1", Duty.DRAIN, seen=seen)
    assert printers.forget("oki-1", seen=of_printer(printers.get("oki-1"))) == 1
    assert printers.get("oki-1").lessons == 0


@pytest.mark.parametrize("column", ["state", "level", "priority"])
@pytest.mark.parametrize("command", ["cancel", "release"])
def test_a_job_whose_row_is_damaged_takes_commands(
    jobs: Jobs, database: Database, make_request: MakeRequest, column: str, command: str
) -> None:
    """It is shown as held with its uncertain film, a person's command is for what was shown, and
    where it cannot be carried out the remedy is told; what may have been printing is fenced off."""
    jobs.submission.add(make_request())
    claim = begin(jobs)
    film = jobs.queries.films(1)[0].id
    jobs.claims.asked(claim, film)
    if column != "state":
        settlement = Settlement(State.HELD, "uncertain")
        jobs.claims.finish(claim, Outcome.UNCERTAIN, "gone", settlement=settlement)
    with database.write() as connection:
        # A queued job with an uncertain film: its word for the state was another, too.
        state = "prinTing" if column == "state" else "queued"
        connection.exec_driver_sql("UPDATE jobs SET state = ? WHERE id = 1", (state,))
        if column != "state":
            connection.exec_driver_sql(f"UPDATE jobs SET {column} = 'MEE' WHERE id = 1")
    (listed,) = jobs.queries.list([State.HELD])
    unanswered = [each.number for each in jobs.queries.unanswered()]
    assert unanswered == [1]
    seen = of_job(listed, unanswered, None)

    if command == "cancel":
        jobs.commands.cancel(1, seen=seen)
        assert jobs.queries.get(1).state is State.CANCELLED
    elif column == "level":
        with pytest.raises(NotAllowed, match="`broker jobs cancel 1`, then print it again at the"):
            jobs.commands.release(1, seen=seen)
        assert jobs.queries.list() == [listed]
        jobs.commands.release(1, printed=True, seen=seen)
        assert jobs.queries.get(1).state is State.SENT
    else:
        jobs.commands.release(1, seen=seen)
        assert [job.id for job in jobs.queries.waiting()] == [1]
    with pytest.raises(ClaimLost):
        jobs.claims.accepted(claim, film)
