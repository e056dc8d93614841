"""Everything that a modality can get wrong, and what it is answered (PS3.7 C, PS3.4 H.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom.attributes import put_raw
from broker.dicom.scp.film_tree import MAX_LUTS
from broker.dicom.uids import (
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.upper_layer.command_set import Command
from tests.dicom.conftest import Desk
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference

Speak = Callable[..., Speaker]


def _session(ct: Speaker) -> Speaker:
    ct.open_session()
    return ct


def _film(ct: Speaker, display_format: str = r"STANDARD\1,1") -> Speaker:
    ct.open_session()
    ct.open_film_box(display_format)
    return ct


def _set(ct: Speaker, made: object) -> int:
    return _film(ct).set(GRAYSCALE_IMAGE_BOX, ct.boxes[0], made).status  # type: ignore[arg-type]


def _box(ct: Speaker, display_format: str | None = r"STANDARD\1,1", **attributes: object) -> int:
    _session(ct)
    return ct.create(FILM_BOX, ct.film_box_of(display_format, **attributes)).status


def _without(keyword: str) -> Callable[[Speaker], int]:
    return lambda ct: _set(ct, image_box(1, picture(**{keyword: None})))


def _with(**changed: object) -> Callable[[Speaker], int]:
    return lambda ct: _set(ct, image_box(1, picture(**changed)))


def _foreign_session(ct: Speaker) -> int:
    _session(ct)
    ct.session = "1.2.3.4"
    return ct.create(FILM_BOX, ct.film_box_of(r"STANDARD\1,1")).status


def _no_session_reference(ct: Speaker) -> int:
    _session(ct)
    return ct.create(FILM_BOX, dataset(ImageDisplayFormat=r"STANDARD\1,1")).status


def _empty_session_reference(ct: Speaker) -> int:
    _session(ct)
    made = ct.film_box_of(r"STANDARD\1,1")
    made.ReferencedFilmSessionSequence = []
    return ct.create(FILM_BOX, made).status


def _two_images_in_one_place(ct: Speaker) -> int:
    _film(ct, r"STANDARD\1,2").set_image(1)
    return ct.set(GRAYSCALE_IMAGE_BOX, ct.boxes[1], image_box(1)).status


def _lut(**attributes: object) -> Callable[[Speaker], int]:
    return lambda ct: ct.create(PRESENTATION_LUT, dataset(**attributes)).status


def _lut_table(entries: int, first: int, bits: int, size: int) -> Callable[[Speaker], int]:
    def ask(ct: Speaker) -> int:
        item = dataset()
        item.add_new("LUTDescriptor", "US", [entries, first, bits])
        item.add_new("LUTData", "OW", bytes(size))
        return ct.create(PRESENTATION_LUT, dataset(PresentationLUTSequence=[item])).status

    return ask


def _raw_copies(ct: Speaker, content: bytes) -> int:
    made = dataset()
    put_raw(made, "NumberOfCopies", "IS", content)
    return ct.create(FILM_SESSION, made).status


def _long(ct: Speaker, keyword: str, size: int) -> int:
    """Only Implicit VR can say so much: it comes on an association of its own."""
    other = Speaker(ct.port, transfer_syntaxes=(IMPLICIT_LITTLE,))
    made = dataset()
    if keyword == "ConfigurationInformation":
        made = _session(other).film_box_of(r"STANDARD\1,1")
    put_raw(made, keyword, "LO", b"x" * size)
    sop_class = FILM_BOX if keyword == "ConfigurationInformation" else FILM_SESSION
    try:
        return other.create(sop_class, made).status
    finally:
        other.release()


def _many_luts(ct: Speaker) -> int:
    """As many LUTs as an association may have; film boxes are not counted with them."""
    lut = dataset(PresentationLUTShape="IDENTITY")
    answers = {ct.create(PRESENTATION_LUT, lut).status for _ in range(MAX_LUTS)}
    assert answers == {0x0000}
    assert _film(ct).film_box
    return ct.create(PRESENTATION_LUT, lut).status


WRONG: list[tuple[str, int, Callable[[Speaker], int]]] = [
    # N-CREATE of a film session
    ("second film session", 0x0111, lambda ct: _session(ct).create(FILM_SESSION, None).status),
    ("UID that is none", 0x0117, lambda ct: ct.create(FILM_SESSION, None, "1.02.x").status),
    ("copies: none", 0x0106, lambda ct: ct.open_session(NumberOfCopies=0).status),
    ("copies: too many", 0x0106, lambda ct: ct.open_session(NumberOfCopies=5000).status),
    ("priority unknown", 0x0106, lambda ct: ct.open_session(PrintPriority="SOON").status),
    ("copies: a number to Python alone", 0x0106, lambda ct: _raw_copies(ct, b"1_0 ")),
    ("copies: two values", 0x0106, lambda ct: _raw_copies(ct, b"1\\2 ")),
    ("label without end", 0x0106, lambda ct: _long(ct, "FilmSessionLabel", 5000)),
    # N-CREATE of a film box
    ("film box before a session", 0x0117, lambda ct: ct.open_film_box().status),
    ("no session reference", 0x0120, _no_session_reference),
    ("empty session reference", 0x0121, _empty_session_reference),
    ("foreign session", 0x0106, _foreign_session),
    ("no format", 0x0120, lambda ct: _box(ct, None)),
    ("empty format", 0x0121, lambda ct: _box(ct, "")),
    ("unreadable format", 0x0106, lambda ct: _box(ct, "STANDARD")),
    ("format of no boxes", 0x0106, lambda ct: _box(ct, r"STANDARD\0,1")),
    ("too many boxes", 0x0106, lambda ct: _box(ct, r"STANDARD\100,100")),
    ("vendor's format", 0x0106, lambda ct: _box(ct, r"CUSTOM\1")),
    ("orientation unknown", 0x0106, lambda ct: _box(ct, FilmOrientation="SIDEWAYS")),
    ("trim unknown", 0x0106, lambda ct: _box(ct, Trim="MAYBE")),
    ("configuration without end", 0x0106, lambda ct: _long(ct, "ConfigurationInformation", 70000)),
    ("two densities for one", 0x0106, lambda ct: _box(ct, MinDensity=[20, 30])),
    ("a LUT too many", 0x0213, lambda ct: _many_luts(ct)),
    (
        "LUT that is not there",
        0x0106,
        lambda ct: _box(ct, ReferencedPresentationLUTSequence=[reference(PRESENTATION_LUT, "1.2")]),
    ),
    (
        "film box with a taken UID",
        0x0111,
        lambda ct: ct.create(FILM_BOX, _film(ct).film_box_of("ROW\\1"), ct.film_box).status,
    ),
    # N-CREATE of what is not created
    ("Printer created", 0x0118, lambda ct: ct.create(PRINTER, None).status),
    ("image box created", 0x0118, lambda ct: _film(ct).create(GRAYSCALE_IMAGE_BOX, None).status),
    ("class that is not known", 0x0118, lambda ct: ct.create("1.2.3", None).status),
    ("no class named", 0x0118, lambda ct: ct.say(Command.N_CREATE).status),
    # N-SET of an image box
    ("no position", 0x0121, lambda ct: _set(ct, image_box(None))),
    ("position 0", 0x0106, lambda ct: _set(ct, image_box(0))),
    ("position outside the layout", 0x0106, lambda ct: _set(ct, image_box(2))),
    ("two images in one place", 0x0106, _two_images_in_one_place),
    ("no image sequence", 0x0121, lambda ct: _set(ct, dataset(ImageBoxPosition=1))),
    ("two images in one box", 0x0106, lambda ct: _set(ct, image_box(1, picture(), picture()))),
    ("no data set", 0x0121, lambda ct: _set(ct, None)),
    ("polarity unknown", 0x0106, lambda ct: _set(ct, image_box(1, Polarity="UP"))),
    ("size that is none", 0x0106, lambda ct: _set(ct, image_box(1, RequestedImageSize="-3"))),
    ("no rows", 0x0121, _without("Rows")),
    ("no columns", 0x0121, _without("Columns")),
    ("no bits", 0x0121, _without("BitsStored")),
    ("no photometric", 0x0121, _without("PhotometricInterpretation")),
    ("no pixels", 0x0121, _without("PixelData")),
    ("rows 0", 0x0106, _with(Rows=0)),
    ("palette", 0x0106, _with(PhotometricInterpretation="PALETTE COLOR")),
    ("three samples", 0x0106, _with(SamplesPerPixel=3)),
    ("signed", 0x0106, _with(PixelRepresentation=1)),
    ("high bit elsewhere", 0x0106, _with(HighBit=6)),
    ("16 bits stored", 0x0106, _with(BitsAllocated=16, BitsStored=16, HighBit=15)),
    ("pixels too short", 0x0106, _with(PixelData=bytes(14))),
    ("pixels too long", 0x0106, _with(PixelData=bytes(40))),
    ("12 bits in half the bytes", 0x0106, _with(BitsAllocated=16, BitsStored=12, HighBit=11)),
    # N-SET of the others
    (
        "image box unknown",
        0x0112,
        lambda ct: _film(ct).set(GRAYSCALE_IMAGE_BOX, "1.2", None).status,
    ),
    (
        "film box's UID as film session",
        0x0119,
        lambda ct: _film(ct).set(FILM_SESSION, ct.film_box, None).status,
    ),
    (
        "format changed later",
        0x0105,
        lambda ct: _film(ct).set(FILM_BOX, ct.film_box, dataset(FilmSizeID="A3")).status,
    ),
    ("Printer set", 0x0211, lambda ct: ct.set(PRINTER, PRINTER_INSTANCE, None).status),
    # N-GET
    ("other printer", 0x0112, lambda ct: ct.get(PRINTER, "1.2.3").status),
    ("film session asked", 0x0211, lambda ct: _session(ct).get(FILM_SESSION, ct.session).status),
    # N-ACTION
    ("no film boxes", 0xC600, lambda ct: _session(ct).action(FILM_SESSION, ct.session).status),
    ("empty film box", 0xB603, lambda ct: _film(ct).action(FILM_BOX, ct.film_box).status),
    ("empty session", 0xB602, lambda ct: _film(ct).action(FILM_SESSION, ct.session).status),
    ("unknown film box", 0x0112, lambda ct: _film(ct).action(FILM_BOX, "1.2.3").status),
    ("action before anything", 0x0112, lambda ct: ct.action(FILM_BOX, "").status),
    ("action 2", 0x0123, lambda ct: _film(ct).action(FILM_BOX, ct.film_box, 2).status),
    ("no action type", 0x0123, lambda ct: _film(ct).action(FILM_BOX, ct.film_box, None).status),
    (
        "action on an image box",
        0x0211,
        lambda ct: _film(ct).action(GRAYSCALE_IMAGE_BOX, ct.boxes[0]).status,
    ),
    # N-DELETE
    ("delete of nothing", 0x0112, lambda ct: ct.delete(FILM_SESSION, "1.2.3").status),
    (
        "image box deleted",
        0x0211,
        lambda ct: _film(ct).delete(GRAYSCALE_IMAGE_BOX, ct.boxes[0]).status,
    ),
    ("unknown LUT deleted", 0x0112, lambda ct: ct.delete(PRESENTATION_LUT, "1.2.3").status),
    # Presentation LUT
    ("LUT without anything", 0x0120, lambda ct: ct.create(PRESENTATION_LUT, None).status),
    ("LUT of unknown shape", 0x0106, _lut(PresentationLUTShape="BENT")),
    ("LUT of 17 bits", 0x0106, _lut_table(256, 0, 17, 512)),
    ("LUT of 300 entries", 0x0106, _lut_table(300, 0, 12, 600)),
    ("LUT that begins at 1", 0x0106, _lut_table(256, 1, 12, 512)),
    ("LUT cut short", 0x0106, _lut_table(256, 0, 12, 500)),
]


@pytest.mark.parametrize(("status", "ask"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
def test_whatever_is_wrong_gets_its_status(
    desk: Desk, speak: Speak, status: int, ask: Callable[[Speaker], int]
) -> None:
    """A wrong request is answered with the standard's status, and the association prints on."""
    ct = speak()

    assert f"0x{ask(ct):04X}" == f"0x{status:04X}"

    ct.delete(FILM_SESSION, "")
    assert ct.print_film() == 0x0000
    assert len(desk.jobs.queries.list()) == 1


def test_a_data_set_of_garbage_gets_a_status(speak: Speak) -> None:
    """Bytes that are no data set are answered; the association prints on."""
    ct = speak()
    garbage = dataset()
    put_raw(garbage, "NumberOfCopies", "IS", b"\xff" * 40)
    assert ct.create(FILM_SESSION, garbage).status == 0x0106
    assert ct.print_film() == 0x0000
