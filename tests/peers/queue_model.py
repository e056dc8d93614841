"""The queue's rules in plain dicts: who may do what to a job, and what becomes of it.

Written from the promises (the line, the fence) and from what the methods promise, not from
the store, to be compared with it. Every method says why it is refused, or empty when it is done;
what is refused changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

JobFacts = dict[str, Any]
FilmFacts = dict[str, Any]
Token = str

ACTIVE = ("queued", "printing")
FINISHED = ("sent", "printed", "cancelled")
RANKS = ("HIGH", "MED", "LOW")

LOST = "claim lost"
NOT_ALLOWED = "not allowed"
NO_PRINTER = "no such printer"


class QueueModel:
    """All jobs, by number."""

    def __init__(self, printers: Collection[str], clock: Callable[[], float]) -> None:
        self.printers = printers
        self.clock = clock
        self.jobs: dict[int, JobFacts] = {}

    def add(self, number: int, **facts: Any) -> None:
        """Film sessions of several films are sent pass by pass, anything else once (H.4.1.2.4)."""
        collated = facts["whole"] and facts["films"] > 1
        passes, copies = (facts["copies"], 1) if collated else (1, facts["copies"])
        sendings = [
            {
                "number": film,
                "copies": copies,
                "state": "waiting",
                "printer": "",
                "asked_at": None,
                "accepted_at": None,
                "printed_again": [],
            }
            for _ in range(passes)
            for film in range(1, facts["films"] + 1)
        ]
        self.jobs[number] = {
            "pinned": "",
            "reprint_of": None,
            **facts,
            "state": "queued",
            "printer": "",
            "token": "",
            "command": "",
            "not_before": 0.0,
            "sendings": sendings,
            "attempts": [],
            "forgiven": 0,
        }

    def may_reprint(self, number: int) -> str:
        """What has yet to be printed is not printed again."""
        return NOT_ALLOWED if self.jobs[number]["state"] in ACTIVE else ""

    def reprint(self, number: int, new: int) -> None:
        """The same again as a job of its own, in a film session of its own."""
        kept = {key: self.jobs[number][key] for key in ("films", "copies", "whole", "priority")}
        self.add(new, session=f"reprint {new}", reprint_of=number, **kept)

    def may_claim(self, number: int, printer: str) -> bool:
        """Whether a printer may have it now."""
        job = self.jobs.get(number)
        return job is not None and job["state"] == "queued" and job["pinned"] in ("", printer)

    def claim(self, number: int, printer: str, token: Token) -> None:
        """One attempt begins."""
        job = self.jobs[number]
        job.update(state="printing", printer=printer, token=token, command="")
        job["attempts"].append({"printer": printer, "outcome": "", "strike": False})

    def line_up(self, number: int, printer: str) -> None:
        """A queued job waits for a printer's turn."""
        if self.jobs[number]["state"] == "queued":
            self.jobs[number]["printer"] = printer

    def write(self, number: int, token: Token, at: int, event: str) -> str:
        """What an attempt writes about one sending; `at` is none of the job's when negative."""
        job = self.jobs[number]
        before = {"asked": ("waiting", "uncertain")}.get(event, ("asked",))
        if not self.holds(number, token) or at < 0 or job["sendings"][at]["state"] not in before:
            return LOST
        film = job["sendings"][at]
        if event == "asked":
            if film["state"] == "uncertain":
                self._doubt(film)
            film.update(
                state="asked", printer=job["printer"], asked_at=self.clock(), accepted_at=None
            )
        elif event == "accepted":
            film.update(state="accepted", accepted_at=self.clock())
        elif event == "not_printed":
            film.update(state="waiting", printer="", asked_at=None)
        else:
            film.update(state="uncertain")
        return ""

    def finish(self, number: int, token: Token, outcome: str, goal: str, **facts: Any) -> str:
        """The attempt ends; a command wins over going back to the queue."""
        job = self.jobs[number]
        if not self.holds(number, token):
            return LOST
        self._end(job, outcome, goal, strike=facts["strike"], permanent=facts["permanent"])
        job["not_before"] = facts["not_before"] if job["state"] == goal else 0.0
        return ""

    def recover(self, again: bool, tries: int, running: Collection[int]) -> list[int]:
        """Claims of those that are gone end; what was asked is uncertain. Those that it found."""
        found = []
        for number, job in self.jobs.items():
            if job["state"] != "printing" or number in running:
                continue
            found.append(number)
            unanswered = [f for f in job["sendings"] if f["state"] in ("asked", "uncertain")]
            anew = again and not job["command"] and self.strikes(number).count(False) + 1 < tries
            for film in unanswered:
                film.update(state="uncertain")
                if anew:
                    self._doubt(film)
                    film.update(state="waiting", printer="", asked_at=None)
            if not self.left(number):
                outcome, goal = "accepted", "sent"
            elif not unanswered:
                outcome, goal = "unavailable", "queued"
            else:
                outcome, goal = "uncertain", "queued" if anew else "held"
            self._end(job, outcome, goal, strike=bool(unanswered) and anew, permanent=False)
            job["not_before"] = 0.0
        return found

    def hold(self, number: int) -> str:
        """Only a person moves it from then on."""
        job = self.jobs[number]
        if job["state"] == "printing":
            job["command"] = "hold"
        elif job["state"] == "queued":
            job.update(state="held", printer="")
        else:
            return NOT_ALLOWED
        return ""

    def cancel(self, number: int) -> str:
        """A person gives it up."""
        job = self.jobs[number]
        if job["state"] in FINISHED:
            return NOT_ALLOWED
        if job["state"] == "printing":
            job["command"] = "cancel"
        else:
            if job["state"] == "queued":
                job["printer"] = ""
            job["state"] = "cancelled"
        return ""

    def release(self, number: int, printed: bool) -> str:
        """What is uncertain was seen on paper, or is printed again."""
        job = self.jobs[number]
        if job["state"] == "printing" and job["command"]:
            job["command"] = ""
            return ""
        unanswered = any(film["state"] in ("asked", "uncertain") for film in job["sendings"])
        again = [f for f in job["sendings"] if f["state"] == "waiting" and f["printed_again"]]
        if job["state"] != "held" or (printed and not unanswered and not again):
            return NOT_ALLOWED
        for film in again if printed else []:
            printer, asked_at = film["printed_again"].pop()
            film.update(
                state="accepted", printer=printer, asked_at=asked_at, accepted_at=self.clock()
            )
        for film in job["sendings"]:
            if film["state"] in ("asked", "uncertain"):
                if printed:
                    film.update(state="accepted", accepted_at=self.clock())
                else:
                    self._doubt(film)
                    film.update(state="waiting", printer="", asked_at=None)
        job.update(state="sent", not_before=0.0, forgiven=len(job["attempts"]))
        if self.left(number):
            job.update(state="queued", printer="")
        return ""

    def move(self, number: int, printer: str) -> str:
        """It waits for that printer and no other; what is uncertain is decided first."""
        job = self.jobs[number]
        if printer not in self.printers:
            return NO_PRINTER
        unanswered = any(film["state"] in ("asked", "uncertain") for film in job["sendings"])
        if (
            job["state"] not in ("queued", "held")
            or (job["state"] == "held" and unanswered)
            or not self.left(number)
        ):
            return NOT_ALLOWED
        job.update(state="queued", pinned=printer, printer="", not_before=0.0)
        job["forgiven"] = len(job["attempts"])
        return ""

    def priority(self, number: int, priority: str) -> str:
        """How urgent it is, until its turn has come."""
        if self.jobs[number]["state"] not in ("queued", "held"):
            return NOT_ALLOWED
        self.jobs[number]["priority"] = priority
        return ""

    def holds(self, number: int, token: Token) -> bool:
        """Whether a claim still is one."""
        job = self.jobs[number]
        return job["state"] == "printing" and job["token"] == token

    def left(self, number: int) -> list[FilmFacts]:
        """Sendings that no printer has accepted."""
        return [film for film in self.jobs[number]["sendings"] if film["state"] != "accepted"]

    def load(self, number: int) -> int:
        """Copies not yet settled."""
        if self.jobs[number]["state"] not in ACTIVE:
            return 0
        return sum(film["copies"] for film in self.left(number))

    def strikes(self, number: int) -> list[bool]:
        """Attempts that count against it since a person last let it go: whether for good."""
        job = self.jobs[number]
        counted = [each for each in job["attempts"][job["forgiven"] :] if each["strike"]]
        return [each["permanent"] for each in counted]

    def waiting(self) -> list[int]:
        """Queued jobs in the order of claiming; one of a film session at a time."""
        active = {n: job for n, job in self.jobs.items() if job["state"] in ACTIVE}
        first = {
            number
            for number, job in active.items()
            if not any(
                other < number and each["session"] == job["session"]
                for other, each in active.items()
            )
        }
        queued = [n for n in first if active[n]["state"] == "queued"]
        return sorted(queued, key=lambda n: (RANKS.index(active[n]["priority"]), n))

    def _doubt(self, film: FilmFacts) -> None:
        """It prints again, and may be on paper: that is known as long as the job is."""
        film["printed_again"].append((film["printer"], film["asked_at"]))

    def _end(self, job: JobFacts, outcome: str, goal: str, **facts: bool) -> None:
        if goal == "queued" and job["command"]:
            goal = {"hold": "held", "cancel": "cancelled"}[job["command"]]
        job["attempts"][-1].update(outcome=outcome, **facts)
        job.update(state=goal, token="", command="")
        if goal == "queued":
            job["printer"] = ""
