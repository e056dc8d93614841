"""A modality that proposes nothing but Explicit VR Big Endian prints what another one prints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom import AE
from pynetdicom.association import Association

from broker.dicom import statuses
from broker.dicom.uids import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    OFFERED,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
    fresh_uid,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.jobs.job import State
from broker.model.printers.printer import Address
from tests.peers.coming_dataset import in_big_endian, plain
from tests.peers.dcmtk import dcmprscp, heard_by
from tests.peers.dcmtk_modality import DcmtkModality
from tests.peers.heard import asked, places
from tests.peers.pictures import pictures
from tests.peers.stored_print import stored_prints
from tests.peers.ways import IDENTITY, TABLE
from tests.relay.conftest import Relay
from tests.relay.test_interoperability import claimed
from tests.relay.test_odd_answers import odd_printer

Made = Callable[..., Relay]


@contextmanager
def modality(port: int, *syntaxes: str) -> Iterator[Association]:
    """An association of pynetdicom's, each class in these transfer syntaxes."""
    entity = AE("CT1")
    for each in (VERIFICATION, *OFFERED):
        entity.add_requested_context(each, list(syntaxes))
    association = entity.associate("127.0.0.1", port, ae_title="BROKER")
    assert association.is_established
    try:
        yield association
    finally:
        association.release()


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        ((EXPLICIT_BIG,), EXPLICIT_BIG),
        ((EXPLICIT_BIG, IMPLICIT_LITTLE), IMPLICIT_LITTLE),
        ((EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE), EXPLICIT_LITTLE),
    ],
    ids=["alone", "beside Implicit", "beside both"],
)
def test_it_is_taken_where_it_is_all_that_is_proposed(
    relay: Made, proposed: tuple[str, ...], chosen: str
) -> None:
    """Every class, Verification too; with Little Endian beside it, that is chosen."""
    broker = relay(1)
    with modality(broker.service.port, *proposed) as ct:
        found = {each.abstract_syntax: each.transfer_syntax for each in ct.accepted_contexts}
        assert ct.send_c_echo().Status == 0
        assert ct.rejected_contexts == []
    assert found == {each: [chosen] for each in (VERIFICATION, *OFFERED)}


class Console:
    """Prints one film by pynetdicom, in a transfer syntax.

    pydicom writes numbers in the order of bytes of the data set, and OW, OF and the like as they
    are: what is of words is turned here.
    """

    def __init__(self, association: Association) -> None:
        self._association = association
        (syntax,) = {str(each.transfer_syntax[0]) for each in association.accepted_contexts}
        self.big = syntax == EXPLICIT_BIG

    def words(self, made: Dataset, tag: Any, vr: str, value: bytes, word: int = 2) -> None:
        """Add words, which are given in little endian."""
        made.add_new(tag, vr, in_big_endian(value, word) if self.big else value)

    def create(self, sop_class: str, made: Dataset | None) -> tuple[str, Dataset]:
        """N-CREATE; the UID and the attributes that were answered."""
        meta = None if sop_class == PRESENTATION_LUT else GRAYSCALE_META
        uid = fresh_uid()
        status, reply = self._association.send_n_create(made, sop_class, uid, meta_uid=meta)
        assert status.Status == 0
        return uid, reply

    def set_image(self, place: Dataset, depth: int, vr: str) -> Dataset:
        """N-SET of an image box that is referred to; the status."""
        status: Dataset = self._association.send_n_set(
            self.image_box(depth, vr),
            GRAYSCALE_IMAGE_BOX,
            place.ReferencedSOPInstanceUID,
            meta_uid=GRAYSCALE_META,
        )[0]
        return status

    def print(self, depth: int, vr: str, lut: Dataset) -> list[Dataset]:
        """A whole film; all data sets that were answered."""
        lut_uid, told_lut = self.create(PRESENTATION_LUT, lut)
        session, told_session = self.create(FILM_SESSION, self.marked(Dataset()))
        box = self.marked(Dataset())
        box.ImageDisplayFormat, box.MinDensity, box.MaxDensity = r"STANDARD\1,1", 17, 320
        box.Illumination, box.ReflectedAmbientLight = 2000, 10
        box.ReferencedFilmSessionSequence = [_reference(FILM_SESSION, session)]
        box.ReferencedPresentationLUTSequence = [_reference(PRESENTATION_LUT, lut_uid)]
        film_box, told_box = self.create(FILM_BOX, box)
        (place,) = told_box.ReferencedImageBoxSequence
        sent = self.set_image(place, depth, vr)
        status = self._association.send_n_action(
            None, 1, FILM_BOX, film_box, meta_uid=GRAYSCALE_META
        )[0]
        assert (sent.Status, status.Status) == (0, 0)
        got, printer = self._association.send_n_get(
            [0x21100010, 0x21100020], PRINTER, PRINTER_INSTANCE, meta_uid=GRAYSCALE_META
        )
        assert got.Status == 0
        return [told_lut, told_session, told_box, printer]

    def table(self) -> Dataset:
        """A Presentation LUT of a table."""
        item = Dataset()
        item.add_new("LUTDescriptor", "US", [256, 0, 12])
        self.words(item, "LUTData", "OW", bytes(range(256)) * 2)
        made = Dataset()
        made.PresentationLUTSequence = [item]
        return made

    def image_box(self, depth: int, vr: str) -> Dataset:
        """Five columns of three rows: an odd number of bytes where they are of 8 bits."""
        made = self.marked(Dataset())
        made.ImageBoxPosition, made.MinDensity = 1, 21
        image = self.marked(Dataset())
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.Rows, image.Columns = 3, 5
        stored = 12 if depth > 1 else 8
        image.BitsAllocated, image.BitsStored, image.HighBit = 8 * depth, stored, stored - 1
        image.PixelRepresentation = 0
        pixels = bytes(range(15 * depth)) + bytes(depth % 2)
        if vr == "OW":
            self.words(image, "PixelData", "OW", pixels)
        else:
            image.add_new("PixelData", vr, pixels)
        made.BasicGrayscaleImageSequence = [image]
        return made

    def marked(self, made: Dataset) -> Dataset:
        """With elements that print does not name, of most VRs, and private ones."""
        made.SelectorUSValue, made.SelectorSSValue = 0x0102, -2
        made.SelectorULValue, made.SelectorSLValue = [0x01020304, 5], -70_000
        made.SelectorFLValue, made.SelectorFDValue = 1.5, -2.25
        made.SelectorATValue = [0x20100010, 0x00280010]
        self.words(made, "SelectorOLValue", "OL", bytes(range(8)), 4)
        self.words(made, "SelectorODValue", "OD", bytes(range(8)), 8)
        made.PatientName = "Nobody"
        block = made.private_block(0x0029, "ACME 1.0", create=True)
        block.add_new(1, "UN", b"\1\2\3\4")
        block.add_new(2, "US", [1, 0x0203])
        block.add_new(3, "OB", b"abcd")
        inner, deeper = Dataset(), Dataset()
        deeper.SelectorUSValue = 0x0304
        inner.ReferencedImageSequence = [deeper]
        made.ProcedureCodeSequence = Sequence([inner, Dataset()])
        made["ProcedureCodeSequence"].is_undefined_length = True
        inner.is_undefined_length_sequence_item = True
        return made


def _reference(sop_class: str, instance: str) -> Dataset:
    made = Dataset()
    made.ReferencedSOPClassUID, made.ReferencedSOPInstanceUID = sop_class, instance
    return made


@pytest.mark.parametrize(
    ("depth", "vr"), [(2, "OW"), (1, "OW"), (1, "OB")], ids=["12 bits", "8 bits", "8 bits in OB"]
)
def test_the_printer_gets_the_same_film(tmp_path: Path, depth: int, vr: str) -> None:
    """Every byte of every data set, as from a modality in Little Endian with the same content; and
    the modality is answered the same values."""
    heard: list[Dataset] = []

    def odd(request: Request) -> Response | None:
        if request.data is not None and request.field in (Command.N_CREATE, Command.N_SET):
            heard.append(request.dataset())
        return None

    answers = []
    lut = Offer(PRESENTATION_LUT, (EXPLICIT_LITTLE,))
    with odd_printer(tmp_path, odd, lut) as (broker, _):
        broker.wait_until_up()
        for number, syntax in enumerate((EXPLICIT_LITTLE, EXPLICIT_BIG), start=1):
            with modality(broker.service.port, syntax) as association:
                console = Console(association)
                answers.append(console.print(depth, vr, console.table()))
            broker.wait_until(State.SENT, number)
        films = [broker.service.jobs.queries.films(number)[0] for number in (1, 2)]

    little, big = heard[: len(heard) // 2], heard[len(heard) // 2 :]
    assert [_without_uids(plain(each)) for each in big] == [
        _without_uids(plain(each)) for each in little
    ]
    image = plain(little[-1])[0x20200110][0]
    assert image[0x0072007A] == b"\x02\x01"
    assert image[0x7FE00010][: 15 * depth] == bytes(range(15 * depth))
    assert [film.words for film in films] == ["", ""]
    tables = [told.PresentationLUTSequence[0].LUTData for told, *_ in answers]
    assert tables[1] == in_big_endian(tables[0], 2)
    for one, other in zip(*answers, strict=True):
        assert _told(one) == _told(other)


def test_words_as_bytes_are_refused(relay: Made) -> None:
    """Peers differ in the order of 16-bit pixels in OB, which PS3.5 A.3 does not allow: a film in
    the wrong one would come out as noise."""
    broker = relay(1)
    with modality(broker.service.port, EXPLICIT_BIG) as association:
        console = Console(association)
        console.create(FILM_SESSION, None)
        box = Dataset()
        box.ImageDisplayFormat = r"STANDARD\1,1"
        _, told = console.create(FILM_BOX, box)
        (place,) = told.ReferencedImageBoxSequence

        status = console.set_image(place, 2, "OB")

        assert status.Status == statuses.INVALID_ATTRIBUTE_VALUE
        assert "PixelData" in status.ErrorComment
        assert console.set_image(place, 1, "OB").Status == statuses.SUCCESS


def _without_uids(found: dict[int, Any]) -> dict[int, Any]:
    """References differ from film to film."""
    return {
        tag: [_without_uids(each) for each in value] if isinstance(value, list) else value
        for tag, value in found.items()
        if tag != 0x00081155
    }


def _told(reply: Dataset) -> list[tuple[str, str]]:
    return [
        (each.keyword, str(each.value))
        for each in reply.iterall()
        if each.VR != "SQ" and each.keyword not in ("ReferencedSOPInstanceUID", "LUTData")
    ]


@pytest.mark.dcmtk
@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("lut", [IDENTITY, TABLE], ids=["identity", "table"])
def test_dcmtk_prints_the_same_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bits: int, lut: tuple[str, ...]
) -> None:
    """dcmprscu proposes Little Endian beside it always: here the broker takes nothing else."""
    monkeypatch.setattr("broker.service.service.SYNTAXES_TAKEN", (EXPLICIT_BIG,))
    modality = DcmtkModality(tmp_path / "scu", bits=bits)
    stored = modality.compose(
        pictures(tmp_path / "pictures", 2, rows=31, columns=33),
        *("--layout", "1", "2", "--filmsize", "14INX17IN", "--min-density", "30"),
        *lut,
        lut=True,
    )
    with dcmprscp(tmp_path / "straight") as straight, dcmprscp(tmp_path / "behind") as behind:
        modality.print([stored], straight, "IHEFULL", lut=True)
        broker = Relay(tmp_path / "relay", [Address("oki-1", "IHEFULL", "127.0.0.1", behind)])
        try:
            broker.wait_until_up()
            words = modality.print([stored], broker.service.port, "BROKER", lut=True)
            broker.wait_until(State.SENT, 1)
            assert broker.broken == []
        finally:
            broker.close()
    said = heard_by(tmp_path / "behind")
    assert {each.syntax for each in words if each.incoming and each.syntax} == {
        "Big Endian Explicit"
    }
    assert stored_prints(tmp_path / "behind") == stored_prints(tmp_path / "straight")
    assert asked(said) == claimed(asked(heard_by(tmp_path / "straight")))
    assert places(said) == [(1, 1), (2, 2)]
