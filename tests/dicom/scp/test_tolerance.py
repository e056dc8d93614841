"""What breaks the standard harmlessly is taken, relayed as it was meant, and told by its rule."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.tolerance import LONGEST_PADDING, MEANT, Tolerated
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Timeouts
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Requestor
from broker.model.films.film import Film, PresentationLut
from broker.model.jobs.job import Priority
from broker.spool.stored import name_of
from tests.dicom.conftest import ScpSite
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference


@pytest.fixture
def ct(site: ScpSite) -> Iterator[Speaker]:
    """A modality of which things are tolerated."""
    site.strict = False
    made = Speaker(site.port)
    yield made
    made.release()


def told(site: ScpSite) -> list[str]:
    """The rules that were used."""
    return [str(facts["kind"]) for event, facts in site.notes if event == "request tolerated"]


def printed(site: ScpSite, ct: Speaker) -> Film:
    """The frozen copy of the film box that is open, which must be taken."""
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    (sending,) = site.jobs.queries.whole_films(1)
    return sending.film


def taken_with(site: ScpSite, ct: Speaker, keyword: str, word: str) -> tuple[str, ...]:
    """What becomes of a word, at the level that the attribute belongs to."""
    session, box, image = Dataset(), Dataset(), image_box(1)
    level = {FILM_SESSION: session, FILM_BOX: box, GRAYSCALE_IMAGE_BOX: image}
    lists = {
        FILM_SESSION: attributes.FILM_SESSION,
        FILM_BOX: attributes.FILM_BOX,
        GRAYSCALE_IMAGE_BOX: attributes.IMAGE_BOX,
    }
    at = next(each for each, keywords in lists.items() if keyword in keywords)
    attributes.put(level[at], keyword, (word,))
    ct.session = str(ct.create(FILM_SESSION, session).command.AffectedSOPInstanceUID)
    box.update(ct.film_box_of(r"STANDARD\1,1"))
    answer = ct.create(FILM_BOX, box)
    assert answer.dataset is not None
    ct.film_box = str(answer.command.AffectedSOPInstanceUID)
    (made,) = answer.dataset.ReferencedImageBoxSequence
    assert ct.set(GRAYSCALE_IMAGE_BOX, str(made.ReferencedSOPInstanceUID), image).status == 0
    film = printed(site, ct)
    found = {
        FILM_SESSION: site.jobs.queries.session(1),
        FILM_BOX: film.attributes,
        GRAYSCALE_IMAGE_BOX: film.image_boxes[0].attributes,
    }
    return found[at][keyword]


def raw(keyword: str, vr: str, content: bytes) -> Dataset:
    """One element, whatever its value."""
    made = Dataset()
    attributes.put_raw(made, keyword, vr, content)
    return made


# The film session of a film box


def references(session: str) -> dict[str, list[Dataset] | None]:
    """Each wrong form of the reference."""
    right = reference(FILM_SESSION, session)
    return {
        "none": None,
        "no item": [],
        "class only": [dataset(ReferencedSOPClassUID=FILM_SESSION)],
        "class as instance": [reference(FILM_SESSION, FILM_SESSION)],
        "foreign": [reference(FILM_SESSION, "1.2.3.4")],
        "two": [right, right],
    }


@pytest.mark.parametrize("form", list(references("")))
def test_a_film_box_belongs_to_the_film_session_that_there_is(
    site: ScpSite, ct: Speaker, form: str
) -> None:
    """An association has one: whatever the reference says, it is meant."""
    ct.open_session()
    made = dataset(ImageDisplayFormat=r"STANDARD\1,1")
    if (items := references(ct.session)[form]) is not None:
        made.ReferencedFilmSessionSequence = items

    answer = ct.create(FILM_BOX, made)

    assert answer.status == statuses.SUCCESS
    assert answer.dataset is not None
    (named,) = answer.dataset.ReferencedFilmSessionSequence
    assert named.ReferencedSOPInstanceUID == ct.session
    assert told(site) == [Tolerated.SESSION_REFERENCE]


def test_an_image_box_without_a_position_has_its_own(site: ScpSite, ct: Speaker) -> None:
    """It was made for one."""
    ct.open_session()
    ct.open_film_box(r"STANDARD\1,2")
    answer = ct.set(GRAYSCALE_IMAGE_BOX, ct.boxes[1], image_box(None))

    assert answer.status == statuses.SUCCESS
    assert [box.image is not None for box in printed(site, ct).image_boxes] == [False, True]
    assert told(site) == [Tolerated.IMAGE_POSITION]


# Values


@pytest.mark.parametrize(
    ("keyword", "word", "meant"),
    [(keyword, word, meant) for keyword, words in MEANT.items() for word, meant in words.items()],
)
def test_a_word_with_a_plain_meaning_is_read_as_that(
    site: ScpSite, ct: Speaker, keyword: str, word: str, meant: str
) -> None:
    """In small letters, too: the printer gets the standard's word."""
    assert taken_with(site, ct, keyword, word.lower()) == (meant,)
    assert told(site) == [Tolerated.OTHER_WORDS]


@pytest.mark.parametrize(
    ("keyword", "word"),
    [
        ("PrintPriority", "WHENEVER"),
        ("MemoryAllocation", "-1"),
        ("Trim", "MAYBE"),
        ("FilmOrientation", "SIDEWAYS"),
        ("RequestedDecimateCropBehavior", "DEFAULT"),
    ],
)
def test_a_word_without_a_meaning_is_left_to_the_printer(
    site: ScpSite, ct: Speaker, keyword: str, word: str
) -> None:
    """It is relayed as it came, and never costs the film."""
    assert taken_with(site, ct, keyword, word) == (word,)
    assert site.jobs.queries.get(1).priority is Priority.MED
    assert told(site) == [Tolerated.UNKNOWN_VALUE]


@pytest.mark.parametrize(("sent", "copies"), [("1.0", 1), ("3.", 3), ("101", 101)])
def test_copies_are_read_as_they_are_meant(
    site: ScpSite, ct: Speaker, sent: str, copies: int
) -> None:
    """A number is a number; how many there may be is a limit of the site."""
    assert taken_with(site, ct, "NumberOfCopies", sent) == (str(copies),)
    assert site.jobs.queries.get(1).copies == copies


@pytest.mark.parametrize("sent", [b"0 ", b"-1", b"two ", b"2\\3 ", b"1.5 "])
def test_copies_that_are_no_number_of_sheets_are_refused(ct: Speaker, sent: bytes) -> None:
    """Whatever was meant, it would come out another number of times."""
    answer = ct.create(FILM_SESSION, raw("NumberOfCopies", "IS", sent))
    assert answer.status == statuses.INVALID_ATTRIBUTE_VALUE


def test_more_copies_than_the_site_allows_are_refused(site: ScpSite, ct: Speaker) -> None:
    """Of a single film, too."""
    ct.open_session(NumberOfCopies=str(site.allowance.sheets + 1))
    ct.open_film_box()
    ct.set_image()
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.RESOURCE_LIMITATION


@pytest.mark.parametrize(
    "changed", [{"Polarity": "UPSIDE"}, {"RequestedImageSize": "0"}], ids=["polarity", "size"]
)
def test_what_would_change_the_image_is_refused(ct: Speaker, changed: dict[str, str]) -> None:
    """Gray levels and scale are not guessed."""
    ct.open_session()
    ct.open_film_box()
    answer = ct.set_image(1, image_box(1, **changed))
    assert answer.status == statuses.INVALID_ATTRIBUTE_VALUE


# Images


@pytest.mark.parametrize("stored", [8, 9, 10, 11, 13, 14, 15, 16])
def test_every_depth_in_sixteen_bits_is_taken(site: ScpSite, ct: Speaker, stored: int) -> None:
    """And relayed as it is: a printer that does not take it says so."""
    content = struct.pack("<16H", *range(16))
    image = picture(BitsAllocated=16, BitsStored=stored, HighBit=stored - 1, PixelData=content)
    ct.open_session()
    ct.open_film_box()
    assert ct.set_image(1, image_box(1, image)).status == statuses.SUCCESS

    (box,) = printed(site, ct).image_boxes
    assert box.image is not None
    assert (box.image.bits_stored, box.image.high_bit) == (stored, stored - 1)
    assert site.spool.read(box.image.pixels) == content
    assert told(site) == [Tolerated.BITS_STORED]


@pytest.mark.parametrize("depth", [(16, 12, 15), (8, 7, 6), (16, 7, 6), (32, 16, 15)])
def test_other_depths_are_refused(ct: Speaker, depth: tuple[int, int, int]) -> None:
    """Their values are not where a printer looks for them."""
    allocated, stored, high = depth
    ct.open_session()
    ct.open_film_box()
    image = picture(BitsAllocated=allocated, BitsStored=stored, HighBit=high)
    answer = ct.set_image(1, image_box(1, image))
    assert answer.status == statuses.INVALID_ATTRIBUTE_VALUE


@pytest.mark.parametrize("more", [2, 4, 512, LONGEST_PADDING])
@pytest.mark.parametrize("side", [4, 1200])
def test_what_is_behind_the_pixels_is_padding(
    site: ScpSite, ct: Speaker, more: int, side: int
) -> None:
    """They are trimmed before they are named, however they are digested: the same film comes again
    as the same."""
    content = bytes(each % 251 for each in range(side * side))
    image = picture(Rows=side, Columns=side, PixelData=content + bytes([7]) * more)
    ct.open_session()
    ct.open_film_box()
    assert ct.set_image(1, image_box(1, image)).status == statuses.SUCCESS

    (box,) = printed(site, ct).image_boxes
    assert box.image is not None
    assert (box.image.pixels, box.image.length) == (name_of(content), len(content))
    assert site.spool.read(box.image.pixels) == content
    assert told(site) == [Tolerated.LONG_PIXELS]


@pytest.mark.parametrize("size", [14, 16 + LONGEST_PADDING + 2])
def test_pixels_that_are_too_few_or_far_too_many_are_refused(ct: Speaker, size: int) -> None:
    """What is missing is not made up, and what is no padding is another image."""
    ct.open_session()
    ct.open_film_box()
    answer = ct.set_image(1, image_box(1, picture(PixelData=bytes(size))))
    assert answer.status == statuses.INVALID_ATTRIBUTE_VALUE


def test_small_letters_of_a_photometric_interpretation(site: ScpSite, ct: Speaker) -> None:
    """They mean what the capitals mean."""
    ct.open_session()
    ct.open_film_box()
    image = picture()
    attributes.put(image, "PhotometricInterpretation", ("monochrome1",))
    ct.set_image(1, image_box(1, image))
    (box,) = printed(site, ct).image_boxes
    assert box.image is not None
    assert box.image.photometric == "MONOCHROME1"
    assert told(site) == [Tolerated.OTHER_WORDS]


# Presentation LUTs


@pytest.mark.parametrize(
    ("descriptor", "size"),
    [((1024, 0, 12), 2048), ((256, 0, 8), 512), ((256, 0, 8), 256), ((0, 0, 16), 131072)],
    ids=["1024", "8 bits in words", "8 bits in bytes", "65536"],
)
def test_a_table_of_another_form_is_left_to_the_printer(
    site: ScpSite, ct: Speaker, descriptor: tuple[int, int, int], size: int
) -> None:
    """It is relayed byte for byte."""
    table = bytes(each % 256 for each in range(size))
    item = dataset()
    item.add_new("LUTDescriptor", "US", list(descriptor))
    item.add_new("LUTData", "OW", table)
    made = ct.create(PRESENTATION_LUT, dataset(PresentationLUTSequence=[item]))
    assert made.status == statuses.SUCCESS
    ct.open_session()
    lut = reference(PRESENTATION_LUT, str(made.command.AffectedSOPInstanceUID))
    ct.open_film_box(ReferencedPresentationLUTSequence=[lut])
    ct.set_image()

    assert printed(site, ct).lut == PresentationLut(descriptor=descriptor, table=table)
    assert set(told(site)) == {Tolerated.LUT_FORM}


# Asking the Printer

USUAL = (
    "Manufacturer",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "DateOfLastCalibration",
    "TimeOfLastCalibration",
    "PrinterStatus",
    "PrinterStatusInfo",
    "PrinterName",
)


def test_the_printer_answers_whatever_consoles_ask(ct: Speaker) -> None:
    """All that a printer may have, with zero length where there is no value; group lengths and what
    is private are passed over. Consoles stop at any warning."""
    tags = [attributes.tag(each) for each in USUAL]
    for asked in (tags, [*tags, 0x21100000, 0x00080000], [*tags, 0x21111010], tags[3:4]):
        answer = ct.get(PRINTER, PRINTER_INSTANCE, [int(each) for each in asked])
        assert answer.status == statuses.SUCCESS, answer
        assert answer.dataset is not None
        assert set(answer.dataset.keys()) == {each for each in asked if each in tags}
    assert answer.dataset is not None
    assert str(answer.dataset.SoftwareVersions or "") == ""
    whole = ct.get(PRINTER, PRINTER_INSTANCE)
    assert whole.dataset is not None
    assert whole.dataset.ManufacturerModelName == "DICOM print broker"


def test_what_no_printer_has_is_listed(ct: Speaker) -> None:
    """With the warning of the standard."""
    answer = ct.get(PRINTER, PRINTER_INSTANCE, [0x21100010, 0x00100010])
    assert answer.status == statuses.ATTRIBUTE_LIST_ERROR


# Contexts


def test_the_printer_is_meant_whatever_its_instance_is_called(site: ScpSite, ct: Speaker) -> None:
    """An association has one Printer: it answers, by its well-known name, and the log tells it."""
    answer = ct.get(PRINTER, "1.2.3")

    assert answer.status == statuses.SUCCESS
    assert answer.dataset is not None
    assert answer.dataset.PrinterStatus
    assert answer.command.AffectedSOPInstanceUID == PRINTER_INSTANCE
    assert told(site) == [Tolerated.PRINTER_INSTANCE]


def test_each_class_may_have_a_context_of_its_own(site: ScpSite) -> None:
    """As the standard allows beside the Meta class (PS3.4 H.3.2.1)."""
    site.strict = False
    classes = (FILM_SESSION, FILM_BOX, GRAYSCALE_IMAGE_BOX, PRINTER)
    with Requestor.open(
        "127.0.0.1",
        site.port,
        calling_ae="CT1",
        called_ae="BROKER",
        proposals=[Offer(each, (EXPLICIT_LITTLE, IMPLICIT_LITTLE)) for each in classes],
        timeouts=Timeouts(),
    ) as modality:

        def ask(field: Command, sop_class: str, made: Dataset | None, **named: object) -> Dataset:
            context = modality.context(sop_class)
            assert context is not None
            command = {"CommandField": field, **named}
            answer = modality.request(context, command, made, timeout_s=20)
            assert answer.status == statuses.SUCCESS, answer
            return answer.dataset or Dataset()

        ask(Command.N_CREATE, FILM_SESSION, None, AffectedSOPClassUID=FILM_SESSION)
        box = ask(
            Command.N_CREATE,
            FILM_BOX,
            dataset(ImageDisplayFormat=r"STANDARD\1,1"),
            AffectedSOPClassUID=FILM_BOX,
            AffectedSOPInstanceUID="1.2.3",
        )
        (image,) = box.ReferencedImageBoxSequence
        ask(
            Command.N_SET,
            GRAYSCALE_IMAGE_BOX,
            image_box(1),
            RequestedSOPClassUID=GRAYSCALE_IMAGE_BOX,
            RequestedSOPInstanceUID=str(image.ReferencedSOPInstanceUID),
        )
        ask(
            Command.N_ACTION,
            FILM_BOX,
            None,
            RequestedSOPClassUID=FILM_BOX,
            RequestedSOPInstanceUID="1.2.3",
            ActionTypeID=1,
        )
        ask(
            Command.N_GET,
            PRINTER,
            None,
            RequestedSOPClassUID=PRINTER,
            RequestedSOPInstanceUID=PRINTER_INSTANCE,
        )
    assert site.jobs.queries.get(1).films == 1
