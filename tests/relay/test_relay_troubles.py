"""A modality prints on the broker, and printers die, refuse, jam or say nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.model.films.film import Film
from broker.model.jobs.job import FilmState, Level, Outcome, PrintRequest, State
from broker.model.printers.printer import Duty, Health
from tests.peers.sized_films import print_film, print_session
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


def test_a_printer_that_dies_in_mid_job_costs_no_film(relay: MakeRelay) -> None:
    """The films that are left come out on another printer: each once, in order (promise 8)."""
    room = relay(2)
    for printer in room.printers.values():
        printer.set_scenario("dies-in-set:3")
    room.wait_until_up()
    print_session(room.speaker(), "A4", "A3", "8INX10IN", "14INX17IN")
    room.wait_for(lambda: any(not each.alive for each in room.printers.values()))
    first = next(each for each in room.printers.values() if not each.alive)
    second = next(each for each in room.printers.values() if each is not first)
    second.set_scenario("ok")

    room.wait_until(State.SENT, 1)

    assert [sheet.film_size for sheet in first.sheets] == ["A4", "A3"]
    assert [sheet.film_size for sheet in second.sheets] == ["8INX10IN", "14INX17IN"]


def test_a_black_hole_swallows_nothing(relay: MakeRelay) -> None:
    """A printer that answers C-ECHO and refuses N-ACTION delays its films, and is degraded."""
    room = relay(3, seconds=0.05)
    room.printers["oki-1"].set_scenario("refuse-action:0x0110")
    room.print_films(12)

    room.wait_until(State.SENT)

    sheets = room.sheets()
    assert sheets["oki-1"] == 0
    assert sheets["oki-2"] + sheets["oki-3"] == 12
    assert room.service.printers.get("oki-1").failures >= 1


@pytest.mark.parametrize("status", ["0xC602", "0x0106", "0x0213", "0xB603"])
def test_whatever_a_printer_refuses_with_another_one_prints(relay: MakeRelay, status: str) -> None:
    """No job is held while another printer would take it, whatever the status."""
    room = relay(2)
    room.printers["oki-1"].set_scenario(f"refuse-action:{status}")
    room.print_films(4)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 4}


def test_a_film_size_that_one_printer_lacks_goes_to_the_other(relay: MakeRelay) -> None:
    """A permanent refusal sends that job elsewhere, and harms neither printer nor other jobs."""
    room = relay(2)
    room.printers["oki-1"].set_scenario("refuse-size:14INX17IN")
    for size in ("14INX17IN", "A4", "14INX17IN", "A4"):
        print_film(room.speaker(), size)
    room.wait_until(State.SENT)
    assert {sheet.film_size for sheet in room.printers["oki-1"].sheets} <= {"A4"}
    assert room.service.printers.get("oki-1").health is Health.UP


def test_refused_by_all_is_held_with_the_printers_words(relay: MakeRelay) -> None:
    """When no printer takes a film, a person finds it held, and why; release tries again."""
    room = relay(2)
    for printer in room.printers.values():
        printer.set_scenario("refuse-size:A4")
    print_film(room.speaker(), "A4")

    (job,) = room.wait_until(State.HELD, 1)
    assert "every printer refused it" in job.reason
    assert "0x0106" in job.reason
    assert {attempt.printer for attempt in room.service.jobs.queries.attempts(1)} == {
        "oki-1",
        "oki-2",
    }

    room.printers["oki-2"].set_scenario("ok")
    room.service.jobs.commands.release(1)
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 0, "oki-2": 1}


def test_an_unanswered_film_is_held_and_not_printed_again(relay: MakeRelay) -> None:
    """A printer that printed and died before answering: one sheet, and a person decides."""
    room = relay(2)
    for printer in room.printers.values():
        printer.set_scenario("prints-and-dies")
    room.print_films(1)

    (job,) = room.wait_until(State.HELD, 1)

    assert "uncertain" in job.reason
    assert sum(room.sheets().values()) == 1
    (film,) = room.service.jobs.queries.films(1)
    assert film.state is FilmState.UNCERTAIN
    assert [each.outcome for each in room.service.jobs.queries.attempts(1)] == [Outcome.UNCERTAIN]

    room.service.jobs.commands.release(1, printed=True)
    (job,) = room.wait_until(State.SENT, 1)
    assert sum(room.sheets().values()) == 1


def test_an_unanswered_film_is_printed_again_where_the_site_says_so(relay: MakeRelay) -> None:
    """on_uncertain = "reprint" prints the film once more, on a printer that lives."""
    room = relay(2, on_uncertain='"reprint"')
    room.printers["oki-1"].set_scenario("prints-and-dies")
    room.service.printers.set_duty("oki-2", Duty.DRAIN)
    room.print_films(1)
    room.wait_for(lambda: not room.printers["oki-1"].alive)
    room.service.printers.set_duty("oki-2", Duty.READY)
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 1, "oki-2": 1}


def test_films_wait_while_every_printer_is_down(relay: MakeRelay) -> None:
    """The modality prints on while all printers are off; the films come out when one is back."""
    room = relay(2)
    for printer in room.printers.values():
        printer.kill()
    room.print_films(3)
    assert {job.state for job in room.jobs()} <= {State.QUEUED, State.PRINTING}
    room.printers["oki-2"].revive()
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 3}


def test_a_film_that_cannot_be_sent_is_held_and_harms_no_other(relay: MakeRelay) -> None:
    """A value that no message can carry: that job is held, the next film prints."""
    room = relay(1)
    endless = Film({"ImageDisplayFormat": (r"STANDARD\1,1",), "Trim": ("Y" * 70_000,)}, ())
    room.service.jobs.submission.add(
        PrintRequest("CT1", "BROKER", "127.0.0.1:1", "x", Level.FILM_BOX, {}, (endless,))
    )
    (job,) = room.wait_until(State.HELD, 1)
    assert "cannot be sent" in job.reason
    room.print_films(1)
    room.wait_until(State.SENT, 2)


def test_a_busy_printer_is_not_broken(relay: MakeRelay) -> None:
    """A transient reject delays the film and never holds it; health stays up."""
    room = relay(1)
    room.printers["oki-1"].set_scenario("busy")
    room.print_films(1)
    room.wait_for(lambda: room.jobs()[0].attempts >= 5)
    assert room.jobs()[0].state in (State.QUEUED, State.PRINTING)
    room.printers["oki-1"].set_scenario("ok")
    room.wait_until(State.SENT, 1)


def test_a_jammed_printer_is_passed_over_until_it_is_cleared(relay: MakeRelay) -> None:
    """Printer Status FAILURE takes it out at once; it comes back by itself (promise 7)."""
    room = relay(2)
    room.printers["oki-1"].set_scenario("jam")
    room.wait_for(lambda: room.service.printers.get("oki-1").health is Health.DOWN)
    assert "FILM JAM" in room.service.printers.get("oki-1").reason
    room.print_films(2)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 2}
    room.printers["oki-1"].set_scenario("ok")
    room.wait_until_up("oki-1")
