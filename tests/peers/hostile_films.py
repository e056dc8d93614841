"""Peers that print what no modality prints: too many objects or pixels, absurd pictures."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.statuses import words
from broker.dicom.uids import FILM_BOX, FILM_SESSION, GRAYSCALE_IMAGE_BOX, PRESENTATION_LUT
from broker.dicom.upper_layer.command_set import Command, read_command
from broker.model.peers.refusal import Refusal
from tests.peers.hostile import LUT, PRINT, UNSPECIFIED, Answered, Case, Hostile, command, encoded
from tests.peers.hostile_bytes import BY_MESSAGE_S
from tests.peers.hostile_site import SESSION_MB, Site
from tests.peers.raw import data_pdu
from tests.peers.speaker import dataset, image_box, picture, reference

SESSION = "1.2.3"
FILM_BOXES = int(os.environ.get("BROKER_HOSTILE_FILM_BOXES", "3000"))
LUTS = 2_000
AT_ONCE = 50
"""Requests that are sent before their answers are read."""
PIECE = bytes(65536 - 6)
"""Of a data set, in one P-DATA-TF."""

_SEQUENCE = struct.pack("<HH2sHI", 0x2020, 0x0110, b"SQ", 0, 0xFFFFFFFF)
_ITEM = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
_TAIL = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)


def printing(act: Callable[[Hostile, str], Answered]) -> Callable[[Site], Answered]:
    """What is done to the one image box of a film session."""

    def play(site: Site) -> Answered:
        with Hostile.associated(site) as peer:
            assert peer.ask(Command.N_CREATE, FILM_SESSION, SESSION) == words(0)
            return act(peer, image_box_of(peer, "1.2.3.1"))

    return play


def image_box_of(peer: Hostile, film_box: str) -> str:
    """Make a film box; the UID of its image box."""
    peer.request(Command.N_CREATE, FILM_BOX, film_box, film_of(r"STANDARD\1,1"))
    status, made = peer.reply()
    assert status == words(0)
    return str(made.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID)


def film_of(display_format: str) -> Dataset:
    """What creates a film box."""
    made = dataset(ImageDisplayFormat=display_format)
    made.ReferencedFilmSessionSequence = [reference(FILM_SESSION, SESSION)]
    return made


def begin_image(peer: Hostile, image: str) -> None:
    """The command of an N-SET."""
    elements = {
        "RequestedSOPClassUID": GRAYSCALE_IMAGE_BOX,
        "CommandField": Command.N_SET,
        "MessageID": 1,
        "RequestedSOPInstanceUID": image,
    }
    peer.send(data_pdu(PRINT, 0x03, command(elements, with_dataset=True)))


def begin_pixels(peer: Hostile, image: str, announced: int, rows: int, columns: int) -> None:
    """An N-SET up to where the pixels begin."""
    begin_image(peer, image)
    item = encoded(picture(Rows=rows, Columns=columns, PixelData=None))
    position = encoded(dataset(ImageBoxPosition=1))
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, announced)
    peer.send(data_pdu(PRINT, 0x00, position + _SEQUENCE + _ITEM + item + pixels))


def send_pixels(peer: Hostile, image: str, rows: int, columns: int) -> None:
    """An N-SET of a picture of 8 bits, but for its last bytes."""
    begin_pixels(peer, image, rows * columns, rows, columns)
    piece = data_pdu(PRINT, 0x00, PIECE)
    for _ in range(rows * columns // len(PIECE)):
        peer.send(piece)


def end_pixels(peer: Hostile, rows: int, columns: int) -> Answered:
    """The last bytes, and what the whole is answered."""
    peer.send(data_pdu(PRINT, 0x00, bytes(rows * columns % len(PIECE))))
    since = time.monotonic()
    peer.send(data_pdu(PRINT, 0x02, _TAIL))
    return Answered(peer.reply()[0], time.monotonic() - since)


def stalled_image(peer: Hostile, image: str) -> Answered:
    """250 MB of pixels, and silence before the last of them."""
    since = time.monotonic()
    with suppress(OSError):  # on a slow machine its time is over before it stalls
        send_pixels(peer, image, 16000, 16384)
    return peer.last_word(since)


def too_large_image(peer: Hostile, image: str) -> Answered:
    """More pixels in one image than the configuration allows."""
    send_pixels(peer, image, 17000, 16384)
    return end_pixels(peer, 17000, 16384)


def liar_in_data_set(peer: Hostile, image: str) -> Answered:
    """Pixel data that announce 4 GB in a data set of 1 KB."""
    begin_pixels(peer, image, 0xFFFFFFF0, 4, 4)
    return end_pixels(peer, 4, 4)


def nested_data_set(peer: Hostile, image: str) -> Answered:
    """Sequences within sequences, three thousand deep."""
    since = time.monotonic()
    begin_image(peer, image)
    peer.send(data_pdu(PRINT, 0x02, (_SEQUENCE + _ITEM) * 3000))
    return Answered(peer.reply()[0], time.monotonic() - since)


def many_elements(peer: Hostile, image: str) -> Answered:
    """A data set of half a million empty elements."""
    begin_image(peer, image)
    piece = data_pdu(PRINT, 0x00, struct.pack("<HH2sH", 0x0009, 0x0010, b"LO", 0) * 5000)
    for _ in range(100):
        peer.send(piece)
    since = time.monotonic()
    peer.send(data_pdu(PRINT, 0x02, struct.pack("<HH2sH", 0x2020, 0x0010, b"US", 0)))
    return Answered(peer.reply()[0], time.monotonic() - since)


def absurd_image(peer: Hostile, image: str) -> Answered:
    """65535 rows and columns, and 16 bytes of pixels."""
    absurd = image_box(1, picture(Rows=65535, Columns=65535))
    since = time.monotonic()
    answered = peer.ask(Command.N_SET, GRAYSCALE_IMAGE_BOX, image, absurd)
    return Answered(answered, time.monotonic() - since)


def too_many_pixels(peer: Hostile, image: str) -> Answered:
    """Images of 2 MB each, until the film session may have no more."""
    answered = Answered("", 0.0)
    for number in range(SESSION_MB):
        send_pixels(peer, image, 1024, 2048)
        answered = end_pixels(peer, 1024, 2048)
        if answered.words != words(0):
            return answered
        image = image_box_of(peer, f"1.2.3.{number + 2}")
    return answered


def create(sop_class: str, made: Dataset, uid: str | None = None) -> bytes:
    """An N-CREATE as it goes over the wire."""
    elements = {
        "AffectedSOPClassUID": sop_class,
        "CommandField": Command.N_CREATE,
        "MessageID": 1,
        "AffectedSOPInstanceUID": uid,
    }
    context = LUT if sop_class == PRESENTATION_LUT else PRINT
    first = data_pdu(context, 0x03, command(elements, with_dataset=True))
    return first + data_pdu(context, 0x02, encoded(made))


def delete(sop_class: str, uid: str) -> bytes:
    """An N-DELETE as it goes over the wire."""
    elements = {
        "RequestedSOPClassUID": sop_class,
        "CommandField": Command.N_DELETE,
        "MessageID": 1,
        "RequestedSOPInstanceUID": uid,
    }
    return data_pdu(LUT if sop_class == PRESENTATION_LUT else PRINT, 0x03, command(elements))


def many(
    number: int, sop_class: str, made: Dataset, *, needs: str = ""
) -> Callable[[Site], Answered]:
    """`number` objects of one class, one after the other."""

    def play(site: Site) -> Answered:
        with Hostile.associated(site) as peer:
            if needs:
                assert peer.ask(Command.N_CREATE, needs, SESSION) == words(0)
            request = create(sop_class, made)
            for _ in range(0, number, AT_ONCE):
                peer.send(request * AT_ONCE)
                for _ in range(AT_ONCE):
                    last = peer.message()
            since = time.monotonic()
            assert int(read_command(last).Status) == statuses.RESOURCE_LIMITATION
            peer.send(request)
            return Answered(peer.reply()[0], time.monotonic() - since)

    return play


def lut() -> Dataset:
    """The largest Presentation LUT there is."""
    made, item = Dataset(), Dataset()
    item.LUTDescriptor = [4096, 0, 12]
    item.add_new("LUTData", "OW", bytes(8192))
    made.PresentationLUTSequence = [item]
    return made


TOO_MUCH, TOO_LARGE = words(statuses.RESOURCE_LIMITATION), words(statuses.NO_MEMORY_FOR_IMAGE)
UNREADABLE, WRONG = words(statuses.PROCESSING_FAILURE), words(statuses.INVALID_ATTRIBUTE_VALUE)
MUCH = Refusal.TOO_MUCH
NOT_STORED = Refusal.IMAGE_NOT_STORED

CASES = (
    Case("data element announces 4 GB", printing(liar_in_data_set), UNREADABLE),
    Case("sequences 3,000 deep", printing(nested_data_set), UNREADABLE),
    Case("half a million elements", printing(many_elements), UNREADABLE, 3.0),
    Case("65535 rows and columns, 16 bytes", printing(absurd_image), WRONG),
    Case("N-SET of 265 MB", printing(too_large_image), TOO_LARGE, kind=NOT_STORED),
    Case(
        "stalled N-SET of 250 MB",
        printing(stalled_image),
        UNSPECIFIED,
        BY_MESSAGE_S,
        Refusal.SLOW,
    ),
    Case("session over its limit of pixels", printing(too_many_pixels), TOO_LARGE, kind=NOT_STORED),
    Case(
        f"{FILM_BOXES:,} film boxes in one session",
        many(FILM_BOXES, FILM_BOX, film_of(r"STANDARD\1,1"), needs=FILM_SESSION),
        TOO_MUCH,
        kind=MUCH,
    ),
    Case(f"{LUTS:,} LUTs", many(LUTS, PRESENTATION_LUT, lut()), TOO_MUCH, kind=MUCH),
)
