"""A person or a restart comes between a running broker and its films."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom.uids import PRINTER, PRINTER_INSTANCE
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from tests.peers.sized_films import print_session
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


def test_a_drained_printer_finishes_what_it_has_and_gets_no_more(relay: MakeRelay) -> None:
    """Drain: the film in hand comes out there, all others elsewhere; ready takes it back."""
    room = relay(2, seconds=0.5)
    room.print_films(1)
    room.wait_for(lambda: room.jobs()[0].state is State.PRINTING)
    drained = room.jobs()[0].printer
    other = next(name for name in room.printers if name != drained)
    room.service.printers.set_duty(drained, Duty.DRAIN, "toner")
    room.print_films(3)
    room.wait_until(State.SENT)
    assert room.sheets() == {drained: 1, other: 3}

    room.service.printers.set_duty(drained, Duty.READY)
    room.print_films(2)
    room.wait_until(State.SENT)
    assert room.sheets()[drained] >= 2


@pytest.mark.parametrize(
    ("status_while_kept", "heard"),
    [("WARNING", ("WARNING", "QUEUED")), ("NORMAL", ("NORMAL", "NORMAL"))],
)
def test_a_modality_hears_that_films_are_kept_as_the_site_wants_it(
    relay: MakeRelay, status_while_kept: str, heard: tuple[str, str]
) -> None:
    """N-GET of the Printer while the only one is drained: some modalities print at nothing but
    NORMAL. The film is taken either way."""
    room = relay(1, status_while_kept=status_while_kept)
    room.service.printers.set_duty("oki-1", Duty.DRAIN)

    told = room.speaker().get(PRINTER, PRINTER_INSTANCE).dataset
    assert told is not None
    assert (told.PrinterStatus, told.PrinterStatusInfo) == heard
    room.print_films(1)
    assert [job.state for job in room.jobs()] == [State.QUEUED]


def test_operator_verbs_reach_the_running_broker(relay: MakeRelay) -> None:
    """Hold, move and release are rows; the broker obeys them without being told."""
    room = relay(2, seconds=0.3)
    for name in room.printers:
        room.service.printers.set_duty(name, Duty.DRAIN)
    room.print_films(2)
    room.service.jobs.commands.hold(1)
    room.service.jobs.commands.move(2, "oki-2")
    for name in room.printers:
        room.service.printers.set_duty(name, Duty.READY)
    room.wait_until(State.SENT, 2)
    assert room.jobs(1)[0].state is State.HELD
    assert room.sheets() == {"oki-1": 0, "oki-2": 1}
    room.service.jobs.commands.release(1)
    room.wait_until(State.SENT, 1)


def test_a_job_can_be_held_between_two_of_its_films(relay: MakeRelay) -> None:
    """Hold while printing ends the attempt after the film in hand; release goes on from there."""
    room = relay(1, seconds=0.5)
    print_session(room.speaker(), "A4", "A3", "8INX10IN")
    room.wait_for(lambda: room.jobs()[0].state is State.PRINTING)
    room.service.jobs.commands.hold(1)
    room.wait_until(State.HELD, 1)
    before = len(room.printers["oki-1"].sheets)
    assert before < 3
    room.service.jobs.commands.release(1)
    room.wait_until(State.SENT, 1)
    sizes = [sheet.film_size for sheet in room.printers["oki-1"].sheets]
    assert sizes == ["A4", "A3", "8INX10IN"]


def test_a_stopped_broker_goes_on_where_it_was(relay: MakeRelay) -> None:
    """Stop hands a job back between two films; the next start prints the rest, once."""
    room = relay(1, seconds=0.3)
    print_session(room.speaker(), "A4", "A3", "8INX10IN", "14INX17IN")
    room.wait_for(lambda: room.jobs()[0].state is State.PRINTING)
    room.service.stop()
    assert len(room.printers["oki-1"].sheets) < 4
    room.begin()
    room.wait_until(State.SENT, 1)
    sizes = [sheet.film_size for sheet in room.printers["oki-1"].sheets]
    assert sizes == ["A4", "A3", "8INX10IN", "14INX17IN"]
