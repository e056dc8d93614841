"""Whatever attribute a modality sends, at whatever level: the printer gets it, or it is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from broker.dicom import attributes as print_attributes
from broker.dicom.attributes import tag
from broker.dicom.tolerance import MEANT
from broker.dicom.uids import PRESENTATION_LUT
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, IMPLICIT_LE, dictionary_vr
from broker.dicom.upper_layer.message import MAX_WHILE_COMING, Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.jobs.job import State
from tests.peers.any_attribute import data_sets, dictionary, fitting
from tests.peers.byte_modality import NEEDED_OF_IMAGE, ByteModality, image_item
from tests.peers.coming_dataset import ALL_SYNTAXES, GRAYSCALE_SEQUENCE
from tests.peers.encoded_tree import Node, Tree
from tests.peers.searching import PATIENCE_S, searching
from tests.relay.conftest import Relay
from tests.relay.test_odd_answers import odd_printer

LEVELS = ("film session", "film box", "image box", "image", "LUT", "table")


LUT_REFERENCE = "ReferencedPresentationLUTSequence"
LUT = "1.2.3.4"
"""The modality's UID of it."""


def tags(*keywords: str) -> frozenset[int]:
    """Their tags."""
    return frozenset(int(tag(each)) for each in keywords)


NEEDED = (
    tags("NumberOfCopies"),
    tags("ImageDisplayFormat", "ReferencedFilmSessionSequence", LUT_REFERENCE),
    tags("ImageBoxPosition", "BasicGrayscaleImageSequence"),
    NEEDED_OF_IMAGE,
    tags("PresentationLUTShape", "PresentationLUTSequence"),
    tags("LUTDescriptor", "LUTData"),
)
"""By level: what a film needs, or what stands for other objects at the printer."""
NAMED_BY_PRINT = (
    tags(*print_attributes.FILM_SESSION, *print_attributes.LIGHTING),
    tags(*print_attributes.FILM_BOX),
    tags(*print_attributes.IMAGE_BOX),
    tags("PixelAspectRatio"),
    tags(),
    tags(),
)

REFERENCES = (
    "ReferencedBasicAnnotationBoxSequence",
    "ReferencedFilmBoxSequence",
    "ReferencedImageBoxSequence",
)
"""To objects that have other UIDs at the printer; empty ones refer to none."""
NO_PRINTERS = ("IconImageSequence", "PixelData", *REFERENCES)
"""Beside overlays, and what is of files and messages: named, and not relayed."""
LIGHTING = tags(*print_attributes.LIGHTING)

FORMAT = Node(0x20100010, "ST", b"STANDARD\\1,1")
TABLE = (
    Node(0x00283002, "US", b"\0\1\0\0\x0c\0"),
    Node(0x00283006, "OW", bytes(range(256)) * 2),
)


class Film(NamedTuple):
    """What is sent, by level, beside what a film needs."""

    session: Tree
    film_box: Tree
    image_box: Tree
    image: Tree
    lut: Tree
    """Of the Presentation LUT, beside its table. There is none where there is nothing here."""
    table: Tree
    """Of the item of the table."""


class Site:
    """A broker, and a printer that keeps what it was sent."""

    def __init__(self, relay: Relay, heard: list[Dataset]) -> None:
        self.relay = relay
        self._heard = heard
        self._films = 0

    def print(
        self, film: Film, syntax: str, *, delimited: bool, later: bool = False
    ) -> tuple[list[Dataset], list[str]]:
        """Print a film; what the printer got, by level, and what the film is said to be without.

        What is refused by its name is taken out of it, as the modality would learn to. With
        `later`, half of what stands in film session and film box comes by N-SET.
        """
        self._heard.clear()
        step = 2 if later else 1
        with_lut = bool(film.lut or film.table)
        with ByteModality(self.relay.service.port, syntax, delimited=delimited) as ct:
            session, box = film.session[::step], film.film_box[::step]
            rest, rest_of_box = film.session[1::2], film.film_box[1::2]
            until_taken(lambda: ct.create_session(session), session, film.session)
            needed = [FORMAT]
            if with_lut:
                until_taken(lambda: ct.create_lut(lut_of(film), LUT), film.lut, film.table)
                needed.append(reference(LUT_REFERENCE, LUT))
            until_taken(lambda: ct.create_film_box(sorted([*box, *needed])), box, film.film_box)
            if later:
                until_taken(lambda: ct.set_session(rest), rest, film.session)
                until_taken(lambda: ct.set_film_box(rest_of_box), rest_of_box, film.film_box)
            until_taken(lambda: ct.set_image_box(box_of(film)), film.image_box, film.image)
            assert ct.print().Status == 0
        self._films += 1
        queries = self.relay.service.jobs.queries
        self.relay.wait_for(lambda: queries.get(self._films).state is State.SENT)
        (sent,) = queries.films(self._films)
        begin = "not relayed: "
        said = [each for each in sent.words.split("; ") if each]
        assert all(each.startswith(begin) for each in said), said
        session, *luts, film_box, box = self._heard
        (image,) = box[GRAYSCALE_SEQUENCE].value
        lut = luts[0] if with_lut else Dataset()
        table = lut.PresentationLUTSequence[0] if with_lut else Dataset()
        names = [name for each in said for name in each.removeprefix(begin).split(", ")]
        return [session, film_box, box, image, lut, table], names


def reference(keyword: str, uid: str) -> Node:
    """To an instance of ours."""
    padded = uid.encode() + b"\0" * (len(uid) % 2)
    return Node(int(tag(keyword)), "SQ", [[Node(0x00081155, "UI", padded)]])


def lut_of(film: Film) -> Tree:
    """The data set of a Presentation LUT."""
    table = sorted([*film.table, *TABLE])
    return sorted([*film.lut, Node(0x20500010, "SQ", [table])])


def box_of(film: Film) -> Tree:
    """The data set of an image box."""
    needed = [
        Node(0x20200010, "US", b"\1\0"),
        Node(GRAYSCALE_SEQUENCE, "SQ", [image_item(film.image)]),
    ]
    return sorted([*film.image_box, *needed])


def until_taken(say: Callable[[], Any], *levels: Tree) -> None:
    """Send it until it is taken, each time without what was refused by its name."""
    while (answer := say()).Status:
        word = str(answer.get("ErrorComment")).split(" ")[0]
        named = {each.tag for level in levels for each in level if name(each) == word}
        assert named, (hex(answer.Status), answer.get("ErrorComment"))
        for level in levels:
            level[:] = [each for each in level if each.tag not in named]


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A broker and its printer."""
    heard: list[Dataset] = []

    def odd(request: Request) -> Response | None:
        if request.data is not None and request.field in (Command.N_CREATE, Command.N_SET):
            heard.append(request.dataset())
        return None

    lut = Offer(PRESENTATION_LUT, (EXPLICIT_LE, IMPLICIT_LE))
    with odd_printer(folder, odd, lut) as (relay, _):
        relay.wait_until_up()
        yield Site(relay, heard)


def name(each: Node) -> str:
    """As the film names it."""
    return keyword_for_tag(each.tag) or f"({each.tag >> 16:04X},{each.tag & 0xFFFF:04X})"


def expected(each: Node, syntax: str) -> tuple[str, Any]:
    """VR and value of an element as the broker knows it; of what is empty, the VR does not
    matter."""
    if not each.value:
        return "", b""
    known = syntax == IMPLICIT_LE or each.vr == "UN"
    vr = dictionary_vr(Tag(each.tag)) if known else each.vr
    if isinstance(each.value, bytes):
        return vr, each.value
    inside = IMPLICIT_LE if each.vr == "UN" else syntax
    return "SQ", [{one.tag: expected(one, inside) for one in item} for item in each.value]


def got(dataset: Dataset, number: int) -> tuple[str, Any]:
    """VR and value of an element as the printer got it."""
    element = dataset.get_item(number)
    if not element.value:
        return "", b""
    if isinstance(element.value, bytes):
        return str(element.VR), element.value
    items = ((item, [int(one) for one in item.keys()]) for item in element.value)  # noqa: SIM118
    return "SQ", [{one: got(item, one) for one in tags} for item, tags in items]


def text(value: bytes) -> bytes:
    """The value of an attribute that print names, without what does not count (PS3.5 6.2)."""
    return b"\\".join(part.strip(b" \0") for part in value.split(b"\\")) if value else b""


def silently_dropped(film: Film, syntax: str, levels: list[Dataset], names: list[str]) -> list[Any]:
    """What is neither at the printer as it came, nor named."""
    lost = []
    for level, sent, there in zip(LEVELS, film, levels, strict=True):
        for each in sent:
            if level == "film session" and each.tag in LIGHTING:
                # Modalities older than CP 173: it holds where the film box is silent.
                own = {one.tag for one in film.film_box}
                came = each.tag in own or arrived(each, level, syntax, levels[1])
            else:
                came = arrived(each, level, syntax, there)
            if not came and name(each) not in names:
                lost.append((level, name(each), expected(each, syntax)))
    return lost


def arrived(each: Node, level: str, syntax: str, there: Dataset) -> bool:
    """Whether the printer got it; without a value, what print names is as if it were not there."""
    theirs = got(there, each.tag) if each.tag in there else ("", b"")
    if not each.value and name(each) in REFERENCES:
        return True
    if each.tag in NAMED_BY_PRINT[LEVELS.index(level)]:
        sent = text(expected(each, syntax)[1])
        # A word with a plain meaning is taken as that, and the log tells it (dicom.tolerance).
        meant = MEANT.get(name(each), {}).get(str(sent, "latin-1"), "").encode()
        return not sent or text(theirs[1]) in (sent, meant or sent)
    return each.tag in there and theirs == expected(each, syntax)


def parts(every: list[int]) -> Iterator[list[int]]:
    """All of them, as many at once as a data set may have that is read while it comes: an image box
    has its own and those of its image."""
    part: list[int] = []
    room = MAX_WHILE_COMING // 2 - 50
    for each in every:
        room -= 7 if dictionary()[each] == ("SQ",) else 1
        if room < 0:
            yield part
            part, room = [], MAX_WHILE_COMING // 2 - 50
        part.append(each)
    yield part


@pytest.mark.parametrize("syntax", ALL_SYNTAXES, ids=["implicit", "explicit", "big"])
def test_each_attribute_of_the_dictionary(tmp_path: Path, syntax: str) -> None:
    """At each level, many in one film: nothing is dropped in silence."""
    lost, unrelayed = [], set()
    with site(tmp_path) as made:
        for number, part in enumerate(parts(sorted(dictionary()))):
            levels = [[each for each in part if each not in needed] for needed in NEEDED]
            # Of a LUT not so many are relayed: a film may have one for each image.
            film = Film(*map(fitting, levels[:4]), [], [])
            there, names = made.print(film, syntax, delimited=bool(number % 2))
            lost += silently_dropped(film, syntax, there, names)
            unrelayed |= set(names)
    assert lost == []
    assert unrelayed == {
        keyword_for_tag(each)
        for each in dictionary()
        if each < 0x00080000 or each >> 24 == 0x60 or keyword_for_tag(each) in NO_PRINTERS
    }


def films() -> st.SearchStrategy[Film]:
    """Attributes of the dictionary and private ones at each level, print's own more often."""
    return st.builds(Film, *map(data_sets, NEEDED, NAMED_BY_PRINT))


@pytest.mark.timeout(PATIENCE_S)
def test_any_attribute_of_any_value(tmp_path: Path) -> None:
    """Any VR, any value that fits it, in any of the three transfer syntaxes, by N-CREATE and N-SET:
    the printer gets it as it came, at its level, or it is named beside the film, or refused by its
    name."""
    with site(tmp_path) as made:

        @searching(examples=120, steps=1)
        @given(films(), st.sampled_from(ALL_SYNTAXES), st.booleans(), st.booleans())
        def check(film: Film, syntax: str, delimited: bool, later: bool) -> None:
            there, names = made.print(film, syntax, delimited=delimited, later=later)
            assert silently_dropped(film, syntax, there, names) == []

        check()


def text_of(keyword: str, value: str) -> Node:
    """An attribute with a value of text."""
    number = tag(keyword)
    return Node(int(number), dictionary_vr(number), value.encode("latin-1"))


def word_of(keyword: str, value: int) -> Node:
    """An attribute with a number."""
    return Node(int(tag(keyword)), "US", value.to_bytes(2, "little"))


def private(level: int) -> Tree:
    """Ten private elements of several VRs."""
    vrs = ["LO", "UN", "US", "UL", "FD", "OB", "OW", "AT", "DS", "PN"]
    values = [bytes([level, number, 3, 4, 5, 6, 7, 8]) for number in range(10)]
    made = [Node(0x20110010, "LO", b"ACME 1.0")]
    made += [Node(0x20111000 + at, vr, values[at]) for at, vr in enumerate(vrs)]
    return made


@pytest.mark.parametrize("syntax", ALL_SYNTAXES, ids=["implicit", "explicit", "big"])
def test_every_optional_attribute_and_ten_private_ones(tmp_path: Path, syntax: str) -> None:
    """A film with all that PS3.3 C.13.1, C.13.3 and C.13.5 name, and ten private elements at every
    level, has the same bytes at the printer, and no others."""
    film = Film(
        session=[
            text_of("SpecificCharacterSet", "ISO_IR 192"),
            text_of("NumberOfCopies", "2 "),
            text_of("PrintPriority", "HIGH"),
            text_of("MediumType", "BLUE FILM "),
            text_of("FilmDestination", "BIN_2 "),
            text_of("FilmSessionLabel", "\xc3\x9cbung"),
            text_of("MemoryAllocation", "20"),
            text_of("OwnerID", "room 2"),
            *private(1),
        ],
        film_box=[
            text_of("AnnotationDisplayFormatID", "A1"),
            text_of("FilmOrientation", "LANDSCAPE "),
            text_of("FilmSizeID", "14INX17IN "),
            text_of("MagnificationType", "CUBIC "),
            text_of("SmoothingType", "SHARP "),
            text_of("BorderDensity", "150 "),
            text_of("EmptyImageDensity", "WHITE "),
            word_of("MinDensity", 20),
            word_of("MaxDensity", 310),
            text_of("Trim", "YES "),
            text_of("ConfigurationInformation", "CS=5\\X"),
            word_of("Illumination", 2000),
            word_of("ReflectedAmbientLight", 10),
            text_of("RequestedResolutionID", "HIGH"),
            *private(2),
        ],
        image_box=[
            text_of("Polarity", "REVERSE "),
            text_of("MagnificationType", "BILINEAR"),
            text_of("SmoothingType", "SOFT"),
            word_of("MinDensity", 30),
            word_of("MaxDensity", 290),
            text_of("ConfigurationInformation", "CS=6"),
            text_of("RequestedImageSize", "120.50"),
            text_of("RequestedDecimateCropBehavior", "DECIMATE"),
            *private(3),
        ],
        image=[text_of("PixelAspectRatio", "4\\3 "), *private(4)],
        lut=private(5),
        table=[text_of("LUTExplanation", "lighter "), *private(6)],
    )
    with site(tmp_path) as made:
        there, names = made.print(Film(*map(sorted, film)), syntax, delimited=False)

    sent = (
        film.session,
        [*film.film_box, FORMAT],
        [*film.image_box, word_of("ImageBoxPosition", 1)],
        image_item(film.image),
        film.lut,
        [*film.table, *TABLE],
    )
    printers = tags(
        "BasicGrayscaleImageSequence",
        "PresentationLUTSequence",
        "ReferencedFilmSessionSequence",
        LUT_REFERENCE,
    )
    assert names == []
    for level, at_printer in zip(sent, there, strict=True):
        numbers = {int(each) for each in at_printer.keys()} - printers  # noqa: SIM118
        assert {each: got(at_printer, each) for each in numbers} == {
            each.tag: expected(each, syntax) for each in level
        }
