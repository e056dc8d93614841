"""Everything that a modality can get wrong, and what it is answered (PS3.7 C, PS3.4 H.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.attributes import put_raw
from broker.dicom.scp.film_objects import MAX_LUTS
from broker.dicom.uids import (
    COLOR_META,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    SYNTAXES_TAKEN,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.peers.refusal import Refusal
from broker.relay.intake import Intake
from tests.dicom.conftest import ScpSite
from tests.peers.raw import ABORT, Raw, echo
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
    assert answers == {statuses.SUCCESS}
    assert _film(ct).film_box
    return ct.create(PRESENTATION_LUT, lut).status


WRONG: list[tuple[str, int, Callable[[Speaker], int]]] = [
    # N-CREATE of a film session
    (
        "second film session",
        statuses.DUPLICATE_SOP_INSTANCE,
        lambda ct: _session(ct).create(FILM_SESSION, None).status,
    ),
    (
        "UID that is none",
        statuses.INVALID_SOP_INSTANCE,
        lambda ct: ct.create(FILM_SESSION, None, "1.02.x").status,
    ),
    (
        "copies: none",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: ct.open_session(NumberOfCopies=0).status,
    ),
    (
        "copies: too many",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: ct.open_session(NumberOfCopies=10**13).status,
    ),
    (
        "priority unknown",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: ct.open_session(PrintPriority="SOON").status,
    ),
    (
        "copies: a number to Python alone",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _raw_copies(ct, b"1_0 "),
    ),
    ("copies: two values", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _raw_copies(ct, b"1\\2 ")),
    (
        "label without end",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _long(ct, "FilmSessionLabel", 5000),
    ),
    # N-CREATE of a film box
    (
        "film box before a session",
        statuses.INVALID_SOP_INSTANCE,
        lambda ct: ct.open_film_box().status,
    ),
    ("no session reference", statuses.MISSING_ATTRIBUTE, _no_session_reference),
    ("empty session reference", statuses.MISSING_ATTRIBUTE_VALUE, _empty_session_reference),
    ("foreign session", statuses.INVALID_ATTRIBUTE_VALUE, _foreign_session),
    ("no format", statuses.MISSING_ATTRIBUTE, lambda ct: _box(ct, None)),
    ("empty format", statuses.MISSING_ATTRIBUTE_VALUE, lambda ct: _box(ct, "")),
    ("unreadable format", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _box(ct, "STANDARD")),
    ("format of no boxes", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _box(ct, r"STANDARD\0,1")),
    ("too many boxes", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _box(ct, r"STANDARD\100,100")),
    (
        "more boxes than the site allows",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _box(ct, r"STANDARD\21,20"),
    ),
    ("vendor's format", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _box(ct, r"CUSTOM\1")),
    (
        "orientation unknown",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _box(ct, FilmOrientation="SIDEWAYS"),
    ),
    ("trim unknown", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _box(ct, Trim="MAYBE")),
    (
        "configuration without end",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _long(ct, "ConfigurationInformation", 70000),
    ),
    (
        "two densities for one",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _box(ct, MinDensity=[20, 30]),
    ),
    ("a LUT too many", statuses.RESOURCE_LIMITATION, lambda ct: _many_luts(ct)),
    (
        "LUT that is not there",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _box(ct, ReferencedPresentationLUTSequence=[reference(PRESENTATION_LUT, "1.2")]),
    ),
    (
        "film box with a taken UID",
        statuses.DUPLICATE_SOP_INSTANCE,
        lambda ct: ct.create(FILM_BOX, _film(ct).film_box_of("ROW\\1"), ct.film_box).status,
    ),
    # N-CREATE of what is not created
    ("Printer created", statuses.NO_SUCH_SOP_CLASS, lambda ct: ct.create(PRINTER, None).status),
    (
        "image box created",
        statuses.NO_SUCH_SOP_CLASS,
        lambda ct: _film(ct).create(GRAYSCALE_IMAGE_BOX, None).status,
    ),
    (
        "class that is not known",
        statuses.NO_SUCH_SOP_CLASS,
        lambda ct: ct.create("1.2.3", None).status,
    ),
    ("no class named", statuses.NO_SUCH_SOP_CLASS, lambda ct: ct.say(Command.N_CREATE).status),
    # N-SET of an image box
    ("no position", statuses.MISSING_ATTRIBUTE_VALUE, lambda ct: _set(ct, image_box(None))),
    ("position 0", statuses.INVALID_ATTRIBUTE_VALUE, lambda ct: _set(ct, image_box(0))),
    (
        "position outside the layout",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _set(ct, image_box(2)),
    ),
    ("two images in one place", statuses.INVALID_ATTRIBUTE_VALUE, _two_images_in_one_place),
    (
        "no image sequence",
        statuses.MISSING_ATTRIBUTE_VALUE,
        lambda ct: _set(ct, dataset(ImageBoxPosition=1)),
    ),
    (
        "two images in one box",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _set(ct, image_box(1, picture(), picture())),
    ),
    ("no data set", statuses.MISSING_ATTRIBUTE_VALUE, lambda ct: _set(ct, None)),
    (
        "polarity unknown",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _set(ct, image_box(1, Polarity="UP")),
    ),
    (
        "size that is none",
        statuses.INVALID_ATTRIBUTE_VALUE,
        lambda ct: _set(ct, image_box(1, RequestedImageSize="-3")),
    ),
    ("no rows", statuses.MISSING_ATTRIBUTE_VALUE, _without("Rows")),
    ("no columns", statuses.MISSING_ATTRIBUTE_VALUE, _without("Columns")),
    ("no bits", statuses.MISSING_ATTRIBUTE_VALUE, _without("BitsStored")),
    ("no photometric", statuses.MISSING_ATTRIBUTE_VALUE, _without("PhotometricInterpretation")),
    ("no pixels", statuses.MISSING_ATTRIBUTE_VALUE, _without("PixelData")),
    ("rows 0", statuses.INVALID_ATTRIBUTE_VALUE, _with(Rows=0)),
    ("palette", statuses.INVALID_ATTRIBUTE_VALUE, _with(PhotometricInterpretation="PALETTE COLOR")),
    ("three samples", statuses.INVALID_ATTRIBUTE_VALUE, _with(SamplesPerPixel=3)),
    ("signed", statuses.INVALID_ATTRIBUTE_VALUE, _with(PixelRepresentation=1)),
    ("high bit elsewhere", statuses.INVALID_ATTRIBUTE_VALUE, _with(HighBit=6)),
    (
        "16 bits stored",
        statuses.INVALID_ATTRIBUTE_VALUE,
        _with(BitsAllocated=16, BitsStored=16, HighBit=15),
    ),
    ("pixels too short", statuses.INVALID_ATTRIBUTE_VALUE, _with(PixelData=bytes(14))),
    ("pixels too long", statuses.INVALID_ATTRIBUTE_VALUE, _with(PixelData=bytes(40))),
    (
        "12 bits in half the bytes",
        statuses.INVALID_ATTRIBUTE_VALUE,
        _with(BitsAllocated=16, BitsStored=12, HighBit=11),
    ),
    # N-SET of the others
    (
        "image box unknown",
        statuses.NO_SUCH_SOP_INSTANCE,
        lambda ct: _film(ct).set(GRAYSCALE_IMAGE_BOX, "1.2", None).status,
    ),
    (
        "film box's UID as film session",
        statuses.CLASS_INSTANCE_CONFLICT,
        lambda ct: _film(ct).set(FILM_SESSION, ct.film_box, None).status,
    ),
    (
        "format changed later",
        statuses.NO_SUCH_ATTRIBUTE,
        lambda ct: _film(ct).set(FILM_BOX, ct.film_box, dataset(FilmSizeID="A3")).status,
    ),
    (
        "Printer set",
        statuses.UNRECOGNIZED_OPERATION,
        lambda ct: ct.set(PRINTER, PRINTER_INSTANCE, None).status,
    ),
    # N-GET
    ("other printer", statuses.NO_SUCH_SOP_INSTANCE, lambda ct: ct.get(PRINTER, "1.2.3").status),
    (
        "film session asked",
        statuses.UNRECOGNIZED_OPERATION,
        lambda ct: _session(ct).get(FILM_SESSION, ct.session).status,
    ),
    # N-ACTION
    (
        "no film boxes",
        statuses.NO_FILM_BOXES,
        lambda ct: _session(ct).action(FILM_SESSION, ct.session).status,
    ),
    (
        "empty film box",
        statuses.EMPTY_FILM_BOX,
        lambda ct: _film(ct).action(FILM_BOX, ct.film_box).status,
    ),
    (
        "empty session",
        statuses.EMPTY_FILM_SESSION,
        lambda ct: _film(ct).action(FILM_SESSION, ct.session).status,
    ),
    (
        "unknown film box",
        statuses.NO_SUCH_SOP_INSTANCE,
        lambda ct: _film(ct).action(FILM_BOX, "1.2.3").status,
    ),
    (
        "action before anything",
        statuses.NO_SUCH_SOP_INSTANCE,
        lambda ct: ct.action(FILM_BOX, "").status,
    ),
    (
        "action 2",
        statuses.NO_SUCH_ACTION,
        lambda ct: _film(ct).action(FILM_BOX, ct.film_box, 2).status,
    ),
    (
        "no action type",
        statuses.NO_SUCH_ACTION,
        lambda ct: _film(ct).action(FILM_BOX, ct.film_box, None).status,
    ),
    (
        "action on an image box",
        statuses.UNRECOGNIZED_OPERATION,
        lambda ct: _film(ct).action(GRAYSCALE_IMAGE_BOX, ct.boxes[0]).status,
    ),
    # N-DELETE
    (
        "delete of nothing",
        statuses.NO_SUCH_SOP_INSTANCE,
        lambda ct: ct.delete(FILM_SESSION, "1.2.3").status,
    ),
    (
        "image box deleted",
        statuses.UNRECOGNIZED_OPERATION,
        lambda ct: _film(ct).delete(GRAYSCALE_IMAGE_BOX, ct.boxes[0]).status,
    ),
    (
        "unknown LUT deleted",
        statuses.NO_SUCH_SOP_INSTANCE,
        lambda ct: ct.delete(PRESENTATION_LUT, "1.2.3").status,
    ),
    # Presentation LUT
    (
        "LUT without anything",
        statuses.MISSING_ATTRIBUTE,
        lambda ct: ct.create(PRESENTATION_LUT, None).status,
    ),
    ("LUT of unknown shape", statuses.INVALID_ATTRIBUTE_VALUE, _lut(PresentationLUTShape="BENT")),
    ("LUT of 17 bits", statuses.INVALID_ATTRIBUTE_VALUE, _lut_table(256, 0, 17, 512)),
    ("LUT of 300 entries", statuses.INVALID_ATTRIBUTE_VALUE, _lut_table(300, 0, 12, 600)),
    ("LUT that begins at 1", statuses.INVALID_ATTRIBUTE_VALUE, _lut_table(256, 1, 12, 512)),
    ("LUT cut short", statuses.INVALID_ATTRIBUTE_VALUE, _lut_table(256, 0, 12, 500)),
]


@pytest.mark.parametrize(("status", "ask"), [row[1:] for row in WRONG], ids=[r[0] for r in WRONG])
def test_whatever_is_wrong_gets_its_status(
    site: ScpSite, speak: Speak, status: int, ask: Callable[[Speaker], int]
) -> None:
    """A wrong request is answered with the standard's status, and the association prints on."""
    ct = speak()

    assert f"0x{ask(ct):04X}" == f"0x{status:04X}"

    ct.delete(FILM_SESSION, "")
    assert ct.print_film() == statuses.SUCCESS
    assert len(site.jobs.queries.list()) == 1


def test_a_data_set_of_garbage_gets_a_status(speak: Speak) -> None:
    """Bytes that are no data set are answered; the association prints on."""
    ct = speak()
    garbage = dataset()
    put_raw(garbage, "NumberOfCopies", "IS", b"\xff" * 40)
    assert ct.create(FILM_SESSION, garbage).status == statuses.INVALID_ATTRIBUTE_VALUE
    assert ct.print_film() == statuses.SUCCESS


def _two_in_one_place(ct: Speaker) -> int:
    _film(ct, r"STANDARD\1,2").set(GRAYSCALE_IMAGE_BOX, ct.boxes[0], image_box(1))
    return ct.set(GRAYSCALE_IMAGE_BOX, ct.boxes[1], image_box(1)).status


@pytest.mark.parametrize(
    ("ask", "attribute"),
    [
        (_two_in_one_place, "ImageBoxPosition"),
        (lambda ct: _set(ct, image_box(7)), "ImageBoxPosition"),
        (lambda ct: _box(ct, r"STANDARD\0,1"), "ImageDisplayFormat"),
        (lambda ct: _box(ct, r"STANDARD\99,9"), "ImageDisplayFormat"),
        (lambda ct: _box(ct, "SLIDE"), "ImageDisplayFormat"),
    ],
    ids=["another's place", "no place", "no boxes", "too many boxes", "printer's own"],
)
def test_a_place_that_cannot_be_is_told_by_its_attribute(
    site: ScpSite, speak: Speak, ask: Callable[[Speaker], int], attribute: str
) -> None:
    """The refusal names the element that is wrong, for the operator and the modality's vendor."""
    assert ask(speak()) == statuses.INVALID_ATTRIBUTE_VALUE
    (told,) = (facts for event, facts in site.notes if event == "request refused")
    assert told["attribute"] == attribute


@pytest.mark.parametrize(
    ("context", "field", "status", "kind"),
    [
        (1, Command.N_CREATE, statuses.SOP_CLASS_NOT_SUPPORTED, Refusal.WRONG_REQUEST),
        (1, Command.N_GET, statuses.SOP_CLASS_NOT_SUPPORTED, Refusal.BESIDE_PRINTING),
        (1, Command.C_ECHO, statuses.SOP_CLASS_NOT_SUPPORTED, Refusal.BESIDE_PRINTING),
        (99, Command.N_CREATE, statuses.SOP_CLASS_NOT_SUPPORTED, Refusal.WRONG_REQUEST),
        (3, Command.C_STORE, statuses.UNRECOGNIZED_OPERATION, Refusal.WRONG_REQUEST),
        (3, 0x0777, statuses.UNRECOGNIZED_OPERATION, Refusal.WRONG_REQUEST),
    ],
    ids=["rejected", "asked", "echo", "unknown", "C-STORE", "no command"],
)
def test_what_is_answered_before_the_scp_is_asked_is_counted_too(
    site: ScpSite, context: int, field: int, status: int, kind: Refusal
) -> None:
    """A request on a context that was not accepted, or of no operation of print, is told with its
    status and kind, as every other that is refused."""
    asked = {**echo(1), "AffectedSOPClassUID": FILM_SESSION, "CommandField": field}
    with Raw.connect(site.port) as raw:
        raw.associate(Offer(COLOR_META, (IMPLICIT_LITTLE,)), Offer(GRAYSCALE_META, SYNTAXES_TAKEN))
        raw.say(context, asked)
        assert raw.hear_all().Status == status
        raw.send(ABORT)

    (told,) = (facts for event, facts in site.notes if event == "request refused")
    assert (told["calling_ae"], told["called_ae"]) == ("RAW", "BROKER")
    assert (told["status"], told["kind"]) == (statuses.words(status), kind)


def test_another_printer_is_counted_where_the_standard_is_kept(site: ScpSite, speak: Speak) -> None:
    """Of a modality that is tested for conformance it is a refused request, for which no film is
    missing."""
    assert speak().get(PRINTER, "1.2.3").status == statuses.NO_SUCH_SOP_INSTANCE
    (told,) = (facts for event, facts in site.notes if event == "request refused")
    assert told["kind"] == Refusal.BESIDE_PRINTING


@pytest.mark.parametrize("places", [{"max_dataset": 2000}])
def test_a_data_set_that_is_too_large_is_counted_with_its_status(
    site: ScpSite, speak: Speak
) -> None:
    """As every other request that is refused."""
    ct = speak()
    garbage = dataset()
    put_raw(garbage, "FilmSessionLabel", "LO", b"x" * 4000)
    assert ct.create(FILM_SESSION, garbage).status == statuses.RESOURCE_LIMITATION
    (told,) = (facts for event, facts in site.notes if event == "request refused")
    assert (told["kind"], told["called_ae"]) == (Refusal.DATA_SET_TOO_LARGE, "BROKER")
    assert told["status"] == statuses.words(statuses.RESOURCE_LIMITATION)
    assert str(told["why"]).startswith("a data set of ")


def test_a_fault_of_ours_is_counted_as_one(
    site: ScpSite, speak: Speak, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The modality gets 0x0110, and its request counts as refused by a fault of the broker."""

    def fail(_intake: object, *_where: object) -> None:
        raise RuntimeError("no such thing")

    ct = speak()
    with monkeypatch.context() as patched:
        patched.setattr(Intake, "check_room", fail)
        assert ct.open_session().status == statuses.PROCESSING_FAILURE

    (told,) = (facts for event, facts in site.notes if event == "request refused")
    assert (told["kind"], told["operation"]) == (Refusal.FAULT, "N-CREATE")
    assert ["no such thing" in str(each["traceback"]) for each in site.faults] == [True]
    site.notes.clear()
