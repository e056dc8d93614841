"""Films on DCMTK's printer, and printers that do not want them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicGrayscalePrintManagementMeta,
    Verification,
)

from broker.dicom import statuses
from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.uids import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.upper_layer.associate_pdus import associate_rj
from broker.dicom.upper_layer.negotiation import (
    CONGESTED,
    TOO_MANY,
    WRONG_CALLED_AE,
    WRONG_CALLING_AE,
    Rejection,
)
from broker.model.printers.health import Check, CheckKind
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Unavailable
from tests.peers.dcmtk import dcmprscp
from tests.peers.impatient_scu import at, opened
from tests.peers.raw import Raw, listening
from tests.peers.speaker import dataset, image_box, picture, reference


def film_box(session: str, display_format: str = "STANDARD\\1,1") -> Dataset:
    """What N-CREATE of a film box needs."""
    return dataset(
        ImageDisplayFormat=display_format,
        ReferencedFilmSessionSequence=[reference(FILM_SESSION, session)],
    )


@pytest.fixture(name="dcmtk")
def _dcmtk(tmp_path: Path) -> Iterator[tuple[Address, Path]]:
    with dcmprscp(tmp_path) as port:
        yield at(port, "IHEFULL"), tmp_path / "database"


@pytest.mark.dcmtk
def test_dcmtk_prints_a_film(dcmtk: tuple[Address, Path]) -> None:
    """All seven operations, and the film lies in its database."""
    address, database = dcmtk
    pixels = b"\x34\x02" * 1024 * 1024
    deep = picture(
        Rows=1024, Columns=1024, BitsAllocated=16, BitsStored=12, HighBit=11, PixelData=pixels
    )

    scu = PrintScu.open(address, calling_ae="BROKER", lut=True)
    status = scu.get(PRINTER, PRINTER_INSTANCE, ["PrinterStatus"])
    wanted = dataset(NumberOfCopies="2", MediumType="PAPER")
    session = scu.create(FILM_SESSION, wanted, "2.25.1")
    box = scu.create(FILM_BOX, film_box(session.instance_uid))
    assert box.dataset is not None
    place = box.dataset.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID
    filled = scu.set(GRAYSCALE_IMAGE_BOX, place, image_box(1, deep))
    printed = scu.action(FILM_BOX, box.instance_uid)
    asked = scu.status()
    deleted = scu.delete(FILM_SESSION, session.instance_uid)
    scu.close()

    assert status.dataset is not None
    assert (status.status, status.dataset.PrinterStatus) == (statuses.SUCCESS, "NORMAL")
    assert (session.status, session.instance_uid) == (statuses.SUCCESS, "2.25.1")
    assert asked == Check(CheckKind.NORMAL, "", told=True)
    assert box.instance_uid.startswith("1.2.276.")
    assert (filled.status, printed.status) == (statuses.SUCCESS, statuses.SUCCESS)
    assert deleted is not None
    assert deleted.status == statuses.SUCCESS
    assert len(list(database.glob("SP_*"))) == 1
    (image,) = database.glob("HG_*")
    assert image.stat().st_size > 1024 * 1024 * 2
    assert b"\x34\x02" * 1024 in image.read_bytes()


@pytest.mark.dcmtk
def test_dcmtk_takes_a_presentation_lut(dcmtk: tuple[Address, Path]) -> None:
    """It goes over its own presentation context."""
    address, _ = dcmtk
    shape = dataset(PresentationLUTShape="IDENTITY")

    scu = PrintScu.open(address, calling_ae="BROKER", lut=True)
    answer = scu.create(PRESENTATION_LUT, shape)
    scu.close()

    assert scu.lut
    assert answer.status == statuses.SUCCESS
    assert answer.instance_uid != ""


@pytest.mark.dcmtk
def test_a_failure_status_is_an_answer(dcmtk: tuple[Address, Path]) -> None:
    """Nothing is raised: what a status means is for the caller to judge."""
    address, database = dcmtk

    scu = PrintScu.open(address, calling_ae="BROKER")
    session = scu.create(FILM_SESSION, None)
    wrong = scu.create(FILM_BOX, film_box(session.instance_uid, "STANDARD\\9,9"))
    missing = scu.action(FILM_BOX, "1.2.3")
    scu.close()

    assert not scu.lut
    assert (wrong.status, missing.status) == (
        statuses.INVALID_ATTRIBUTE_VALUE,
        statuses.NO_SUCH_SOP_INSTANCE,
    )
    assert list(database.glob("SP_*")) == []


@pytest.mark.parametrize(
    ("rejection", "words"),
    [
        (TOO_MANY, "busy: oki-1 rejected the association: local limit exceeded"),
        (CONGESTED, "busy: oki-1 rejected the association: temporary congestion"),
        (
            WRONG_CALLED_AE,
            "oki-1 rejected the association for good: called AE title not recognized; "
            "it does not answer to OKI1: check ae_title of the printer",
        ),
        (
            WRONG_CALLING_AE,
            "oki-1 rejected the association for good: calling AE title not recognized; "
            "let it accept films from the AE title BROKER",
        ),
    ],
)
def test_a_rejection_tells_what_to_do(rejection: Rejection, words: str) -> None:
    """Unavailable, never having been associated, with the remedy in it."""

    def script(raw: Raw) -> None:
        raw.pdu()
        raw.send(associate_rj(rejection))
        assert raw.closed()

    with listening(script) as port, pytest.raises(Unavailable) as caught:
        opened(port)

    assert caught.value.words == words
    assert not caught.value.associated


def test_a_printer_that_does_not_print_is_no_trouble_of_the_films() -> None:
    """Verification alone is no printer: whatever it is, no film is refused by it."""
    ae = AE("OKI1")
    ae.add_supported_context(Verification)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        with pytest.raises(Unavailable) as caught:
            opened(server.socket.getsockname()[1], verification=True)
    finally:
        ae.shutdown()

    assert caught.value.words == "oki-1 does not offer Basic Grayscale Print Management"
    assert not caught.value.associated


def test_a_printer_without_presentation_lut_says_so() -> None:
    """The association stands; the caller decides."""
    ae = AE("OKI1")
    ae.add_supported_context(BasicGrayscalePrintManagementMeta)
    server = ae.start_server(("127.0.0.1", 0), block=False)
    assert server is not None
    try:
        scu = opened(server.socket.getsockname()[1], lut=True)
        scu.close()
    finally:
        ae.shutdown()

    assert not scu.lut


def test_a_printer_that_assigns_uids_is_followed() -> None:
    """The UID in the response counts; without one, the one that was sent."""
    uids: Iterator[str | None] = iter(["9.9.9", None])

    def on_create(event: evt.Event) -> tuple[int, Dataset]:
        made = Dataset()
        uid = next(uids) or event.request.AffectedSOPInstanceUID
        made.AffectedSOPInstanceUID = uid
        return statuses.SUCCESS, made

    ae = AE("OKI1")
    ae.add_supported_context(BasicGrayscalePrintManagementMeta)
    handlers = [(evt.EVT_N_CREATE, on_create)]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        scu = opened(server.socket.getsockname()[1])
        first = scu.create(FILM_SESSION, None)
        second = scu.create(FILM_BOX, None, "1.2.3")
        scu.close()
    finally:
        ae.shutdown()

    assert (first.instance_uid, second.instance_uid) == ("9.9.9", "1.2.3")
