"""Which printer, and why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from broker.model.jobs.job import Job, Strike
from broker.model.printers.choose import Choice, PassedOver, left_idle, plan
from broker.model.printers.printer import Duty, Health, Printer
from tests.model.conftest import MakeJob, MakePrinter

NOWHERE: dict[str, str] = {}
"""No film session has printed anything yet."""


class Room:
    """Printers that print, and jobs that come: time passes in steps of one film."""

    def __init__(self, printers: Sequence[Printer], slow: dict[str, int] | None = None) -> None:
        self.printers = {printer.name: printer for printer in printers}
        self.slow = slow or {}
        self.jobs: list[Job] = []
        self.printing: list[tuple[Job, str, int]] = []
        self.done: Counter[str] = Counter()
        self.now = 0.0

    def seen(self) -> list[Printer]:
        """The printers as the store would tell of them."""
        seen = []
        for printer in self.printers.values():
            mine = [job for job, name, _ in self.printing if name == printer.name]
            lined_up = [job for job in self.jobs if job.printer == printer.name]
            load = sum(job.load for job in [*mine, *lined_up])
            recent = self.done[printer.name]
            seen.append(replace(printer, load=load, claims=len(mine), recent=recent))
        return seen

    def step(self) -> list[Choice]:
        """Plan, follow the plan, and let one film's time pass."""
        choices = plan(self.jobs, self.seen(), self.now, NOWHERE)
        by_id = {job.id: job for job in self.jobs}
        for choice in choices:
            job = by_id[choice.job_id]
            if choice.claim_now:
                self.jobs.remove(job)
                self.printing.append((job, choice.printer, self.slow.get(choice.printer, 1)))
            elif choice.printer != job.printer:
                lined_up = replace(job, printer=choice.printer, assigned_at=self.now)
                self.jobs[self.jobs.index(job)] = lined_up
        self.now += 1
        self.printing = [(job, name, left - 1) for job, name, left in self.printing]
        for job, name, left in self.printing:
            if not left:
                self.done[name] += job.load
        self.printing = [each for each in self.printing if each[2]]
        return choices

    def run(self) -> Counter[str]:
        """Until every job is printed; films by printer."""
        while self.jobs or self.printing:
            self.step()
        return self.done


def test_equal_printers_share_evenly(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """Twelve films that come together are four for each of three printers."""
    room = Room([make_printer(f"oki-{number}") for number in (1, 2, 3)])
    room.jobs = [make_job(number) for number in range(12)]
    assert room.run() == {"oki-1": 4, "oki-2": 4, "oki-3": 4}


def weighted(make_printer: MakePrinter) -> Room:
    """Three printers of weights 100, 100 and 50."""
    weights = {"oki-1": 100, "oki-2": 100, "oki-3": 50}
    return Room([make_printer(name, weight=weight) for name, weight in weights.items()])


def test_weights_hold_when_films_come_together(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Ten films at once on weights 100, 100, 50 are 4, 4 and 2."""
    room = weighted(make_printer)
    room.jobs = [make_job(number) for number in range(10)]
    assert room.run() == {"oki-1": 4, "oki-2": 4, "oki-3": 2}


def test_weights_hold_when_films_come_one_by_one(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Each film printed before the next one comes: still 2 to 2 to 1."""
    room = weighted(make_printer)
    for number in range(10):
        room.jobs = [make_job(number)]
        room.run()
    assert room.done == {"oki-1": 4, "oki-2": 4, "oki-3": 2}


def test_a_slow_printer_gets_fewer(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """A printer that takes twenty times as long does not hold up the films in its line."""
    room = Room([make_printer("slow"), make_printer("fast")], slow={"slow": 20})
    room.jobs = [make_job(number) for number in range(30)]
    done = room.run()
    assert done["slow"] <= 3
    assert room.now <= 60


def test_the_line_of_a_failed_printer_goes_elsewhere(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Jobs that waited for a printer go to others as soon as it is down."""
    room = Room([make_printer("oki-1"), make_printer("oki-2")])
    room.jobs = [make_job(number) for number in range(6)]
    room.step()
    room.printers["oki-1"] = replace(room.printers["oki-1"], health=Health.DOWN)
    assert {choice.printer for choice in room.step()} == {"oki-2"}


UNUSABLE = [
    ({"duty": Duty.DRAIN, "duty_reason": "toner"}, {}, "draining: toner"),
    ({"duty": Duty.MAINT}, {}, "in maintenance"),
    ({"health": Health.DOWN, "reason": "no answer"}, {}, "down: no answer"),
    ({"health": Health.UNKNOWN}, {}, "not checked yet"),
    ({"paused_until": 104.0, "reason": "full"}, {}, "failed, next attempt in 4 s: full"),
    ({"paused_until": 104.0, "reason": ""}, {}, "failed, next attempt in 4 s"),
    ({}, {"strikes": (Strike("oki-1", True, "size"),)}, "refused it: size"),
    ({}, {"strikes": (Strike("oki-1", True, "oki-1: size"),)}, "refused it: size"),
    (
        {"supports_lut": False},
        {"needs_lut": True},
        "does not support Presentation LUT, which the job needs",
    ),
]


@pytest.mark.parametrize(
    ("pinned", "why"),
    [
        ("oki-2", "no printer can take it now"),
        (
            "oki-9",
            "an operator moved it to oki-9, which is not a printer any more; "
            "`broker jobs move 1 PRINTER`",
        ),
    ],
)
def test_a_job_for_one_printer_waits_for_it_alone(
    make_job: MakeJob, make_printer: MakePrinter, pinned: str, why: str
) -> None:
    """No other printer needs a reason; one that is not there any more is named, with the remedy."""
    pool = [make_printer("oki-1"), make_printer("oki-2", health=Health.DOWN, reason="no answer")]
    (choice,) = plan([make_job(1, pinned=pinned)], pool, 100.0, {})
    assert (choice.printer, choice.why) == ("", why)
    expected = [PassedOver("oki-2", "down: no answer")] if pinned == "oki-2" else []
    assert list(choice.passed_over) == expected


def test_a_persons_word_comes_before_togetherness(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A job sent to one printer does not wait for that of its film session, which is busy."""
    pool = [make_printer("oki-1", paused_until=104.0), make_printer("oki-2")]
    job = make_job(1, pinned="oki-2", film_session="s")
    (choice,) = plan([job], pool, 100.0, {"s": "oki-1"})
    assert (choice.printer, choice.claim_now) == ("oki-2", True)


@pytest.mark.parametrize(("printer", "job", "why"), UNUSABLE, ids=[row[2] for row in UNUSABLE])
def test_a_printer_that_is_passed_over_has_its_reason(
    make_job: MakeJob,
    make_printer: MakePrinter,
    printer: dict[str, object],
    job: dict[str, object],
    why: str,
) -> None:
    """Every printer that cannot take the job says why, and the job waits."""
    (choice,) = plan([make_job(1, **job)], [make_printer(**printer)], 100.0, NOWHERE)
    assert (choice.printer, choice.claim_now) == ("", False)
    assert [each.why for each in choice.passed_over] == [why]


def test_a_film_session_stays_together(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """The next film goes where the session's films went, even when another printer is idle."""
    printers = [make_printer("oki-1", load=5, claims=1), make_printer("oki-2")]
    (choice,) = plan([make_job(1)], printers, 0.0, {"session-1": "oki-1"})
    assert (choice.printer, choice.claim_now) == ("oki-1", False)


@pytest.mark.parametrize("trouble", [{"health": Health.DOWN}, {"duty": Duty.DRAIN}])
def test_another_printer_takes_over_a_film_session(
    make_job: MakeJob, make_printer: MakePrinter, trouble: dict[str, object]
) -> None:
    """When the session's printer is out, its next film goes to another one."""
    printers = [make_printer("oki-1", **trouble), make_printer("oki-2")]
    (choice,) = plan([make_job(1)], printers, 0.0, {"session-1": "oki-1"})
    assert (choice.printer, choice.claim_now) == ("oki-2", True)


def test_a_film_session_is_not_parted_because_its_printer_is_busy(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A printer that rests after a transient reject is waited for, though not for ever."""
    printers = [make_printer("oki-1", paused_until=102.0), make_printer("oki-2")]
    where = {"session-1": "oki-1"}
    (choice,) = plan([make_job(1)], printers, 100.0, where)
    assert (choice.printer, choice.claim_now) == ("oki-1", False)
    lined_up = make_job(1, printer="oki-1", assigned_at=80.0)
    (choice,) = plan([lined_up], printers, 100.0, where)
    assert (choice.printer, choice.claim_now) == ("oki-2", True)
    failing = [make_printer("oki-1", paused_until=102.0, failures_in_row=1), make_printer("oki-2")]
    (choice,) = plan([make_job(1)], failing, 100.0, where)
    assert choice.printer == "oki-2"


def test_degraded_printers_serve_when_none_is_up(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A degraded printer gets films only while no other is up."""
    jammed = make_printer("oki-1", health=Health.DEGRADED, reason="FILM JAM")
    busy = make_printer("oki-2", load=3, claims=1)
    (choice,) = plan([make_job(1)], [jammed, busy], 0.0, NOWHERE)
    assert choice.printer == "oki-2"
    (choice,) = plan([make_job(1)], [jammed], 0.0, NOWHERE)
    assert choice.claim_now


def test_a_job_goes_first_where_it_has_not_failed(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A printer that failed the job comes after one that has not, however loaded."""
    job = make_job(1, strikes=(Strike("oki-1", False, "0x0110"),))
    printers = [make_printer("oki-1"), make_printer("oki-2", load=4, claims=1)]
    (choice,) = plan([job], printers, 0.0, NOWHERE)
    assert choice.printer == "oki-2"


def test_a_job_that_must_wait_waits(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """Before `not_before` a job goes nowhere."""
    (choice,) = plan([make_job(1, not_before=103.0)], [make_printer()], 100.0, NOWHERE)
    assert (choice.printer, choice.why) == ("", "next attempt in 3 s")


def test_a_job_waits_only_for_printers_that_failed_it(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A printer that has come back meanwhile gets it at once."""
    job = make_job(1, not_before=130.0, strikes=(Strike("oki-1", False, "0x0110"),))
    (choice,) = plan([job], [make_printer("oki-1"), make_printer("oki-2")], 100.0, NOWHERE)
    assert (choice.printer, choice.claim_now) == ("oki-2", True)
    (choice,) = plan([job], [make_printer("oki-1")], 100.0, NOWHERE)
    assert choice.passed_over[0].why == "failed it, next attempt in 30 s"


def test_as_many_at_once_as_the_printer_takes(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """Two associations are two claims; the third job waits, and says for what."""
    jobs = [make_job(number) for number in (1, 2, 3)]
    choices = plan(jobs, [make_printer(associations=2)], 0.0, NOWHERE)
    assert [choice.claim_now for choice in choices] == [True, True, False]
    assert choices[2].why == "in line at oki-1, 2 films before it: no other can take it now"


def test_without_printers_nothing_is_chosen(make_job: MakeJob) -> None:
    """A pool of none keeps its jobs and says so."""
    (choice,) = plan([make_job(1)], [], 0.0, NOWHERE)
    assert choice.why == "no printers are configured"


def test_a_long_line_is_planned_quickly(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """Five hundred jobs on eight printers take far less than the poll's half second.

    Of processor time, the least of some: what else the machine does is none of the plan's.
    """
    jobs = [make_job(number) for number in range(500)]
    printers = [make_printer(f"oki-{number}") for number in range(8)]
    took = []
    for _ in range(5):
        began = time.thread_time()
        choices = plan(jobs, printers, 0.0, NOWHERE)
        took.append(time.thread_time() - began)
        assert sum(choice.claim_now for choice in choices) == 8
    assert min(took) < 0.25


def test_a_printer_that_failed_films_gets_one_to_try(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """It comes back by itself (promise 7): once its pause is over, one film of many goes there."""
    failing = make_printer(
        "oki-1",
        health=Health.DEGRADED,
        failures_in_row=3,
        reason="fails films: connection refused",
        paused_until=50.0,
    )
    printers = [failing, make_printer("oki-2")]
    jobs = [make_job(id) for id in range(1, 6)]
    paused = plan(jobs, printers, 49.0, NOWHERE)
    assert {choice.printer for choice in paused} == {"oki-2"}
    tried = plan(jobs, printers, 50.0, NOWHERE)
    assert [choice.printer for choice in tried] == ["oki-1", *["oki-2"] * 4]
    assert tried[0].claim_now


@pytest.mark.parametrize("reason", ["WARNING: SUPPLY EMPTY", "leaves films unanswered: closed"])
def test_nothing_is_tried_where_it_could_be_lost(
    make_job: MakeJob, make_printer: MakePrinter, reason: str
) -> None:
    """An empty tray would keep the film from paper, and silence would leave it uncertain."""
    degraded = make_printer("oki-1", health=Health.DEGRADED, failures_in_row=3, reason=reason)
    (choice,) = plan([make_job()], [degraded, make_printer("oki-2")], 50.0, NOWHERE)
    assert choice.printer == "oki-2"


def test_a_film_session_leaves_a_printer_that_needs_a_person(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Togetherness holds while the printer is healthy (promise 8)."""
    degraded = make_printer("oki-1", health=Health.DEGRADED, reason="WARNING: SUPPLY EMPTY")
    (choice,) = plan([make_job()], [degraded, make_printer("oki-2")], 0.0, {"session-1": "oki-1"})
    assert choice.printer == "oki-2"


def test_a_clock_that_was_set_back_is_no_patience(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A job that lined up in what is now the future may change over at once."""
    long_line = make_printer("oki-1", load=50, claims=1)
    lined_up = make_job(1, printer="oki-1", assigned_at=4000.0)

    (choice,) = plan([lined_up], [long_line, make_printer("oki-2")], 400.0, NOWHERE)

    assert (choice.printer, choice.claim_now) == ("oki-2", True)


@pytest.mark.parametrize(
    ("since", "goes_to"),
    [
        ({"health_since": 101.0}, "oki-2"),
        ({"duty_since": 101.0}, "oki-2"),
        ({"paused_until": 101.0}, "oki-2"),
        ({"health_since": 99.0}, "oki-1"),
    ],
    ids=["came up", "made ready", "rested", "was there all the time"],
)
def test_a_printer_that_comes_back_takes_its_share_at_once(
    make_job: MakeJob, make_printer: MakePrinter, since: dict[str, float], goes_to: str
) -> None:
    """Jobs that lined up while it was away need not be patient; others keep their line."""
    lined_up = [make_job(each, printer="oki-1", assigned_at=100.0) for each in range(1, 5)]
    printers = [make_printer("oki-1", load=5, claims=1), make_printer("oki-2", **since)]

    first = plan(lined_up, printers, 102.0, NOWHERE)[0]

    assert first.printer == goes_to


def test_an_idle_printer_is_one_that_could_begin_a_job(make_printer: MakePrinter) -> None:
    """A queue is looked at no further than it keeps busy all that can begin something."""
    begins = Choice(1, "oki-1", True, "")
    waits = Choice(2, "oki-1", False, "")
    for printer, choices, idle in (
        (make_printer(), [], True),
        (make_printer(), [begins, waits], False),
        (make_printer(associations=2), [begins, waits], True),
        (make_printer(claims=1), [waits], False),
        (make_printer(duty=Duty.DRAIN), [], False),
        (make_printer(health=Health.DOWN), [], False),
        (make_printer(health=Health.UNKNOWN), [], False),
        (make_printer(health=Health.DEGRADED), [], True),
        (make_printer(paused_until=101.0), [], False),
    ):
        assert left_idle([printer], choices, 100.0) is idle
