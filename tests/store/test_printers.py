"""Printers: the site's list, what was observed, and what they are busy with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from broker.model.jobs.job import Claim, Outcome, State, Strike
from broker.model.printers.health import Observation
from broker.model.printers.printer import Address, Duty, Health
from broker.model.printers.printer_identity import (
    NOT_TOLD,
    Identification,
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
)
from broker.model.printers.retry import PrinterVerdict, Settlement
from broker.store.database import Database
from broker.store.printers import NoSuchPrinter, Printers, blame, credit
from broker.store.queue.jobs import Jobs
from tests.store.conftest import Clock, MakeRequest

ONE = Address("oki-1", "OKI1", "10.0.0.1", 104)
TWO = Address("oki-2", "OKI2", "10.0.0.2", 104)
THREE = Address("oki-3", "OKI3", "10.0.0.3", 11112, weight=200, associations=2)
UP = Observation(Health.UP, "", 2, 0, 1000.0, supports_lut=True)


def _claim(jobs: Jobs, job_id: int, printer: str) -> Claim:
    claim = jobs.claims.claim(job_id, printer)
    assert claim is not None
    return claim


def _failed(
    database: Database, name: str, words: str, until: float, health: Health | None = None
) -> None:
    """An attempt has failed by the printer's doing."""
    with database.write() as connection:
        blame(connection, name, PrinterVerdict(True, words, until, health), 1100.0)


def _accepted(database: Database, name: str, copies: int) -> None:
    """An attempt has had films accepted."""
    with database.write() as connection:
        credit(connection, name, copies, 1000.0)


def _accept_first(jobs: Jobs, claim: Claim) -> None:
    film = jobs.queries.films(claim.job_id)[0]
    jobs.claims.asked(claim, film.id)
    jobs.claims.accepted(claim, film.id)


def test_a_new_printer_is_ready_and_unknown(printers: Printers) -> None:
    """Its duty was not set, it was not talked to, and it has done nothing."""
    printer = printers.get("oki-1")

    assert printer.address == ONE
    assert (printer.duty, printer.duty_reason, printer.duty_since) == (Duty.READY, "", 1000.0)
    assert (printer.health, printer.health_since, printer.reason) == (Health.UNKNOWN, 1000.0, "")
    assert (printer.good_checks, printer.bad_checks, printer.last_check_at) == (0, 0, None)
    assert (printer.failures_in_row, printer.paused_until, printer.supports_lut) == (0, 0.0, None)
    assert (printer.load, printer.claims, printer.recent) == (0, 0, 0)
    assert (printer.films_accepted, printer.failures) == (0, 0)


def test_printers_are_those_of_the_configuration(printers: Printers) -> None:
    """In its order; new ones come, others go, and habits are taken over."""
    printers.sync([THREE, replace(ONE, weight=50, lut_level="film session")])

    assert [printer.address for printer in printers.list()] == [
        THREE,
        replace(ONE, weight=50, lut_level="film session"),
    ]


def test_printers_not_named_may_stay(printers: Printers) -> None:
    """Without removal only what is named changes."""
    printers.sync([THREE], remove=False)

    assert {printer.name for printer in printers.list()} == {"oki-1", "oki-2", "oki-3"}
    printers.sync([])
    assert printers.list() == []


def test_duty_and_health_outlive_the_configuration(printers: Printers, clock: Clock) -> None:
    """A restart or a new weight changes neither what the operator wants nor what was observed."""
    printers.observe("oki-1", lambda _: UP)
    printers.set_duty("oki-1", Duty.DRAIN, "new toner")
    before = printers.get("oki-1")
    clock.now = 2000.0

    printers.sync([replace(ONE, weight=10)])

    assert printers.get("oki-1") == replace(before, address=replace(ONE, weight=10))


@pytest.mark.parametrize(
    "changed",
    [replace(ONE, host="10.0.0.7"), replace(ONE, port=4242), replace(ONE, ae_title="OTHER")],
)
def test_another_address_is_another_printer(
    database: Database, printers: Printers, clock: Clock, changed: Address
) -> None:
    """What was observed of the old one says nothing; the operator's duty stays."""
    printers.observe("oki-1", lambda _: UP)
    printers.set_duty("oki-1", Duty.MAINT)
    _failed(database, "oki-1", "no", 5000.0)
    clock.now = 2000.0

    printers.sync([changed])

    printer = printers.get("oki-1")
    assert (printer.health, printer.health_since, printer.reason) == (Health.UNKNOWN, 2000.0, "")
    assert (printer.good_checks, printer.last_check_at, printer.supports_lut) == (0, None, None)
    assert (printer.failures_in_row, printer.paused_until) == (0, 0.0)
    assert (printer.duty, printer.failures) == (Duty.MAINT, 1)


def test_a_printer_that_comes_back_has_its_duty(
    database: Database, printers: Printers, clock: Clock
) -> None:
    """With its reason, since when, and its counters; what was observed of it is too long ago."""
    printers.observe("oki-1", lambda _: UP)
    printers.set_duty("oki-1", Duty.MAINT, "new drum")
    _accepted(database, "oki-1", 3)
    _failed(database, "oki-1", "no", 5000.0)
    clock.now = 2000.0
    printers.sync([TWO])

    assert [each.name for each in printers.list()] == ["oki-2"]
    with pytest.raises(NoSuchPrinter, match="there are: oki-2"):
        printers.set_duty("oki-1", Duty.READY)

    clock.now = 3000.0
    printers.sync([ONE, TWO])
    printer = printers.get("oki-1")
    assert (printer.duty, printer.duty_reason, printer.duty_since) == (
        Duty.MAINT,
        "new drum",
        1000.0,
    )
    assert (printer.films_accepted, printer.failures) == (3, 1)
    assert (printer.health, printer.health_since) == (Health.UNKNOWN, 3000.0)
    assert (printer.last_check_at, printer.paused_until) == (None, 0.0)


def test_a_printer_that_left_is_in_no_ones_way(printers: Printers) -> None:
    """What it took or refused says nothing of those that are there; sync may be said again."""
    for name, takes in (("oki-1", True), ("oki-2", False)):
        printers.observe(name, lambda _, takes=takes: replace(UP, supports_lut=takes))
    assert not printers.refuse_lut()
    for _ in range(2):
        printers.sync([TWO])
    assert printers.refuse_lut()
    printers.sync([])
    assert not printers.refuse_lut()


NAMES_ONE: dict[str, Callable[[Printers], object]] = {
    "get": lambda printers: printers.get("oki-9"),
    "set_duty": lambda printers: printers.set_duty("oki-9", Duty.DRAIN),
    "observe": lambda printers: printers.observe("oki-9", lambda _: UP),
}


@pytest.mark.parametrize("ask", NAMES_ONE.values(), ids=NAMES_ONE.keys())
def test_an_unknown_name_is_answered_with_the_known_ones(
    printers: Printers, ask: Callable[[Printers], object]
) -> None:
    """The words help the person who mistyped."""
    with pytest.raises(NoSuchPrinter) as caught:
        ask(printers)

    assert caught.value.words == "there is no printer oki-9; there are: oki-1, oki-2"


def test_the_operators_duty_has_a_reason_and_a_time(printers: Printers, clock: Clock) -> None:
    """And changes nothing else."""
    before = printers.get("oki-1")
    clock.now = 1500.0

    printers.set_duty("oki-1", Duty.MAINT, "service visit")

    expected = replace(before, duty=Duty.MAINT, duty_reason="service visit", duty_since=1500.0)
    assert printers.get("oki-1") == expected


def test_health_has_lasted_since_it_changed(printers: Printers, clock: Clock) -> None:
    """A further check of the same result is not a change."""
    for now, seen in [
        (1010.0, Observation(Health.UP, "", 1, 0, 1010.0)),
        (1020.0, Observation(Health.UP, "SUPPLY LOW", 2, 0, 1020.0)),
    ]:
        clock.now = now
        printers.observe("oki-1", lambda _, seen=seen: seen)

    printer = printers.get("oki-1")
    assert (printer.health, printer.health_since) == (Health.UP, 1010.0)
    assert (printer.reason, printer.good_checks, printer.last_check_at) == ("SUPPLY LOW", 2, 1020.0)


def test_a_check_that_did_not_ask_leaves_what_is_known(printers: Printers) -> None:
    """Whether a printer takes Presentation LUT is known until another answer comes."""
    seen = []
    for answer in (True, None, False, None):
        heard = replace(UP, supports_lut=answer)
        printers.observe("oki-1", lambda _, heard=heard: heard)
        seen.append(printers.get("oki-1").supports_lut)

    assert seen == [True, True, False, False]


def test_a_failure_rests_the_printer(database: Database, printers: Printers, clock: Clock) -> None:
    """It is counted and said; health changes only where the decision says so."""
    printers.observe("oki-1", lambda _: UP)
    clock.now = 1100.0
    _failed(database, "oki-1", "no answer", 1104.0)
    first = printers.get("oki-1")
    _failed(database, "oki-1", "fails films", 1108.0, Health.DEGRADED)
    second = printers.get("oki-1")

    assert (first.health, first.health_since) == (Health.UP, 1000.0)
    assert (first.failures, first.failures_in_row, first.paused_until) == (1, 1, 1104.0)
    assert first.reason == "no answer"
    assert (second.health, second.health_since) == (Health.DEGRADED, 1100.0)
    assert (second.failures, second.failures_in_row, second.paused_until) == (2, 2, 1108.0)


@pytest.mark.parametrize(
    ("health", "reason"), [(Health.UP, ""), (Health.DEGRADED, "fails films: no answer")]
)
def test_an_accepted_film_ends_the_rest(
    database: Database, printers: Printers, health: Health, reason: str
) -> None:
    """Its copies are counted and its failures forgotten; only a printer that is up is all well."""
    printers.observe("oki-1", lambda _: UP)
    _failed(database, "oki-1", "fails films: no answer", 1108.0, health)

    _accepted(database, "oki-1", 3)

    printer = printers.get("oki-1")
    assert (printer.films_accepted, printer.failures, printer.failures_in_row) == (3, 1, 0)
    # Kept as the time since which it may be chosen again.
    assert (printer.paused_until, printer.health, printer.reason) == (1000.0, health, reason)


@pytest.mark.parametrize("health", [Health.UP, Health.DEGRADED])
def test_an_accepted_film_ends_no_warning(
    database: Database, printers: Printers, health: Health
) -> None:
    """What the printer said of itself is shown until it says otherwise, film by film."""
    low = replace(UP, health=health, reason="WARNING: SUPPLY LOW")
    printers.observe("oki-1", lambda _: low)

    _accepted(database, "oki-1", 1)

    printer = printers.get("oki-1")
    assert (printer.films_accepted, printer.health) == (1, health)
    assert printer.reason == "WARNING: SUPPLY LOW"


def test_a_printer_taken_out_meanwhile_is_no_error(database: Database, printers: Printers) -> None:
    """An attempt on a printer that has left the configuration ends like any other."""
    printers.sync([ONE])
    before = printers.list()

    _accepted(database, "oki-2", 1)
    _failed(database, "oki-2", "no", 1.0, Health.DOWN)

    assert printers.list() == before


def test_ready_says_that_it_is_mended(
    database: Database, jobs: Jobs, printers: Printers, clock: Clock, make_request: MakeRequest
) -> None:
    """Said to a printer that is ready already: what went wrong there counts no more, neither for
    it nor for jobs that wait; what went wrong elsewhere does."""
    jobs.submission.add(make_request())
    for name in ("oki-1", "oki-2"):
        claim = jobs.claims.claim(1, name)
        assert claim is not None
        later = Settlement(State.QUEUED, "0x0106", 5000.0)
        jobs.claims.finish(
            claim, Outcome.REFUSED, "no", permanent=True, strike=True, settlement=later
        )
        _failed(database, name, "no", 4000.0)
    clock.now = 2000.0

    printers.set_duty("oki-1", Duty.READY)

    mended, other = printers.list()
    assert (mended.failures_in_row, mended.paused_until, mended.failures) == (0, 2000.0, 1)
    assert (other.failures_in_row, other.paused_until) == (1, 4000.0)
    job = jobs.queries.get(1)
    assert (job.not_before, job.strikes) == (0.0, (Strike("oki-2", True, "no"),))
    assert [attempt.words for attempt in jobs.queries.attempts(1)] == ["no", "no"]


def test_load_is_what_is_not_settled(
    jobs: Jobs, printers: Printers, make_request: MakeRequest
) -> None:
    """Copies of films that are printing on it or wait for it, less those accepted."""
    for copies in (2, 3, 5, 7, 11):
        jobs.submission.add(make_request(2, copies=copies))
    claim = _claim(jobs, 1, "oki-1")
    _accept_first(jobs, claim)
    jobs.claims.line_up({2: "oki-1", 3: "oki-2", 4: "oki-1"})
    jobs.commands.hold(4)

    found = {printer.name: (printer.load, printer.claims) for printer in printers.list()}
    assert found == {"oki-1": (2 + 6, 1), "oki-2": (10, 0)}
    assert printers.get("oki-1").load == jobs.queries.get(1).load + jobs.queries.get(2).load


def test_a_finished_job_is_no_load(
    jobs: Jobs, printers: Printers, make_request: MakeRequest
) -> None:
    """Whatever is left of a job that is held or done weighs on no printer."""
    for _ in range(2):
        jobs.submission.add(make_request(2))
    for number, state in [(1, State.HELD), (2, State.SENT)]:
        claim = _claim(jobs, number, "oki-1")
        jobs.claims.finish(claim, Outcome.REFUSED, "no", settlement=Settlement(state, ""))

    printer = printers.get("oki-1")
    assert (printer.load, printer.claims) == (0, 0)


def test_recent_films_are_those_of_ten_minutes(
    jobs: Jobs, printers: Printers, clock: Clock, make_request: MakeRequest
) -> None:
    """Copies accepted by that printer, by when they were accepted."""
    for now, printer in [(1000.0, "oki-1"), (1300.0, "oki-1"), (1300.0, "oki-2")]:
        clock.now = now
        _accept_first(jobs, _claim(jobs, jobs.submission.add(make_request(copies=3)), printer))

    seen = []
    for now in (1600.0, 1601.0, 1901.0):
        clock.now = now
        seen.append([printer.recent for printer in printers.list()])

    assert seen == [[6, 3], [3, 3], [0, 0]]


OKI = PrinterIdentity("OKI DATA CORP", "C650", "AK12", "1.2", "RADIOLOGY")
TOLD = IdentityReply(IdentityAnswer.TOLD, OKI)
REFUSED = IdentityReply(IdentityAnswer.REFUSED)
SILENT = IdentityReply(IdentityAnswer.SILENT)


def test_who_a_printer_says_it_is_stays(printers: Printers, clock: Clock) -> None:
    """Also where it does not tell it again; when it was asked is known, too."""
    assert printers.get("oki-1").identification == Identification()

    assert printers.identified("oki-1", TOLD, ONE) == (NOT_TOLD, OKI)
    clock.now += 10
    assert printers.identified("oki-1", REFUSED, ONE) == (OKI, OKI)

    known = printers.get("oki-1").identification
    assert known == Identification(OKI, clock.now, clock.now - 10, IdentityAnswer.REFUSED)
    with pytest.raises(NoSuchPrinter):
        printers.identified("oki-9", TOLD, ONE)


def test_a_printer_at_another_address_is_another_machine(printers: Printers) -> None:
    """Nothing is known of who it is, and what the one before has told meanwhile is not its."""
    printers.identified("oki-1", TOLD, ONE)
    printers.sync([replace(ONE, port=105), TWO])
    assert printers.get("oki-1").identification == Identification()

    printers.identified("oki-1", TOLD, ONE)

    assert printers.get("oki-1").identification == Identification()


def test_a_person_who_says_ready_has_a_printer_asked_again(
    printers: Printers, clock: Clock
) -> None:
    """One that did not answer the question; what it told before stays. One that refused waits."""
    for name, reply in (("oki-1", SILENT), ("oki-2", REFUSED)):
        printers.identified(name, TOLD, {"oki-1": ONE, "oki-2": TWO}[name])
        printers.identified(name, reply, {"oki-1": ONE, "oki-2": TWO}[name])
        printers.set_duty(name, Duty.READY)

    silent, refused = (each.identification for each in printers.list())

    assert silent == Identification(OKI, None, clock.now)
    assert silent.due(clock.now, came_back=False)
    assert not refused.due(clock.now, came_back=False)


def test_whether_a_printer_is_asked_who_it_is_is_kept(printers: Printers) -> None:
    """As the configuration says at each time it is read; nothing that it told is lost."""
    assert printers.get("oki-1").address.identify
    printers.identified("oki-1", TOLD, ONE)
    printers.sync([replace(ONE, identify=False), TWO])
    assert not printers.get("oki-1").address.identify
    assert printers.get("oki-1").identification.identity == OKI
