"""Messages survive being cut into PDUs, and nobody can make them cost more than allowed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.dicom.transport.fragments import (
    BATCH,
    LARGEST_PDU,
    MAX_COMMAND,
    SMALLEST_PDU,
    UNLIMITED_PDU,
    Assembly,
    Budget,
    Message,
    packed,
    sendable_pdu,
)
from broker.dicom.transport.message import command_bytes, command_of
from broker.dicom.transport.wire import Violation
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


def assembly(room: int = 1 << 20, max_dataset: int = 1 << 20) -> Assembly:
    """An empty one."""
    return Assembly(Budget(room), max_dataset=max_dataset)


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

    messages = assembly().feed(memoryview(one + one))

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
        assembly().feed(memoryview(body))


def test_a_command_set_cannot_grow_without_end() -> None:
    """More than 64 KB of command is no command."""
    part = memoryview(data_pdu(1, 0x01, bytes(16000))[6:])
    target = assembly()

    for _ in range(MAX_COMMAND // 16000):
        target.feed(part)
    with pytest.raises(Violation):
        target.feed(part)


def test_a_data_set_beyond_the_limit_is_dropped_and_said() -> None:
    """The message comes out without its data, and what it had taken is free again."""
    budget = Budget(5000)
    target = Assembly(budget, max_dataset=4000)

    (message,) = fed(target, b"".join(packed(1, command(with_dataset=True), [bytes(9000)], 1024)))

    assert (message.dropped, message.data) == (True, b"")
    assert budget.take(5000)


def test_all_associations_share_one_budget() -> None:
    """What one holds another cannot have, until it is settled or abandoned."""
    budget = Budget(5000)
    wire = b"".join(packed(1, command(with_dataset=True), [bytes(3000)], 1024))
    first, second = (Assembly(budget, max_dataset=4000) for _ in range(2))

    (held,) = fed(first, wire)
    (refused,) = fed(second, wire)
    first.settle(held)
    (taken,) = fed(second, wire)
    second.settle(taken)
    for body in bodies(wire)[:2]:
        assert first.feed(body) == []
    first.abandon()

    assert (held.dropped, refused.dropped, taken.dropped) == (False, True, False)
    assert budget.take(5000)


def test_what_may_be_sent() -> None:
    """No limit means little, a huge one is not used up, and one that fits no message is wrong."""
    assert sendable_pdu(0) == UNLIMITED_PDU
    assert sendable_pdu(32768) == 32768
    assert sendable_pdu(16383) == 16382, "fragments are of even length"
    assert sendable_pdu(0xFFFFFFFF) == LARGEST_PDU
    with pytest.raises(Violation):
        sendable_pdu(8)
