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
    initialize,
    invariant,
    run_state_machine_as_test,
)
from sqlalchemy import delete, select

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
from tests.peers.searching import PATIENCE_S, Search, searching, step
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
ANSWER = st.sampled_from(["accepted", "accepted", "accepted", "not_printed", "uncertain", "asked"])
"""What is written of the film that was asked for; or else that all are asked for."""
VERBS = ("asked", "accepted", "not_printed", "uncertain")

RECORDED = [
    "state",
    "printer",
    "token",
    "wish",
    "pinned",
    "priority",
    "films",
    "copies",
    "not_before",
    "reprint_of",
]
EVERYTHING = [select(each).order_by(each.c.id) for each in (jobs, sendings, attempts)]

Row = dict[str, Any]
BACK = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4])
"""Which one, counted from the newest."""
WHICH = st.integers(0, CLAIMANTS - 1)
PRINTER = st.sampled_from(PRINTERS)
TRIES = st.sampled_from([1, 2, 5])
WHOSE = st.sampled_from(["live", "live", "live", "usurped", "usurped", "lost", ""])
"""A claim that holds; one whose job another has; one whose job nobody has; any."""
HELD = st.sampled_from(["held", "held", "held", "printing", ""])
REQUESTS = st.fixed_dictionaries(
    {
        "films": st.sampled_from([1, 2, 2, 3]),
        "copies": st.sampled_from([1, 1, 2]),
        "level": st.sampled_from(Level),
        "session": st.sampled_from(["a", "b"]),
        "priority": st.sampled_from(Priority),
    }
)


class Dispute(Search):
    """Claimants on one database, each as a process of its own would have it."""

    def __init__(self, databases: Sequence[Database]) -> None:
        super().__init__()
        self.clock = Clock()
        self.databases = databases
        self.claimants = [Jobs(each, self.clock) for each in databases]
        self.printers = Printers(databases[0], self.clock)
        self.model = QueueModel(PRINTERS, self.clock)
        self.films: dict[int, list[int]] = {}
        """Job -> its sendings."""
        self.claims: list[Claim] = []
        self.unmarked: set[int] = set()
        """Sendings that may be on paper, and of which nobody has said that this is in doubt."""
        with databases[0].write() as connection:
            connection.execute(delete(jobs))
        self.changes = 0
        self.checked: tuple[object, ...] = ()
        """What was compared last."""
        self.rows = self.read()

    @initialize(requests=st.lists(REQUESTS, min_size=1, max_size=2))
    def begin(self, requests: list[Row]) -> None:
        """Something waits."""
        for request in requests:
            self.add(0, request, "")

    @step(
        when=lambda self: len(self.model.jobs) < MOST_JOBS,
        which=WHICH,
        request=REQUESTS,
        pinned=st.sampled_from(["", "", "", "oki-2"]),
    )
    def add(self, which: int, request: Row, pinned: str) -> None:
        """A modality prints."""
        level, films = request["level"], request["films"]
        asked = PrintRequest(
            calling_ae="CT1",
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=request["session"],
            level=level,
            session={},
            films=(FILM,) * films,
            copies=request["copies"],
            priority=request["priority"],
        )
        number = self.claimants[which].add(asked, pinned=pinned)
        facts = request | {"priority": str(request["priority"]), "pinned": pinned}
        del facts["level"]
        self.model.add(number, whole=level is Level.FILM_SESSION, **facts)
        self.number_films(number)

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
        verb=st.sampled_from(["hold", "cancel"]),
        answers=st.lists(ANSWER, max_size=4),
        goal=st.sampled_from([State.QUEUED, State.QUEUED, State.HELD]),
        moved=st.booleans(),
    )
    def interrupt(self, back: int, verb: str, answers: list[str], goal: State, moved: bool) -> None:
        """A person stops a job while it is printing; the attempt ends as it would have, and
        perhaps that person wants it on another printer.
        """
        claim = self.claim_of("live", back)
        self.stop_job(1, claim.job_id, verb)
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
    def doubt(self, back: int, written: bool, decided: str) -> None:
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
        verb=st.sampled_from(VERBS),
        printer=PRINTER,
    )
    def oversleep(
        self, back: int, again: bool, tries: int, answers: list[str], verb: str, printer: str
    ) -> None:
        """A claimant wakes up late: its broker was given up for dead, and another has the job."""
        claim = self.claim_of("live", back)
        number = claim.job_id
        self.restart(0, again, tries, None)
        self.contend(self.claimants[1:2], number, printer)
        for answer in answers:
            self.next_step(1, self.claims[-1], answer)
        for at in range(len(self.films[number])):
            self.write(0, claim, number, at, verb)
        self.finish(0, claim, Outcome.UNAVAILABLE, State.QUEUED)

    @step(
        2,
        when=lambda self: self.claims,
        which=WHICH,
        whose=WHOSE,
        back=BACK,
        verb=st.sampled_from(VERBS),
        other=st.sampled_from([None, None, 0, 1]),
    )
    def write_anything(
        self, which: int, whose: str, back: int, verb: str, other: int | None
    ) -> None:
        """Any claim, good or lost, writes about films in any state: also about another job's."""
        claim = self.claim_of(whose, back)
        number = claim.job_id if other is None else self.number(other)
        for at in range(len(self.films[number])):
            self.write(which, claim, number, at, verb)

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
        """A claim settles. Before, it hears what a person wished."""
        claim = self.claim_of(whose, back)
        wish = self.model.jobs[claim.job_id]["wish"]
        holds = self.model.holds(claim.job_id, claim.token)
        self.agree(lambda: self.claimants[which].wish(claim), wish if holds else LOST)
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

    def recover(
        self, which: int, *, again: bool, tries: int, running: Collection[int]
    ) -> list[Job]:
        """The one place where recovery is called."""
        on_uncertain = "reprint" if again else "hold"
        return self.claimants[which].recover(on_uncertain, tries=tries, running=lambda: running)

    @step(
        2,
        which=WHICH,
        back=BACK,
        verb=st.sampled_from(["hold", "cancel", "hold"]),
        state=st.sampled_from(["printing", "printing", "queued", ""]),
    )
    def stop(self, which: int, back: int, verb: str, state: str) -> None:
        """A person holds or cancels."""
        self.stop_job(which, self.number(back, state), verb)

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
        store = self.claimants[which]
        if priority is None:
            self.move_job(which, number, printer)
        else:
            self.agree(
                lambda: store.priority(number, priority), self.model.priority(number, str(priority))
            )

    @step(when=lambda self: len(self.model.jobs) < MOST_JOBS, which=WHICH, back=BACK)
    def reprint(self, which: int, back: int) -> None:
        """A person wants it again, as a job of its own."""
        number, made = self.number(back), []
        expected = self.model.may_reprint(number)
        self.agree(lambda: made.append(self.claimants[which].reprint(number)), expected)
        for new in made:
            self.model.reprint(number, new)
            self.number_films(new)

    @step(which=WHICH, back=BACK, printer=PRINTER)
    def line_up(self, which: int, back: int, printer: str) -> None:
        """A queued job is lined up for a printer, and nothing but a queued job."""
        self.claimants[which].line_up({self.number(back): printer})
        self.model.line_up(self.number(back), printer)

    @step(by=st.sampled_from([1.0, 60.0, 599.0, RECENT_S, -30.0]))
    def turn_the_clock(self, by: float) -> None:
        """Time passes, or somebody sets the clock back."""
        self.clock.now += by

    # What must hold after every step

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        """Jobs, films, attempts, tokens and loads; and what was accepted stays accepted."""
        before, self.rows = self.rows, self.read()
        compared = (self.rows, self.clock.now, repr(self.model.jobs))
        if self.checked == compared:
            return
        self.checked = compared
        self.check_jobs()
        self.check_films(before[1])
        self.check_attempts()
        # Each costs several questions: the last of three changes shows what the first did.
        self.changes += 1
        if self.changes % 3 == 0:
            self.check_lists()
            self.check_loads()

    def check_jobs(self) -> None:
        """Every job, and that a token stands only where a claim holds."""
        assert [row["id"] for row in self.rows[0]] == sorted(self.model.jobs)
        for row in self.rows[0]:
            facts = self.model.jobs[row["id"]]
            assert {key: row[key] for key in RECORDED} == {key: facts[key] for key in RECORDED}
            assert bool(row["token"]) == (row["state"] == "printing")
            assert bool(row["reason"]) or row["state"] != "held"

    def check_lists(self) -> None:
        """What is shown of the jobs, and in which order they come."""
        for job in self.claimants[0].list():
            assert [each.permanent for each in job.strikes] == self.model.strikes(job.id)
            assert job.load == self.model.load(job.id)
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
        self.check_lists()
        self.check_loads()
        first = self.claimants[0]
        self.recover(0, again=False, tries=5, running=())
        for job in first.list():
            if job.state not in FINISHED:
                first.cancel(job.id)
        assert {str(job.state) for job in first.list()} <= set(FINISHED)

    # How it is done

    def number(self, back: int, state: str = "") -> int:
        """A job's number: one in that state, if there is one."""
        numbers = [n for n, job in sorted(self.model.jobs.items()) if job["state"] == state]
        numbers = numbers or sorted(self.model.jobs)
        return numbers[-1 - back % len(numbers)]

    def claim_of(self, whose: str, back: int) -> Claim:
        """A claim, good or lost: such a one, if there is one."""
        claims = [claim for claim in self.claims if self.is_now(claim) == whose] or self.claims
        return claims[-1 - back % len(claims)]

    def is_now(self, claim: Claim) -> str:
        """What has become of a claim."""
        if self.model.holds(claim.job_id, claim.token):
            return "live"
        return "usurped" if self.model.jobs[claim.job_id]["state"] == "printing" else "lost"

    def contend(self, wanting: Sequence[Jobs], number: int, printer: str) -> None:
        """Claim a job, all at once; no two claims are alike."""
        may = self.model.may_claim(number, printer)
        with ThreadPoolExecutor(CLAIMANTS) as threads:
            taken = list(threads.map(lambda each: each.claim(number, printer), wanting))
        claims = [claim for claim in taken if claim is not None]
        assert len(claims) == may
        for claim in claims:
            assert claim.token not in {each.token for each in self.claims}
            assert claim.attempt_id not in {each.attempt_id for each in self.claims}
            self.model.claim(claim.job_id, claim.printer, claim.token)
            self.claims.append(claim)

    def stop_job(self, which: int, number: int, verb: str) -> None:
        """Hold or cancel."""
        expected = getattr(self.model, verb)(number)
        self.agree(lambda: getattr(self.claimants[which], verb)(number), expected)

    def release_job(self, which: int, number: int, *, printed: bool) -> None:
        """Let it go on."""
        expected = self.model.release(number, printed)
        self.agree(lambda: self.claimants[which].release(number, printed=printed), expected)

    def move_job(self, which: int, number: int, printer: str) -> None:
        """Have it printed there."""
        expected = self.model.move(number, printer)
        self.agree(lambda: self.claimants[which].move(number, printer), expected)

    def next_step(self, which: int, claim: Claim, answer: str) -> None:
        """What an attempt does next."""
        states = [film["state"] for film in self.model.jobs[claim.job_id]["sendings"]]
        left = [at for at, state in enumerate(states) if state != "accepted"]
        if answer == "asked":
            # Whatever is its state, and whosever it is.
            for number in (claim.job_id, self.number(0)):
                for at in range(len(self.films[number])):
                    self.write(which, claim, number, at, answer)
        elif "asked" in states:
            self.write(which, claim, claim.job_id, states.index("asked"), answer)
        elif left:
            self.write(which, claim, claim.job_id, left[0], "asked")
        else:
            self.finish(which, claim, Outcome.ACCEPTED, State.SENT)

    def write(self, which: int, claim: Claim, number: int, at: int, verb: str) -> None:
        """An attempt writes about one film; what it could have put on paper is counted."""
        film = self.films[number][at]
        words = () if verb in ("asked", "accepted") else ("no answer",)
        place = at if number == claim.job_id else -1
        expected = self.model.write(claim.job_id, claim.token, place, verb)
        self.agree(lambda: getattr(self.claimants[which], verb)(claim, film, *words), expected)
        if not expected and verb == "asked":
            # Asked again without a word of doubt, or of no, in between: maybe on paper twice.
            assert film not in self.unmarked
            self.unmarked.add(film)

    def finish(
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
        """An attempt ends, as far as it may: nothing is sent that is not accepted, and nothing
        queued that has no answer.
        """
        states = {film["state"] for film in self.model.jobs[claim.job_id]["sendings"]}
        if goal is State.SENT and states != {"accepted"}:
            goal = State.QUEUED
        if goal is State.QUEUED and "asked" in states:
            goal = State.HELD
        settlement = Settlement(goal, "why" if goal is not State.SENT else "", later)
        counted = {"strike": strike, "permanent": permanent}
        self.agree(
            lambda: self.claimants[which].finish(
                claim, outcome, "words", settlement=settlement, **counted
            ),
            self.model.finish(
                claim.job_id, claim.token, str(outcome), str(goal), not_before=later, **counted
            ),
        )

    def agree(self, do: Callable[[], object], expected: str) -> None:
        """Do it: it is refused as the model says, and then not a row has changed; or it is done."""
        before = self.read() if expected else []
        try:
            told = do() or ""
        except tuple(REFUSED) as refusal:
            told = REFUSED[type(refusal)]
        assert told == expected
        if expected in REFUSED.values():
            assert self.read() == before
        self.look_for_marks()

    def look_for_marks(self) -> None:
        """Films of which it is said that they wait, or are in doubt, may be asked for again."""
        for number, films in self.films.items():
            for film, facts in zip(films, self.model.jobs[number]["sendings"], strict=True):
                if facts["state"] in ("waiting", "uncertain"):
                    self.unmarked.discard(film)

    def number_films(self, number: int) -> None:
        """Learn the numbers of a new job's sendings."""
        self.films[number] = [film.id for film in self.claimants[0].films(number)]

    def read(self) -> list[list[Row]]:
        """All rows of jobs, sendings and attempts, at one moment."""
        with self.databases[0].read() as connection:
            return [
                [dict(row) for row in connection.execute(each).mappings()] for each in EVERYTHING
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


@pytest.mark.timeout(PATIENCE_S)
def test_every_dispute_ends_as_the_model_says(databases: list[Database]) -> None:
    """Whoever writes what in which order: jobs, films, attempts and loads are the model's."""

    def machine() -> Dispute:
        return Dispute(databases)

    run_state_machine_as_test(machine, settings=searching(examples=60, steps=20))
