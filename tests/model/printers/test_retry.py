"""What follows from each trouble."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.jobs.job import Outcome, State, Strike
from broker.model.printers.printer import Duty, Health
from broker.model.printers.retry import Settlement, delay, suitable
from broker.model.printers.trouble import Refused, Trouble, Unavailable
from tests.model.conftest import NOW, POLICY, MakeJob, MakePrinter, follow


@pytest.mark.parametrize(
    ("failures", "shortest"), [(1, 1.0), (2, 2.0), (3, 4.0), (5, 16.0), (6, 30.0), (500, 30.0)]
)
def test_delays_double_up_to_a_cap(failures: int, shortest: float) -> None:
    """Half of a delay is fixed and half is random, never beyond the cap."""
    assert delay(POLICY, failures, lambda: 0.0) == shortest
    assert delay(POLICY, failures, lambda: 0.999999) == pytest.approx(2 * shortest, rel=1e-5)


def test_a_printer_that_is_gone_costs_the_job_nothing(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Unreachable or busy: the job may go elsewhere at once, the printer is left alone a while."""
    verdict = follow(Unavailable("oki-1: connection refused"), make_job(), make_printer())
    assert (verdict.outcome, verdict.strike) == (Outcome.UNAVAILABLE, False)
    assert verdict.settlement.state is State.QUEUED
    assert verdict.settlement.not_before == 0
    assert verdict.printer.paused_until == NOW + 1


def test_busy_is_not_broken(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """A printer that rejects associations for now is left alone a moment, and has not failed."""
    verdict = follow(Unavailable("busy", busy=True), make_job(), make_printer(failures_in_row=9))
    assert (verdict.printer.failed, verdict.strike) == (False, False)
    assert verdict.printer.paused_until == NOW + 1


def test_no_number_of_dead_printers_holds_a_job(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """After any number of vain calls the job is still queued."""
    printer = make_printer(failures_in_row=500)
    verdict = follow(Unavailable("no answer"), make_job(attempts=500), printer)
    assert verdict.settlement.state is State.QUEUED
    assert verdict.printer.paused_until == NOW + 30


def test_a_refusal_goes_to_the_next_printer_at_once(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A black hole delays the job by one attempt only, and is left alone a while itself."""
    trouble = Refused("0x0110", permanent=False)
    verdict = follow(trouble, make_job(), make_printer("oki-1"), make_printer("oki-2"))
    assert (verdict.outcome, verdict.strike) == (Outcome.REFUSED, True)
    assert (verdict.settlement.state, verdict.settlement.not_before) == (State.QUEUED, 0)
    assert verdict.printer.paused_until > NOW


def test_a_printer_that_refuses_film_after_film_is_degraded(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """The third failure in a row says so, with the printer's own words."""
    verdict = follow(
        Refused("0x0110", permanent=False), make_job(), make_printer(failures_in_row=2)
    )
    assert verdict.printer.health is Health.DEGRADED
    assert verdict.printer.words == "fails films: 0x0110"


def test_a_film_that_is_wrong_for_a_printer_does_not_harm_it(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A permanent refusal is mostly the film's affair: the printer goes on with others at once."""
    trouble = Refused("0x0106", permanent=True)
    verdict = follow(trouble, make_job(), make_printer("oki-1"), make_printer("oki-2"))
    assert (verdict.printer.paused_until, verdict.printer.health) == (0, None)
    assert verdict.settlement.state is State.QUEUED


@pytest.mark.parametrize(("others", "paused_until"), [(("oki-2",), NOW + 4), ((), 0)])
def test_a_printer_that_refuses_every_film_for_good_is_a_black_hole_too(
    make_job: MakeJob, make_printer: MakePrinter, others: tuple[str, ...], paused_until: float
) -> None:
    """The third in a row shows it as degraded; it is left alone while another does its work, and
    not where it would keep good films waiting."""
    trouble = Refused("0x0124", permanent=True)
    printers = [make_printer("oki-1", failures_in_row=2), *map(make_printer, others)]
    verdict = follow(trouble, make_job(), *printers)
    assert verdict.printer.health is Health.DEGRADED
    assert verdict.printer.words == "fails films: 0x0124"
    assert verdict.printer.paused_until == paused_until


@pytest.mark.parametrize(
    "other",
    [
        {"health": Health.DOWN},
        {"health": Health.DEGRADED},
        {"paused_until": NOW + 50},
    ],
)
def test_no_job_is_held_while_another_printer_has_not_been_tried(
    make_job: MakeJob, make_printer: MakePrinter, other: dict[str, object]
) -> None:
    """A printer that is away at the moment may still take it."""
    job = make_job(strikes=(Strike("oki-1", False, "no"),) * 10)
    printers = (make_printer("oki-1"), make_printer("oki-2", **other))
    assert follow(Refused("no", permanent=False), job, *printers).settlement.state is State.QUEUED


@pytest.mark.parametrize(
    "other",
    [{"duty": Duty.MAINT}, {"duty": Duty.DRAIN}, None],
)
def test_refused_by_every_printer_on_duty_means_held(
    make_job: MakeJob, make_printer: MakePrinter, other: dict[str, object] | None
) -> None:
    """The job is held with the printer's words when no printer is left to ask."""
    printers = [make_printer("oki-1")]
    if other is not None:
        printers.append(make_printer("oki-2", **other))
    verdict = follow(Refused("no such size", permanent=True), make_job(), *printers)
    assert verdict.settlement.state is State.HELD
    who = "every printer" if other is None else "oki-1"
    assert verdict.settlement.reason == f"{who} refused it: no such size"


def test_a_printer_without_lut_is_not_waited_for(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """A film that needs a LUT is held when only printers without it are left."""
    printers = (make_printer("oki-1"), make_printer("oki-2", supports_lut=False))
    verdict = follow(Refused("no", permanent=True), make_job(needs_lut=True), *printers)
    assert verdict.settlement.state is State.HELD


def test_tries_are_counted_and_end(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """With every printer tried, the job waits longer and longer, then is held."""
    job, printer = make_job(), make_printer()
    said = []
    for _ in range(3):
        verdict = follow(Refused("0x0110", permanent=False), job, printer)
        said.append((verdict.settlement.state, verdict.settlement.not_before))
        job = replace(job, strikes=(*job.strikes, Strike("oki-1", False, "0x0110")))
    assert said == [(State.QUEUED, NOW + 1), (State.QUEUED, NOW + 2), (State.HELD, 0)]
    assert verdict.settlement.reason == "gave up after 3 tries: 0x0110"


def test_an_association_that_broke_off_counts_against_the_job(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """It may be the film that breaks printers: it must not break them for ever."""
    verdict = follow(Unavailable("closed", associated=True), make_job(), make_printer())
    assert verdict.strike
    assert verdict.settlement.state is State.QUEUED
    job = make_job(strikes=(Strike("oki-1", False, "closed"),) * 2)
    verdict = follow(Unavailable("closed", associated=True), job, make_printer())
    assert verdict.settlement.state is State.HELD


@pytest.mark.parametrize(
    "trouble",
    [Refused("0x0110", permanent=False), Unavailable("closed", associated=True)],
    ids=["refused", "broke off"],
)
def test_a_printer_that_fails_every_job_uses_up_no_tries(
    make_job: MakeJob, make_printer: MakePrinter, trouble: Trouble
) -> None:
    """Two strikes are the job's and two failures another's: it waits behind others instead."""
    job = make_job(strikes=(Strike("oki-1", False, "0x0110"),) * 2)
    verdict = follow(trouble, job, make_printer(failures_in_row=4))
    assert not verdict.strike
    assert verdict.settlement.state is State.QUEUED
    assert verdict.settlement.not_before == verdict.printer.paused_until + POLICY.first_delay_s


def test_a_job_that_fails_where_others_print_is_struck(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Its first printer fails everything; it is tried and counted on the next one all the same."""
    verdict = follow(
        Refused("0x0110", permanent=False),
        make_job(),
        make_printer("oki-1", failures_in_row=4),
        make_printer("oki-2"),
    )
    assert (verdict.strike, verdict.settlement.not_before) == (True, 0)


@pytest.mark.parametrize(
    ("failures", "other", "not_before"),
    [
        (0, Health.DOWN, 0),
        (2, Health.DOWN, NOW + 4 + 2),
        (2, Health.UP, 0),
    ],
    ids=["once", "again and again", "another printer is up"],
)
def test_a_film_that_finds_no_room_lets_others_pass(
    make_job: MakeJob,
    make_printer: MakePrinter,
    failures: int,
    other: Health,
    not_before: float,
) -> None:
    """A printer without memory for one film may take the next: after some tries, that is tried."""
    verdict = follow(
        Unavailable("0xC605", full=True),
        make_job(),
        make_printer("oki-1", failures_in_row=failures),
        make_printer("oki-2", health=other),
    )
    assert (verdict.outcome, verdict.strike) == (Outcome.UNAVAILABLE, False)
    assert verdict.settlement == Settlement(State.QUEUED, "0xC605", not_before)


def test_no_job_passes_where_no_film_could(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """A printer that cannot be reached takes no other film either: films keep their order."""
    verdict = follow(Unavailable("refused"), make_job(), make_printer(failures_in_row=9))
    assert verdict.settlement.not_before == 0


def test_a_printer_that_a_person_avoids_is_none_that_may_print_it(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Once the others have refused it for good, nothing is left to wait for."""
    job, other = make_job(avoided=frozenset({"oki-1"})), make_printer("oki-2")
    printers = [make_printer("oki-1"), other]
    assert suitable(job, printers, ()) == [other]
    assert suitable(job, printers, [Strike("oki-2", True, "0x0106")]) == []
