"""Where trying again ends: uncertain films, refusals by all, damage, and our own faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.jobs.job import Outcome, State, Strike
from broker.model.printers.printer import Duty, Health
from broker.model.printers.retry import Settlement
from broker.model.printers.trouble import (
    OwnFault,
    Refused,
    SpoolDamaged,
    Trouble,
    Unavailable,
    Uncertain,
)
from tests.model.conftest import NOW, POLICY, MakeJob, MakePrinter, follow


def test_uncertain_is_held_for_a_person(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """A film that may be on paper is not printed again by itself."""
    verdict = follow(Uncertain("film 1: closed"), make_job(), make_printer())
    assert verdict.outcome is Outcome.UNCERTAIN
    assert verdict.settlement.state is State.HELD
    assert verdict.settlement.reason == "uncertain: film 1: closed"


def test_uncertain_is_printed_again_where_the_site_says_so(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """With `reprint`, the job goes back to the queue."""
    policy = replace(POLICY, on_uncertain="reprint")
    verdict = follow(Uncertain("closed"), make_job(), make_printer(), policy=policy)
    assert verdict.settlement.state is State.QUEUED
    assert verdict.strike


def test_reprinting_ends(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """A printer that never answers may print each time: `reprint` stops when tries are used up."""
    policy = replace(POLICY, on_uncertain="reprint")
    job = make_job(strikes=(Strike("oki-1", False, "closed"),) * 2)
    verdict = follow(Uncertain("closed"), job, make_printer(), policy=policy)
    assert verdict.settlement.state is State.HELD
    assert verdict.settlement.reason == "uncertain: closed"


def test_a_person_comes_before_reprinting(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """Who wanted to stop the job shall hear that a film may be on paper."""
    policy = replace(POLICY, on_uncertain="reprint")
    for command, state in (("", State.QUEUED), ("hold", State.HELD), ("cancel", State.HELD)):
        verdict = follow(
            Uncertain("closed"), make_job(command=command), make_printer(), policy=policy
        )
        assert verdict.settlement.state is state


def test_a_job_is_not_given_up_before_its_time(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Neither before `tries` nor before `give_up_s` since the first refusal: a person who closes
    the cover within a quarter of an hour has the film. What is refused for good does not wait."""
    policy = replace(POLICY, give_up_s=900.0)
    trouble = Refused("0x0110", permanent=False)

    def state(since: float, number: int = 9) -> State:
        job = make_job(strikes=(Strike("oki-1", False, "0x0110", NOW - since),) * number)
        printer = make_printer(failures_in_row=number)
        return follow(trouble, job, printer, policy=policy).settlement.state

    assert (state(899.0), state(900.0)) == (State.QUEUED, State.HELD)
    assert state(900.0, POLICY.tries - 2) is State.QUEUED
    for_good = Refused("0x0106", permanent=True)
    held = follow(for_good, make_job(), make_printer(), policy=policy).settlement
    assert held.state is State.HELD


@pytest.mark.parametrize(
    "trouble", [Refused("0x0110", permanent=False), Unavailable("closed", associated=True)]
)
def test_a_printer_that_shows_trouble_is_to_blame(
    make_job: MakeJob, make_printer: MakePrinter, trouble: Trouble
) -> None:
    """Whatever it refuses, or breaks off, while it says WARNING itself: no try of the job's."""
    says = make_printer(reason="WARNING: COVER OPEN", health=Health.DEGRADED)
    verdict = follow(trouble, make_job(), says)
    assert (verdict.settlement.state, verdict.strike) == (State.QUEUED, False)
    assert verdict.printer.words == f"{trouble.words}; WARNING: COVER OPEN", "it still says so"
    assert follow(trouble, make_job(), make_printer()).strike
    for_good = follow(Refused("0x0106", permanent=True), make_job(), says)
    assert for_good.settlement.state is State.HELD


def test_wrong_films_stop_no_printer(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """Where all printers refuse film after film for good, the films are wrong: no printer rests,
    so other modalities' films do not wait."""
    trouble = Refused("0x0106", permanent=True)
    failing = {"failures_in_row": 5, "health": Health.DEGRADED}
    verdict = follow(
        trouble, make_job(), make_printer("oki-1", **failing), make_printer("oki-2", **failing)
    )
    assert (verdict.printer.health, verdict.printer.paused_until) == (Health.DEGRADED, 0)


def test_a_film_that_every_printer_has_refused_itself_is_held(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """One refused it for good, and the others for now, as they do other films: tries are used up,
    and a person hears of it. Without that first one, or with it out of service, it is the
    printers' trouble, and waits."""
    trouble = Refused("0x0110", permanent=False)
    failing = {"failures_in_row": 9, "health": Health.DEGRADED}
    pool = [make_printer("oki-2", **failing), make_printer("oki-3", **failing)]
    strikes = tuple(Strike(name, False, "0x0110") for name in ("oki-2", "oki-3"))
    for_good = (Strike("oki-1", True, "0x0106"), *strikes)
    verdict = follow(trouble, make_job(strikes=for_good), *pool, make_printer("oki-1"))
    assert verdict.strike
    held = Settlement(State.HELD, "gave up after 3 tries: 0x0110; 0x0106")
    assert verdict.settlement == held
    gone = make_printer("oki-1", duty=Duty.MAINT)
    for waits in (
        follow(trouble, make_job(strikes=strikes), *pool),
        follow(trouble, make_job(strikes=for_good), *pool),
        follow(trouble, make_job(strikes=for_good), *pool, gone),
        follow(Unavailable("broke", associated=True), make_job(strikes=for_good), *pool),
    ):
        assert (waits.strike, waits.settlement.state) == (False, State.QUEUED)


def test_a_film_that_cannot_be_sent_is_no_printers_refusal(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """It goes to no printer twice, is held when it fits none, and no printer has failed."""
    trouble = OwnFault("cannot be sent", permanent=True)
    verdict = follow(trouble, make_job(), make_printer("oki-1"), make_printer("oki-2"))
    assert (verdict.settlement.state, verdict.permanent) == (State.QUEUED, True)
    assert not verdict.printer.failed
    verdict = follow(trouble, make_job(), make_printer("oki-1"))
    assert verdict.settlement.state is State.HELD


def test_a_refused_film_leaves_room_for_others(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """With the untried printer down, the job is not held, and not repeated at once either."""
    down = make_printer("oki-2", health=Health.DOWN)
    job = make_job(strikes=(Strike("oki-1", False, "0xC605"),) * 9)
    verdict = follow(Refused("0xC605", permanent=False), job, make_printer(), down)
    assert verdict.settlement.state is State.QUEUED
    assert verdict.settlement.not_before == NOW + 30


def test_a_drain_in_mid_attempt_holds_nothing(make_job: MakeJob, make_printer: MakePrinter) -> None:
    """A passing refusal by a printer just taken off duty leaves the job queued."""
    verdict = follow(Refused("0xC602", permanent=False), make_job(), make_printer(duty=Duty.DRAIN))
    assert verdict.settlement.state is State.QUEUED


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (Refused("0xC602", permanent=False), "fails films: 0xC602"),
        (Uncertain("closed"), "leaves films unanswered: closed"),
    ],
)
def test_the_printer_says_how_it_fails(
    make_job: MakeJob, make_printer: MakePrinter, trouble: Trouble, reason: str
) -> None:
    """A degraded printer's reason tells a refusal from silence."""
    verdict = follow(trouble, make_job(), make_printer(failures_in_row=2))
    assert (verdict.printer.health, verdict.printer.words) == (Health.DEGRADED, reason)


def test_a_damaged_spool_file_is_no_printers_fault(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """The job is held, the printer untouched."""
    verdict = follow(SpoolDamaged("abc is altered"), make_job(), make_printer())
    words = "abc is altered; print it again at the modality"
    assert (verdict.settlement.state, verdict.settlement.reason) == (State.HELD, words)
    assert not verdict.printer.failed


@pytest.mark.parametrize(
    ("struck", "settlement"),
    [
        ((), Settlement(State.QUEUED, "the broker itself failed")),
        (("oki-2",), Settlement(State.QUEUED, "the broker itself failed", NOW + 2)),
        (
            ("oki-2", "oki-1"),
            Settlement(State.HELD, "gave up after 3 tries: the broker itself failed"),
        ),
    ],
)
def test_our_own_fault_comes_to_an_end(
    make_job: MakeJob,
    make_printer: MakePrinter,
    struck: tuple[str, ...],
    settlement: Settlement,
) -> None:
    """It costs no printer anything; the job is tried elsewhere, then later, then held."""
    trouble = OwnFault("the broker itself failed")
    job = make_job(strikes=tuple(Strike(name, False, trouble.words) for name in struck))
    verdict = follow(trouble, job, make_printer("oki-1"), make_printer("oki-2"))
    assert (verdict.settlement, verdict.strike) == (settlement, True)
    assert not verdict.printer.failed


def test_a_printer_that_refuses_alone_is_named_once(
    make_job: MakeJob, make_printer: MakePrinter
) -> None:
    """Its words begin with its name as well."""
    trouble = Refused("oki-1: 0xC600", permanent=True)
    job = make_job(pinned="oki-1")
    verdict = follow(trouble, job, make_printer("oki-1"), make_printer("oki-2"))
    assert verdict.settlement == Settlement(State.HELD, "oki-1 refused it: 0xC600")
