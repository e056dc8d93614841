"""Pixels go from the socket to the spool in pieces, and whatever goes wrong is a status."""

from __future__ import annotations

import resource
import struct
from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.scp.allowance import Allowance, Turns
from broker.dicom.uids import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
)
from broker.dicom.upper_layer.command_set import Command, command_bytes, command_of
from broker.dicom.upper_layer.dataset import encode_dataset
from broker.dicom.upper_layer.message import MAX_DATASET
from broker.dicom.upper_layer.negotiation import Offer
from tests.dicom.conftest import ScpSite
from tests.peers.raw import ABORT, RELEASE_RQ, Raw, data_pdu
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference

Speak = Callable[..., Speaker]
N_SET = {
    "CommandField": Command.N_SET,
    "MessageID": 3,
    "RequestedSOPClassUID": GRAYSCALE_IMAGE_BOX,
}
"""Of the only image box there is."""
N_ACTION = {
    "CommandField": Command.N_ACTION,
    "MessageID": 4,
    "RequestedSOPClassUID": FILM_BOX,
    "ActionTypeID": 1,
}
"""On the only film box there is."""


def element(tag: int, value: bytes) -> bytes:
    """One element in Implicit VR."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def item(content: bytes) -> bytes:
    """An item of a sequence."""
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(content)) + content


POSITION = element(0x20200010, b"\x01\x00")
PIXELS = element(0x7FE00010, bytes(range(16)))
MODULE = b"".join(encode_dataset(picture(PixelData=None), IMPLICIT_LITTLE))
"""The Image Pixel module without its pixels."""


def image_sequence(*items: bytes) -> bytes:
    """An image box whose image has these items."""
    return POSITION + element(0x20200110, b"".join(map(item, items)))


@pytest.fixture
def raw(site: ScpSite) -> Iterator[Raw]:
    """A modality that speaks in bytes, and has a film box with one image box."""
    with Raw.connect(site.port) as peer:
        peer.associate(Offer(GRAYSCALE_META, (IMPLICIT_LITTLE,)))
        film_box = dataset(ImageDisplayFormat=r"STANDARD\1,1")
        film_box.ReferencedFilmSessionSequence = [reference(FILM_SESSION, "1.2.3")]
        for sop_class, uid, made in ((FILM_SESSION, "1.2.3", None), (FILM_BOX, "1.2.4", film_box)):
            command = {
                "CommandField": Command.N_CREATE,
                "MessageID": 1,
                "AffectedSOPClassUID": sop_class,
                "AffectedSOPInstanceUID": uid,
            }
            data = b"" if made is None else b"".join(encode_dataset(made, IMPLICIT_LITTLE))
            peer.say(1, command, data)
            assert peer.hear_all().Status == statuses.SUCCESS
        yield peer


def set_bytes(peer: Raw, data: bytes) -> str:
    """The status of an N-SET of the image box with a data set in bytes, cut into small PDUs."""
    peer.send(data_pdu(1, 0x03, command_bytes(command_of(N_SET), with_dataset=True)))
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    for piece in pieces[:-1]:
        peer.send(data_pdu(1, 0x00, piece))
    peer.send(data_pdu(1, 0x02, pieces[-1]))
    return f"0x{peer.hear_all().Status:04X}"


def printed(peer: Raw) -> str:
    """The status of an N-ACTION on the film box."""
    peer.say(1, N_ACTION)
    return f"0x{peer.hear_all().Status:04X}"


def kept(site: ScpSite) -> list[bytes]:
    """The pixels in the spool."""
    return [site.spool.read(name) for name in site.spool.names()]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(image_sequence(MODULE + PIXELS), id="in order"),
        pytest.param(image_sequence(PIXELS + MODULE), id="pixels before rows and columns"),
        pytest.param(
            image_sequence(MODULE + element(0x00880200, item(MODULE)) + PIXELS), id="an icon"
        ),
        pytest.param(
            image_sequence(MODULE + PIXELS) + element(0x7FE00010, bytes(4)), id="others at the end"
        ),
    ],
)
def test_pixels_are_kept_wherever_the_item_has_them(site: ScpSite, raw: Raw, data: bytes) -> None:
    """The order within the item does not matter, and what is no part of it is not looked at."""
    assert set_bytes(raw, data) == "0x0000"
    assert printed(raw) == "0x0000"
    assert kept(site) == [bytes(range(16))]


@pytest.mark.parametrize(
    ("status", "data"),
    [
        pytest.param("0x0110", image_sequence(MODULE + PIXELS)[:-5], id="cut off in its pixels"),
        pytest.param("0x0110", image_sequence(MODULE + PIXELS) + b"\x01", id="a byte too many"),
        pytest.param(
            "0x0110",
            image_sequence(MODULE + struct.pack("<HHI", 0x7FE0, 0x0010, 0xFFFFFFF0) + bytes(16)),
            id="pixels that announce 4 GB",
        ),
        pytest.param(
            "0x0110",
            image_sequence(MODULE + struct.pack("<HHI", 0x7FE0, 0x0010, 0xFFFFFFFF) + bytes(16)),
            id="compressed",
        ),
        pytest.param("0x0106", image_sequence(MODULE + PIXELS + PIXELS), id="pixels twice"),
        pytest.param("0x0106", image_sequence(MODULE + PIXELS, MODULE + PIXELS), id="two images"),
        pytest.param("0x0121", POSITION + MODULE + PIXELS, id="pixels at top level"),
        pytest.param("0x0121", image_sequence(MODULE) + PIXELS, id="pixels after the image"),
        pytest.param(
            "0x0106",
            image_sequence(MODULE + element(0x7FE00010, bytes(18))),
            id="more than rows and columns say",
        ),
        pytest.param(
            "0x0213",
            image_sequence(MODULE) + element(0x20300010, bytes(MAX_DATASET)),
            id="data without end",
        ),
    ],
)
def test_what_is_wrong_around_pixels_leaves_nothing(
    site: ScpSite, raw: Raw, status: str, data: bytes
) -> None:
    """The status that it has always had, no file, and the association prints on."""
    assert set_bytes(raw, data) == status
    assert site.unkept() == []

    assert set_bytes(raw, image_sequence(MODULE + PIXELS)) == "0x0000"
    assert printed(raw) == "0x0000"


@pytest.mark.parametrize("end", [ABORT, RELEASE_RQ, b""], ids=["abort", "release", "lost"])
def test_an_image_that_breaks_off_leaves_no_half_file(site: ScpSite, raw: Raw, end: bytes) -> None:
    """However the association ends within the pixels, their file is gone with it."""
    raw.send(data_pdu(1, 0x03, command_bytes(command_of(N_SET), with_dataset=True)))
    raw.send(data_pdu(1, 0x00, image_sequence(MODULE + PIXELS)[:-5]))
    if end:
        raw.send(end)
    else:
        raw.reset()
    site.wait_for_endings(1)

    assert site.unkept() == []


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x01\x02", id="nothing wrong yet"),
        pytest.param(element(0xFFFEE00D, b"") + PIXELS, id="unreadable"),
        pytest.param(element(0x20300010, bytes(MAX_DATASET)), id="too large"),
    ],
)
def test_what_was_not_asked_for_to_its_end_is_not_done(
    site: ScpSite, raw: Raw, data: bytes
) -> None:
    """A print request whose data set never ends prints nothing, whatever came of it."""
    assert set_bytes(raw, image_sequence(MODULE + PIXELS)) == "0x0000"
    raw.send(data_pdu(1, 0x03, command_bytes(command_of(N_ACTION), with_dataset=True)))
    for at in range(0, len(data), 16000):
        raw.send(data_pdu(1, 0x00, data[at : at + 16000]))
    raw.send(ABORT)
    site.wait_for_endings(1)

    assert site.jobs.queries.list() == []


@pytest.fixture
def _one_turn(site: ScpSite) -> None:
    """One turn for all associations, and no end of patience."""
    site.turns = Turns(1, patience_s=60)


@pytest.mark.usefixtures("_one_turn")
def test_a_slow_modality_keeps_no_turn(site: ScpSite, raw: Raw, speak: Speak) -> None:
    """While one sends its image with pauses, another prints."""
    raw.send(data_pdu(1, 0x03, command_bytes(command_of(N_SET), with_dataset=True)))
    raw.send(data_pdu(1, 0x00, image_sequence(MODULE + PIXELS)[:-5]))
    site.wait_for_uploads(1)

    assert speak().print_film() == statuses.SUCCESS


def test_an_image_for_no_image_box_is_not_written(site: ScpSite, speak: Speak) -> None:
    """Pixels for an image box that is not there are dropped as they come, and answered."""
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    large = picture(Rows=1024, Columns=1024, PixelData=bytes(1 << 20))

    assert (
        ct.set(GRAYSCALE_IMAGE_BOX, "1.2.3", image_box(1, large)).status
        == statuses.NO_SUCH_SOP_INSTANCE
    )
    assert ct.set(FILM_BOX, ct.film_box, image_box(1, large)).status == statuses.SUCCESS
    assert ct.create(GRAYSCALE_IMAGE_BOX, image_box(1, large)).status == statuses.NO_SUCH_SOP_CLASS
    assert site.unkept() == []


@pytest.mark.parametrize("padded", [True, False])
def test_a_padding_byte_is_not_kept(site: ScpSite, raw: Raw, padded: bool) -> None:
    """What is kept, and hashed, is what rows and columns ask for."""
    module = b"".join(encode_dataset(picture(Rows=3, Columns=5, PixelData=None), IMPLICIT_LITTLE))
    content = bytes(range(1, 16))
    pixels = element(0x7FE00010, content + (b"\x00" if padded else b""))

    assert set_bytes(raw, image_sequence(module + pixels)) == "0x0000"
    assert printed(raw) == "0x0000"
    assert kept(site) == [content]


def test_an_image_beyond_the_limit_is_refused(site: ScpSite, speak: Speak) -> None:
    """0xC605, nothing of it on the disk; the next, smaller one is taken."""
    site.allowance = Allowance(image=1 << 20)
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    large = picture(Rows=1025, Columns=1024, PixelData=bytes(1025 << 10))

    answer = ct.set_image(1, image_box(1, large))

    assert (answer.status, site.unkept()) == (statuses.NO_MEMORY_FOR_IMAGE, [])
    assert answer.command.ErrorComment == "the image is larger than 1 MB"
    assert ct.set_image(1).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS


def test_a_film_session_beyond_the_limit_is_refused(site: ScpSite, speak: Speak) -> None:
    """0xC605 for the image that is too much; those before it print, and room comes back."""
    site.allowance = Allowance(session=2 << 20)
    ct = speak()
    ct.open_session()
    megabyte = image_box(1, picture(Rows=1024, Columns=1024, PixelData=bytes(1 << 20)))
    films = []
    for status in (statuses.SUCCESS, statuses.SUCCESS, statuses.NO_MEMORY_FOR_IMAGE):
        ct.open_film_box()
        films.append(ct.film_box)
        assert ct.set_image(1, megabyte).status == status
    assert len(site.unkept()) == 2

    assert [ct.action(FILM_BOX, film).status for film in films] == [
        statuses.SUCCESS,
        statuses.SUCCESS,
        statuses.EMPTY_FILM_BOX,
    ]
    assert ct.delete(FILM_BOX, films[0]).status == statuses.SUCCESS
    assert ct.set_image(1, megabyte).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, films[2]).status == statuses.SUCCESS
    assert [facts["status"] for event, facts in site.notes if event == "request refused"] == [
        "0xC605 (not enough memory for the image)"
    ]


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Files of this process cannot grow beyond a megabyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("_small_files")
def test_a_disk_that_takes_no_more_costs_one_image(site: ScpSite, speak: Speak) -> None:
    """0xC605 when the disk is full within an image; what came is removed, the association lives."""
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    large = picture(Rows=4096, Columns=1024, PixelData=bytes(4 << 20))

    assert ct.set_image(1, image_box(1, large)).status == statuses.NO_MEMORY_FOR_IMAGE
    assert site.unkept() == []
    assert ct.set_image(1).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    assert [event for event, _ in site.notes].count("storage failed") == 1


def megabytes() -> Dataset:
    """Elements that are legal in any data set, large, and none of the printer's business."""
    made = dataset(ICCProfile=bytes(2 << 20))
    made.add_new(0x60003000, "OW", bytes(3 << 20))
    made.private_block(0x0009, "VENDOR", create=True).add_new(1, "OB", bytes(1 << 20))
    inner = dataset(EncapsulatedDocument=bytes(1 << 20))
    made.IconImageSequence = [picture(PixelData=bytes(2 << 20)), inner]
    return made


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG])
def test_what_is_large_and_of_no_use_does_not_stop_a_film(
    site: ScpSite, speak: Speak, syntax: str
) -> None:
    """Film session, film box, LUT and image box are taken with it, and what is read is whole."""
    ct = speak(transfer_syntaxes=(syntax,))
    ct.session = str(ct.create(FILM_SESSION, megabytes()).command.AffectedSOPInstanceUID)
    whole = ct.film_box_of(r"STANDARD\1,1")
    whole.update(megabytes())
    film_box = ct.create(FILM_BOX, whole)
    assert film_box.dataset is not None
    lut, table = megabytes(), dataset(LUTDescriptor=[4096, 0, 12])
    table.add_new("LUTData", "OW", bytes(range(256)) * 32)
    table.update(megabytes())
    lut.PresentationLUTSequence = [table]
    made_lut = ct.create(PRESENTATION_LUT, lut)
    around = picture()
    around.update(megabytes())
    image = image_box(1, around)
    image.update(megabytes())
    (box,) = film_box.dataset.ReferencedImageBoxSequence

    assert (film_box.status, made_lut.status) == (statuses.SUCCESS, statuses.SUCCESS)
    assert made_lut.dataset is not None
    assert made_lut.dataset.PresentationLUTSequence[0].LUTData == bytes(range(256)) * 32
    assert (
        ct.set(GRAYSCALE_IMAGE_BOX, box.ReferencedSOPInstanceUID, image).status == statuses.SUCCESS
    )
    assert ct.action(FILM_BOX, film_box.command.AffectedSOPInstanceUID).status == statuses.SUCCESS
    assert kept(site) == [bytes(range(16))]


def test_an_image_that_is_set_again_replaces_its_file(site: ScpSite, speak: Speak) -> None:
    """The second image of a box is there, the first is gone."""
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    for fill in (b"\x01", b"\x02"):
        assert (
            ct.set_image(1, image_box(1, picture(PixelData=fill * 16))).status == statuses.SUCCESS
        )
    assert [path.read_bytes() for path in site.unkept()] == [b"\x02" * 16]
