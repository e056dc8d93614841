"""Elements that print does not name reach the printer as they came, or are named as left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from broker.dicom.attributes import put_raw
from broker.dicom.other_elements import LONGEST, others, relay
from broker.dicom.uids import FILM_BOX, FILM_SESSION, GRAYSCALE_IMAGE_BOX, PRESENTATION_LUT
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset import buffers, encode_dataset, read_raw
from broker.dicom.upper_layer.dataset_reader import dictionary_vr
from broker.dicom.upper_layer.message import Request, Response
from broker.model.jobs.job import State
from broker.model.printers.printer import Address
from tests.peers.dcmtk import dcmprscp
from tests.peers.searching import searching
from tests.peers.speaker import Speaker, image_box, picture, reference
from tests.peers.stored_print import stored_prints
from tests.relay.conftest import Relay
from tests.relay.test_odd_answers import odd_printer

EXPLICIT = "1.2.840.10008.1.2.1"
NAME = b"M\xfcller^Anna"
"""Of no patient; in Latin-1."""


def marked(made: Dataset, level: int) -> Dataset:
    """With a name, an attribute of a later edition, a private block and a sequence."""
    put_raw(made, "PatientName", "PN", NAME)
    put_raw(made, "PatientID", "LO", b"id %d" % level)
    block = made.private_block(0x0029, "ACME 1.0", create=True)
    block.add_new(0x01, "UN", bytes(range(level, level + 7)))
    item = Dataset()
    put_raw(item, "CodeValue", "SH", b"T-D%d" % level)
    made.ProcedureCodeSequence = [item]
    return made


def film(ct: Speaker) -> None:
    """Print one that is marked at each of its four levels."""
    answer = ct.create(FILM_SESSION, marked(Dataset(), 1))
    ct.session = str(answer.command.AffectedSOPInstanceUID)
    made = ct.create(FILM_BOX, marked(ct.film_box_of(r"STANDARD\1,1"), 2))
    assert made.dataset is not None
    ct.film_box = str(made.command.AffectedSOPInstanceUID)
    (box,) = made.dataset.ReferencedImageBoxSequence
    image = image_box(1, marked(picture(), 4))
    assert ct.set(GRAYSCALE_IMAGE_BOX, box.ReferencedSOPInstanceUID, marked(image, 3)).status == 0
    assert ct.action(FILM_BOX, ct.film_box).status == 0
    ct.release()


def raw(of: Dataset) -> dict[int, bytes]:
    """Encoded elements, each by its tag, those that `marked` makes."""
    found = {}
    for tag in of.keys():  # noqa: SIM118
        if tag.group in (0x0010, 0x0029) or tag == 0x00081032:
            alone = Dataset()
            alone._dict[tag] = of.get_item(tag)
            found[int(tag)] = b"".join(map(bytes, buffers(encode_dataset(alone, EXPLICIT))))
    return found


def test_they_reach_the_printer_at_their_level(tmp_path: Path) -> None:
    """Byte for byte: film session, film box, image box, image. No log line has any of it, and they
    go with the pixels."""
    heard: list[Dataset] = []

    def odd(request: Request) -> Response | None:
        if request.data is not None and request.field in (Command.N_CREATE, Command.N_SET):
            sent = request.dataset()
            heard.append(sent)
            heard.extend(sent.get("BasicGrayscaleImageSequence", ()))
        return None

    with odd_printer(tmp_path, odd) as (broker, _):
        broker.wait_until_up()
        film(broker.speaker())
        broker.wait_until(State.SENT, 1)
        (sent,) = broker.service.jobs.queries.films(1)
        assert "M\xfcller" not in json.dumps([str(note) for note in broker.notes])
        assert sent.film.session_more

    assert [raw(each) for each in heard] == [
        raw(marked(Dataset(), level)) for level in (1, 2, 3, 4)
    ]
    assert sent.words == ""


def test_a_strict_printer_gets_the_film_without_them(tmp_path: Path) -> None:
    """DCMTK's refuses whatever it does not know: the film comes out, and says without what."""
    with dcmprscp(tmp_path / "printer") as port:
        broker = Relay(tmp_path / "relay", [Address("oki-1", "IHEFULL", "127.0.0.1", port)])
        try:
            broker.wait_until_up()
            for job in (1, 2):
                film(broker.speaker())
                broker.wait_until(State.SENT, job)
            words = [broker.service.jobs.queries.films(job)[0].words for job in (1, 2)]
        finally:
            broker.close()
    said = "without other elements: oki-1 does not take it"
    assert words == ["; ".join([said] * 3)] * 2


@pytest.mark.dcmtk
def test_a_strict_printer_gets_the_lut_without_them(tmp_path: Path) -> None:
    """LUT Explanation and a private element in the LUT of a film: DCMTK's refuses what it does not
    know of it, and gets the same table without."""
    item = Dataset()
    item.LUTDescriptor = [256, 0, 12]
    item.add_new("LUTData", "OW", bytes(range(256)) * 2)
    item.LUTExplanation = "lighter"
    made = Dataset()
    made.PresentationLUTSequence = [item]
    marked(made, 5)
    with dcmprscp(tmp_path / "printer") as port:
        broker = Relay(tmp_path / "relay", [Address("oki-1", "IHEFULL", "127.0.0.1", port)])
        try:
            broker.wait_until_up()
            ct = broker.speaker()
            ct.open_session()
            answer = ct.create(PRESENTATION_LUT, made)
            uid = str(answer.command.AffectedSOPInstanceUID)
            ct.open_film_box(
                ReferencedPresentationLUTSequence=[reference(PRESENTATION_LUT, uid)],
                **{"Illumination": 2000, "ReflectedAmbientLight": 10},
            )
            ct.set_image()
            assert ct.action(FILM_BOX, ct.film_box).status == 0
            broker.wait_until(State.SENT, 1)
            (sent,) = broker.service.jobs.queries.films(1)
        finally:
            broker.close()
    (printed,) = stored_prints(tmp_path / "printer")
    assert "LUTData" in printed.luts
    assert sent.words == "LUT without other elements: oki-1 does not take it"


def test_what_cannot_be_relayed_is_named(tmp_path: Path) -> None:
    """Overlays, icons, what is too long: the film is printed without. A group length is no loss."""
    image = image_box(1)
    for tag, vr, value in (
        (Tag(0x60003000), "OW", bytes(8)),
        (Tag(0x00100000), "UL", bytes(4)),
        (Tag(0x00091001), "OB", bytes(LONGEST)),
    ):
        image._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, False, True)
    image.IconImageSequence = [Dataset()]

    with odd_printer(tmp_path, lambda _: None) as (broker, _):
        broker.wait_until_up()
        ct = broker.speaker()
        ct.open_session()
        ct.open_film_box()
        ct.set_image(1, image)
        ct.action(FILM_BOX, ct.film_box)
        broker.wait_until(State.SENT, 1)
        (sent,) = broker.service.jobs.queries.films(1)

    assert sent.words == "not relayed: (0009,1001), IconImageSequence, OverlayData"


VRS = st.sampled_from(["LO", "UN", "DS", "US", "PN", "OB", "LT", "UI"])


def has_bytes(tag: int) -> bool:
    """Whether a value of its is bytes: the items of a sequence come as such, even in UN."""
    return bool(tag & 0xFFFF) and dictionary_vr(Tag(tag)) != "SQ"


@searching(examples=100, steps=1)
@given(
    st.dictionaries(
        st.integers(0x00080001, 0x50FFFFFF).filter(has_bytes),
        st.tuples(VRS, st.binary(max_size=60).filter(lambda value: len(value) % 2 == 0)),
        max_size=8,
    )
)
def test_nothing_is_dropped_in_silence(sent: dict[int, tuple[str, bytes]]) -> None:
    """Whatever attribute, of whatever VR: it is relayed, or named."""
    made = Dataset()
    for tag, (vr, value) in sent.items():
        made._dict[Tag(tag)] = RawDataElement(Tag(tag), vr, len(value), value, 0, False, True)

    kept, left_out = others(made, frozenset())
    back = Dataset()
    relay(kept, back)

    assert len(back) + len(left_out) == len(sent)
    for tag in back.keys():  # noqa: SIM118
        assert back.get_item(tag).value == sent[int(tag)][1]


def test_a_later_value_takes_the_place_of_an_earlier_one() -> None:
    """As of any attribute that N-SET changes; beyond the bound all that came is left out."""
    first, second, long = Dataset(), Dataset(), Dataset()
    put_raw(first, "PatientID", "LO", b"1 ")
    put_raw(first, "PatientName", "PN", b"A ")
    put_raw(second, "PatientID", "LO", b"2 ")
    put_raw(long, "PatientComments", "LT", b"x" * (LONGEST + 2))

    kept, _ = others(first, frozenset())
    kept, _ = others(second, frozenset(), kept)
    same, left_out = others(long, frozenset(), kept)

    values = {
        int(tag): read_raw(kept, EXPLICIT).get_item(tag).value for tag in (0x100010, 0x100020)
    }
    assert values == {0x100010: b"A ", 0x100020: b"2 "}
    assert (same, left_out) == (kept, ("PatientComments",))
