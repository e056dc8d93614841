"""Command sets: the same bytes as other software's, and no bytes that break them."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.dicom.upper_layer.command_set import (
    NO_DATASET,
    Command,
    CommandSet,
    UnreadableCommand,
    command_bytes,
    command_of,
    read_command,
)

ANSWER: dict[str, Any] = {
    "AffectedSOPClassUID": FILM_BOX,
    "CommandField": 0x8140,
    "MessageIDBeingRespondedTo": 7,
    "Status": statuses.IMAGE_SHRUNK,
    "ErrorComment": "too small",
    "AffectedSOPInstanceUID": "1.2.3",
    "AttributeIdentifierList": [0x20100040, 0x20100050],
}


def test_the_bytes_are_those_of_other_software() -> None:
    """pydicom's own writer makes the same ones, all but the group length, which it leaves out."""
    theirs = Dataset()
    for keyword, value in {**ANSWER, "CommandDataSetType": NO_DATASET}.items():
        setattr(theirs, keyword, value)
    body = encode(theirs, is_implicit_vr=True, is_little_endian=True)
    assert body is not None
    ours = command_bytes(command_of(ANSWER), with_dataset=False)
    assert ours[:12] == bytes.fromhex("00000000 04000000") + len(body).to_bytes(4, "little")
    assert ours[12:] == body


@pytest.mark.parametrize("with_dataset", [False, True])
def test_what_was_written_is_read(*, with_dataset: bool) -> None:
    """Every element has its value again, and it is known whether a data set follows."""
    read = read_command(command_bytes(command_of(ANSWER), with_dataset=with_dataset))
    assert read.has_dataset is with_dataset
    assert read.is_response
    assert ANSWER.items() <= dict(read).items()
    assert (read.Status, read.get("EventTypeID")) == (statuses.IMAGE_SHRUNK, None)


def test_others_read_what_is_written() -> None:
    """pynetdicom finds the values in it."""
    data = command_bytes(command_of(ANSWER), with_dataset=True)
    read = decode(BytesIO(data), True, True)
    assert {keyword: read[keyword].value for keyword in ANSWER} == ANSWER


def test_elements_that_are_not_known_are_passed_over() -> None:
    """In group 0000 or in others: what is known is read all the same."""
    strange = bytes.fromhex("0000ff7f02000000aaaa 0900100004000000bbbbbbbb")
    echo = {"CommandField": Command.C_ECHO, "MessageID": 1}
    data = strange + command_bytes(command_of(echo), with_dataset=False)
    assert echo.items() <= dict(read_command(data)).items()


@pytest.mark.parametrize(
    ("elements", "missing"),
    [
        ({"MessageID": 1}, "CommandField"),
        ({"CommandField": 0x0140}, "MessageID"),
        ({"CommandField": 0x8140, "MessageID": 1}, "MessageIDBeingRespondedTo"),
        ({"CommandField": 0x0FFF, "MessageID": 1}, "MessageIDBeingRespondedTo"),
        ({"CommandField": [1, 2], "MessageID": 1}, "CommandField"),
    ],
)
def test_a_command_set_has_what_all_must_have(elements: dict[str, Any], missing: str) -> None:
    """What is missing, or is not one number, is named."""
    data = command_bytes(command_of(elements), with_dataset=False)
    with pytest.raises(UnreadableCommand, match=f"'s {missing} is missing or not one number"):
        read_command(data)


@pytest.mark.parametrize(
    "elements",
    [
        {"CommandField": "N-SET"},
        {"CommandField": 0x10000},
        {"Status": None, "PatientName": "X"},
        {"ErrorComment": "\N{SNOWMAN}"},
    ],
)
def test_what_does_not_fit_is_an_error_of_ours(elements: dict[str, Any]) -> None:
    """A value that its element cannot have, and an element of another group."""
    with pytest.raises(ValueError, match=r"."):
        command_bytes(command_of(elements), with_dataset=False)


@pytest.mark.parametrize(
    "element",
    ["00000810 03000000 010000", "00000810 01000000 01", "00000510 06000000 102010001020"],
    ids=["ActionTypeID of 3 bytes", "of 1 byte", "AttributeIdentifierList of 6 bytes"],
)
def test_a_number_that_is_cut_off_is_no_number(element: str) -> None:
    """Nothing is printed because of the bytes that are left of it."""
    echo = command_bytes(command_of({"CommandField": 0x0130, "MessageID": 1}), with_dataset=False)
    with pytest.raises(UnreadableCommand, match="bytes are no"):
        read_command(echo + bytes.fromhex(element))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_command_set_or_unreadable(data: bytes) -> None:
    """A peer may send anything; nothing else comes of it."""
    try:
        assert isinstance(read_command(data), CommandSet)
    except UnreadableCommand:
        return
