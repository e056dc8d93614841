"""Modalities that keep an association open are told of the printers, where the site wants it."""

from __future__ import annotations

import time
from collections.abc import Callable

from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicGrayscalePrintManagementMeta,
    Printer,
)

from broker.emulator.modality import Modality
from broker.emulator.sample_films import sample_films
from broker.model.jobs.job import State
from broker.model.printers.printer import KEPT, Duty, PoolStatus
from tests.peers.acceptor import OFFERS
from tests.peers.listening_console import Console
from tests.peers.raw import Raw
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]
QUEUED, NORMALLY = (2, "QUEUED", "BROKER"), (1, "", "")


def test_consoles_hear_that_films_are_only_kept_and_that_they_print_again(
    relay: MakeRelay,
) -> None:
    """Each once, and the log tells it; a film that comes meanwhile is taken."""
    room = relay(1, send_events=True)
    port = room.service.port
    consoles = [Console(port, BasicGrayscalePrintManagementMeta), Console(port, Printer)]
    room.service.printers.set_duty("oki-1", Duty.MAINT)
    for console in consoles:
        console.wait_for(QUEUED)
    room.print_films(1)
    room.service.printers.set_duty("oki-1", Duty.READY)
    for console in consoles:
        console.wait_for(QUEUED, NORMALLY)
        console.assoc.release()
    room.wait_until(State.SENT, 1)
    told = [facts["status"] for event, facts in room.notes if event == "status reported"]
    assert sorted(map(str, told)) == ["NORMAL", "NORMAL", "WARNING", "WARNING"]


def test_a_modality_that_hears_in_the_middle_of_a_film_prints_it(relay: MakeRelay) -> None:
    """It is told while it prepares an image; film box, image and N-ACTION go on around that."""
    room = relay(1, send_events=True)
    heard: list[PoolStatus] = []
    films, pixels = sample_films()

    def read(name: str) -> bytes:
        """The pixels, once the broker has told of the printer."""
        if not heard:
            room.service.printers.set_duty("oki-1", Duty.MAINT)
            room.wait_for(lambda: any(event == "status reported" for event, _ in room.notes))
        return pixels[name]

    answered = Modality("CT1", on_status=heard.append).print(
        "127.0.0.1", room.service.port, "BROKER", films[:2], read
    )
    assert heard == [KEPT]
    assert [answer.printed for answer in answered] == [True, True]
    room.service.printers.set_duty("oki-1", Duty.READY)
    room.wait_until(State.SENT)


def test_consoles_that_never_read_delay_nothing(relay: MakeRelay) -> None:
    """Neither the films of others, nor what these are told, nor the end of the broker."""
    room = relay(1, send_events=True)
    dead = [Raw.connect(room.service.port) for _ in range(5)]
    for raw in dead:
        raw.associate(*OFFERS)
    console = Console(room.service.port, Printer)
    room.service.printers.set_duty("oki-1", Duty.MAINT)
    console.wait_for(QUEUED)
    room.service.printers.set_duty("oki-1", Duty.READY)
    console.wait_for(QUEUED, NORMALLY)
    console.assoc.release()
    room.print_films(1)
    room.wait_until(State.SENT, 1)
    began = time.monotonic()
    room.service.stop()
    assert time.monotonic() - began < 3
    room.begin()
    for raw in dead:
        raw.sock.close()
