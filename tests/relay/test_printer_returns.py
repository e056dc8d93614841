"""Printers that fail for a while, or between films, or for one film only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import GRAYSCALE_META
from broker.dicom.upper_layer.negotiation import CONGESTED, WRONG_CALLING_AE
from broker.model.jobs.job import Outcome, State
from broker.model.printers.printer import Health
from tests.peers.faulty_relay import faulty_relay
from tests.peers.printer_fault import (
    Act,
    Fault,
    Step,
    aborts,
    answers_then_aborts,
    closes,
    falls_silent,
    rejects,
    says,
    takes_no,
)
from tests.peers.scripted_printer import ScriptedPrinter


@dataclass(frozen=True)
class Absence:
    """A printer that fails its health checks and its films alike; what `broker printers` says."""

    words: str
    act: Act | None
    """None: nothing listens on its port."""
    health: Health
    reason: str


ABSENCES = [
    Absence("switched off", None, Health.DOWN, "faulty: HOST refused the connection"),
    Absence(
        "silent",
        falls_silent,
        Health.DOWN,
        "faulty: HOST took longer than 0.6 s answering A-ASSOCIATE-RQ",
    ),
    Absence(
        "hangs up",
        closes,
        Health.DOWN,
        "faulty: HOST closed the connection instead of answering A-ASSOCIATE-RQ; "
        "if it speaks TLS on this port, set tls = true for this printer",
    ),
    Absence(
        "aborts",
        aborts,
        Health.DOWN,
        "faulty: HOST aborted the association instead of answering A-ASSOCIATE-RQ",
    ),
    Absence(
        "does not know us",
        rejects(WRONG_CALLING_AE),
        Health.DOWN,
        "faulty rejected the association for good: calling AE title not recognized; "
        "let it accept films from the AE title BROKER",
    ),
    Absence(
        "does not print",
        takes_no(GRAYSCALE_META),
        Health.DOWN,
        "faulty does not offer Basic Grayscale Print Management",
    ),
    Absence("busy", rejects(CONGESTED), Health.UP, ""),
]


@pytest.mark.parametrize("absence", ABSENCES, ids=lambda absence: absence.words)
def test_films_wait_for_a_printer_that_comes_back(absence: Absence, tmp_path: Path) -> None:
    """The modality prints on; no job is held, all come out by themselves, in order, once each."""
    printer = ScriptedPrinter("faulty")
    with faulty_relay(tmp_path, printer, patience_s=0.6) as relay:
        if absence.act is None:
            printer.shut()
        else:
            printer.misbehave(Fault(Step.ASSOCIATION, absence.act), check=absence.act)
        for number in (1, 2, 3):
            relay.ask_for_films(label=str(number))

        def seen() -> tuple[Health, str]:
            row = relay.printer("faulty")
            assert relay.plain(row.said) in relay.printers_table(row)
            return row.health, relay.plain(row.reason)

        expected = (absence.health, absence.reason)
        assert expected == relay.settled(expected, seen)
        relay.wait_for(lambda: not relay.service.printers.get("faulty").claims)
        assert {job.state for job in relay.jobs()} <= {State.QUEUED, State.PRINTING}
        assert all(not job.strikes for job in relay.jobs())

        printer.behave()
        relay.wait_until(State.SENT)
        assert [paper.label for paper in printer.films] == ["1", "2", "3"]
        relay.wait_until_up()


def test_a_printer_mends_itself_in_the_end(tmp_path: Path) -> None:
    """Associations that fail in different ways, then one that does not: out, once, by itself."""
    printer = ScriptedPrinter(
        "faulty",
        Fault(Step.ASSOCIATION, rejects(CONGESTED)),
        Fault(Step.ASSOCIATION, closes),
        Fault(Step.IMAGE, says(statuses.NO_MEMORY_FOR_IMAGE)),
        Fault(Step.FILM_BOX, aborts),
        Fault(Step.ACTION, says(statuses.FILM_BOX_QUEUE_FULL)),
    )
    with faulty_relay(tmp_path, printer) as relay:
        relay.ask_for_films()
        (job,) = relay.wait_until(State.SENT)
        assert (job.attempts, relay.films_out()) == (6, {"faulty": [1]})
        relay.wait_until_up()


BETWEEN_FILMS = [
    Fault(Step.ACTION, answers_then_aborts),
    Fault(Step.CLEAR, aborts),
    Fault(Step.CLEAR, closes),
    Fault(Step.CLEAR, falls_silent),
    Fault(Step.CLEAR, answers_then_aborts),
    Fault(Step.FILM_BOX, closes, nth=2),
    Fault(Step.IMAGE, aborts, nth=3),
    Fault(Step.IMAGE, answers_then_aborts, nth=4),
    Fault(Step.ACTION, says(statuses.PROCESSING_FAILURE), nth=2),
    Fault(Step.ACTION, says(statuses.INVALID_ATTRIBUTE_VALUE), nth=2),
    Fault(Step.ACTION, says(statuses.FILM_BOX_QUEUE_FULL), nth=2),
]


def named(fault: object) -> str:
    """A fault, for the name of a test."""
    assert isinstance(fault, Fault)
    return f"{fault.act.__qualname__.partition('.')[0]} at {fault.step} {fault.nth}"


@pytest.mark.parametrize("fault", BETWEEN_FILMS, ids=named)
def test_what_is_accepted_is_not_printed_again(fault: Fault, tmp_path: Path) -> None:
    """After the first film it goes wrong: only the others come out on the other printer."""
    faulty, good = ScriptedPrinter("faulty", fault), ScriptedPrinter("good")
    with faulty_relay(tmp_path, faulty, good, patience_s=0.6, first_delay_s=5) as relay:
        relay.ask_for_films(3)
        relay.wait_until(State.SENT)
        assert relay.films_out() == {"faulty": [1], "good": [2, 3]}


def test_one_film_an_association_is_progress(tmp_path: Path) -> None:
    """A printer that hangs up after each film prints a long job alone, without a person's help."""
    printer = ScriptedPrinter("faulty", always=Fault(Step.CLEAR, closes))
    with faulty_relay(tmp_path, printer) as relay:
        relay.ask_for_films(6)
        (job,) = relay.wait_until(State.SENT)
        assert relay.films_out() == {"faulty": [1, 2, 3, 4, 5, 6]}
        outcomes = [each.outcome for each in relay.service.jobs.queries.attempts(job.id)]
        assert outcomes == [Outcome.UNAVAILABLE] * 5 + [Outcome.ACCEPTED]


@pytest.mark.parametrize(
    "fault",
    [Fault(Step.IMAGE, aborts), Fault(Step.ACTION, says(statuses.PROCESSING_FAILURE))],
    ids=named,
)
def test_a_black_hole_uses_up_no_tries_but_the_first_jobs(fault: Fault, tmp_path: Path) -> None:
    """It passes its checks, fails every film, is alone: jobs wait, and come out by themselves."""
    printer = ScriptedPrinter("faulty", always=fault)
    with faulty_relay(tmp_path, printer, first_delay_s=0.02, max_delay_s=0.2) as relay:
        for number in range(1, 6):
            relay.ask_for_films(label=str(number))
        relay.wait_for(lambda: relay.ended() >= 12, "12 attempts")
        held = [job.id for job in relay.jobs() if job.state is State.HELD]
        assert held in ([], [1])
        printer.behave()
        relay.wait_until(State.SENT, *({1, 2, 3, 4, 5} - set(held)))


@pytest.mark.parametrize("status", [statuses.NO_MEMORY_FOR_IMAGE, statuses.RESOURCE_LIMITATION])
def test_a_film_that_never_finds_room_lets_others_pass(status: int, tmp_path: Path) -> None:
    """Too large for the only printer's memory: it waits, unheld, while the films after it print."""
    large = {"large": Fault(Step.IMAGE, says(status))}
    printer = ScriptedPrinter("faulty", by_label=large, lasting=True)
    with faulty_relay(tmp_path, printer, first_delay_s=0.02, max_delay_s=0.2) as relay:
        for label in ("large", "2", "3"):
            relay.ask_for_films(label=label)
        relay.wait_until(State.SENT, 2, 3)
        (job,) = relay.jobs(1)
        assert job.state in (State.QUEUED, State.PRINTING)
        assert job.strikes == ()
        printer.behave()
        relay.wait_until(State.SENT)
        assert sorted(paper.label for paper in printer.films) == ["2", "3", "large"]


def test_a_warning_about_what_films_share_is_told_of_each(tmp_path: Path) -> None:
    """The film session's and the LUT's warnings stand beside every film printed with them."""
    printer = ScriptedPrinter(
        "faulty", Fault(Step.SESSION, says(statuses.MEMORY_ALLOCATION_UNSUPPORTED))
    )
    other = ScriptedPrinter("other", Fault(Step.LUT, says(statuses.DENSITY_LIMITED)))
    told = {
        "faulty": "N-CREATE of the film session: 0xB600 (memory allocation not supported)",
        "other": "N-CREATE of the Presentation LUT: 0xB605 (density out of range, limit used)",
    }
    with faulty_relay(tmp_path, printer, other) as relay:
        for _ in told:
            relay.ask_for_films(3)
        relay.wait_until(State.SENT)
        films = [film for job in relay.jobs() for film in relay.service.jobs.queries.films(job.id)]
        found = [(film.printer, film.words) for film in films]
        assert sorted(found) == sorted([*told.items()] * 3)
