"""A disk that is full, or nearly: films are refused in time, and what was taken is printed.

The disk is a small file system of its own, so that it can be filled for real.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, PRINTER, PRINTER_INSTANCE
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from broker.store.database import Database
from broker.store.refusals import Refusals
from tests.peers.small_disk import Disk, mounted
from tests.peers.speaker import Speaker, image_box, picture
from tests.relay.conftest import Relay, relay_on

SIZE = 8 << 20
LEAVE = 64 << 10
NO_FLOOR = "[retention]\nfloor_mb = 0\n"
FLOOR = "[retention]\nfloor_mb = 4\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """8 MB, empty."""
    with mounted(tmp_path / "disk", SIZE) as made:
        yield made


@pytest.fixture
def relay(disk: Disk, printer: EmulatedPrinter) -> Iterator[Relay]:
    """A broker whose data are on the small disk, without a floor."""
    with relay_on(disk, printer, NO_FLOOR) as made:
        yield made


def _large(ct: Speaker, pixel: bytes = b"\1") -> int:
    """Set the image box with a picture of 1 MB; the status."""
    large = picture(Rows=1024, Columns=1024, PixelData=pixel * (1 << 20))
    return ct.set_image(made=image_box(1, large)).status


def test_no_room_for_the_pixels(relay: Relay, disk: Disk, printer: EmulatedPrinter) -> None:
    """The image is refused with 0xC605, nothing half-stored; with room again it is taken."""
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    disk.fill(LEAVE)

    assert _large(ct) == statuses.NO_MEMORY_FOR_IMAGE
    assert list((disk.folder / "broker-data/spool/incoming").iterdir()) == []
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.EMPTY_FILM_BOX, "an empty film box"

    disk.empty()
    assert _large(ct) == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    relay.wait_until(State.SENT, 1)
    assert len(printer.sheets) == 1


def test_no_room_for_the_rows(relay: Relay, disk: Disk, printer: EmulatedPrinter) -> None:
    """The film is refused with 0xC602 and leaves nothing behind; with room again it is taken."""
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    disk.fill()

    assert ct.action(FILM_BOX, ct.film_box).status == statuses.FILM_BOX_QUEUE_FULL
    assert ct.get(PRINTER, PRINTER_INSTANCE).status == statuses.SUCCESS, "the association goes on"

    disk.empty()
    assert relay.jobs() == []
    assert list(relay.service.spool.names()) == []
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    relay.wait_until(State.SENT, 1)
    assert len(printer.sheets) == 1


def test_films_that_were_taken_outlast_a_full_disk(
    relay: Relay, disk: Disk, printer: EmulatedPrinter
) -> None:
    """Nothing can be written down, so nothing is asked for; with room again each comes out once."""
    relay.service.printers.set_duty("oki-1", Duty.DRAIN)
    relay.print_films(3)
    relay.service.printers.set_duty("oki-1", Duty.READY)
    disk.fill()
    relay.wait_for(lambda: any(event == "dispatcher failed" for event, _ in relay.notes))
    asked = len(printer.sheets)

    disk.empty()
    relay.wait_until(State.SENT, 1, 2, 3)
    assert asked <= 1, "the one that was claimed before the disk was full"
    assert len(printer.sheets) == 3
    assert {film.words for job in (1, 2, 3) for film in relay.service.jobs.queries.films(job)} == {
        ""
    }


def test_open_film_sessions_do_not_fill_the_disk(disk: Disk, printer: EmulatedPrinter) -> None:
    """A quarter of the floor stays, for the rows: an image that would need it gets 0xC605, a
    smaller one is printed."""
    with relay_on(disk, printer, FLOOR) as relay:
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box()
        disk.fill(3 << 19)

        assert _large(ct) == statuses.NO_MEMORY_FOR_IMAGE
        assert list((disk.folder / "broker-data/spool/incoming").iterdir()) == []
        assert ct.set_image().status == statuses.SUCCESS
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        relay.wait_until(State.SENT, 1)
        why = "an image was refused: it does not fit beside what must stay free"
        assert ("storage failed", {"why": why}) in relay.notes


def test_under_the_floor_no_film_session_begins(disk: Disk, printer: EmulatedPrinter) -> None:
    """0x0213 at once instead of a failure at N-ACTION; the Printer says why; open film sessions
    go on, and the refusal is counted."""
    with relay_on(disk, printer, FLOOR) as relay:
        early = relay.speaker()
        early.open_session()
        early.open_film_box()
        disk.fill(3 << 20)

        late = relay.speaker(calling_ae="LATE")
        assert late.open_session().status == statuses.RESOURCE_LIMITATION
        told = late.get(PRINTER, PRINTER_INSTANCE).dataset
        assert told is not None
        assert (told.PrinterStatus, told.PrinterStatusInfo) == ("FAILURE", "PRINT BUFF FULL")

        assert _large(early) == statuses.SUCCESS
        assert early.action(FILM_BOX, early.film_box).status == statuses.SUCCESS
        relay.wait_until(State.SENT, 1)

        disk.empty()
        assert late.open_session().status == statuses.SUCCESS
        told = late.get(PRINTER, PRINTER_INSTANCE).dataset
        assert told is not None
        assert told.PrinterStatus == "NORMAL"
        why = "new films are refused: less disk is free than retention.floor_mb"
        assert ("storage failed", {"why": why}) in relay.notes
    database = Database.open(f"sqlite:///{disk.folder}/broker-data/broker.db")
    (counted,) = Refusals(database).list()
    database.close()
    assert (counted.kind, counted.number, counted.last_peer) == ("disk nearly full", 1, "LATE")
