"""What a printer says of itself while films keep it busy: by its reports, and when it is asked."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from broker.dicom.attributes import put
from broker.dicom.uids import FILM_SESSION, PRINT_JOB
from broker.model.jobs.job import FilmState, State
from broker.model.printers.printer import Address, Health, Printer
from tests.peers.reporting_printer import ReportingPrinter
from tests.peers.speaker import dataset
from tests.relay.conftest import Relay

INTERVAL_S = 3600.0
"""After the first check there is no other one: what is seen then was told on a film's
association."""
LOW = dataset(PrinterStatusInfo="SUPPLY LOW", PrinterName="ODD")
JAM = dataset(PrinterStatusInfo="FILM JAM")
FLOOD = dataset()
put(FLOOD, "PrinterStatusInfo", ("x\x1b[2J" * 900,))


class Watch:
    """A relay with one printer that reports."""

    def __init__(self, relay: Relay, printer: ReportingPrinter) -> None:
        self.relay = relay
        self.printer = printer
        self.expected: set[str] = set()
        """Failures that the test itself brings about."""

    @property
    def row(self) -> Printer:
        """The printer, as an operator sees it."""
        return self.relay.service.printers.get("odd")

    def wait_for_reason(self, reason: str) -> None:
        """Wait until that is shown of it."""
        self.relay.wait_for(lambda: self.row.reason == reason, f"not {reason}")

    def told(self, event: str) -> list[str]:
        """The reasons in events of that name."""
        return [str(facts["reason"]) for each, facts in self.relay.notes if each == event]

    def print_session(self, films: int) -> None:
        """A modality prints films by one N-ACTION."""
        ct = self.relay.speaker()
        ct.open_session()
        for _ in range(films):
            ct.open_film_box()
            ct.set_image()
        assert ct.action(FILM_SESSION, ct.session).status == 0


class SeldomRelay(Relay):
    """One that checks every INTERVAL_S, on a clock that the test sets forward."""

    ahead_s = 0.0

    def __init__(self, folder: Path, address: Address) -> None:
        super().__init__(folder, [address], clock=lambda: time.time() + self.ahead_s)

    def config(self) -> Any:
        """See Relay."""
        found = super().config()
        health = found.health.model_copy(update={"interval_s": INTERVAL_S, "rise": 1})
        return found.model_copy(update={"health": health})


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Its only printer is up."""
    printer = ReportingPrinter()
    with printer.running():
        relay = SeldomRelay(tmp_path, printer.address)
        try:
            relay.wait_until_up()
            made = Watch(relay, printer)
            yield made
        finally:
            relay.close()
    assert [each for each in relay.broken if each[0] not in made.expected] == []


def test_reports_change_the_health_as_checks_do(watch: Watch) -> None:
    """On the association of a film in hand: up with its warning, degraded, down, up again; each is
    told by the events that tell it of checks."""
    watch.print_session(1)
    watch.printer.wait_for_film()
    seen = []
    for event, info, reason in (
        (2, LOW, "WARNING: SUPPLY LOW"),
        (2, dataset(PrinterStatusInfo="COVER OPEN"), "WARNING: COVER OPEN"),
        (3, JAM, "FAILURE: FILM JAM"),
        (1, None, ""),
    ):
        watch.printer.report(event, info)
        watch.wait_for_reason(reason)
        seen.append(watch.row.health)
    watch.printer.print_film()
    watch.relay.wait_until(State.SENT, 1)
    assert seen == [Health.UP, Health.DEGRADED, Health.DOWN, Health.UP]
    assert watch.told("printer said") == ["WARNING: SUPPLY LOW"]
    assert watch.told("printer changed")[1:] == [
        "WARNING: COVER OPEN",
        "FAILURE: FILM JAM",
        "",
    ]


def test_a_failure_reported_ends_no_attempt(watch: Watch) -> None:
    """The film in hand is accepted, and the next ones of the job are, on that association; no other
    job goes there until the printer says that it is well."""
    watch.print_session(2)
    watch.printer.wait_for_film()
    watch.printer.report(3, JAM)
    watch.relay.wait_for(lambda: watch.row.health is Health.DOWN)
    watch.relay.print_films(1)
    watch.printer.print_film()
    watch.printer.wait_for_film()
    watch.printer.print_film()
    watch.relay.wait_until(State.SENT, 1)
    films = watch.relay.service.jobs.queries.films(1)
    assert [film.state for film in films] == [FilmState.ACCEPTED] * 2
    (first, other) = watch.relay.jobs()
    assert (first.attempts, other.state) == (1, State.QUEUED)
    assert (watch.row.health, watch.row.reason) == (Health.DOWN, "FAILURE: FILM JAM")


@pytest.mark.parametrize(
    "report",
    [
        lambda printer: printer.report(7, JAM),
        lambda printer: printer.report(0, JAM),
        lambda printer: printer.report(3, JAM, sop_class=PRINT_JOB, uid="1.2.3.4"),
        lambda printer: printer.report(3, JAM, uid="1.2.3.4"),
        lambda printer: printer.report(2, FLOOD),
        lambda printer: printer.report(2, dataset(PrinterName="ODD")),
        lambda printer: printer.report(2),
    ],
    ids=["type 7", "type 0", "a Print Job", "another instance", "a flood", "no info", "nothing"],
)
def test_odd_reports_do_no_harm(watch: Watch, report: Callable[[ReportingPrinter], None]) -> None:
    """Of another class or instance, of no known type, or without info: each is answered, the film
    comes out, and the printer stays up or degraded until it says something else."""
    watch.print_session(1)
    watch.printer.wait_for_film()
    report(watch.printer)
    watch.printer.report(1)
    watch.printer.print_film()
    watch.relay.wait_until(State.SENT, 1)
    watch.wait_for_reason("")
    assert watch.row.health is Health.UP
    assert watch.relay.jobs(1)[0].attempts == 1
    assert [facts for event, facts in watch.relay.notes if "ESC" in str(facts)] == []


def test_a_report_costs_no_film_while_the_database_fails(watch: Watch) -> None:
    """That it cannot be written is noted; it is written when it can be, and the film comes out."""
    database = watch.relay.folder / "broker-data" / "broker.db"

    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")

    watch.expected = {"monitor failed", "dispatcher failed", "upkeep failed"}
    watch.print_session(1)
    watch.printer.wait_for_film()
    rename("printers", "gone")
    watch.printer.report(2, LOW)
    relay = watch.relay
    relay.wait_for(lambda: any(event == "monitor failed" for event, _ in relay.notes))
    rename("gone", "printers")
    watch.wait_for_reason("WARNING: SUPPLY LOW")
    watch.printer.print_film()
    relay.wait_until(State.SENT, 1)
    assert relay.jobs(1)[0].attempts == 1


def test_a_busy_printer_shows_what_it_warns_of(watch: Watch) -> None:
    """It takes one association at a time, so that no check learns how it is: what it warned of
    stays through film after film, and it is asked again between jobs, once in an interval."""
    watch.relay.print_films(4)
    shown = ""
    for said in ("SUPPLY LOW", "CALIBRATING", ""):
        watch.printer.wait_for_film()
        watch.relay.ahead_s += 2 * INTERVAL_S
        assert watch.row.reason == shown
        watch.printer.status = ("WARNING", said) if said else ("NORMAL", "NORMAL")
        shown = f"WARNING: {said}" if said else ""
        watch.printer.print_film()
        watch.wait_for_reason(shown)
    asked = watch.printer.asked("films")
    watch.printer.wait_for_film()
    watch.printer.print_film()
    watch.relay.wait_until(State.SENT)
    assert (asked, watch.printer.asked("films")) == (3, 3)


def test_a_printer_that_is_not_to_be_asked_costs_one_moment(watch: Watch) -> None:
    """One that breaks the association off, instead of telling its status after its films, is never
    asked there again; its films are accepted."""
    watch.printer.status = None
    watch.relay.print_films(3)
    for _ in range(3):
        watch.printer.wait_for_film()
        watch.relay.ahead_s += 2 * INTERVAL_S
        watch.printer.print_film()
    watch.relay.wait_until(State.SENT)
    assert watch.printer.asked("films") == 1
    assert [job.attempts for job in watch.relay.jobs()] == [1, 1, 1]


def test_a_refused_film_is_the_printers_where_it_says_so(watch: Watch) -> None:
    """What it tells right after refusing a film counts for that film: no strike against the job."""
    watch.relay.print_films(1)
    watch.printer.wait_for_film()
    watch.relay.ahead_s += 2 * INTERVAL_S
    watch.printer.status, watch.printer.refuse = ("WARNING", "COVER OPEN"), True
    watch.printer.print_film()
    watch.relay.wait_for(lambda: any(each == "attempt failed" for each, _ in watch.relay.notes))
    (job,) = watch.relay.jobs()
    assert (job.state, job.strikes) == (State.QUEUED, ())
    assert watch.row.reason.endswith("; WARNING: COVER OPEN")
