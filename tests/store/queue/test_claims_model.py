"""Claims against a model of them: several claimants, late ones, restarts, and a person in between.

`BROKER_MODEL_EXAMPLES=5000 pytest tests/store/queue/test_claims_model.py` searches for longer and
at random; what it finds it prints with a line to put above `machine`, which repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from broker.model.jobs.job import Outcome, Priority, State
from broker.model.printers.printer import Address
from broker.store import schema
from broker.store.database import Database
from broker.store.printers import RECENT_S, Printers
from tests.peers.contest import Contest
from tests.peers.queue_model import LOST
from tests.peers.queue_requests import (
    ANSWER,
    BACK,
    CLAIMANTS,
    HELD,
    PRINTER,
    PRINTERS,
    REQUESTS,
    TRIES,
    WHICH,
    WHOSE,
    WRITES,
    Row,
)
from tests.peers.searching import PATIENCE_S, searching, step
from tests.store.conftest import Clock

DATABASES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder}/broker.db",
}
"""Every database that the store supports: where a test finds an empty one."""

MOST_JOBS = 5


class Dispute(Contest):
    """Claimants, late ones, restarts, and a person in between."""

    @initialize(requests=st.lists(REQUESTS, min_size=1, max_size=2))
    def begin(self, requests: list[Row]) -> None:
        """Something waits."""
        for request in requests:
            self.add_job(0, request)

    @step(
        when=lambda self: len(self.model.jobs) < MOST_JOBS,
        which=WHICH,
        request=REQUESTS,
        pinned=st.sampled_from(["", "", "", "oki-2"]),
    )
    def add(self, **given: Any) -> None:
        """A modality prints."""
        self.add_job(**given)

    @step(
        3,
        which=WHICH,
        back=BACK,
        printer=PRINTER,
        state=st.sampled_from(["queued", "queued", "held", ""]),
        racing=st.sampled_from([False] * 5 + [True]),
    )
    def claim(self, which: int, back: int, printer: str, state: str, racing: bool) -> None:
        """A claimant takes a job, or finds that it cannot; of several at once, one gets it."""
        wanting = self.claimants if racing else [self.claimants[which]]
        self.contend(wanting, self.number(back, state), printer)

    @step(
        5,
        when=lambda self: self.claims,
        which=WHICH,
        whose=WHOSE,
        back=BACK,
        answers=st.lists(ANSWER, min_size=1, max_size=4),
    )
    def go_on(self, which: int, whose: str, back: int, answers: list[str]) -> None:
        """The next steps in good order: ask, be answered, and be done at the end."""
        claim = self.claim_of(whose, back)
        for answer in answers:
            self.next_step(which, claim, answer)

    @step(
        2,
        when=lambda self: self.claims,
        back=BACK,
        command=st.sampled_from(["hold", "cancel"]),
        answers=st.lists(ANSWER, max_size=4),
        goal=st.sampled_from([State.QUEUED, State.QUEUED, State.HELD]),
        moved=st.booleans(),
    )
    def interrupt(
        self, back: int, command: str, answers: list[str], goal: State, moved: bool
    ) -> None:
        """A person stops a job while it is printing; the attempt ends as it would have, and
        perhaps that person wants it on another printer.
        """
        claim = self.claim_of("live", back)
        self.stop_job(1, claim.job_id, command)
        for answer in answers:
            self.next_step(0, claim, answer)
        self.finish(0, claim, Outcome.UNAVAILABLE, goal)
        if moved:
            self.move_job(1, claim.job_id, PRINTERS[1])

    @step(
        2,
        when=lambda self: self.claims,
        back=BACK,
        written=st.booleans(),
        decided=st.sampled_from(["printed", "print again", "move"]),
    )
    def uncertain(self, back: int, written: bool, decided: str) -> None:
        """No answer comes, and perhaps the broker stops before it says so; a person decides."""
        claim = self.claim_of("live", back)
        self.next_step(0, claim, "uncertain")
        if written:
            self.next_step(0, claim, "uncertain")
            self.finish(0, claim, Outcome.UNCERTAIN, State.HELD)
        else:
            self.restart(0, False, 5, None)
        if decided == "move":
            self.move_job(1, claim.job_id, PRINTERS[1])
        else:
            self.release_job(1, claim.job_id, printed=decided == "printed")

    @step(
        2,
        when=lambda self: self.claims,
        back=BACK,
        again=st.booleans(),
        tries=TRIES,
        answers=st.lists(ANSWER, max_size=2),
        write=st.sampled_from(WRITES),
        printer=PRINTER,
    )
    def oversleep(
        self, back: int, again: bool, tries: int, answers: list[str], write: str, printer: str
    ) -> None:
        """A claimant wakes up late: its broker was given up for dead, and another has the job."""
        claim = self.claim_of("live", back)
        number = claim.job_id
        self.restart(0, again, tries, None)
        self.contend(self.claimants[1:2], number, printer)
        for answer in answers:
            self.next_step(1, self.claims[-1], answer)
        for at in range(len(self.films[number])):
            self.write(0, claim, number, at, write)
        self.finish(0, claim, Outcome.UNAVAILABLE, State.QUEUED)

    @step(
        2,
        when=lambda self: self.claims,
        which=WHICH,
        whose=WHOSE,
        back=BACK,
        write=st.sampled_from(WRITES),
        other=st.sampled_from([None, None, 0, 1]),
    )
    def write_anything(
        self, which: int, whose: str, back: int, write: str, other: int | None
    ) -> None:
        """Any claim, good or lost, writes about films in any state: also about another job's."""
        claim = self.claim_of(whose, back)
        number = claim.job_id if other is None else self.number(other)
        for at in range(len(self.films[number])):
            self.write(which, claim, number, at, write)

    @step(
        2,
        when=lambda self: self.claims,
        which=WHICH,
        whose=WHOSE,
        back=BACK,
        outcome=st.sampled_from(Outcome),
        goal=st.sampled_from([State.QUEUED, State.QUEUED, State.HELD, State.SENT]),
        strike=st.booleans(),
        permanent=st.booleans(),
        later=st.sampled_from([0.0, 5.0]),
    )
    def settle(
        self,
        which: int,
        whose: str,
        back: int,
        outcome: Outcome,
        goal: State,
        strike: bool,
        permanent: bool,
        later: float,
    ) -> None:
        """A claim settles. Before, it reads what a person wants."""
        claim = self.claim_of(whose, back)
        command = self.model.jobs[claim.job_id]["command"]
        holds = self.model.holds(claim.job_id, claim.token)
        self.agree(lambda: self.claimants[which].claims.command(claim), command if holds else LOST)
        self.finish(which, claim, outcome, goal, strike=strike, permanent=permanent, later=later)

    @step(
        which=WHICH,
        again=st.booleans(),
        tries=TRIES,
        alive=st.sampled_from([None, None, 0, 1]),
    )
    def restart(self, which: int, again: bool, tries: int, alive: int | None) -> None:
        """Claims end with their broker; one may be alive, and is left alone."""
        running = [] if alive is None else [self.number(alive, "printing")]
        recovered = self.recover(which, again=again, tries=tries, running=running)
        assert [job.id for job in recovered] == self.model.recover(again, tries, running)
        self.look_for_marks()

    @step(
        2,
        which=WHICH,
        back=BACK,
        command=st.sampled_from(["hold", "cancel", "hold"]),
        state=st.sampled_from(["printing", "printing", "queued", ""]),
    )
    def stop(self, which: int, back: int, command: str, state: str) -> None:
        """A person holds or cancels."""
        self.stop_job(which, self.number(back, state), command)

    @step(3, which=WHICH, back=BACK, printed=st.booleans(), state=HELD)
    def release(self, which: int, back: int, printed: bool, state: str) -> None:
        """A person lets it go on."""
        self.release_job(which, self.number(back, state), printed=printed)

    @step(
        2,
        which=WHICH,
        back=BACK,
        printer=st.sampled_from([*PRINTERS, *PRINTERS, "oki-9"]),
        priority=st.sampled_from([None, *Priority]),
        state=HELD,
    )
    def rearrange(
        self, which: int, back: int, printer: str, priority: Priority | None, state: str
    ) -> None:
        """A person moves it, to a printer which there may not be, or changes how urgent it is."""
        number = self.number(back, state)
        if priority is None:
            self.move_job(which, number, printer)
        else:
            self.hurry_job(which, number, priority)

    @step(when=lambda self: len(self.model.jobs) < MOST_JOBS, which=WHICH, back=BACK)
    def reprint(self, which: int, back: int) -> None:
        """A person wants it again, as a job of its own."""
        self.reprint_job(which, self.number(back))

    @step(which=WHICH, back=BACK, printer=PRINTER)
    def line_up(self, which: int, back: int, printer: str) -> None:
        """A queued job is lined up for a printer, and nothing but a queued job."""
        self.claimants[which].claims.line_up({self.number(back): printer})
        self.model.line_up(self.number(back), printer)

    @step(by=st.sampled_from([1.0, 60.0, 599.0, RECENT_S, -30.0]))
    def turn_the_clock(self, by: float) -> None:
        """Time passes, or the clock is set back."""
        self.clock.now += by


@pytest.fixture(params=DATABASES)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Database]]:
    """One database, opened as often as there are claimants, with two printers in it."""
    url = DATABASES[request.param](tmp_path)
    opened = [Database.open(url) for _ in range(CLAIMANTS)]
    schema.upgrade(opened[0])
    Printers(opened[0], Clock()).sync(
        [Address(name, name.upper(), "10.0.0.1", 104) for name in PRINTERS]
    )
    yield opened
    for each in opened:
        each.close()


@pytest.mark.timeout(PATIENCE_S)
def test_every_dispute_ends_as_the_model_says(databases: list[Database]) -> None:
    """Whatever is written in which order: jobs, films, attempts and loads are the model's."""

    def machine() -> Dispute:
        return Dispute(databases)

    run_state_machine_as_test(machine, settings=searching(examples=60, steps=20))
