"""Emulated printers, as a Print SCU sees them."""

from __future__ import annotations

import json
import threading
import time
from hashlib import sha256

import pytest
from PIL import Image as pictures

from broker.dicom.print_scu import PrintScu
from broker.dicom.sop_classes import (
    COLOR_META,
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.transport.message import Command
from broker.dicom.transport.negotiation import Offer
from broker.dicom.transport.requestor import Requestor
from broker.emulator.printer import EmulatedPrinter
from broker.model.trouble import Unavailable, Uncertain
from tests.emulator.conftest import NewPrinter
from tests.peers.speaker import dataset, image_box, reference

SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
PICTURE = sha256(bytes(range(16))).hexdigest()
"""Of the picture that `image_box` makes."""
PATIENCE_S = 10.0


def open_scu(printer: EmulatedPrinter, *, lut: bool = False) -> PrintScu:
    """An association with the printer."""
    return PrintScu.open(printer.address, calling_ae="BROKER", lut=lut)


def make_film_box(scu: PrintScu, film_size: str = "A4") -> tuple[str, str, str]:
    """N-CREATE film session and film box; UIDs of the film session, film box and image box."""
    session = scu.create(FILM_SESSION, dataset(NumberOfCopies="2", MediumType="PAPER"))
    wanted = dataset(ImageDisplayFormat=r"STANDARD\1,1", FilmSizeID=film_size)
    wanted.ReferencedFilmSessionSequence = [reference(FILM_SESSION, session.instance_uid)]
    film_box = scu.create(FILM_BOX, wanted)
    assert (session.status, film_box.status) == (0, 0)
    assert film_box.dataset is not None
    item = film_box.dataset.ReferencedImageBoxSequence[0]
    return session.instance_uid, film_box.instance_uid, str(item.ReferencedSOPInstanceUID)


def print_film(scu: PrintScu, film_size: str = "A4") -> int:
    """A film from film session to N-ACTION, whose status it is; the association stays open."""
    _, film_box, image = make_film_box(scu, film_size)
    assert scu.set(GRAYSCALE_IMAGE_BOX, image, image_box()).status == 0
    return scu.action(FILM_BOX, film_box).status


def state_of(printer: EmulatedPrinter) -> tuple[str, str]:
    """Printer Status and Printer Status Info, by N-GET."""
    scu = open_scu(printer)
    answer = scu.get(PRINTER, PRINTER_INSTANCE, ["PrinterStatus", "PrinterStatusInfo"])
    scu.close()
    assert answer.dataset is not None
    return answer.dataset.PrinterStatus, answer.dataset.PrinterStatusInfo


def test_a_film_comes_out_before_the_answer(new_printer: NewPrinter) -> None:
    """When N-ACTION is answered, picture and slip lie in the tray."""
    printer = new_printer()
    scu = open_scu(printer)
    assert print_film(scu) == 0
    (sheet,) = printer.sheets
    scu.close()
    slip = json.loads(printer.tray.slip(sheet).read_text())
    assert (slip["calling_ae"], slip["called_ae"]) == ("BROKER", "OKI1")
    assert (slip["copies"], slip["session"]) == (2, {"MediumType": "PAPER"})
    assert slip["printed_at"] == "2030-01-01T12:00:00+00:00"
    assert [image["sha256"] for image in slip["images"]] == [PICTURE]
    with pictures.open(printer.tray.picture(sheet)) as picture:
        assert picture.size == (413, 585)


def test_it_offers_what_okis_printers_offer(new_printer: NewPrinter) -> None:
    """Both Print Meta classes, Presentation LUT, Print Job, Verification; no annotation."""
    offered = [VERIFICATION, GRAYSCALE_META, COLOR_META, PRESENTATION_LUT, PRINT_JOB]
    annotation = "1.2.840.10008.5.1.1.15"
    proposals = [Offer(each, SYNTAXES) for each in (*offered, annotation)]
    printer = new_printer()
    with Requestor.open(
        printer.host, printer.port, calling_ae="CT1", called_ae="OKI1", proposals=proposals
    ) as requestor:
        assert [each for each in offered if requestor.context(each) is None] == []
        assert requestor.context(annotation) is None
        verification = requestor.context(VERIFICATION)
        assert verification is not None
        echo = {"CommandField": Command.C_ECHO, "AffectedSOPClassUID": VERIFICATION}
        assert requestor.request(verification, echo, timeout_s=PATIENCE_S).status == 0


def test_it_says_how_it_is(new_printer: NewPrinter) -> None:
    """Printer Status NORMAL, and its name."""
    scu = open_scu(new_printer())
    answer = scu.get(PRINTER, PRINTER_INSTANCE)
    scu.close()
    assert answer.status == 0
    assert answer.dataset is not None
    assert (answer.dataset.PrinterStatus, answer.dataset.PrinterName) == ("NORMAL", "oki-1")


def test_numbers_in_the_tray_go_on_when_a_printer_is_made_anew(new_printer: NewPrinter) -> None:
    """A restarted emulator does not overwrite the sheets of the last run."""
    for number in (1, 2):
        printer = new_printer()
        scu = open_scu(printer)
        assert print_film(scu) == 0
        scu.close()
        assert [sheet.number for sheet in printer.sheets] == [number]


def test_waiting_for_sheets_ends_when_they_are_there(new_printer: NewPrinter) -> None:
    """The waiting thread gets the sheet; without one, TimeoutError."""
    printer = new_printer()
    found: list[int] = []
    waiting = threading.Thread(target=lambda: found.append(len(printer.wait_for_sheets(1))))
    waiting.start()
    scu = open_scu(printer)
    print_film(scu)
    scu.close()
    waiting.join(PATIENCE_S)
    assert found == [1]
    with pytest.raises(TimeoutError, match="1 sheets, not 2"):
        printer.wait_for_sheets(2, timeout=0)


def test_a_slow_printer_answers_when_the_sheets_are_out(new_printer: NewPrinter) -> None:
    """slow:0.1 with two copies: N-ACTION takes at least 0.2 s."""
    scu = open_scu(new_printer("slow:0.1"))
    _, film_box, image = make_film_box(scu)
    scu.set(GRAYSCALE_IMAGE_BOX, image, image_box())
    began = time.monotonic()
    assert scu.action(FILM_BOX, film_box).status == 0
    assert time.monotonic() - began >= 0.2
    scu.close()


def test_its_own_pace_is_a_parameter(new_printer: NewPrinter) -> None:
    """seconds_per_film holds where no scenario says otherwise."""
    scu = open_scu(new_printer(seconds_per_film=0.1))
    began = time.monotonic()
    assert print_film(scu) == 0
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
    assert scu.create(FILM_BOX, wanted).status == 0x0106
    wanted.FilmSizeID = "A4"
    assert scu.create(FILM_BOX, wanted).status == 0
    scu.abort()


def test_a_refused_action_prints_nothing(new_printer: NewPrinter) -> None:
    """N-ACTION gets the scenario's status, and no sheet comes out."""
    printer = new_printer("refuse-action:0xC602")
    scu = open_scu(printer)
    assert print_film(scu) == 0xC602
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


def test_a_printer_that_is_down_refuses_connections(new_printer: NewPrinter) -> None:
    """Its address is known before it ever listened, and is the same when it comes up."""
    printer = new_printer("down")
    port = printer.port
    assert port != 0
    with pytest.raises(Unavailable, match="refused the connection"):
        open_scu(printer)
    printer.revive()
    assert (printer.port, printer.scenario.text) == (port, "ok")
    open_scu(printer).close()


def test_killing_cuts_what_is_open_and_reviving_listens_again(new_printer: NewPrinter) -> None:
    """An open association breaks, a new one is refused, and after revive() all is well."""
    printer = new_printer()
    port = printer.port
    scu = open_scu(printer)
    make_film_box(scu)
    printer.kill()
    assert not printer.alive
    with pytest.raises(Unavailable):
        scu.create(FILM_BOX, None)
    with pytest.raises(Unavailable):
        open_scu(printer)
    printer.revive()
    assert printer.port == port
    scu = open_scu(printer)
    assert print_film(scu) == 0
    scu.close()


def test_a_printer_killed_while_printing_prints_nothing(new_printer: NewPrinter) -> None:
    """Cut off on the paper path: no answer, no sheet, and the printer is dead at once."""
    printer = new_printer("slow:600")
    scu = open_scu(printer)
    _, film_box, image = make_film_box(scu)
    scu.set(GRAYSCALE_IMAGE_BOX, image, image_box())
    printing = threading.Event()
    found: list[Exception] = []

    def ask() -> None:
        printing.set()
        try:
            scu.action(FILM_BOX, film_box)
        except Uncertain as error:
            found.append(error)
        except Unavailable as error:
            # Killed before the request had left.
            found.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    printing.wait(PATIENCE_S)
    printer.kill()
    thread.join(PATIENCE_S)
    assert len(found) == 1
    assert printer.sheets == []


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


def test_reviving_right_after_a_death_is_not_undone_by_it(new_printer: NewPrinter) -> None:
    """However the dying and the reviving thread meet, the printer is alive in the end."""
    printer = new_printer()
    for _ in range(5):
        printer.set_scenario("dies-in-set")
        scu = open_scu(printer)
        _, _, image = make_film_box(scu)
        with pytest.raises(Unavailable):
            scu.set(GRAYSCALE_IMAGE_BOX, image, image_box())
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


def test_a_tray_that_cannot_be_written_is_no_success(new_printer: NewPrinter) -> None:
    """N-ACTION is answered 0xC602 when the sheet cannot be laid down."""
    printer = new_printer()
    (printer.tray.directory / ".0001.png.part").mkdir()
    scu = open_scu(printer)
    assert print_film(scu) == 0xC602
    scu.close()
    assert printer.sheets == []
