"""What a printer makes of a film, where it is not what was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.jobs.job import State
from tests.peers.speaker import dataset, image_box, picture, reference
from tests.relay.conftest import Relay
from tests.relay.test_odd_answers import odd_printer


def _is(request: Request, field: Command, sop_class: str) -> bool:
    return (request.field, request.class_uid) == (field, sop_class)


def _box(*uids: str, **more: str) -> Dataset:
    """The answer to N-CREATE of a film box with these image boxes."""
    items = [reference(GRAYSCALE_IMAGE_BOX, uid) for uid in uids]
    return dataset(ReferencedImageBoxSequence=items, **more)


def _asked(heard: list[Request]) -> bool:
    return any(request.field == Command.N_ACTION for request in heard)


def test_fewer_copies_are_no_success(tmp_path: Path) -> None:
    """A printer that makes one copy of three is not asked: two would be counted and missing."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_SESSION):
            return Response(statuses.SUCCESS, dataset(NumberOfCopies="1"))
        return None

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        relay.print_films(1, NumberOfCopies="3")
        (job,) = relay.wait_until(State.HELD, 1)

    assert job.reason == "every printer refused it: odd made NumberOfCopies '1' of '3'"
    assert not _asked(heard)


@pytest.mark.parametrize("told", ["03", "+3", " 3 "])
def test_the_same_number_in_another_spelling_is_the_same(tmp_path: Path, told: str) -> None:
    """An integer string may have zeros and a sign in front (PS3.5 6.2)."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_SESSION):
            reply = Dataset()
            attributes.put(reply, "NumberOfCopies", (told,))
            return Response(statuses.SUCCESS, reply)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        relay.print_films(1, NumberOfCopies="3")
        relay.wait_until(State.SENT, 1)


def test_one_bad_element_takes_nothing_else_away(tmp_path: Path) -> None:
    """The image boxes that a printer names are there, whatever stands beside them."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_BOX):
            reply = _box("1.2.3")
            attributes.put(reply, "ReferencedFrameNumber", ("one",))
            return Response(statuses.SUCCESS, reply)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        relay.print_films(1)
        relay.wait_until(State.SENT, 1)


def test_another_film_size_is_told(tmp_path: Path) -> None:
    """The film is printed, and what the printer took instead stands beside it."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_BOX):
            return Response(statuses.SUCCESS, _box("1.2.3", FilmSizeID="A4"))
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(FilmSizeID="14INX17IN")
        ct.set_image()
        ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(State.SENT, 1)
        (film,) = relay.service.jobs.queries.films(1)

    assert film.words == "odd made FilmSizeID 'A4' of '14INX17IN'"


@pytest.mark.parametrize(
    "status",
    [
        statuses.IMAGE_SHRUNK,
        statuses.IMAGE_CROPPED,
        statuses.IMAGE_DECIMATED,
        statuses.ATTRIBUTE_VALUE_OUT_OF_RANGE,
    ],
)
@pytest.mark.parametrize(
    ("of_image", "of_film"),
    [
        ({"RequestedImageSize": "100"}, {}),
        ({"RequestedDecimateCropBehavior": "FAIL"}, {}),
        ({}, {"RequestedImageSize": "183.5", "RequestedDecimateCropBehavior": "CROP"}),
        ({}, {}),
    ],
    ids=["size of the image", "fail rather", "size of the film", "none"],
)
def test_true_size_is_true(
    tmp_path: Path, status: int, of_image: dict[str, str], of_film: dict[str, str]
) -> None:
    """A true-size image, which is measured on, is not printed at another scale; any other is. The
    film box may say it for all of its images, and is relayed as it came."""
    true_size = bool(of_image or of_film)

    def odd(request: Request) -> Response | None:
        return Response(status) if _is(request, Command.N_SET, GRAYSCALE_IMAGE_BOX) else None

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(**of_film)
        ct.set_image(1, image_box(1, **of_image))
        ct.action(FILM_BOX, ct.film_box)
        (job,) = relay.wait_until(State.HELD if true_size else State.SENT, 1)

    assert _asked(heard) is not true_size
    assert job.reason.endswith("and the image asks for its true size") is true_size


def test_all_that_a_printer_made_otherwise_is_told(tmp_path: Path) -> None:
    """Of the film session and the film box; not what is the same in another spelling, nor a label,
    which may name a patient."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_SESSION):
            made = dataset(MediumType="PAPER", FilmDestination="BIN_2", FilmSessionLabel="OTHER")
            return Response(statuses.SUCCESS, made)
        if _is(request, Command.N_CREATE, FILM_BOX):
            made = _box("1.2.3", MagnificationType="NONE", Trim="NO")
            attributes.put(made, "MaxDensity", ("280",))
            return Response(statuses.SUCCESS, made)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.open_session(
            MediumType="BLUE FILM", FilmDestination="BIN_2", FilmSessionLabel="Mustermann"
        )
        ct.open_film_box(MagnificationType="CUBIC", Trim="NO", MaxDensity=300)
        ct.set_image()
        ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(State.SENT, 1)
        (film,) = relay.service.jobs.queries.films(1)

    assert film.words == (
        "odd made MediumType 'PAPER' of 'BLUE FILM'; odd made MagnificationType 'NONE' of 'CUBIC'; "
        "odd made MaxDensity '280' of '300'"
    )


def test_an_image_that_was_refused_is_told_beside_the_film(tmp_path: Path) -> None:
    """The modality printed the film all the same: its empty place, or its earlier image, is no
    secret; an image that comes after it is right again."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_BOX):
            return Response(statuses.SUCCESS, _box("1.2.3", "1.2.4", "1.2.5"))
        return None

    wrong = image_box(None, picture(PixelData=b"too few "))
    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(r"STANDARD\1,3")
        ct.set_image(1)
        for box in ct.boxes:
            answer = ct.set(GRAYSCALE_IMAGE_BOX, box, wrong)
            assert answer.status == statuses.INVALID_ATTRIBUTE_VALUE
        ct.set_image(3)
        ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(State.SENT, 1)
        (film,) = relay.service.jobs.queries.films(1)

    noted = [facts for event, facts in relay.notes if event == "film incomplete"]
    assert noted == [{"job": 1, "calling_ae": "CT1", "images": 2}]
    said = "the modality was answered 0x0106 (invalid attribute value)"
    assert film.words == f"image 1 is an earlier one: {said}; image 2 is missing: {said}"


def test_an_image_box_has_the_class_of_the_film(tmp_path: Path) -> None:
    """Whatever class a printer names for it: some name the film box's, and refuse that one."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_BOX):
            items = [reference(FILM_BOX, "1.2.3")]
            return Response(statuses.SUCCESS, dataset(ReferencedImageBoxSequence=items))
        return None

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        relay.print_films(1)
        relay.wait_until(State.SENT, 1)

    (set_,) = (each for each in heard if each.field == Command.N_SET)
    assert set_.class_uid == GRAYSCALE_IMAGE_BOX


def test_a_film_session_says_what_the_modality_was_told(tmp_path: Path) -> None:
    """Copies and priority, also where it named none: no film session is without a data set."""
    told: list[dict[str, object]] = []

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_SESSION):
            sent = request.dataset()
            told.append({each.keyword: each.value for each in sent})
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.print_film()
        relay.wait_until(State.SENT, 1)

    assert told == [{"NumberOfCopies": 1, "PrintPriority": "MED"}]


def test_the_attribute_that_a_printer_minds_is_named(tmp_path: Path) -> None:
    """As its answer lists it: an operator knows where to look."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_BOX):
            listed = {"AttributeIdentifierList": [0x20100050, 0x20100040]}
            return Response(statuses.INVALID_ATTRIBUTE_VALUE, None, listed)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_until_up()
        relay.print_films(1)
        (job,) = relay.wait_until(State.HELD, 1)

    words = "N-CREATE of the film box answered 0x0106 (invalid attribute value)"
    assert job.reason == f"every printer refused it: odd: {words}: FilmSizeID, FilmOrientation"


def test_two_images_are_not_put_into_one_box(tmp_path: Path) -> None:
    """A printer that gives two places the same UID would show one image for two."""

    def odd(request: Request) -> Response | None:
        if _is(request, Command.N_CREATE, FILM_BOX):
            return Response(statuses.SUCCESS, _box("1.2.3", "1.2.3"))
        return None

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(r"STANDARD\1,2")
        ct.set_image()
        ct.action(FILM_BOX, ct.film_box)
        (job,) = relay.wait_until(State.HELD, 1)

    assert "odd made 1 image boxes for STANDARD\\1,2, not 2" in job.reason
    assert not _asked(heard)


# What a printer does not take


def refusing(
    *keywords: str, named: bool, status: int = statuses.INVALID_ATTRIBUTE_VALUE
) -> Callable[[Request], Response | None]:
    """A printer that does not know these attributes, and says which it minds, or not."""
    tags = [attributes.tag(each) for each in keywords]

    def odd(request: Request) -> Response | None:
        if request.field not in (Command.N_CREATE, Command.N_SET) or request.data is None:
            return None
        sent = request.dataset()
        minded = [tag for tag in tags if tag in sent]
        if not minded:
            return None
        return Response(status, None, {"AttributeIdentifierList": minded[:1]} if named else {})

    return odd


def wished(relay: Relay) -> None:
    """A film with optional attributes at each level."""
    ct = relay.speaker()
    ct.open_session(FilmDestination="BIN_2", MemoryAllocation="64")
    ct.open_film_box(Trim="YES", SmoothingType="SHARP", FilmSizeID="14INX17IN")
    ct.set_image(1, image_box(1, ConfigurationInformation="CS1"))
    ct.action(FILM_BOX, ct.film_box)
    ct.release()


@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
@pytest.mark.parametrize(
    ("minded", "left_out"),
    [
        (("Trim",), "Trim"),
        (("Trim", "SmoothingType"), "SmoothingType, Trim"),
        (("MemoryAllocation",), "MemoryAllocation"),
        (("ConfigurationInformation",), "ConfigurationInformation"),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "status", [statuses.NO_SUCH_ATTRIBUTE, statuses.INVALID_ATTRIBUTE_VALUE], ids=hex
)
def test_what_a_printer_does_not_take_is_left_out(
    tmp_path: Path, minded: tuple[str, ...], left_out: str, named: bool, status: int
) -> None:
    """Where a film can be without it: the film is printed, and says so. The next one is asked for
    without it at once."""
    with odd_printer(tmp_path, refusing(*minded, named=named, status=status)) as (relay, heard):
        relay.wait_until_up()
        wished(relay)
        relay.wait_until(State.SENT, 1)
        first = len(heard)
        wished(relay)
        relay.wait_until(State.SENT, 2)
        films = [relay.service.jobs.queries.films(job)[0] for job in (1, 2)]

    assert [film.words for film in films] == [f"without {left_out}: odd does not take it"] * 2
    asked = [each.operation for each in heard[first:] if each.field != Command.C_ECHO]
    asked = [each for each in asked if each not in ("N-GET", "N-DELETE")]
    assert asked == ["N-CREATE", "N-CREATE", "N-SET", "N-ACTION"]


@pytest.mark.parametrize("minded", ["FilmSizeID", "FilmOrientation", "ImageDisplayFormat"])
@pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
def test_what_makes_another_film_is_never_left_out(
    tmp_path: Path, minded: str, named: bool
) -> None:
    """Size, orientation, format: the film is held, with the printer's first words."""
    with odd_printer(tmp_path, refusing(minded, named=named)) as (relay, heard):
        relay.wait_until_up()
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(Trim="YES", FilmSizeID="A4", FilmOrientation="PORTRAIT")
        ct.set_image()
        ct.action(FILM_BOX, ct.film_box)
        (job,) = relay.wait_until(State.HELD, 1)

    assert "odd: N-CREATE of the film box answered 0x0106" in job.reason
    assert not _asked(heard)


def test_a_lut_goes_where_the_printer_looks_for_it(tmp_path: Path) -> None:
    """In the film box first, as today; a printer from before CP 173 gets it in the film session,
    the next film at once."""
    minded = refusing(
        "ReferencedPresentationLUTSequence", named=False, status=statuses.NO_SUCH_ATTRIBUTE
    )

    def odd(request: Request) -> Response | None:
        return minded(request) if request.class_uid == FILM_BOX else None

    syntaxes = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
    with odd_printer(tmp_path, odd, Offer(PRESENTATION_LUT, syntaxes)) as (relay, heard):
        relay.wait_until_up()
        for job in (1, 2):
            ct = relay.speaker()
            lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
            ct.open_session()
            uid = str(lut.command.AffectedSOPInstanceUID)
            ct.open_film_box(
                ReferencedPresentationLUTSequence=[reference(PRESENTATION_LUT, uid)],
                Illumination=2000,
            )
            ct.set_image()
            ct.action(FILM_BOX, ct.film_box)
            ct.release()
            relay.wait_until(State.SENT, job)
        films = [relay.service.jobs.queries.films(job)[0].words for job in (1, 2)]

    assert films == ["Presentation LUT in the film session: odd takes it there"] * 2
    boxes = [
        each for each in heard if each.field == Command.N_CREATE and each.class_uid == FILM_BOX
    ]
    assert len(boxes) == 4, "the first film twice, then without; the second was not refused first"
