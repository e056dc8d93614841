"""What comes in Explicit VR Big Endian says what it says in little endian."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from broker.dicom.upper_layer.dataset import encode_dataset, read_raw
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_BE, EXPLICIT_LE
from broker.dicom.upper_layer.transfer_syntax import turned, turned_pieces
from tests.peers.coming_dataset import (
    BORDERS,
    GRAYSCALE_SEQUENCE,
    LUT_SEQUENCE,
    OTHER_SEQUENCE,
    PIXEL_DATA,
    PRIVATE,
    ROWS,
    WORDS,
    Coming,
    agree,
    in_big_endian,
    plain,
)
from tests.peers.encoded_tree import Node, Tree, encoded

TEXT = ("LO", "DS", "UT", "UI", "OB", "UN")
SEQUENCES = (GRAYSCALE_SEQUENCE, LUT_SEQUENCE, OTHER_SEQUENCE, PRIVATE)


def values() -> st.SearchStrategy[Node]:
    """Elements of every VR, their values of any bytes; some that the dictionary knows, as UN."""
    tags = st.sampled_from([0x00280107, 0x0018602C, 0x20000050, PRIVATE + 2, ROWS, 0x60020050])
    return st.builds(Node, tags, st.sampled_from([*WORDS, *TEXT]), st.binary(max_size=19))


@st.composite
def trees(draw: st.DrawFn, depth: int = 0) -> Tree:
    """Data sets, with sequences in them and pixels."""
    made: Tree = list(draw(st.lists(values(), max_size=3)))
    if draw(st.booleans()):
        vr = draw(st.sampled_from(["OW", "OB", "UN"]))
        made.append(Node(PIXEL_DATA, vr, draw(st.binary())))
    if depth < 3 and draw(st.booleans()):
        tag, vr = draw(st.sampled_from(SEQUENCES)), draw(st.sampled_from(["SQ", "UN"]))
        made.append(Node(tag, vr, draw(st.lists(trees(depth + 1), max_size=2))))
    return made


@given(trees(), BORDERS, st.booleans())
def test_both_orders_of_bytes_are_read_as_the_same(
    tree: Tree, borders: list[int], delimited: bool
) -> None:
    """Each VR, at any depth, wherever it is cut; UN is little endian in both (PS3.5 6.2.2)."""
    little = plain(read_raw(encoded(tree, EXPLICIT_LE, delimited=delimited), EXPLICIT_LE))
    coming = Coming(EXPLICIT_BE, encoded(tree, EXPLICIT_BE, delimited=delimited), borders)

    pixels = coming.pixels[0] if coming.pixels else b""
    assert agree(little, plain(coming.read()), pixels)


@given(trees())
def test_what_leaves_in_big_endian_says_the_same(tree: Tree) -> None:
    """What we write is read as what it was written from, UN and the padding of odd values too."""
    little = read_raw(encoded(tree, EXPLICIT_LE, delimited=False), EXPLICIT_LE)
    padded = read_raw(b"".join(encode_dataset(little, EXPLICIT_LE)), EXPLICIT_LE)

    back = read_raw(b"".join(encode_dataset(little, EXPLICIT_BE)), EXPLICIT_BE)

    assert plain(back) == plain(padded)


@given(st.binary(max_size=70), st.sampled_from([2, 4, 8]), st.lists(st.integers(0, 70)))
def test_a_word_may_be_cut_anywhere(value: bytes, word: int, borders: list[int]) -> None:
    """In pieces or whole, each word is turned once, and what is left of one stays as it is."""
    places = sorted({0, len(value), *(each for each in borders if each < len(value))})
    pieces = [memoryview(value)[begin:end] for begin, end in pairwise(places)]

    assert turned(value, word) == in_big_endian(value, word)
    assert b"".join(turned_pieces(pieces, word)) == in_big_endian(value, word)


def sample() -> Dataset:
    """A data set that DCMTK knows how to turn: numbers, words, bytes, tags, sequences, UN."""
    image = Dataset()
    image.Rows, image.Columns, image.BitsAllocated = 3, 5, 8
    image.PixelAspectRatio = ["1", "2"]
    image.SelectorFDValue = [1.5, -2.25]
    image.SelectorSLValue = -70_000
    image.SelectorATValue = [0x20100010, 0x00280010]
    image.add_new("SelectorOFValue", "OF", bytes(range(8)))
    image.add_new("PixelData", "OW", bytes(range(16)))
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [256, 0, 12])
    table.add_new("LUTData", "OW", bytes(range(256)) * 2)
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.1.4", "1.2.3"
    made.MinDensity = 20
    made.FilmSessionLabel = "label"
    made.BasicGrayscaleImageSequence = [image]
    made.PresentationLUTSequence = [table, Dataset()]
    block = made.private_block(0x0029, "ACME 1.0", create=True)
    block.add_new(1, "UN", bytes(range(7)) + b"\0")
    block.add_new(2, "UL", 0x01020304)
    block.add_new(3, "OB", b"abcd")
    return made


@pytest.mark.dcmtk
@pytest.mark.parametrize("sequences", ["+e", "-e"], ids=["with lengths", "without"])
def test_dcmtk_turns_the_same_bytes(tmp_path: Path, sequences: str) -> None:
    """What DCMTK makes of a data set in Big Endian is read as the data set, and is what we make."""
    made = sample()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.save_as(tmp_path / "little.dcm", enforce_file_format=True)
    ours = plain(read_raw(b"".join(encode_dataset(made, EXPLICIT_LE)), EXPLICIT_LE))

    subprocess.run(
        ["dcmconv", "-F", "+tb", "-g", sequences, tmp_path / "little.dcm", tmp_path / "big"],
        check=True,
        timeout=60,
    )
    theirs = (tmp_path / "big").read_bytes()

    assert plain(read_raw(theirs, EXPLICIT_BE)) == ours
    if sequences == "+e":
        assert b"".join(encode_dataset(made, EXPLICIT_BE)) == theirs
    assert dcmread(tmp_path / "little.dcm").MinDensity == 20
