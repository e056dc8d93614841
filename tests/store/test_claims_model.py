"""Claims against a model of them: several claimants, late ones, restarts, and a person in between.

`BROKER_MODEL_EXAMPLES=5000 pytest tests/store/test_claims_model.py` searches for longer and at
random; what it finds it prints with a line to put above `machine`, which repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Table, delete, select

from broker.model.film import Film, Image, ImageBox
from broker.model.job import Claim, Job, Level, Outcome, PrintRequest, Priority, State
from broker.model.printer import Address
from broker.model.retry import Settlement
from broker.store import schema
from broker.store.database import Database
from broker.store.jobs import ClaimLost, Jobs, NotAllowed
from broker.store.printers import RECENT_S, NoSuchPrinter, Printers
from broker.store.tables import attempts, jobs, sendings
from tests.peers.queue_model import FINISHED, LOST, NO_PRINTER, NOT_ALLOWED, QueueModel
from tests.peers.searching import searching
from tests.store.conftest import Clock

DATABASES: dict[str, Callable[[Path], str]] = {
    "sqlite": lambda folder: f"sqlite:///{folder}/broker.db",
}
"""Every database that the store supports: where a test finds an empty one."""

PRINTERS = ("oki-1", "oki-2")
CLAIMANTS = 3
MOST_JOBS = 5
IMAGE = Image("ab" * 32, 8, 2, 4, 8, 8, "MONOCHROME2")
FILM = Film({"ImageDisplayFormat": ("STANDARD\\1,1",)}, (ImageBox(1, {}, IMAGE),))
REFUSED = {ClaimLost: LOST, NotAllowed: NOT_ALLOWED, NoSuchPrinter: NO_PRINTER}
VERBS = ("asked", "accepted", "not_printed", "uncertain")

Row = dict[str, Any]
BACK = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4])
"""Which one, counted from the newest."""
WHICH = st.integers(0, CLAIMANTS - 1)
PRINTER = st.sampled_from(PRINTERS)


class Dispute(RuleBasedStateMachine):
    """Claimants on one database, each as a process of its own would have it."""

    def __init__(self, databases: Sequence[Database]) -> None:
        super().__init__()
        self.clock = Clock()
        self.databases = databases
        self.claimants = [Jobs(each, self.clock) for each in databases]
        self.printers = Printers(databases[0], self.clock)
        self.model = QueueModel(PRINTERS)
        self.claims: list[Claim] = []
        self.unmarked: dict[int, int] = {}
        """Sending -> N-ACTIONs that may have put it on paper, since it was last in doubt."""
        with databases[0].write() as connection:
            connection.execute(delete(jobs))
        self.rows = self.read()

    # Rules

    @precondition(lambda self: len(self.model.jobs) < MOST_JOBS)
    @rule(
        which=WHICH,
        films=st.integers(1, 3),
        copies=st.integers(1, 2),
        level=st.sampled_from(Level),
        session=st.sampled_from(["a", "b"]),
        priority=st.sampled_from(Priority),
        pinned=st.sampled_from(["", "", "", "oki-2"]),
    )
    def add(
        self,
        which: int,
        films: int,
        copies: int,
        level: Level,
        session: str,
        priority: Priority,
        pinned: str,
    ) -> None:
        """A modality prints."""
        request = PrintRequest(
            calling_ae="CT1",
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=session,
            level=level,
            session={},
            films=(FILM,) * films,
            copies=copies,
            priority=priority,
        )
        number = self.claimants[which].add(request, pinned=pinned)
        self.model.add(
            number,
            films=films,
            copies=copies,
            whole=level is Level.FILM_SESSION,
            session=session,
            priority=str(priority),
            pinned=pinned,
        )

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, back=BACK, printer=PRINTER)
    def claim(self, which: int, back: int, printer: str) -> None:
        """A claimant takes a job, or finds that it cannot."""
        number = self.number(back)
        may = self.model.may_claim(number, printer)
        claim = self.claimants[which].claim(number, printer)
        assert (claim is not None) == may
        self.remember(claim)

    @precondition(lambda self: self.model.jobs)
    @rule(back=BACK, printer=PRINTER)
    def race(self, back: int, printer: str) -> None:
        """All claimants want the same job at the same moment: one gets it, if it is to be had."""
        number = self.number(back)
        may = self.model.may_claim(number, printer)
        with ThreadPoolExecutor(CLAIMANTS) as threads:
            taken = threads.map(lambda each: each.claim(number, printer), self.claimants)
            claims = [claim for claim in taken if claim is not None]
        assert len(claims) == may
        for claim in claims:
            self.remember(claim)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, back=BACK, verb=st.sampled_from(VERBS[1:]))
    def go_on(self, which: int, back: int, verb: str) -> None:
        """The claim's next step in good order: ask, be answered, and be done at the end."""
        claim = self.any_claim(back)
        films = self.model.jobs[claim.job_id]["sendings"]
        asked = [at for at, film in enumerate(films) if film["state"] == "asked"]
        left = [at for at, film in enumerate(films) if film["state"] != "accepted"]
        if asked:
            self.write(which, claim, claim.job_id, asked[0], verb)
        elif left:
            self.write(which, claim, claim.job_id, left[0], "asked")
        else:
            self.finish_as(which, claim, Outcome.ACCEPTED, State.SENT)

    @precondition(lambda self: self.claims)
    @rule(
        which=WHICH,
        back=BACK,
        verb=st.sampled_from(VERBS),
        at=st.integers(0, 5),
        other=st.sampled_from([None, None, None, 0, 1]),
    )
    def write_anything(self, which: int, back: int, verb: str, at: int, other: int | None) -> None:
        """Any claim, good or lost, writes about any film: also about another job's."""
        claim = self.any_claim(back)
        number = claim.job_id if other is None else self.number(other)
        self.write(which, claim, number, at % len(self.model.jobs[number]["sendings"]), verb)

    @precondition(lambda self: self.claims)
    @rule(
        which=WHICH,
        back=BACK,
        outcome=st.sampled_from(Outcome),
        goal=st.sampled_from([State.QUEUED, State.QUEUED, State.HELD, State.SENT]),
        strike=st.booleans(),
        permanent=st.booleans(),
        later=st.sampled_from([0.0, 5.0]),
    )
    def finish(
        self,
        which: int,
        back: int,
        outcome: Outcome,
        goal: State,
        strike: bool,
        permanent: bool,
        later: float,
    ) -> None:
        """A claim settles, as far as an attempt may: nothing is sent that is not accepted, and
        nothing queued that has no answer.
        """
        claim = self.any_claim(back)
        states = {film["state"] for film in self.model.jobs[claim.job_id]["sendings"]}
        if goal is State.SENT and states != {"accepted"}:
            goal = State.QUEUED
        if goal is State.QUEUED and "asked" in states:
            goal = State.HELD
        self.finish_as(which, claim, outcome, goal, strike=strike, permanent=permanent, later=later)

    @precondition(lambda self: self.claims)
    @rule(which=WHICH, back=BACK)
    def look(self, which: int, back: int) -> None:
        """A claim hears what a person wished meanwhile, or that it is lost."""
        claim = self.any_claim(back)
        holds = self.model.holds(claim.job_id, claim.token)
        expected = self.model.jobs[claim.job_id]["wish"] if holds else LOST
        assert self.try_to(lambda: self.claimants[which].wish(claim)) == expected

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, back=BACK, printer=PRINTER)
    def line_up(self, which: int, back: int, printer: str) -> None:
        """A queued job is lined up for a printer."""
        self.claimants[which].line_up({self.number(back): printer})
        self.model.line_up(self.number(back), printer)

    @rule(
        which=WHICH,
        again=st.booleans(),
        tries=st.sampled_from([1, 2, 5]),
        alive=st.sampled_from([None, 0, 1]),
    )
    def restart(self, which: int, again: bool, tries: int, alive: int | None) -> None:
        """Claims end with their broker; one may be alive, and is left alone."""
        running = [] if alive is None or not self.model.jobs else [self.number(alive)]
        recovered = self.recover(which, again=again, tries=tries, running=running)
        assert [job.id for job in recovered] == self.model.recover(again, tries, running)

    def recover(
        self, which: int, *, again: bool, tries: int, running: Collection[int]
    ) -> list[Job]:
        """The one place where recovery is called."""
        on_uncertain = "reprint" if again else "hold"
        return self.claimants[which].recover(on_uncertain, tries=tries, running=lambda: running)

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, back=BACK, verb=st.sampled_from(["hold", "cancel"]))
    def stop(self, which: int, back: int, verb: str) -> None:
        """A person holds or cancels."""
        number = self.number(back)
        told = self.try_to(lambda: getattr(self.claimants[which], verb)(number))
        self.compare(told, getattr(self.model, verb)(number))

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, back=BACK, printed=st.booleans())
    def release(self, which: int, back: int, printed: bool) -> None:
        """A person lets it go on."""
        number = self.number(back)
        told = self.try_to(lambda: self.claimants[which].release(number, printed=printed))
        self.compare(told, self.model.release(number, printed))

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, back=BACK, printer=st.sampled_from([*PRINTERS, *PRINTERS, "oki-9"]))
    def move(self, which: int, back: int, printer: str) -> None:
        """A person moves it to a printer, which there may not be."""
        number = self.number(back)
        told = self.try_to(lambda: self.claimants[which].move(number, printer))
        self.compare(told, self.model.move(number, printer))

    @precondition(lambda self: self.model.jobs)
    @rule(which=WHICH, back=BACK, priority=st.sampled_from(Priority))
    def set_priority(self, which: int, back: int, priority: Priority) -> None:
        """A person changes how urgent it is."""
        number = self.number(back)
        told = self.try_to(lambda: self.claimants[which].priority(number, priority))
        self.compare(told, self.model.priority(number, str(priority)))

    @precondition(lambda self: 0 < len(self.model.jobs) < MOST_JOBS)
    @rule(which=WHICH, back=BACK)
    def reprint(self, which: int, back: int) -> None:
        """A person wants it again, as a job of its own."""
        number, made = self.number(back), []
        told = self.try_to(lambda: made.append(self.claimants[which].reprint(number)))
        self.compare(told, self.model.reprint(number, made[0] if made else 0))

    @rule(step=st.sampled_from([1.0, 60.0, 599.0, RECENT_S, -30.0]))
    def turn_the_clock(self, step: float) -> None:
        """Time passes, or somebody sets the clock back."""
        self.clock.now += step

    # What must hold after every step

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        """Jobs, films, attempts, tokens and loads; and what was accepted stays accepted."""
        before, self.rows = self.rows, self.read()
        self.check_jobs()
        self.check_films(before[1])
        self.check_attempts()
        self.check_loads()

    def check_jobs(self) -> None:
        """Every job, as it is listed and in its row."""
        rows = {row["id"]: row for row in self.rows[0]}
        listed = self.claimants[0].list()
        assert [job.id for job in listed] == sorted(self.model.jobs)
        for job in listed:
            facts = self.model.jobs[job.id]
            for key in ("state", "printer", "wish", "pinned", "priority", "films", "copies"):
                assert getattr(job, key) == facts[key], (job.id, key)
            assert (job.not_before, job.reprint_of) == (facts["not_before"], facts["reprint_of"])
            assert rows[job.id]["token"] == facts["token"]
            assert bool(facts["token"]) == (job.state is State.PRINTING)
            assert bool(job.reason) or job.state is not State.HELD
            assert [each.permanent for each in job.strikes] == self.model.strikes(job.id)
            unfinished = {film["number"] for film in self.model.left(job.id)}
            assert job.films_accepted == job.films - len(unfinished)
        assert [job.id for job in self.claimants[1].waiting()] == self.model.waiting()

    def check_films(self, before: Sequence[Row]) -> None:
        """Every sending; an accepted one never changes again, and none is out twice unmarked."""
        for number, facts in self.model.jobs.items():
            recorded = [row for row in self.rows[1] if row["job_id"] == number]
            shown = ("number", "copies", "state", "printer", "asked_at", "accepted_at")
            assert [{key: row[key] for key in shown} for row in recorded] == facts["sendings"]
        accepted = [row for row in before if row["state"] == "accepted"]
        assert all(row in self.rows[1] for row in accepted)
        # Asked again without a word of doubt, or of no, in between: maybe on paper twice.
        assert [film for film, asked in self.unmarked.items() if asked > 1] == []
        marked = {row["id"] for row in self.rows[1] if row["state"] in ("waiting", "uncertain")}
        self.unmarked = {film: n for film, n in self.unmarked.items() if film not in marked}

    def check_attempts(self) -> None:
        """All that were begun, with their outcomes; one runs where a claim holds."""
        for number, facts in self.model.jobs.items():
            recorded = [row for row in self.rows[2] if row["job_id"] == number]
            outcomes = [(row["printer"], row["outcome"]) for row in recorded]
            assert outcomes == [(each["printer"], each["outcome"]) for each in facts["attempts"]]
            running = [row for row in recorded if row["ended_at"] is None]
            assert len(running) == (facts["state"] == "printing")

    def check_loads(self) -> None:
        """What each printer is busy with, and has done of late."""
        facts = self.model.jobs
        for printer in self.printers.list():
            mine = [n for n, job in facts.items() if job["printer"] == printer.name]
            assert printer.load == sum(map(self.model.load, mine))
            assert printer.claims == sum(facts[n]["state"] == "printing" for n in mine)
            assert printer.recent == sum(
                film["copies"]
                for job in facts.values()
                for film in job["sendings"]
                if film["printer"] == printer.name
                and film["accepted_at"] is not None
                and film["accepted_at"] >= self.clock.now - RECENT_S
            )

    def teardown(self) -> None:
        """No job is stuck: a person can bring each of them to an end."""
        first = self.claimants[0]
        self.recover(0, again=False, tries=5, running=())
        for job in first.list():
            if job.state not in FINISHED:
                first.cancel(job.id)
        assert {str(job.state) for job in first.list()} <= set(FINISHED)

    # How it is done

    def number(self, back: int) -> int:
        """A job's number."""
        numbers = sorted(self.model.jobs)
        return numbers[-1 - back % len(numbers)]

    def any_claim(self, back: int) -> Claim:
        """A claim, good or lost."""
        return self.claims[-1 - back % len(self.claims)]

    def remember(self, claim: Claim | None) -> None:
        """A claim that was given: no two are alike."""
        if claim is not None:
            assert claim.token not in {each.token for each in self.claims}
            assert claim.attempt_id not in {each.attempt_id for each in self.claims}
            self.model.claim(claim.job_id, claim.printer, claim.token)
            self.claims.append(claim)

    def write(self, which: int, claim: Claim, number: int, at: int, verb: str) -> None:
        """An attempt writes about one film; what it could have put on paper is counted."""
        film = [row["id"] for row in self.rows[1] if row["job_id"] == number][at]
        words = () if verb in ("asked", "accepted") else ("no answer",)
        told = self.try_to(lambda: getattr(self.claimants[which], verb)(claim, film, *words))
        if not told and verb == "asked":
            self.unmarked[film] = self.unmarked.get(film, 0) + 1
        place = at if number == claim.job_id else -1
        self.model.now = self.clock.now
        self.compare(told, self.model.write(claim.job_id, claim.token, place, verb))

    def finish_as(
        self,
        which: int,
        claim: Claim,
        outcome: Outcome,
        goal: State,
        *,
        strike: bool = False,
        permanent: bool = False,
        later: float = 0.0,
    ) -> None:
        """An attempt ends."""
        settlement = Settlement(goal, "why" if goal is not State.SENT else "", later)
        told = self.try_to(
            lambda: self.claimants[which].finish(
                claim,
                outcome,
                "words",
                strike=strike,
                permanent=permanent,
                settlement=settlement,
            )
        )
        expected = self.model.finish(
            claim.job_id,
            claim.token,
            str(outcome),
            str(goal),
            strike=strike,
            permanent=permanent,
            not_before=later,
        )
        self.compare(told, expected)

    def try_to(self, do: Callable[[], object]) -> object:
        """Do it; what came of it, or why it was refused."""
        self.model.now = self.clock.now
        try:
            return do() or ""
        except tuple(REFUSED) as refusal:
            return REFUSED[type(refusal)]

    def compare(self, told: object, expected: str) -> None:
        """Whether it was refused as the model says; then not a row has changed."""
        assert told == expected
        if expected:
            assert self.read() == self.rows

    def read(self) -> list[list[Row]]:
        """All rows of jobs, sendings and attempts, at one moment."""
        tables: list[Table] = [jobs, sendings, attempts]
        with self.databases[0].read() as connection:
            return [
                [dict(row._mapping) for row in connection.execute(select(each).order_by(each.c.id))]
                for each in tables
            ]


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


def test_every_dispute_ends_as_the_model_says(databases: list[Database]) -> None:
    """Whoever writes what in which order: jobs, films, attempts and loads are the model's."""

    def machine() -> Dispute:
        return Dispute(databases)

    run_state_machine_as_test(machine, settings=searching(examples=35, steps=40))
