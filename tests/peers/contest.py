"""Several claimants of one queue, compared with the model of it after every step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

from hypothesis.stateful import invariant
from sqlalchemy import delete, select

from broker.model.jobs.job import Claim, Job, Level, Outcome, Priority, State
from broker.model.printers.retry import Settlement
from broker.store.database import Database
from broker.store.printers import RECENT_S, NoSuchPrinter, Printers
from broker.store.queue.claims import ClaimLost
from broker.store.queue.commands import NotAllowed
from broker.store.queue.jobs import Jobs
from broker.store.tables import attempts, jobs, printed_again, sendings
from tests.peers.queue_model import FINISHED, LOST, NO_PRINTER, NOT_ALLOWED, QueueModel
from tests.peers.queue_requests import CLAIMANTS, PRINTERS, Row, print_request
from tests.peers.searching import Search
from tests.store.conftest import Clock

REFUSED = {ClaimLost: LOST, NotAllowed: NOT_ALLOWED, NoSuchPrinter: NO_PRINTER}
RECORDED = (
    *("state", "printer", "token", "command", "pinned"),
    *("priority", "films", "copies", "not_before", "reprint_of"),
)
EVERYTHING = [
    select(*(column.label(column.key) for column in each.c)).order_by(each.c.id)
    for each in (jobs, sendings, attempts, printed_again)
]


class Contest(Search):
    """Claimants on one database, each as a process of its own would have it, and the model.

    A class that derives from it says which steps there are.
    """

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
        """Sendings that may be on paper, and that were not told to be uncertain."""
        with databases[0].write() as connection:
            connection.execute(delete(jobs))
        self.changes = 0
        self.checked: tuple[object, ...] = ()
        """What was compared last."""
        self.rows = self.read()

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
        for job in self.claimants[0].queries.list():
            assert [each.permanent for each in job.strikes] == self.model.strikes(job.id)
            assert job.load == self.model.load(job.id)
            unfinished = {film["number"] for film in self.model.left(job.id)}
            assert job.films_accepted == job.films - len(unfinished)
        assert [job.id for job in self.claimants[1].queries.waiting()] == self.model.waiting()

    def check_films(self, before: Sequence[Row]) -> None:
        """Every sending; an accepted one never changes again, and none is out twice unmarked."""
        for number, facts in self.model.jobs.items():
            recorded = [row for row in self.rows[1] if row["job_id"] == number]
            shown = ("number", "copies", "state", "printer", "asked_at", "accepted_at")
            modelled = [{key: film[key] for key in shown} for film in facts["sendings"]]
            assert [{key: row[key] for key in shown} for row in recorded] == modelled
            again = [
                [
                    (each["printer"], each["asked_at"])
                    for each in self.rows[3]
                    if each["sending_id"] == row["id"]
                ]
                for row in recorded
            ]
            assert again == [film["printed_again"] for film in facts["sendings"]]
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
        for job in first.queries.list():
            if job.state not in FINISHED:
                first.commands.cancel(job.id)
        assert {str(job.state) for job in first.queries.list()} <= set(FINISHED)

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
            taken = list(threads.map(lambda each: each.claims.claim(number, printer), wanting))
        claims = [claim for claim in taken if claim is not None]
        assert len(claims) == may
        for claim in claims:
            assert claim.token not in {each.token for each in self.claims}
            assert claim.attempt_id not in {each.attempt_id for each in self.claims}
            self.model.claim(claim.job_id, claim.printer, claim.token)
            self.claims.append(claim)

    def add_job(self, which: int, request: Row, pinned: str = "") -> None:
        """A modality prints."""
        number = self.claimants[which].submission.add(print_request(request), pinned=pinned)
        facts = request | {"priority": str(request["priority"]), "pinned": pinned}
        whole = facts.pop("level") is Level.FILM_SESSION
        self.model.add(number, whole=whole, **facts)
        self.number_films(number)

    def stop_job(self, which: int, number: int, command: str) -> None:
        """Hold or cancel."""
        expected = getattr(self.model, command)(number)
        self.agree(lambda: getattr(self.claimants[which].commands, command)(number), expected)

    def release_job(self, which: int, number: int, *, printed: bool) -> None:
        """Let it go on."""
        expected = self.model.release(number, printed)
        self.agree(
            lambda: self.claimants[which].commands.release(number, printed=printed), expected
        )

    def move_job(self, which: int, number: int, printer: str) -> None:
        """Have it printed there."""
        expected = self.model.move(number, printer)
        self.agree(lambda: self.claimants[which].commands.move(number, printer), expected)

    def hurry_job(self, which: int, number: int, priority: Priority) -> None:
        """Change how urgent it is."""
        expected = self.model.priority(number, str(priority))
        self.agree(lambda: self.claimants[which].commands.priority(number, priority), expected)

    def reprint_job(self, which: int, number: int) -> None:
        """Have it printed again, as a job of its own."""
        made: list[int] = []
        expected = self.model.may_reprint(number)
        self.agree(lambda: made.append(self.claimants[which].commands.reprint(number)), expected)
        for new in made:
            self.model.reprint(number, new)
            self.number_films(new)

    def recover(
        self, which: int, *, again: bool, tries: int, running: Collection[int]
    ) -> list[Job]:
        """The one place where recovery is called."""
        on_uncertain = "reprint" if again else "hold"
        return self.claimants[which].recovery.recover(
            on_uncertain, tries=tries, running=lambda: running
        )

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

    def write(self, which: int, claim: Claim, number: int, at: int, write: str) -> None:
        """An attempt writes about one film; what it could have put on paper is counted."""
        film = self.films[number][at]
        words = () if write in ("asked", "accepted") else ("no answer",)
        place = at if number == claim.job_id else -1
        expected = self.model.write(claim.job_id, claim.token, place, write)
        self.agree(
            lambda: getattr(self.claimants[which].claims, write)(claim, film, *words), expected
        )
        if not expected and write == "asked":
            # Asked again without being uncertain or refused in between: maybe on paper twice.
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
            lambda: self.claimants[which].claims.finish(
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
        """Films of which it is said that they wait, or are uncertain, may be asked for again."""
        for number, films in self.films.items():
            for film, facts in zip(films, self.model.jobs[number]["sendings"], strict=True):
                if facts["state"] in ("waiting", "uncertain"):
                    self.unmarked.discard(film)

    def number_films(self, number: int) -> None:
        """Learn the numbers of a new job's sendings."""
        self.films[number] = [film.id for film in self.claimants[0].queries.films(number)]

    def read(self) -> list[list[Row]]:
        """All rows of jobs, sendings, attempts and printed_again, at one moment."""
        with self.databases[0].read() as connection:
            return [
                [dict(row) for row in connection.execute(each).mappings()] for each in EVERYTHING
            ]
