"""Films of consoles that are not strict: what a printer gets of them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from broker.dicom import attributes, statuses
from broker.dicom.attributes import put_raw
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
)
from broker.dicom.upper_layer.connection import Rejected
from broker.dicom.upper_layer.dataset import buffers, encode_dataset
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.jobs.job import State
from tests.peers.configuration import UNREACHABLE
from tests.peers.keeping_printer import KeptRequests, SentObject
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference
from tests.relay.conftest import Relay
from tests.relay.test_odd_answers import odd_printer

LUT = "ReferencedPresentationLUTSequence"


@contextmanager
def print_room(folder: Path, kept: KeptRequests) -> Iterator[Relay]:
    """A broker with one printer, which takes Presentation LUTs and keeps what it is sent."""
    luts = Offer(PRESENTATION_LUT, (EXPLICIT_LITTLE, IMPLICIT_LITTLE))
    with odd_printer(folder, kept, luts) as (relay, _):
        relay.wait_until_up()
        yield relay


def print_image(ct: Speaker, made: Dataset) -> None:
    """A film with this image box, in a film box of its own."""
    if not ct.session:
        ct.open_session()
    assert ct.open_film_box().status == statuses.SUCCESS
    assert ct.set(GRAYSCALE_IMAGE_BOX, ct.boxes[0], made).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS


def number(of: Dataset, keyword: str) -> int:
    """An element of one number."""
    (value,) = attributes.values(of, keyword)
    return int(value)


# Pixels


def test_every_depth_reaches_the_printer_as_it_came(tmp_path: Path) -> None:
    """Allocated, stored, high bit, and all bytes."""
    depths = [(16, 10, 9), (16, 14, 13), (16, 16, 15), (16, 8, 7), (16, 9, 8), (16, 13, 12)]
    depths += [(16, 15, 14), (16, 12, 11)]
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        for allocated, stored, high in depths:
            content = struct.pack("<16H", *(each * 37 % (1 << stored) for each in range(16)))
            image = picture(
                BitsAllocated=allocated, BitsStored=stored, HighBit=high, PixelData=content
            )
            print_image(ct, image_box(1, image))
        relay.wait_until(State.SENT)

    found = []
    for each in kept.of(GRAYSCALE_IMAGE_BOX):
        (item,) = each.dataset.BasicGrayscaleImageSequence
        keywords = ("BitsAllocated", "BitsStored", "HighBit")
        found.append(tuple(number(item, keyword) for keyword in keywords))
        stored = found[-1][1]
        assert each.pixels == struct.pack("<16H", *(n * 37 % (1 << stored) for n in range(16)))
    assert found == depths


@pytest.mark.parametrize("bits", [8, 16])
def test_padding_behind_the_pixels_does_not_reach_the_printer(tmp_path: Path, bits: int) -> None:
    """Two, four and 512 bytes more than rows and columns are; an odd number of pixels, too."""
    kept = KeptRequests()
    content = bytes(range(15 * bits // 8))
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        for more in (2, 4, 512):
            image = picture(
                Rows=3,
                Columns=5,
                BitsAllocated=bits,
                BitsStored=bits,
                HighBit=bits - 1,
                PixelData=content + bytes([0xAA]) * (more + len(content) % 2),
            )
            print_image(ct, image_box(1, image))
        relay.wait_until(State.SENT)

    padded = content + bytes(len(content) % 2)
    assert [each.pixels for each in kept.of(GRAYSCALE_IMAGE_BOX)] == [padded] * 3


# References


def test_the_printers_film_box_always_names_its_film_session(tmp_path: Path) -> None:
    """Whatever the modality's did: nothing, an empty item, the class alone, another form, twice."""
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        ct.open_session()
        own = reference(FILM_SESSION, ct.session)
        forms = (
            None,
            [],
            [Dataset()],
            [dataset(ReferencedSOPClassUID=FILM_SESSION)],
            [reference(FILM_SESSION, FILM_SESSION)],
            [own, own],
        )
        for form in forms:
            made = dataset(ImageDisplayFormat=r"STANDARD\1,1")
            if form is not None:
                made.ReferencedFilmSessionSequence = form
            answer = ct.create(FILM_BOX, made)
            assert answer.status == statuses.SUCCESS
            assert answer.dataset is not None
            ct.film_box = str(answer.command.AffectedSOPInstanceUID)
            (box,) = answer.dataset.ReferencedImageBoxSequence
            uid = str(box.ReferencedSOPInstanceUID)
            assert ct.set(GRAYSCALE_IMAGE_BOX, uid, image_box()).status == statuses.SUCCESS
            assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        relay.wait_until(State.SENT)

    assert len(kept.of(FILM_BOX)) == len(forms)
    sessions = {each.instance for each in kept.of(FILM_SESSION)}
    for each in kept.of(FILM_BOX):
        (named,) = each.dataset.ReferencedFilmSessionSequence
        assert attributes.referenced_instance(named) in sessions
        assert attributes.raw(named, "ReferencedSOPClassUID") in (
            FILM_SESSION.encode(),
            FILM_SESSION.encode() + b"\0",
        )


# True size


SIZE, CROP = "RequestedImageSize", "RequestedDecimateCropBehavior"


def test_size_and_cropping_reach_the_printer_at_their_own_levels(tmp_path: Path) -> None:
    """Both of them where both are set: which one wins is the printer's to know (PS3.3 C.13.3)."""
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(**{SIZE: "183.5", CROP: "CROP"})
        ct.set_image(1, image_box(1, **{SIZE: "100", CROP: "FAIL"}))
        ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(State.SENT)

    (box,), (image,) = kept.of(FILM_BOX), kept.of(GRAYSCALE_IMAGE_BOX)
    for of, size, crop in ((box, "183.5", "CROP"), (image, "100", "FAIL")):
        assert attributes.values(of.dataset, SIZE) == (size,)
        assert attributes.values(of.dataset, CROP) == (crop,)


@pytest.mark.parametrize(
    ("of_film", "of_image", "state"),
    [("FAIL", "DECIMATE", State.SENT), ("DECIMATE", "FAIL", State.HELD)],
)
def test_what_the_image_box_says_of_true_size_wins(
    tmp_path: Path, of_film: str, of_image: str, state: State
) -> None:
    """A printer decimates the image: that is what was asked for, or must not be printed."""

    def decimates(made: SentObject) -> int | None:
        return statuses.IMAGE_DECIMATED if made.sop_class == GRAYSCALE_IMAGE_BOX else None

    with print_room(tmp_path, KeptRequests(decimates)) as relay:
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(**{CROP: of_film})
        ct.set_image(1, image_box(1, **{CROP: of_image}))
        ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(state, 1)


# Values


def test_densities_without_a_range_reach_the_printer(tmp_path: Path) -> None:
    """It knows what its own are then."""
    pairs = [(0, 0), (300, 20)]
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        ct.open_session()
        for least, most in pairs:
            ct.open_film_box(MinDensity=least, MaxDensity=most)
            ct.set_image(1, image_box(1, MinDensity=least, MaxDensity=most))
            ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(State.SENT)

    for sop_class in (FILM_BOX, GRAYSCALE_IMAGE_BOX):
        found = [
            (number(each.dataset, "MinDensity"), number(each.dataset, "MaxDensity"))
            for each in kept.of(sop_class)
        ]
        assert found == pairs


LABELS = (
    b"\x1b$B%F%9%H\x1b(B",
    b"<script>alert(1)</script>",
    b"\x95\x5c\x95\x5c",
    "Иванов".encode("cp1251"),
    b"\x1b[2J\x1b]0;x\x07",
)


def test_labels_reach_the_printer_byte_for_byte(tmp_path: Path) -> None:
    """Whatever their character set."""
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        for label in LABELS:
            ct = relay.speaker()
            made = Dataset()
            put_raw(made, "FilmSessionLabel", "LO", label)
            answer = ct.create(FILM_SESSION, made)
            ct.session = str(answer.command.AffectedSOPInstanceUID)
            print_image(ct, image_box())
            ct.release()
        relay.wait_until(State.SENT)

    found = [attributes.raw(each.dataset, "FilmSessionLabel") for each in kept.of(FILM_SESSION)]
    assert [each and each.rstrip(b" ") for each in found] == list(LABELS)


OTHERS = (
    *((tag, "CS", b"NO") for tag in range(0x20000062, 0x2000006B)),
    (0x20000061, "IS", b"64"),
    (0x200000A0, "US", b"\x0c\x00"),
    (0x20100052, "CS", b"YES "),
    (0x20100376, "DS", b"0.0847\\0.0847 "),
    (0x20110010, "LO", b"ACME"),
    (0x20111001, "LO", b"abc "),
)
"""Attributes of print that a film does not have, and a private one: tag, VR, value."""


def with_others(made: Dataset) -> Dataset:
    """That data set, and these."""
    for tag, vr, value in OTHERS:
        made._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)
    return made


def test_attributes_that_print_does_not_set_reach_the_printer(tmp_path: Path) -> None:
    """In the film session, the film box and the image box, in each as it came."""
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        answer = ct.create(FILM_SESSION, with_others(Dataset()))
        ct.session = str(answer.command.AffectedSOPInstanceUID)
        answer = ct.create(FILM_BOX, with_others(ct.film_box_of(r"STANDARD\1,1")))
        assert answer.dataset is not None
        ct.film_box = str(answer.command.AffectedSOPInstanceUID)
        (box,) = answer.dataset.ReferencedImageBoxSequence
        uid = str(box.ReferencedSOPInstanceUID)
        assert ct.set(GRAYSCALE_IMAGE_BOX, uid, with_others(image_box())).status == 0
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        relay.wait_until(State.SENT)
        (film,) = relay.service.jobs.queries.films(1)

    assert film.words == ""
    for sop_class in (FILM_SESSION, FILM_BOX, GRAYSCALE_IMAGE_BOX):
        (made,) = kept.of(sop_class)
        for tag, _, value in OTHERS:
            assert made.dataset.get_item(Tag(tag)).value == value, (sop_class, hex(tag))


# Encoding


def items_in_implicit(*items: Dataset) -> bytes:
    """A sequence's value as an element of unknown VR has it (PS3.5 6.2.2)."""
    value = b""
    for each in items:
        encoded = b"".join(map(bytes, buffers(encode_dataset(each, IMPLICIT_LITTLE))))
        value += struct.pack("<HHI", 0xFFFE, 0xE000, len(encoded)) + encoded
    return value


def as_unknown(made: Dataset, keyword: str, *items: Dataset) -> Dataset:
    """That data set, with this sequence as an element of VR UN and of defined length."""
    put_raw(made, keyword, "UN", items_in_implicit(*items))
    return made


def test_sequences_of_unknown_vr_and_defined_length_print(tmp_path: Path) -> None:
    """At each level: the printer gets what is in them."""
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker(transfer_syntaxes=(EXPLICIT_LITTLE,))
        table = dataset()
        table.add_new("LUTDescriptor", "US", [256, 0, 12])
        table.add_new("LUTData", "OW", bytes(range(256)) * 2)
        made = ct.create(PRESENTATION_LUT, as_unknown(Dataset(), "PresentationLUTSequence", table))
        assert made.status == statuses.SUCCESS
        lut = reference(PRESENTATION_LUT, str(made.command.AffectedSOPInstanceUID))
        ct.open_session()
        box = as_unknown(dataset(ImageDisplayFormat=r"STANDARD\1,1"), LUT, lut)
        own = reference(FILM_SESSION, ct.session)
        answer = ct.create(FILM_BOX, as_unknown(box, "ReferencedFilmSessionSequence", own))
        assert answer.status == statuses.SUCCESS
        assert answer.dataset is not None
        ct.film_box = str(answer.command.AffectedSOPInstanceUID)
        (item,) = answer.dataset.ReferencedImageBoxSequence
        image = as_unknown(dataset(ImageBoxPosition=1), "BasicGrayscaleImageSequence", picture())
        set_ = ct.set(GRAYSCALE_IMAGE_BOX, str(item.ReferencedSOPInstanceUID), image)
        assert set_.status == statuses.SUCCESS
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        relay.wait_until(State.SENT)

    (image_sent,) = kept.of(GRAYSCALE_IMAGE_BOX)
    assert image_sent.pixels == bytes(range(16))
    (lut_sent,) = kept.of(PRESENTATION_LUT)
    (table_sent,) = lut_sent.dataset.PresentationLUTSequence
    assert attributes.raw(table_sent, "LUTData") == bytes(range(256)) * 2
    (box_sent,) = kept.of(FILM_BOX)
    assert attributes.items(box_sent.dataset, LUT)


# Presentation LUTs and lighting


def session_with_lut(ct: Speaker) -> None:
    """A film in a film session that has LUT and lighting, as before CP 173."""
    lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
    uid = str(lut.command.AffectedSOPInstanceUID)
    ct.open_session(**{LUT: [reference(PRESENTATION_LUT, uid)], "Illumination": 2000})
    print_image(ct, image_box())
    ct.release()


@pytest.mark.parametrize("level", [FILM_SESSION, FILM_BOX])
def test_a_lut_of_the_film_session_reaches_a_printer_of_either_kind(
    tmp_path: Path, level: str
) -> None:
    """With its lighting, where the printer looks for it; the second film at once."""

    def looks_there(made: SentObject) -> int | None:
        elsewhere = made.sop_class in (FILM_SESSION, FILM_BOX) and made.sop_class != level
        minded = {attributes.tag(each) for each in (LUT, "Illumination")}
        wrong = elsewhere and minded & set(made.dataset.keys())
        return statuses.NO_SUCH_ATTRIBUTE if wrong else None

    kept = KeptRequests(looks_there)
    with print_room(tmp_path, kept) as relay:
        for _ in range(2):
            session_with_lut(relay.speaker())
            relay.wait_until(State.SENT)
        refused = [each for each in kept.sent if looks_there(each)]

    assert len(refused) <= 4, "with lighting and without, twice, of the first film"
    right = [each for each in kept.of(level) if attributes.tag(LUT) in each.dataset]
    assert [number(each.dataset, "Illumination") for each in right] == [2000] * 2


def test_lighting_without_a_lut_reaches_the_printer(tmp_path: Path) -> None:
    """Set in the film session, or in the film box."""
    kept = KeptRequests()
    with print_room(tmp_path, kept) as relay:
        ct = relay.speaker()
        ct.open_session(Illumination=2000, ReflectedAmbientLight=10)
        print_image(ct, image_box())
        ct.release()
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box(Illumination=1500, ReflectedAmbientLight=5)
        ct.set_image()
        ct.action(FILM_BOX, ct.film_box)
        relay.wait_until(State.SENT)

    found = [
        tuple(number(each.dataset, keyword) for keyword in attributes.LIGHTING)
        for each in kept.of(FILM_BOX)
    ]
    assert found == [(2000, 10), (1500, 5)]


@pytest.mark.parametrize(
    ("entries", "bits", "words"),
    [
        (4096, 8, "Presentation LUT of 4096 entries of 12 bits with images of 8 in 8 bits"),
        (256, 12, "Presentation LUT of 256 entries of 12 bits with images of 12 in 16 bits"),
    ],
)
def test_a_table_that_does_not_fit_its_images_is_said(
    tmp_path: Path, entries: int, bits: int, words: str
) -> None:
    """Where every printer refuses it: the film is held, and the words name both."""

    def refuses(made: SentObject) -> int | None:
        if made.sop_class != GRAYSCALE_IMAGE_BOX:
            return None
        (item,) = made.dataset.BasicGrayscaleImageSequence
        wrong = number(item, "BitsStored") == bits
        return statuses.INVALID_ATTRIBUTE_VALUE if wrong else None

    with print_room(tmp_path, KeptRequests(refuses)) as relay:
        ct = relay.speaker()
        item = dataset()
        item.add_new("LUTDescriptor", "US", [entries, 0, 12])
        item.add_new("LUTData", "OW", bytes(2 * entries))
        lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTSequence=[item]))
        uid = str(lut.command.AffectedSOPInstanceUID)
        ct.open_session()
        ct.open_film_box(**{LUT: [reference(PRESENTATION_LUT, uid)]})
        image = (
            picture()
            if bits == 8
            else picture(BitsAllocated=16, BitsStored=12, HighBit=11, PixelData=bytes(32))
        )
        ct.set_image(1, image_box(1, image))
        ct.action(FILM_BOX, ct.film_box)
        (job,) = relay.wait_until(State.HELD, 1)

    assert words in job.reason
    assert "0x0106" in job.reason


# Names


def test_called_ae_titles_are_the_sites(tmp_path: Path) -> None:
    """As configured, letter for letter; any where the site says so. The job keeps the one that was
    called."""
    for broker, taken, rejected in (
        ("", ("BROKER",), ("broker", "PRINT")),
        ('ae_titles = ["broker", "PRINT1"]\n', ("BROKER", "broker", "PRINT1"), ("Broker", "OTHER")),
        ("any_ae = true\n", ("OTHER", "broker"), ()),
    ):
        relay = Relay(tmp_path / str(len(broker)), [], broker=broker, more=UNREACHABLE)
        try:
            for called in rejected:
                with pytest.raises(Rejected, match="called"):
                    relay.speaker(called_ae=called)
            for called in taken:
                assert relay.speaker(called_ae=called).print_film() == statuses.SUCCESS
            assert [job.called_ae for job in relay.jobs()] == list(taken)
        finally:
            relay.close()


# Words


def test_the_comment_on_a_wrong_format_is_one_value_of_whole_words(tmp_path: Path) -> None:
    """An LO of 64 characters at most, though a format has backslashes."""
    with print_room(tmp_path, KeptRequests()) as relay:
        ct = relay.speaker()
        ct.open_session()
        answer = ct.open_film_box(r"STANDARD\1x1")

    assert answer.status == statuses.INVALID_ATTRIBUTE_VALUE
    comment = str(answer.command.ErrorComment)
    assert len(comment) <= 64
    assert "\\" not in comment
    assert comment.startswith("ImageDisplayFormat")
