"""Data sets keep every byte, and broken ones are told apart from whole ones."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pynetdicom import dsutils

from broker.dicom.attributes import put_raw
from broker.dicom.upper_layer.dataset import (
    MAX_TEXT,
    Pieces,
    buffers,
    decode_dataset,
    encode_dataset,
    read_raw,
)
from broker.dicom.upper_layer.dataset_reader import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    MAX_DEPTH,
    MAX_ELEMENTS,
    UnreadableDataset,
)
from tests.peers.coming_dataset import ALL_SYNTAXES, in_big_endian, mark

EACH = pytest.mark.parametrize("syntax", ALL_SYNTAXES)


def image_box() -> Dataset:
    """An N-SET data set with most kinds of element in it."""
    item = Dataset()
    item.SamplesPerPixel = 1
    item.PhotometricInterpretation = "MONOCHROME2"
    item.Rows = 64
    item.Columns = 128
    item.PixelAspectRatio = ["1", "2"]
    item.BitsAllocated = 8
    item.SmallestImagePixelValue = 3
    item.PixelData = bytes(range(256)) * 32
    dataset = Dataset()
    dataset.ImageBoxPosition = 1
    dataset.BasicGrayscaleImageSequence = [item]
    dataset.ReferencedImageBoxSequence = []
    dataset.Polarity = "NORMAL"
    dataset.RequestedImageSize = "12.50"
    dataset.NumberOfCopies = "02"
    dataset.ConfigurationInformation = "CS010\\X=1"
    dataset.FilmSessionLabel = "a label"
    dataset.FilmSizeID = ""
    dataset.ReferencedSOPInstanceUID = "1.2.3"
    dataset.AttributeIdentifierList = [0x20100010, 0x20100040]
    dataset.add_new(0x00090010, "LO", "OURS")
    dataset.add_new(0x00091001, "UN", b"odd")
    return dataset


def sent_words(syntax: str) -> bytes:
    """The pixels of `image_box` as they are sent: in OW, pydicom neither turns words as it writes
    nor as it reads."""
    pixels = bytes(range(256)) * 32
    return in_big_endian(pixels, 2) if syntax == EXPLICIT_BE else pixels


def whole(dataset: Dataset, syntax: str) -> bytes:
    """The encoded data set in one piece."""
    return b"".join(encode_dataset(dataset, syntax))


@EACH
def test_a_data_set_comes_back_as_it_was(syntax: str) -> None:
    """Decoding what was encoded, and encoding that again, gives the same bytes."""
    data = whole(image_box(), syntax)

    back = decode_dataset(data, syntax)

    assert whole(back, syntax) == data
    assert back.BasicGrayscaleImageSequence[0].Rows == 64
    assert back.ConfigurationInformation == "CS010\\X=1"


@EACH
def test_pydicom_reads_what_we_write(syntax: str) -> None:
    """Another implementation sees the same values."""
    ours = whole(image_box(), syntax)

    theirs = dsutils.decode(BytesIO(ours), syntax == IMPLICIT_LE, syntax != EXPLICIT_BE)

    assert theirs.NumberOfCopies.original_string == "02"
    assert theirs.RequestedImageSize.original_string == "12.50"
    assert list(theirs.BasicGrayscaleImageSequence[0].PixelAspectRatio) == [1, 2]
    assert theirs.BasicGrayscaleImageSequence[0].Rows == 64
    assert theirs.BasicGrayscaleImageSequence[0].PixelData == sent_words(syntax)
    assert list(theirs.AttributeIdentifierList) == [0x20100010, 0x20100040]


@EACH
def test_we_read_what_pydicom_writes(syntax: str) -> None:
    """Another implementation's bytes, with sequences of undefined length, are understood."""
    dataset = image_box()
    dataset.BasicGrayscaleImageSequence[0].SmallestImagePixelValue = 3
    dataset.BasicGrayscaleImageSequence[0]["SmallestImagePixelValue"].VR = "US"
    dataset.BasicGrayscaleImageSequence[0].PixelData = sent_words(syntax)
    dataset.BasicGrayscaleImageSequence[0]["PixelData"].VR = "OW"
    dataset["BasicGrayscaleImageSequence"].is_undefined_length = True
    dataset.BasicGrayscaleImageSequence[0].is_undefined_length_sequence_item = True
    data = dsutils.encode(dataset, syntax == IMPLICIT_LE, syntax != EXPLICIT_BE)
    assert data is not None

    ours = decode_dataset(data, syntax)

    assert whole(ours, syntax) == whole(image_box(), syntax)


@EACH
def test_text_keeps_its_bytes_whatever_the_character_set(syntax: str) -> None:
    """A label in UTF-8 goes out with the bytes that it came in with."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.FilmSessionLabel = "Müller".encode().decode("latin-1")
    data = whole(dataset, syntax)

    back = decode_dataset(data, syntax)

    assert "Müller".encode() in data
    assert whole(back, syntax) == data


@EACH
def test_elements_that_were_never_looked_at_pass_through(syntax: str) -> None:
    """What pydicom has read and not converted leaves in either transfer syntax."""
    for came_in in (IMPLICIT_LE, EXPLICIT_LE):
        raw = dsutils.decode(BytesIO(whole(image_box(), came_in)), came_in == IMPLICIT_LE, True)

        assert whole(raw, syntax) == whole(image_box(), syntax)


def test_pixels_are_not_copied_when_encoding() -> None:
    """The pixels leave as a view on the bytes that the data set holds."""
    pixels = bytes(1 << 20)
    item = Dataset()
    item.PixelData = pixels
    dataset = Dataset()
    dataset.BasicGrayscaleImageSequence = [item]

    views = [piece for piece in encode_dataset(dataset, EXPLICIT_LE) if len(piece) == len(pixels)]

    assert [view.obj is pixels for view in views if isinstance(view, memoryview)] == [True]


@EACH
@pytest.mark.parametrize("size", [0, 2, 7, 10_000, 10_001])
def test_a_value_in_pieces_is_sent_like_a_whole_one(syntax: str, size: int) -> None:
    """The same bytes, padding included; the pieces are asked for when they are sent, not before."""
    content = bytes(range(251)) * 40
    taken: list[int] = []

    def pieces() -> Iterator[bytes]:
        for at in range(0, size, 3000):
            taken.append(at)
            yield (content * 2)[at : min(at + 3000, size)]

    encoded = []
    for value in ((content * 2)[:size], Pieces(size, pieces())):
        item = Dataset()
        put_raw(item, "PixelData", "OW", value)
        dataset = Dataset()
        dataset.BasicGrayscaleImageSequence = [item]
        dataset.Polarity = "NORMAL"
        encoded.append(encode_dataset(dataset, syntax))
    assert taken == []

    assert b"".join(buffers(encoded[1])) == b"".join(buffers(encoded[0]))
    assert taken == list(range(0, size, 3000))


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("NumberOfCopies", "IS", b"many"),
        ("RequestedImageSize", "DS", b"1.2.3 "),
        ("Rows", "US", b"\x01\x02\x03\x04\x05\x06\x07"),
        ("AttributeIdentifierList", "AT", b"\x01\x02\x03"),
    ],
)
def test_a_value_that_is_no_value_is_left_out(keyword: str, vr: str, value: bytes) -> None:
    """A number that is none takes nothing else of the data set away."""
    tags = {
        "NumberOfCopies": 0x20000010,
        "RequestedImageSize": 0x20200030,
        "Rows": 0x00280010,
        "AttributeIdentifierList": 0x00001005,
    }
    tag = tags[keyword]
    data = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value
    label = struct.pack("<HH2sH", 0x2000, 0x0050, b"LO", 4) + b"MARK"

    back = decode_dataset(data + label, EXPLICIT_LE)

    assert list(back.keys()) == [0x20000050]
    assert back.FilmSessionLabel == "MARK"


def sequence_within_sequence(depth: int) -> bytes:
    """`depth` sequences within each other, in Implicit VR, all of undefined length."""
    begin = struct.pack("<HHI", 0x2020, 0x0110, 0xFFFFFFFF)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    item_end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return (begin + item) * depth + (item_end + end) * depth


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x28\x00\x10", id="cut off in the tag"),
        pytest.param(b"\x28\x00\x10\x00US\x02\x00\x01", id="cut off in the value"),
        pytest.param(b"\x28\x00\x10\x00\x02\x00\x00\x00\x01\x00", id="Implicit VR"),
        pytest.param(
            b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\x00\x00\x00\x00",
            id="compressed pixels",
        ),
        pytest.param(b"\x20\x20\x10\x01SQ\x00\x00\x08\x00\x00\x00" + bytes(8), id="no item"),
        pytest.param(b"\x20\x20\x10\x01SQ\x00\x00\xff\xff\xff\xff", id="a sequence without end"),
    ],
)
def test_what_is_not_a_data_set_is_unreadable(data: bytes) -> None:
    """Bytes that do not follow the rules are told apart."""
    with pytest.raises(UnreadableDataset):
        decode_dataset(data, EXPLICIT_LE)


def test_what_would_cost_too_much_is_unreadable() -> None:
    """Neither depth, nor number of elements, nor length of text can be made to cost much."""
    assert len(decode_dataset(sequence_within_sequence(MAX_DEPTH), IMPLICIT_LE)) == 1
    with pytest.raises(UnreadableDataset, match="within each other"):
        decode_dataset(sequence_within_sequence(MAX_DEPTH + 1), IMPLICIT_LE)
    with pytest.raises(UnreadableDataset, match="elements"):
        decode_dataset(b"\x28\x00\x10\x00US\x00\x00" * (MAX_ELEMENTS + 1), EXPLICIT_LE)
    with pytest.raises(UnreadableDataset, match="values"):
        decode_dataset(
            struct.pack("<HHI", 0x2000, 0x0050, MAX_TEXT) + b"\\" * MAX_TEXT, IMPLICIT_LE
        )
    long = struct.pack("<HHI", 0x2000, 0x0050, MAX_TEXT + 2) + b"\\" * (MAX_TEXT + 2)
    assert len(decode_dataset(long, IMPLICIT_LE)) == 0, "longer than any text: left out"


def test_what_cannot_be_encoded_is_a_value_error() -> None:
    """Text beyond Latin-1 and numbers that do not fit are refused, not replaced."""
    label = Dataset()
    label.FilmSessionLabel = "Łódź"
    rows = Dataset()
    rows.add(DataElement("Rows", "US", 70000, validation_mode=config.IGNORE))
    long = Dataset()
    long.add(DataElement("FilmSessionLabel", "LO", "x" * 70000, validation_mode=config.IGNORE))

    for dataset, words in ((label, "latin-1"), (rows, "does not fit"), (long, "too long")):
        with pytest.raises(ValueError, match=words):
            encode_dataset(dataset, EXPLICIT_LE)


@given(st.binary(max_size=200), st.sampled_from(ALL_SYNTAXES))
def test_no_bytes_do_any_harm(data: bytes, syntax: str) -> None:
    """Whatever comes, it is a data set or it is unreadable."""
    try:
        decode_dataset(data, syntax)
    except UnreadableDataset:
        return


@given(st.data())
def test_no_damage_does_any_harm(data: st.DataObject) -> None:
    """One changed byte of a good data set never raises anything else."""
    syntax = data.draw(st.sampled_from(ALL_SYNTAXES))
    good = bytearray(whole(image_box(), syntax)[:400])
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        decode_dataset(bytes(good), syntax)
    except UnreadableDataset:
        return


@EACH
@pytest.mark.parametrize("number", [0xE000, 0xE00D, 0xE0DD])
def test_delimiters_are_no_elements(syntax: str, number: int) -> None:
    """They end what has no length, and stand nowhere else (PS3.5 7.5)."""
    with pytest.raises(UnreadableDataset, match="no item or sequence ends"):
        read_raw(mark(syntax, number, 0), syntax)


@EACH
def test_a_value_of_no_bytes_is_asked_for_them(syntax: str) -> None:
    """What gives none of the bytes that it should says so itself; it is not left out as nothing."""

    def pieces() -> Iterator[bytes]:
        raise LookupError("they are not here")
        yield b""

    item = Dataset()
    put_raw(item, "PixelData", "OW", Pieces(0, pieces()))
    with pytest.raises(LookupError, match="they are not here"):
        list(buffers(encode_dataset(item, syntax)))
    put_raw(item, "PixelData", "OW", b"")
    assert b"".join(buffers(encode_dataset(item, syntax)))[-4:] == bytes(4)
