"""Messages survive being cut into PDUs, and no peer can make them cost more than allowed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import command_bytes, command_of
from broker.dicom.upper_layer.dataset import IMPLICIT_LE
from broker.dicom.upper_layer.dataset_stream import Strainer
from broker.dicom.upper_layer.dataset_writer import encode_dataset
from broker.dicom.upper_layer.fragments import (
    BATCH,
    LARGEST_PDU,
    MAX_COMMAND,
    SMALLEST_PDU,
    UNLIMITED_PDU,
    Assembly,
    Message,
    packed,
    sendable_pdu,
)
from broker.dicom.upper_layer.wire import Violation
from tests.peers.acceptor import Kept
from tests.peers.raw import data_pdu, echo


def bodies(data: bytes) -> list[memoryview]:
    """The PDUs in these bytes, without their headers."""
    found = []
    at = 0
    while at < len(data):
        kind, length = struct.unpack_from(">BxI", data, at)
        assert kind == 4
        found.append(memoryview(data)[at + 6 : at + 6 + length])
        at += 6 + length
    return found


def assembly() -> Assembly:
    """An empty one."""
    return Assembly(max_dataset=1 << 20)


def command(*, with_dataset: bool) -> bytes:
    """An encoded command set."""
    return command_bytes(command_of(echo(7)), with_dataset=with_dataset)


def fed(target: Assembly, data: bytes) -> list[Message]:
    """The messages that come out of these PDUs."""
    return [message for body in bodies(data) for message in target.feed(body)]


@given(
    pieces=st.lists(st.binary(max_size=300), max_size=5),
    max_pdu=st.integers(SMALLEST_PDU, 400),
)
def test_what_was_cut_is_put_together(pieces: list[bytes], max_pdu: int) -> None:
    """Whatever the pieces and the PDU length, the message is the same and no PDU is too long."""
    data = b"".join(pieces)
    wire = b"".join(packed(3, command(with_dataset=bool(data)), pieces, max_pdu))

    (message,) = fed(assembly(), wire)

    assert (message.context_id, message.command.MessageID, message.data) == (3, 7, data)
    assert max(len(body) for body in bodies(wire)) <= max_pdu


def test_a_small_message_leaves_in_one_piece() -> None:
    """Command and data set are handed to the socket together: no waiting for acknowledgements."""
    batches = list(packed(1, command(with_dataset=True), [bytes(1000)], 16384))

    assert len(batches) == 1
    assert len(bodies(batches[0])) == 2


def test_a_large_message_leaves_in_batches() -> None:
    """Megabytes are never joined into one piece."""
    batches = list(packed(1, command(with_dataset=True), [bytes(4 << 20)], 16384))

    assert max(map(len, batches)) < BATCH + 20000
    assert len(batches) > 12


def test_several_messages_in_one_pdu() -> None:
    """A PDU may end one message and hold another whole one."""
    one = data_pdu(1, 0x03, command(with_dataset=False))[6:]

    messages = list(assembly().feed(memoryview(one + one)))

    assert [message.command.MessageID for message in messages] == [7, 7]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x00\x00\x00", id="a cut header"),
        pytest.param(b"\x00\x00\x00\x01\x01\x03", id="no room for its own header"),
        pytest.param(b"\x00\x00\x00\xff\x01\x03abc", id="longer than its PDU"),
        pytest.param(b"\xff\xff\xff\xff\x01\x03abc", id="4 GB"),
        pytest.param(data_pdu(1, 0x02, b"ab")[6:], id="a data set before its command"),
        pytest.param(data_pdu(1, 0x03, b"garbage")[6:], id="no command set"),
        pytest.param(data_pdu(1, 0x03, b"")[6:], id="an empty command set"),
        pytest.param(
            data_pdu(1, 0x03, command(with_dataset=True))[6:]
            + data_pdu(1, 0x03, command(with_dataset=True))[6:],
            id="a command where its data set should be",
        ),
        pytest.param(
            data_pdu(1, 0x03, command(with_dataset=True))[6:] + data_pdu(3, 0x02, b"ab")[6:],
            id="a data set on another context",
        ),
    ],
)
def test_what_is_not_a_message_is_a_violation(body: bytes) -> None:
    """Each way of being wrong is noticed."""
    with pytest.raises(Violation):
        list(assembly().feed(memoryview(body)))


def test_a_command_set_cannot_grow_without_end() -> None:
    """More than 64 KB of command is no command."""
    part = memoryview(data_pdu(1, 0x01, bytes(16000))[6:])
    target = assembly()

    for _ in range(MAX_COMMAND // 16000):
        assert list(target.feed(part)) == []
    with pytest.raises(Violation):
        list(target.feed(part))


def test_a_data_set_beyond_the_limit_is_dropped_and_said() -> None:
    """The message comes out without its data."""
    target = Assembly(max_dataset=4000)

    (message,) = fed(target, b"".join(packed(1, command(with_dataset=True), [bytes(9000)], 1024)))

    assert (message.dropped, message.data) == (True, b"")


def test_what_follows_a_message_waits_until_it_was_answered() -> None:
    """A PDU that ends one message and holds the next is not looked at beyond the first."""
    one = data_pdu(1, 0x03, command(with_dataset=False))[6:]
    messages = assembly().feed(memoryview(one + b"\x00"))

    assert next(messages).command.MessageID == 7
    with pytest.raises(Violation):
        next(messages)


def test_an_unfinished_message_lets_go_of_its_pixels() -> None:
    """When the association ends within an image, the sink is told; so is a finished one's."""
    sinks: list[Kept] = []

    def sink(_size: int) -> Kept:
        sinks.append(Kept())
        return sinks[-1]

    target = Assembly(
        max_dataset=4000, strain=lambda *_: Strainer(IMPLICIT_LE, sink, max_size=4000)
    )
    item = Dataset()
    item.PixelData = bytes(3000)
    image = Dataset()
    image.BasicGrayscaleImageSequence = [item]
    data = encode_dataset(image, IMPLICIT_LE)
    wire = b"".join(packed(1, command(with_dataset=True), data, 1024))

    (message,) = fed(target, wire)
    assert message.strained is not None
    assert (message.strained.sink, message.dropped, message.data) == (sinks[0], False, b"")
    assert not sinks[0].discarded.is_set()
    message.settle()
    assert [list(target.feed(body)) for body in bodies(wire)[:3]] == [[], [], []]
    target.abandon()

    assert [sink.discarded.is_set() for sink in sinks] == [True, True]
    assert [len(sink.content) for sink in sinks] == [3000, 2012]
    assert not target.begun


def test_what_may_be_sent() -> None:
    """No limit means little, a huge one is not used up, and one that fits no message is wrong."""
    assert sendable_pdu(0) == UNLIMITED_PDU
    assert sendable_pdu(32768) == 32768
    assert sendable_pdu(16383) == 16382, "fragments are of even length"
    assert sendable_pdu(0xFFFFFFFF) == LARGEST_PDU
    with pytest.raises(Violation):
        sendable_pdu(8)
