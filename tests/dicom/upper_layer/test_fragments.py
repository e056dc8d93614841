"""Messages survive being cut into PDUs, and no peer can make them cost more than allowed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.dicom.upper_layer.command_set import command_bytes, command_of
from broker.dicom.upper_layer.message import (
    BATCH,
    LARGEST_PDU,
    MAX_COMMAND,
    SMALLEST_PDU,
    UNLIMITED_PDU,
    Fragments,
    next_message,
    packed,
    sendable_pdu,
)
from broker.dicom.upper_layer.wire import Violation
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


def test_a_message_that_was_read_holds_no_memory() -> None:
    """An association that rests keeps no PDU of what came last."""
    buffer = bytearray(data_pdu(1, 0x03, command(with_dataset=False))[6:])
    fragments = Fragments(lambda: memoryview(buffer))
    message = next_message(fragments)
    assert message.command.MessageID == 7
    buffer.clear()  # BufferError while a view on it is held


class NoMore(Exception):
    """Nothing more comes."""


def coming(*found: memoryview) -> Fragments:
    """The fragments in these PDUs; what was handed out before is overwritten."""
    left = list(found)
    buffer = bytearray()

    def next_body() -> memoryview:
        nonlocal buffer
        buffer[:] = bytes(len(buffer))
        if not left:
            raise NoMore
        buffer = bytearray(left.pop(0))
        return memoryview(buffer)

    return Fragments(next_body)


def command(*, with_dataset: bool) -> bytes:
    """An encoded command set."""
    return command_bytes(command_of(echo(7)), with_dataset=with_dataset)


@given(
    pieces=st.lists(st.binary(max_size=300), max_size=5),
    max_pdu=st.integers(SMALLEST_PDU, 400),
)
def test_what_was_cut_is_put_together(pieces: list[bytes], max_pdu: int) -> None:
    """Whatever the pieces and the PDU length, the message is the same and no PDU is too long."""
    data = b"".join(pieces)
    wire = b"".join(packed(3, command(with_dataset=bool(data)), pieces, max_pdu))

    fragments = coming(*bodies(wire))
    message = next_message(fragments)
    came = b"" if message.data is None else message.data.read(1 << 20)

    assert (message.context_id, message.command.MessageID, came) == (3, 7, data)
    assert not fragments.pending
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

    fragments = coming(memoryview(one + one))

    assert [next_message(fragments).command.MessageID for _ in range(2)] == [7, 7]
    assert not fragments.pending


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
        pytest.param(
            data_pdu(1, 0x01, command(with_dataset=False)[:20])[6:]
            + data_pdu(3, 0x03, command(with_dataset=False)[20:])[6:],
            id="a command on two contexts",
        ),
    ],
)
def test_what_is_not_a_message_is_a_violation(body: bytes) -> None:
    """Each way of being wrong is noticed."""
    with pytest.raises(Violation):
        next_message(coming(memoryview(body))).skip()


def test_a_command_set_cannot_grow_without_end() -> None:
    """More than 64 KB of command is no command."""
    part = memoryview(data_pdu(1, 0x01, bytes(16000))[6:])
    fit = MAX_COMMAND // 16000

    with pytest.raises(NoMore):
        next_message(coming(*[part] * fit))
    with pytest.raises(Violation):
        next_message(coming(*[part] * (fit + 1)))


def test_a_data_set_beyond_the_limit_is_skipped_and_said() -> None:
    """None of it is kept, and the next message is found behind it."""
    wire = b"".join(packed(1, command(with_dataset=True), [bytes(9000)], 1024))
    fragments = coming(*bodies(wire + wire))

    for limit, kept in ((4000, None), (9000, bytes(9000))):
        message = next_message(fragments)
        assert message.data is not None
        assert message.data.read(limit) == kept
    assert not fragments.pending


def test_a_data_set_is_read_as_it_comes() -> None:
    """Exactly `count` bytes, for any fragments; fewer only at the end."""
    content = bytes(range(250))
    wire = b"".join(packed(1, command(with_dataset=True), [content], 64))
    message = next_message(coming(*bodies(wire)))
    data = message.data
    assert data is not None

    assert bytes(data.take(3)) == content[:3]
    assert bytes(data.take(100)) == content[3:103]
    assert not data.at_end()
    pieces = [bytes(each) for each in data.pieces(100)]
    assert b"".join(pieces) == content[103:203]
    assert len(pieces) > 1
    assert bytes(data.take(100)) == content[203:]
    assert data.at_end()
    assert bytes(data.take(1)) == b""


def test_what_follows_a_message_waits_until_it_was_answered() -> None:
    """A PDU that ends one message and holds the next is not looked at beyond the first."""
    one = data_pdu(1, 0x03, command(with_dataset=False))[6:]
    fragments = coming(memoryview(one + b"\x00"))

    assert next_message(fragments).command.MessageID == 7
    assert fragments.pending
    with pytest.raises(Violation):
        next_message(fragments)


def test_a_message_has_begun_until_its_last_byte_was_read() -> None:
    """What is read of a data set so far is counted: that is how its pace is known."""
    wire = b"".join(packed(1, command(with_dataset=True), [bytes(3000)], 1024))
    fragments = coming(*bodies(wire))
    message = next_message(fragments)
    assert message.data is not None
    told = len(command(with_dataset=True))

    assert (fragments.begun, fragments.size) == (True, told)
    message.data.take(1500)
    assert (fragments.begun, fragments.size) == (True, told + 2 * 1018)
    message.skip()
    assert (fragments.begun, fragments.size) == (False, 0)


def test_what_may_be_sent() -> None:
    """No limit means little, a huge one is not used up, and one that fits no message is wrong."""
    assert sendable_pdu(0) == UNLIMITED_PDU
    assert sendable_pdu(32768) == 32768
    assert sendable_pdu(16383) == 16382, "fragments are of even length"
    assert sendable_pdu(0xFFFFFFFF) == LARGEST_PDU
    assert sendable_pdu(20) == 20
    with pytest.raises(Violation):
        sendable_pdu(19)
