"""Messages cut into P-DATA-TF PDUs, and put together again (PS3.8 9.3.5, annex E)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from broker.dicom.upper_layer.command_set import (
    Command,
    CommandSet,
    UnreadableCommand,
    read_command,
)
from broker.dicom.upper_layer.dataset import Buffer
from broker.dicom.upper_layer.dataset_stream import Strainer
from broker.dicom.upper_layer.dataset_writer import Pieces, buffers
from broker.dicom.upper_layer.wire import Reason, Violation

MAX_COMMAND = 1 << 16
"""Bytes of one command set."""
UNLIMITED_PDU = 16 * 1024
"""What is sent to a peer that sets no limit: old ones mean less than they say."""
LARGEST_PDU = 256 * 1024
SMALLEST_PDU = 64
SMALL = 4096
"""Bytes of a data set that is not worth straining, unless it may bring pixels."""
BATCH = 256 * 1024
"""Bytes handed to the socket at once."""

_PDV = struct.Struct(">IBB")
_HEAD = struct.Struct(">BBIIBB")
_OVERHEAD = 6
"""Bytes of a P-DATA-TF PDU's length that are not message."""
_COMMAND = 0x01
_LAST = 0x02


@dataclass(frozen=True)
class Message:
    """A whole message."""

    context_id: int
    command: CommandSet
    data: bytes = b""
    """The data set, unless it was strained."""
    dropped: bool = False
    """The data set was larger than what may be held, and was thrown away as it came."""
    strained: Strainer | None = None
    """The data set as it was read while it came."""

    def settle(self) -> None:
        """It was dealt with: nothing that came in with it is needed any more."""
        if self.strained is not None:
            self.strained.discard()


class Whole:
    """A data set that is kept as it comes, up to so many bytes."""

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._kept = bytearray()
        self.dropped = False
        """It was larger than what may be kept, and is thrown away as it comes."""

    @property
    def data(self) -> bytes:
        """What was kept."""
        return bytes(self._kept)

    def feed(self, part: memoryview) -> None:
        """The next bytes."""
        if len(self._kept) + len(part) > self._max_size:
            self.dropped = True
        if self.dropped:
            self._kept = bytearray()
        else:
            self._kept += part


class Assembly:
    """Puts the messages of one association together, in the order in which they come.

    Data sets are held, up to `max_dataset` bytes of each. `strain` may give a command's data set
    something better to go through, as soon as the command has come.
    """

    def __init__(
        self,
        *,
        max_dataset: int,
        strain: Callable[[int, CommandSet], Strainer | None] = lambda _context_id, _command: None,
    ) -> None:
        self._max_dataset = max_dataset
        self._strain = strain
        self._reset()

    @property
    def begun(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context_id is not None

    @property
    def size(self) -> int:
        """Bytes that have come of the message that has begun and not ended."""
        return self._size

    def feed(self, body: memoryview) -> Iterator[Message]:
        """The messages that this P-DATA-TF PDU completes, each as soon as it is asked for.

        What follows a message is not looked at before the next one is asked for. Raises Violation.
        """
        at = 0
        while at < len(body):
            if len(body) - at < _PDV.size:
                raise Violation("a presentation data value is cut off", Reason.INVALID_PARAMETER)
            length, context_id, flags = _PDV.unpack_from(body, at)
            end = at + 4 + length
            if length < 2 or end > len(body):
                raise Violation(
                    "a presentation data value has a wrong length", Reason.INVALID_PARAMETER
                )
            message = self._fragment(context_id, flags, body[at + _PDV.size : end])
            at = end
            if message is not None:
                yield message

    def abandon(self) -> None:
        """An unfinished message will not be finished."""
        if isinstance(self._data, Strainer):
            self._data.discard()
        self._reset()

    def _reset(self) -> None:
        self._context_id: int | None = None
        self._size = 0
        self._command_bytes = bytearray()
        self._command: CommandSet | None = None
        self._data: Whole | Strainer | None = None

    def _fragment(self, context_id: int, flags: int, part: memoryview) -> Message | None:
        if self._context_id is None:
            self._context_id = context_id
        elif context_id != self._context_id:
            raise Violation("messages on two contexts are mixed", Reason.UNEXPECTED_PARAMETER)
        self._size += len(part)
        last = bool(flags & _LAST)
        if flags & _COMMAND:
            return self._command_part(part, last)
        return self._data_part(part, last)

    def _command_part(self, part: memoryview, last: bool) -> Message | None:
        if self._command is not None:
            raise Violation("a command where a data set was announced", Reason.UNEXPECTED_PARAMETER)
        if len(self._command_bytes) + len(part) > MAX_COMMAND:
            raise Violation("a command set is too long", Reason.INVALID_PARAMETER)
        self._command_bytes += part
        if not last:
            return None
        try:
            self._command = read_command(bytes(self._command_bytes))
        except UnreadableCommand as exc:
            raise Violation(str(exc), Reason.INVALID_PARAMETER) from exc
        return None if self._command.has_dataset else self._whole()

    def _data_part(self, part: memoryview, last: bool) -> Message | None:
        if self._command is None or self._context_id is None:
            raise Violation("a data set before its command", Reason.UNEXPECTED_PARAMETER)
        if self._data is None:
            small = last and len(part) <= SMALL and self._command.CommandField != Command.N_SET
            strainer = None if small else self._strain(self._context_id, self._command)
            self._data = strainer or Whole(self._max_dataset)
        self._data.feed(part)
        return self._whole() if last else None

    def _whole(self) -> Message:
        assert self._context_id is not None
        assert self._command is not None
        data, context_id, command = self._data, self._context_id, self._command
        self._reset()
        if data is None:
            return Message(context_id, command)
        if isinstance(data, Strainer):
            return Message(context_id, command, dropped=data.dropped, strained=data)
        return Message(context_id, command, data.data, data.dropped)


def sendable_pdu(announced: int) -> int:
    """The PDU length to send to a peer that announced this maximum (PS3.8 D.1). 0 sets no limit.

    Even, so that every fragment of a message but the last is (PS3.8 annex E): strict peers abort
    at an odd one.
    Raises Violation when no message could be sent in it.
    """
    if announced == 0:
        return UNLIMITED_PDU
    if announced < SMALLEST_PDU:
        raise Violation(f"a maximum length of {announced} bytes", Reason.INVALID_PARAMETER)
    return min(announced, LARGEST_PDU) & ~1


def packed(
    context_id: int, command: bytes, data: Iterable[Buffer | Pieces], max_pdu: int
) -> Iterator[bytes]:
    """The message as bytes for the wire, in batches of about BATCH.

    Command and data set are in PDUs of their own, but leave together.
    """
    batch: list[Buffer] = []
    size = 0
    for pieces in chain(
        _pdus(context_id, _COMMAND, (command,), max_pdu),
        _pdus(context_id, 0, buffers(data), max_pdu),
    ):
        batch += pieces
        size += max_pdu
        if size >= BATCH:
            yield b"".join(batch)
            batch.clear()
            size = 0
    if batch:
        yield b"".join(batch)


def _pdus(
    context_id: int, flags: int, data: Iterable[Buffer], max_pdu: int
) -> Iterator[list[Buffer]]:
    """PDUs, each as its header and views on the data; nothing at all when there are no data."""
    room = max_pdu - _OVERHEAD
    part: list[Buffer] = []
    size = 0
    for piece in data:
        view = memoryview(piece)
        while view:
            if size == room:
                yield _pdu(context_id, flags, part, size)
                part, size = [], 0
            taken = view[: room - size]
            part.append(taken)
            size += len(taken)
            view = view[len(taken) :]
    if part:
        yield _pdu(context_id, flags | _LAST, part, size)


def _pdu(context_id: int, flags: int, part: list[Buffer], size: int) -> list[Buffer]:
    head = _HEAD.pack(4, 0, size + _OVERHEAD, size + 2, context_id, flags)
    return [head, *part]
