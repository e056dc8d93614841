"""Whether a printer takes films, and when it is said to refuse everything."""

from __future__ import annotations

from dataclasses import replace

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.jobs.job import Outcome, Strike
from broker.model.printers.health import FAILS_FILMS, LEAVES_UNANSWERED
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.standing import (
    ALIKE,
    FEW,
    Standing,
    Try,
    judged,
    refusing,
    standing,
    troubled_first,
)
from broker.model.printers.trouble import AS_CHOSEN
from tests.model.conftest import MakeJob, MakePrinter

SIZE = Trait(PrintObject.FILM_BOX, "FilmSizeID", "14INX17IN")
NO_SIZE = Capability(Lesson.REFUSES, SIZE, frozenset({SIZE}))
FILM = frozenset({frozenset({SIZE})})


def refused(*jobs: int, name: str = "oki-1") -> list[Try]:
    """Tries of these jobs that ended with a refusal for good, the latest first."""
    return [Try(name, job, Outcome.REFUSED, True, float(job)) for job in reversed(jobs)]


def test_health_and_duty_give_a_standing(make_printer: MakePrinter) -> None:
    """A person's duty counts before what was observed; an accepted film shows that it takes
    films."""
    jammed = make_printer(health=Health.DEGRADED, health_since=50.0, reason="WARNING: FILM JAM")
    found = {
        Standing.TAKES: make_printer(),
        Standing.OFF: make_printer(duty=Duty.MAINT, health=Health.DOWN),
        Standing.DOWN: make_printer(health=Health.DOWN),
        Standing.UNCHECKED: make_printer(health=Health.UNKNOWN),
        Standing.ATTENTION: jammed,
        Standing.TAKES_ANYWAY: replace(jammed, accepted_at=60.0),
        Standing.REFUSING: make_printer(refusing="refuses every film"),
        Standing.FAILING: make_printer(
            health=Health.DEGRADED, failures_in_row=3, reason=f"{FAILS_FILMS}: 0xC000"
        ),
    }
    assert {each: standing(printer) for each, printer in found.items()} == {
        each: each for each in found
    }
    silent = make_printer(
        health=Health.DEGRADED, failures_in_row=3, reason=f"{LEAVES_UNANSWERED}: film 1"
    )
    assert standing(silent) is Standing.FAILING


def test_it_refuses_everything_after_the_last_tries_of_different_jobs(
    make_printer: MakePrinter,
) -> None:
    """Each refused for good. One job less, one job tried thrice, a film accepted since, a passing
    refusal between them, or a person who has mended it: it is not said."""
    printer = make_printer(failures_in_row=ALIKE)
    assert "refuses every film" in refusing(printer, (), refused(1, 2, 3))
    passing = replace(refused(2)[0], permanent=False)
    assert not refusing(printer, (), refused(1, 2))
    assert not refusing(printer, (), refused(2, 2, 2))
    assert not refusing(printer, (), [*refused(3), passing, *refused(1)])
    assert not refusing(replace(printer, accepted_at=2.5), (), refused(1, 2, 3))
    assert not refusing(replace(printer, failures_in_row=0), (), refused(1, 2, 3))


def test_what_a_person_chose_is_no_sign_of_it(make_printer: MakePrinter, make_job: MakeJob) -> None:
    """A printer that does not take the film size of reprints takes films all the same."""
    chosen = [replace(each, words=f"it refuses FilmSizeID A3{AS_CHOSEN}") for each in refused(1, 2)]
    printer = make_printer(failures_in_row=ALIKE)
    assert not refusing(printer, (), [*chosen, *refused(3)])
    assert "refuses every film" in refusing(printer, (), [*chosen, *refused(3, 4, 5)])
    knows = make_printer(refuses=(NO_SIZE,))
    assert refusing(knows, [make_job(1, asks=FILM)], ())
    assert not refusing(knows, [make_job(1, asks=FILM, reprint_of=7)], ())


def test_it_refuses_everything_that_waits(make_printer: MakePrinter, make_job: MakeJob) -> None:
    """By what is known of it, or by what it answered to each job. A job that is bound to another
    printer says nothing, nor does one that it may take, nor a printer that prints."""
    printer = make_printer(refuses=(NO_SIZE,))
    odd, other = make_job(1, asks=FILM), make_job(2)
    said = refusing(printer, (odd,), ())
    assert said.startswith("refuses every film")
    assert "FilmSizeID 14INX17IN" in said or "14INX17IN" in said
    assert not refusing(printer, (odd, other), ())
    assert not refusing(printer, (), ())
    assert not refusing(printer, (make_job(1, asks=FILM, pinned="oki-2"),), ())
    assert not refusing(replace(printer, claims=1), (odd,), ())
    assert not refusing(replace(printer, recent=1), (odd,), ())
    struck = make_job(3, strikes=(Strike("oki-1", True, "0x0106"),))
    assert refusing(make_printer(failures_in_row=1), (struck,), ())


def test_each_printer_is_judged_by_its_own_tries(make_printer: MakePrinter) -> None:
    """What one refuses says nothing of the other."""
    first, second = judged(
        [make_printer("oki-1", failures_in_row=3), make_printer("oki-2", failures_in_row=3)],
        (),
        refused(1, 2, 3, name="oki-2"),
    )
    assert not first.refusing
    assert second.refusing


def test_of_many_printers_those_that_need_a_person_come_first(make_printer: MakePrinter) -> None:
    """Otherwise in the order of the configuration, as a few always are."""
    health = {"oki-3": Health.DOWN, "oki-5": Health.DEGRADED, "oki-8": Health.DOWN}
    names = [f"oki-{number}" for number in range(FEW + 1)]
    printers = [make_printer(name, health=health.get(name, Health.UP)) for name in names]
    printers[0] = make_printer("oki-0", duty=Duty.MAINT)
    assert [each.name for each in troubled_first(printers[:FEW])] == names[:FEW]
    found = [each.name for each in troubled_first(printers)]
    assert found[:4] == ["oki-3", "oki-8", "oki-5", "oki-0"]
    assert found[4:] == [each for each in names if each not in found[:4]]


def test_a_failure_keeps_its_words_after_a_passed_check(make_printer: MakePrinter) -> None:
    """Of the last attempt that failed, without the printer's name; where the printer's reason tells
    something, or it has not failed since it accepted a film, nothing is added."""
    tries = [
        replace(refused(2)[0], words="oki-1: N-ACTION answered 0xC000"),
        replace(refused(1)[0], words="oki-1: an earlier one"),
    ]

    def words(printer: Printer) -> str:
        return judged([printer], (), tries)[0].failed_with

    assert words(make_printer(failures_in_row=1)) == "N-ACTION answered 0xC000"
    assert words(make_printer(failures_in_row=1, reason="busy: no place")) == ""
    assert words(make_printer()) == ""
