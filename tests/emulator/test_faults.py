"""Each scenario of an emulated printer, as a Print SCU sees it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION, GRAYSCALE_IMAGE_BOX
from broker.dicom.upper_layer.connection import Broken
from broker.emulator.printer import EmulatedPrinter
from broker.model.printers.trouble import Unavailable, Uncertain
from tests.emulator.conftest import NewPrinter
from tests.peers.filming import PICTURE, make_film_box, open_scu, print_film, state_of
from tests.peers.speaker import Speaker, dataset, image_box, reference


def test_a_slow_printer_answers_when_the_sheets_are_out(new_printer: NewPrinter) -> None:
    """slow:0.1 with two copies: N-ACTION takes at least 0.2 s."""
    scu = open_scu(new_printer("slow:0.1"))
    _, film_box, image = make_film_box(scu)
    scu.set(GRAYSCALE_IMAGE_BOX, image, image_box())
    began = time.monotonic()
    assert scu.action(FILM_BOX, film_box).status == 0
    assert time.monotonic() - began >= 0.2
    scu.close()


def test_a_jammed_printer_says_so_and_prints_when_it_is_cleared(new_printer: NewPrinter) -> None:
    """FAILURE and FILM JAM; N-ACTION is accepted, and the film comes out after the jam."""
    printer = new_printer("jam")
    assert state_of(printer) == ("FAILURE", "FILM JAM")
    scu = open_scu(printer)
    assert print_film(scu) == 0
    scu.close()
    assert printer.sheets == []
    printer.set_scenario("ok")
    assert [sheet.pixels for sheet in printer.wait_for_sheets(1)] == [(PICTURE,)]
    assert state_of(printer) == ("NORMAL", "NORMAL")


def test_a_jam_outlives_being_switched_off(new_printer: NewPrinter) -> None:
    """Off and on again it is still jammed, and still has its films."""
    printer = new_printer("jam")
    scu = open_scu(printer)
    assert print_film(scu) == 0
    scu.close()
    printer.kill()
    printer.revive()
    assert state_of(printer) == ("FAILURE", "FILM JAM")
    printer.set_scenario("down")
    assert printer.sheets == []
    printer.set_scenario("ok")
    assert len(printer.wait_for_sheets(1)) == 1


def test_a_refused_film_size_is_refused_when_the_film_box_is_made(new_printer: NewPrinter) -> None:
    """0x0106 at N-CREATE for that size; another one prints."""
    printer = new_printer("refuse-size:14INX17IN")
    scu = open_scu(printer)
    session = scu.create(FILM_SESSION, None).instance_uid
    wanted = dataset(ImageDisplayFormat=r"STANDARD\1,1", FilmSizeID="14INX17IN")
    wanted.ReferencedFilmSessionSequence = [reference(FILM_SESSION, session)]
    assert scu.create(FILM_BOX, wanted).status == statuses.INVALID_ATTRIBUTE_VALUE
    wanted.FilmSizeID = "A4"
    assert scu.create(FILM_BOX, wanted).status == 0
    scu.abort()


def test_a_refused_action_prints_nothing(new_printer: NewPrinter) -> None:
    """N-ACTION gets the scenario's status, and no sheet comes out."""
    printer = new_printer("refuse-action:0xC602")
    scu = open_scu(printer)
    assert print_film(scu) == statuses.FILM_BOX_QUEUE_FULL
    scu.close()
    assert printer.sheets == []


def test_a_busy_printer_rejects_for_now(new_printer: NewPrinter) -> None:
    """A transient rejection, until the scenario changes."""
    printer = new_printer("busy")
    with pytest.raises(Unavailable, match="busy"):
        open_scu(printer)
    printer.set_scenario("ok")
    open_scu(printer).close()


def test_a_printer_without_presentation_lut_does_not_take_it(new_printer: NewPrinter) -> None:
    """no-lut rejects that presentation context alone; it can come and go at run time."""
    printer = new_printer("no-lut")
    scu = open_scu(printer, lut=True)
    assert not scu.lut
    assert print_film(scu) == 0
    scu.close()
    for scenario, expected in (("ok", True), ("no-lut", False)):
        printer.set_scenario(scenario)
        scu = open_scu(printer, lut=True)
        assert scu.lut == expected
        scu.close()


@pytest.mark.parametrize(("scenario", "sets"), [("dies-in-set", 1), ("dies-in-set:3", 3)])
def test_dying_in_the_nth_set(new_printer: NewPrinter, scenario: str, sets: int) -> None:
    """The Nth N-SET is not answered; after it connections are refused until it is revived."""
    printer = new_printer(scenario)
    scu = open_scu(printer)
    _, _, image = make_film_box(scu)
    for _ in range(sets - 1):
        assert scu.set(GRAYSCALE_IMAGE_BOX, image, image_box()).status == 0
    with pytest.raises(Unavailable) as caught:
        scu.set(GRAYSCALE_IMAGE_BOX, image, image_box())
    assert caught.value.associated
    printer.wait_until_dead()
    with pytest.raises(Unavailable, match="refused the connection"):
        open_scu(printer)
    printer.revive()
    scu = open_scu(printer)
    assert print_film(scu) == 0
    scu.close()


def test_printing_and_dying_before_the_answer(new_printer: NewPrinter) -> None:
    """The film is in the tray, and the one who asked for it cannot know."""
    printer = new_printer("prints-and-dies")
    scu = open_scu(printer)
    with pytest.raises(Uncertain):
        print_film(scu)
    assert len(printer.wait_for_sheets(1)) == 1
    printer.wait_until_dead()
    with pytest.raises(Unavailable):
        open_scu(printer)
    printer.revive()
    assert state_of(printer) == ("NORMAL", "NORMAL")


def test_a_printer_that_loses_its_power_says_nothing(tmp_path: Path) -> None:
    """N-ACTION has no answer, as a dead printer gives none: the connection ends."""
    for _ in range(10):
        with EmulatedPrinter("oki-1", "OKI1", tmp_path, scenario="slow:60") as printer:
            speakers = [Speaker(printer.port, called_ae="OKI1") for _ in range(3)]
            with ThreadPoolExecutor(3) as pool:
                told = [pool.submit(speaker.print_film) for speaker in speakers]
                printer.print_jobs.wait_until_begun(3)
                printer.kill()
                said = [each.exception() for each in told]
            assert [type(each) for each in said] == [Broken] * 3
