"""Films on DCMTK's printer, and on printers that break at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicGrayscalePrintManagementMeta,
    Verification,
)

from broker.dicom.print_scu import PrintScu, PrintTimeouts
from broker.dicom.sop_classes import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.transport.associate_pdus import associate_rj
from broker.dicom.transport.negotiation import (
    CONGESTED,
    TOO_MANY,
    WRONG_CALLED_AE,
    WRONG_CALLING_AE,
    Rejection,
)
from broker.dicom.transport.requestor import Timeouts
from broker.model.printer import Address
from broker.model.trouble import Unavailable, Uncertain
from tests.peers.dcmtk import dcmprscp
from tests.peers.raw import ABORT, RELEASE_RP, Raw, listening

SHORT = PrintTimeouts(
    association=Timeouts(connect_s=1, associate_s=1, release_s=1),
    create_s=0.3,
    set_s=0.3,
    get_s=0.3,
    action_s=0.3,
    delete_s=0.3,
)


def at(port: int, ae_title: str = "OKI1") -> Address:
    """A printer of this machine, called oki-1."""
    return Address(name="oki-1", ae_title=ae_title, host="127.0.0.1", port=port)


def opened(port: int, **options: Any) -> PrintScu:
    """An association with it, impatient."""
    return PrintScu.open(at(port), calling_ae="BROKER", timeouts=SHORT, **options)


def film_box(session: str, display_format: str = "STANDARD\\1,1") -> Dataset:
    """What N-CREATE of a film box needs."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = FILM_SESSION
    reference.ReferencedSOPInstanceUID = session
    dataset = Dataset()
    dataset.ImageDisplayFormat = display_format
    dataset.ReferencedFilmSessionSequence = [reference]
    return dataset


def picture(size: int) -> Dataset:
    """What N-SET of an image box needs."""
    image = Dataset()
    image.SamplesPerPixel = 1
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows = image.Columns = size
    image.BitsAllocated = 16
    image.BitsStored = 12
    image.HighBit = 11
    image.PixelRepresentation = 0
    image.PixelData = b"\x34\x02" * size * size
    dataset = Dataset()
    dataset.ImageBoxPosition = 1
    dataset.BasicGrayscaleImageSequence = [image]
    return dataset


# DCMTK prints


@pytest.fixture(name="dcmtk")
def _dcmtk(tmp_path: Path) -> Iterator[tuple[Address, Path]]:
    with dcmprscp(tmp_path) as port:
        yield at(port, "IHEFULL"), tmp_path / "database"


@pytest.mark.dcmtk
def test_dcmtk_prints_a_film(dcmtk: tuple[Address, Path]) -> None:
    """All seven verbs, and the film lies in its database."""
    address, database = dcmtk

    scu = PrintScu.open(address, calling_ae="BROKER", lut=True)
    status = scu.get(PRINTER, PRINTER_INSTANCE, ["PrinterStatus"])
    wanted = Dataset()
    wanted.NumberOfCopies = "2"
    wanted.MediumType = "PAPER"
    session = scu.create(FILM_SESSION, wanted, "2.25.1")
    box = scu.create(FILM_BOX, film_box(session.instance_uid))
    assert box.dataset is not None
    image_box = box.dataset.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID
    filled = scu.set(GRAYSCALE_IMAGE_BOX, image_box, picture(1024))
    printed = scu.action(FILM_BOX, box.instance_uid)
    deleted = scu.delete(FILM_SESSION, session.instance_uid)
    scu.close()

    assert status.dataset is not None
    assert (status.status, status.dataset.PrinterStatus) == (0x0000, "NORMAL")
    assert (session.status, session.instance_uid) == (0x0000, "2.25.1")
    assert box.instance_uid.startswith("1.2.276.")
    assert (filled.status, printed.status) == (0x0000, 0x0000)
    assert deleted is not None
    assert deleted.status == 0x0000
    assert len(list(database.glob("SP_*"))) == 1
    (image,) = database.glob("HG_*")
    assert image.stat().st_size > 1024 * 1024 * 2
    assert b"\x34\x02" * 1024 in image.read_bytes()


@pytest.mark.dcmtk
def test_dcmtk_takes_a_presentation_lut(dcmtk: tuple[Address, Path]) -> None:
    """It goes over its own presentation context."""
    address, _ = dcmtk
    shape = Dataset()
    shape.PresentationLUTShape = "IDENTITY"

    scu = PrintScu.open(address, calling_ae="BROKER", lut=True)
    answer = scu.create(PRESENTATION_LUT, shape)
    scu.close()

    assert scu.lut
    assert answer.status == 0x0000
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
    assert (wrong.status, missing.status) == (0x0106, 0x0112)
    assert list(database.glob("SP_*")) == []


# Printers that do not want us


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
        return 0x0000, made

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


# Printers that break

BREAKS: list[Any] = [
    pytest.param(lambda _: None, "closed the connection", id="closes"),
    pytest.param(lambda raw: raw.reset(), "reset the connection", id="resets"),
    pytest.param(lambda raw: raw.send(ABORT), "aborted the association", id="aborts"),
    pytest.param(lambda raw: raw.pdu(), "took longer than 0.3 s", id="is silent"),
    pytest.param(
        lambda raw: raw.send(b"\x99" * 10) or raw.pdu(), "broke the protocol", id="babbles"
    ),
]


def after_a_request(then: Callable[[Raw], object]) -> Callable[[Raw], None]:
    """Accept, hear one request, then do this instead of answering."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.hear_all()
        then(raw)

    return script


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_before_the_line_a_break_is_unavailable(then: Callable[[Raw], object], words: str) -> None:
    """N-CREATE, N-SET and N-GET may be repeated anywhere."""
    requests: list[Callable[[PrintScu], object]] = [
        lambda scu: scu.create(FILM_SESSION, None, "1.2.3"),
        lambda scu: scu.set(FILM_BOX, "1.2.3", picture(8)),
        lambda scu: scu.get(PRINTER, PRINTER_INSTANCE),
    ]
    for request in requests:
        with listening(after_a_request(then)) as port:
            scu = opened(port)
            with pytest.raises(Unavailable, match=words) as caught:
                request(scu)
            scu.abort()
        assert caught.value.words.startswith(f"oki-1: 127.0.0.1:{port} ")
        assert caught.value.associated


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_after_the_line_a_break_is_uncertain(then: Callable[[Raw], object], words: str) -> None:
    """N-ACTION that has left may have been printed."""
    with listening(after_a_request(then)) as port:
        scu = opened(port)
        with pytest.raises(Uncertain, match=words) as caught:
            scu.action(FILM_BOX, "1.2.3")
        scu.close()

    assert caught.value.words.endswith("N-ACTION") or "protocol" in caught.value.words


def test_an_action_that_cannot_leave_is_unavailable() -> None:
    """The printer aborted after the film was set: nothing was asked, nothing is uncertain."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear())
        raw.send(ABORT)
        raw.sock.shutdown(1)
        raw.pdu()

    with listening(script) as port:
        scu = opened(port)
        scu.get(PRINTER, PRINTER_INSTANCE)
        raw_end = scu.delete(FILM_BOX, "1.2.3")
        with pytest.raises(Unavailable):
            scu.action(FILM_BOX, "1.2.3")

    assert raw_end is None


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_tidying_up_never_fails(then: Callable[[Raw], object], words: str) -> None:
    """After the film was accepted a broken N-DELETE or release is nobody's trouble."""
    with listening(after_a_request(then)) as port:
        scu = opened(port)
        assert scu.delete(FILM_BOX, "1.2.3") is None, words
        scu.close()


def test_a_printer_that_releases_properly() -> None:
    """Delete and close against one that answers both."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear(), 0x0112)
        raw.pdu()
        raw.send(RELEASE_RP)
        assert raw.closed()

    with listening(script) as port:
        scu = opened(port)
        deleted = scu.delete(FILM_BOX, "1.2.3")
        scu.close()

    assert deleted is not None
    assert deleted.status == 0x0112
