"""Finished films on a small disk: their pixels go before any film is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, PRINTER, PRINTER_INSTANCE
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from tests.peers.small_disk import Disk, mounted
from tests.peers.speaker import Speaker, image_box, picture
from tests.relay.conftest import Relay, relay_on

MB = 1 << 20
FLOOR = "[retention]\nfloor_mb = 8\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """40 MB, empty."""
    with mounted(tmp_path / "disk", 40 * MB) as made:
        yield made


@pytest.fixture
def relay(disk: Disk, printer: EmulatedPrinter) -> Iterator[Relay]:
    """A broker whose data are on the small disk, with a floor of 8 MB."""
    with relay_on(disk, printer, FLOOR) as made:
        yield made
    assert made.broken == []


def _set(ct: Speaker, number: int) -> int:
    """Set the image box with a picture of 4 MB, another one for each number; the status."""
    pixels = number.to_bytes(4, "little") * MB
    return ct.set_image(
        made=image_box(1, picture(Rows=2048, Columns=2048, PixelData=pixels))
    ).status


def _print(relay: Relay, number: int, calling_ae: str = "CT1") -> list[int]:
    """Print a film of 4 MB on an association of its own; the statuses, up to a failure."""
    ct = relay.speaker(calling_ae=calling_ae)
    answered = [ct.open_session().status]
    if not answered[-1]:
        ct.open_film_box()
        answered.append(_set(ct, number))
    if not answered[-1]:
        answered.append(ct.action(FILM_BOX, ct.film_box).status)
    ct.release()
    return answered


def _printed(relay: Relay, *numbers: int) -> None:
    """Print films one after the other, each when the one before it is out: as many that wait would
    be more than one modality's share of this disk."""
    for number in numbers:
        assert _print(relay, number) == [0, 0, 0], number
        relay.wait_until(State.SENT, number)


def test_printed_films_do_not_keep_new_ones_out(relay: Relay, printer: EmulatedPrinter) -> None:
    """Five times as many films as fit the disk are printed, one after the other: those that were
    printed first lose their pixels, and it is told."""
    _printed(relay, *range(1, 41))

    assert len(printer.sheets) == 40
    shed = [facts for event, facts in relay.notes if event == "pixels shed"]
    without = [job.id for job in relay.jobs() if job.pixels_removed_at is not None]
    assert without == list(range(1, len(without) + 1)), "the oldest end first"
    assert 30 <= len(without) < 40
    assert sum(int(str(facts["jobs"])) for facts in shed) == len(without)
    assert sum(int(str(facts["bytes"])) for facts in shed) == 4 * MB * len(without)
    assert {job.pixels_removed_why for job in relay.jobs(*without)} == {"room"}


def test_nothing_goes_where_all_would_not_do(relay: Relay, disk: Disk) -> None:
    """Where all printed films together would not make the room that is missing, the film session is
    refused as ever, and they stay."""
    relay.service.upkeep.stop(10)
    _printed(relay, 1)
    disk.fill(leave=2 * MB)

    assert _print(relay, 2) == [statuses.RESOURCE_LIMITATION]
    assert relay.jobs(1)[0].pixels_removed_at is None


def test_an_image_that_is_coming_gets_the_room_of_a_printed_one(relay: Relay, disk: Disk) -> None:
    """The film session is open already when the disk fills up: its image is taken all the same."""
    _printed(relay, 1, 2, 3)
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    disk.fill(leave=3 * MB)

    assert _set(ct, 4) == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    relay.wait_until(State.SENT, 4)
    assert relay.jobs(1)[0].pixels_removed_at is not None


def test_the_printer_does_not_say_that_it_is_full(relay: Relay, disk: Disk) -> None:
    """A modality that asks before it prints hears of no full buffer while room can be made."""
    _printed(relay, 1, 2, 3, 4)
    disk.fill(leave=6 * MB)

    told = relay.speaker().get(PRINTER, PRINTER_INSTANCE).dataset
    assert told is not None
    assert (told.PrinterStatus, told.PrinterStatusInfo) == ("NORMAL", "NORMAL")


def test_what_is_not_finished_keeps_its_pixels(
    relay: Relay, disk: Disk, printer: EmulatedPrinter
) -> None:
    """Queued and held jobs, and an image that was not asked for yet: when only they are left, new
    film sessions are refused as ever, and each of them prints afterwards."""
    _printed(relay, 1)
    relay.service.printers.set_duty("oki-1", Duty.DRAIN)
    assert _print(relay, 2) == [0, 0, 0]
    assert _print(relay, 3) == [0, 0, 0]
    relay.service.jobs.commands.hold(3)
    relay.service.jobs.commands.reprint(1)
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    assert _set(ct, 5) == statuses.SUCCESS
    disk.fill(leave=5 * MB)

    assert _print(relay, 6) == [statuses.RESOURCE_LIMITATION]
    relay.service.upkeep.stop(10)
    assert relay.jobs(1)[0].pixels_removed_at is None, "its file would not go: job 4 needs it"

    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    relay.service.jobs.commands.release(3)
    relay.service.printers.set_duty("oki-1", Duty.READY)
    relay.wait_until(State.SENT, 2, 3, 4, 5)
    assert len(printer.sheets) == 5


def test_room_is_made_before_a_film_needs_it(relay: Relay, disk: Disk) -> None:
    """Upkeep keeps a quarter of the floor free above it, while there are printed films to take."""
    _printed(relay, 1, 2, 3, 4)
    disk.fill(leave=9 * MB)

    relay.wait_for(lambda: any(event == "pixels shed" for event, _ in relay.notes), "nothing shed")

    assert disk.free >= 10 * MB
    assert [job.pixels_removed_at is None for job in relay.jobs()] == [False, True, True, True]


def test_on_a_disk_that_is_full_to_the_last_byte(relay: Relay, disk: Disk) -> None:
    """Not even a row can be written any more: the files go first, and films are taken again."""
    _printed(relay, 1, 2, 3, 4, 5)
    disk.fill()

    assert _print(relay, 6) == [0, 0, 0]

    relay.wait_until(State.SENT, 6)
    assert relay.jobs(1)[0].pixels_removed_why == "room"
    relay.forgive_storage()


def test_printed_films_keep_to_their_budget(disk: Disk, printer: EmulatedPrinter) -> None:
    """retention.pixels_mb: the oldest go when there are more bytes, however much is free; a film
    that was printed twice counts once."""
    with relay_on(disk, printer, f"{FLOOR}pixels_mb = 9\n") as made:
        for job, picture_number in enumerate((1, 2, 2, 3), start=1):
            assert _print(made, picture_number) == [0, 0, 0]
            made.wait_until(State.SENT, job)
        made.wait_for(lambda: any(event == "pixels shed" for event, _ in made.notes), "kept all")
        assert [job.pixels_removed_why for job in made.jobs()] == ["budget", "", "", ""]
        assert len(list(made.service.spool.names())) == 2


def test_a_flood_of_waiting_films_leaves_room_for_others(
    relay: Relay, disk: Disk, printer: EmulatedPrinter
) -> None:
    """While no printer takes films, one modality fills half of the room and no more: another one
    at the same address prints on."""
    relay.service.printers.set_duty("oki-1", Duty.DRAIN)
    taken = (
        next(
            number
            for number in range(1, 20)
            if statuses.RESOURCE_LIMITATION in _print(relay, number, "FLOOD")
        )
        - 1
    )
    assert 12 * MB <= 4 * MB * taken <= 20 * MB

    assert _print(relay, 20, "CT1") == [0, 0, 0]
    assert disk.free > 8 * MB
    relay.service.printers.set_duty("oki-1", Duty.READY)
    relay.wait_until(State.SENT)
    assert len(printer.sheets) == taken + 1
    why = {str(facts["why"]) for event, facts in relay.notes if event == "request refused"}
    assert why == {f"{4 * taken} MB unprinted of FLOOD at 127.0.0.1"}


def test_an_association_that_stays_open_keeps_no_room_for_what_it_printed(
    relay: Relay, printer: EmulatedPrinter
) -> None:
    """It printed more than the disk holds, in one film session, and idles: another modality prints
    all the same. To print such a film once more, the first one sets its image again."""
    ct = relay.speaker(calling_ae="FIRST")
    ct.open_session()
    boxes = []
    for number in range(1, 11):
        ct.open_film_box()
        boxes.append((ct.film_box, ct.boxes))
        assert _set(ct, number) == statuses.SUCCESS
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        relay.wait_until(State.SENT, number)

    for number in range(11, 16):
        assert _print(relay, number) == [0, 0, 0]
        relay.wait_until(State.SENT, number)

    film_box, ct.boxes = boxes[0]
    refused = ct.action(FILM_BOX, film_box)
    assert refused.status == statuses.FILM_BOX_QUEUE_FULL
    words = "the image was removed for room since: it must be set again"
    assert refused.command.ErrorComment == words
    assert _set(ct, 1) == statuses.SUCCESS
    assert ct.action(FILM_BOX, film_box).status == statuses.SUCCESS
    relay.wait_until(State.SENT)
    assert len(printer.sheets) == 16
