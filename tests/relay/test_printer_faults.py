"""Each fault of a printer, from the modality's film to what the operator is told (fault_table)."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker.model.jobs.job import State
from tests.peers.fault_table import FAULTS, Case
from tests.peers.faulty_relay import FaultyRelay, faulty_relay
from tests.peers.printer_fault import Step
from tests.peers.scripted_printer import ScriptedPrinter

AT_ONCE = 4
"""Relays that run beside each other: most of their time is waiting."""
ATTEMPTS = 3
"""Attempts that are waited for, where a job is neither held nor finished before."""

Row = dict[str, object]


def compare(
    step: Step, folder: Path, wanted: Callable[[Case], Row], found: Callable[..., Row]
) -> None:
    """Try all faults at a step, and compare what comes of them with the table."""
    cases = [case for case in FAULTS if case.step is step]
    folders = [folder / str(number) for number in range(len(cases))]
    for each in folders:
        each.mkdir()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(found, cases, folders))
    assert {str(case): wanted(case) for case in cases} == {
        str(case): row for case, row in zip(cases, rows, strict=True)
    }


def told(relay: FaultyRelay) -> Row:
    """What the operator finds, in the words of an Ending."""
    (job,) = relay.jobs()
    (film,) = relay.service.jobs.queries.films(job.id)
    printer = relay.printer("faulty")
    # Why a film still waits is the job's reason, if it is still of interest.
    said = "" if film.state == "waiting" else film.words
    found = {
        "job": f"{job.state}: {job.reason}",
        "film": f"{film.state}: {said}",
        "health": f"{printer.health}: {printer.reason}",
    }
    shown = {key: relay.plain(text).removesuffix(": ") for key, text in found.items()}
    assert relay.plain(job.reason) in relay.jobs_table(job)
    assert relay.plain(printer.said) in relay.printers_table(printer)
    # A job that waits goes on being tried.
    return shown | {"failures": min(printer.failures, ATTEMPTS)}


def as_the_table_says(case: Case) -> Row:
    """The row of the table, in full."""
    ending = case.ending
    found = {"job": ending.job, "film": ending.film, "health": ending.health}
    shown = {key: text.format(case.words) for key, text in found.items()}
    return shown | {"failures": ending.failures}


def alone(case: Case) -> Row:
    """The row, the films that came out, and those that are out after the repair."""
    return as_the_table_says(case) | {"out": [1] * case.printed, "out in the end": [1]}


def tried_alone(case: Case, folder: Path) -> Row:
    """One film, and no other printer."""
    printer = case.printer
    with faulty_relay(folder, printer, patience_s=case.patience_s) as relay:
        relay.ask_for_films()
        relay.wait_until_settled(attempts=ATTEMPTS)
        # A printer that is up tells of its last failure until the next check, and a job that
        # waits is under way now and then.
        row = relay.settled(as_the_table_says(case), lambda: told(relay))
        row |= {"out": relay.films_out()["faulty"]}
        printer.behave()
        if case.ending.then == "released":
            relay.service.jobs.commands.release(1, printed=case.printed)
        relay.wait_until(State.SENT, 1)
        return row | {"out in the end": relay.films_out()["faulty"]}


def beside(case: Case) -> Row:
    """Out on the good printer at the second attempt; or as it is without, and no second one."""
    elsewhere = case.ending.elsewhere
    return {
        "job": "sent" if elsewhere else case.ending.job.partition(":")[0],
        "attempts": 1 + elsewhere,
        "out": {"faulty": [1] * case.printed, "good": [1] * elsewhere},
        "failures": {"faulty": min(case.ending.failures, 1), "good": 0},
    }


def tried_beside(case: Case, folder: Path) -> Row:
    """One film, a good printer, and the faulty one, whose turn it is first."""
    good = ScriptedPrinter("good")
    patience_s = case.patience_s
    with faulty_relay(folder, case.printer, good, patience_s=patience_s, first_delay_s=5) as relay:
        relay.ask_for_films()
        relay.wait_until_settled(attempts=ATTEMPTS)
        (job,) = relay.jobs()
        return {
            "job": str(job.state),
            "attempts": job.attempts,
            "out": relay.films_out(),
            "failures": {each.name: each.failures for each in relay.service.printers.list()},
        }


@pytest.mark.parametrize("step", Step, ids=str)
def test_alone(step: Step, tmp_path: Path) -> None:
    """What the operator finds, what is on paper, and that the film comes out once in the end."""
    compare(step, tmp_path, alone, tried_alone)


@pytest.mark.parametrize("step", Step, ids=str)
def test_beside_a_good_printer(step: Step, tmp_path: Path) -> None:
    """Out at once and once on the other one; or held, where it may be on paper already."""
    compare(step, tmp_path, beside, tried_beside)
