"""Emulated printers, as a Print SCU sees them."""

from __future__ import annotations

import json
import threading
import time

import pytest
from PIL import Image as pictures

from broker.dicom import statuses
from broker.dicom.printer_events import status_of
from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.uids import (
    COLOR_META,
    EXPLICIT_LITTLE,
    FILM_BOX,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINT_JOB,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Requestor
from broker.model.printers.printer import PoolStatus
from broker.model.printers.trouble import Unavailable, Uncertain
from tests.emulator.conftest import NewPrinter
from tests.peers.filming import PICTURE, make_film_box, open_scu, print_film
from tests.peers.speaker import image_box

SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
PATIENCE_S = 10.0


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
    assert [image["pixels"] for image in slip["images"]] == [PICTURE]
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


def test_its_own_pace_is_a_parameter(new_printer: NewPrinter) -> None:
    """seconds_per_film holds where no scenario says otherwise."""
    scu = open_scu(new_printer(seconds_per_film=0.1))
    began = time.monotonic()
    assert print_film(scu) == 0
    assert time.monotonic() - began >= 0.2
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


def test_a_tray_that_cannot_be_written_is_no_success(new_printer: NewPrinter) -> None:
    """N-ACTION is answered 0xC602 when the sheet cannot be laid down."""
    printer = new_printer()
    (printer.tray.directory / ".0001.png.part").mkdir()
    scu = open_scu(printer)
    assert print_film(scu) == statuses.FILM_BOX_QUEUE_FULL
    scu.close()
    assert printer.sheets == []


def test_it_reports_its_status_where_that_changes(new_printer: NewPrinter) -> None:
    """WARNING and FAILURE with their info, then NORMAL, on an association that is open; N-GET
    says the same."""
    printer = new_printer()
    said: list[PoolStatus | None] = []
    scu = PrintScu.open(
        printer.address,
        calling_ae="BROKER",
        on_event_report=lambda report: said.append(status_of(report)),
    )
    asked = []
    for scenario in ("warns:SUPPLY LOW", "warns:SUPPLY LOW,slow:0", "jam", "ok"):
        printer.set_scenario(scenario)
        answer = scu.get(PRINTER, PRINTER_INSTANCE)
        assert answer.dataset is not None
        asked.append((answer.dataset.PrinterStatus, answer.dataset.PrinterStatusInfo))
    scu.close()
    low, jam = PoolStatus("WARNING", "SUPPLY LOW"), PoolStatus("FAILURE", "FILM JAM")
    assert said == [low, jam, PoolStatus("NORMAL", "")]
    assert asked == [
        ("WARNING", "SUPPLY LOW"),
        ("WARNING", "SUPPLY LOW"),
        ("FAILURE", "FILM JAM"),
        ("NORMAL", "NORMAL"),
    ]
