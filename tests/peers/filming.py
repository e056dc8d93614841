"""One small film on a printer, step by step, through a Print SCU."""

from __future__ import annotations

from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.uids import FILM_BOX, FILM_SESSION, GRAYSCALE_IMAGE_BOX, PRINTER, PRINTER_INSTANCE
from broker.emulator.printer import EmulatedPrinter
from broker.spool.stored import name_of
from tests.peers.speaker import dataset, image_box, reference

PICTURE = name_of(bytes(range(16)))
"""Of the picture on it."""


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
