"""DIMSE messages (PS3.7 6.3) in P-DATA-TF PDUs (PS3.8 9.3.5, E): as they come and leave.

A data set is read by the one who answers, as it comes; what is not read is skipped.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import (
    RESPONSE,
    Command,
    CommandSet,
    UnreadableCommand,
    command_of,
    read_command,
)
from broker.dicom.upper_layer.dataset import Buffer, Pieces, Raw, buffers
from broker.dicom.upper_layer.dataset_reader import DatasetReader, WantedElements
from broker.dicom.upper_layer.wire import Reason, Violation
from broker.model.storage.disk import MB

MAX_COMMAND = 1 << 16
"""Bytes of one command set."""
UNLIMITED_PDU = 16 * 1024
"""What is sent to a peer that sets no limit: old ones mean less than they say."""
LARGEST_PDU = 256 * 1024
SMALLEST_PDU = 20
"""Fourteen bytes of a message in each: less is a mistake, not a limit."""
BATCH = 256 * 1024
"""Bytes handed to the socket at once."""

_PDV = struct.Struct(">IBB")
_HEAD = struct.Struct(">BBIIBB")
_OVERHEAD = 6
"""Bytes of a P-DATA-TF PDU's length that are not message."""
_COMMAND = 0x01
_LAST = 0x02


class Fragments:
    """The fragments of one association's messages, in the order in which they come."""

    def __init__(self, next_body: Callable[[], memoryview]) -> None:
        """`next_body` waits for the next P-DATA-TF PDU; its view is valid until the next call."""
        self._next_body = next_body
        self._body = memoryview(b"")
        self._at = 0
        self._context_id: int | None = None
        """Of the message that has begun and not ended; None where none has."""
        self.size = 0
        """Bytes that have come of the message that has begun and not ended."""

    @property
    def begun(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context_id is not None

    @property
    def pending(self) -> bool:
        """Whether something has come of a further message, or of the rest of one."""
        return self.begun or self._at < len(self._body)

    def next(self) -> tuple[int, int, memoryview]:
        """Presentation context, flags and content of the next fragment; the view is valid until
        the next call.

        Raises: Violation: when a PDU does not hold whole fragments, or one is of another context
            than the message that has begun.
        """
        while self._at >= len(self._body):
            self._body, self._at = memoryview(b""), 0
            self._body = self._next_body()
        left = len(self._body) - self._at
        if left < _PDV.size:
            raise Violation("a presentation data value is cut off", Reason.INVALID_PARAMETER)
        length, context_id, flags = _PDV.unpack_from(self._body, self._at)
        if length < 2 or length > left - 4:
            words = "a presentation data value has a wrong length"
            raise Violation(words, Reason.INVALID_PARAMETER)
        if self.begun and context_id != self._context_id:
            raise Violation("messages on two contexts are mixed", Reason.UNEXPECTED_PARAMETER)
        begin, self._at = self._at + _PDV.size, self._at + 4 + length
        self._context_id = context_id
        self.size += length - 2
        return context_id, flags, self._body[begin : self._at]

    def end(self) -> None:
        """The message that had begun has ended. A PDU that was read whole is held no longer: an
        association may rest for an hour now."""
        self._context_id = None
        self.size = 0
        if self._at >= len(self._body):
            self._body, self._at = memoryview(b""), 0


class DataStream:
    """The data set of a message, encoded, as it comes (a Source).

    What is not read of it is to be skipped before the next message is.
    """

    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._part = memoryview(b"")
        """Of the fragment that came last, what was not taken."""
        self._last = False
        """Whether that fragment is the last one."""

    def take(self, count: int) -> memoryview:
        """Exactly the next `count` bytes; fewer where it ends before."""
        if count <= len(self._part):
            taken, self._part = self._part[:count], self._part[count:]
            return taken
        return memoryview(b"".join(map(bytes, self.pieces(count))))

    def pieces(self, count: int) -> Iterator[memoryview]:
        """The next `count` bytes, as they come; fewer where it ends before."""
        while count and not self.at_end():
            taken, self._part = self._part[:count], self._part[count:]
            count -= len(taken)
            yield taken

    def at_end(self) -> bool:
        """Whether there are no more; waits until that is known."""
        while not self._part and not self._last:
            self._next()
        return not self._part

    def read(self, max_size: int) -> bytes | None:
        """All of it; None, and nothing is kept, where it has more than `max_size` bytes."""
        kept = bytearray()
        while not self.at_end():
            if len(kept) + len(self._part) > max_size:
                self.skip()
                return None
            kept += self._part
            self._part = memoryview(b"")
        return bytes(kept)

    def skip(self) -> None:
        """Read the rest, and keep nothing of it."""
        self._part = memoryview(b"")
        while not self.at_end():
            self._part = memoryview(b"")

    def _next(self) -> None:
        _, flags, self._part = self._fragments.next()
        if flags & _COMMAND:
            raise Violation("a command where a data set was announced", Reason.UNEXPECTED_PARAMETER)
        if flags & _LAST:
            self._last = True
            self._fragments.end()


@dataclass(frozen=True)
class Message:
    """A message whose command has come."""

    context_id: int
    command: CommandSet
    data: DataStream | None
    """Its data set, as it comes; None where none was announced."""

    def skip(self) -> None:
        """Read what is left of it, and keep nothing."""
        if self.data is not None:
            self.data.skip()


def next_message(fragments: Fragments) -> Message:
    """The next message, as soon as its command is there.

    Raises: Violation: when what comes is no message.
    """
    encoded = bytearray()
    while True:
        context_id, flags, part = fragments.next()
        if not flags & _COMMAND:
            raise Violation("a data set before its command", Reason.UNEXPECTED_PARAMETER)
        if len(encoded) + len(part) > MAX_COMMAND:
            raise Violation("a command set is too long", Reason.INVALID_PARAMETER)
        encoded += part
        if flags & _LAST:
            break
    try:
        command = read_command(bytes(encoded))
    except UnreadableCommand as exc:
        raise Violation(str(exc), Reason.INVALID_PARAMETER) from exc
    if command.has_dataset:
        return Message(context_id, command, DataStream(fragments))
    fragments.end()
    return Message(context_id, command, None)


def sendable_pdu(announced: int) -> int:
    """The PDU length to send to a peer that announced this maximum (PS3.8 D.1). 0 sets no limit.

    Even, so that every fragment of a message but the last is (PS3.8 annex E): strict peers abort
    at an odd one.

    Raises: Violation: when no message could be sent in it.
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


MAX_DATASET = MB
"""Bytes of a data set without pixels, and without long values that are not wanted: print needs
10 KB, with a LUT."""
MAX_WHILE_COMING = 2000
"""Elements, items and values of a data set that is read while it comes. A slow peer may leave it
unfinished, and then they are held, at up to half a kilobyte each; print has a few dozen."""

_NAMES = {each.value: each.name.replace("_", "-") for each in Command}


@dataclass(frozen=True)
class Context:
    """An accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True)
class Request:
    """A request: its command has come, its data set not yet."""

    context: Context | None
    """None: it came on a presentation context that was not accepted."""
    command: CommandSet
    data: DataStream | None = None
    """The data set, as it comes; None where none was announced."""
    max_size: int = MAX_DATASET
    """Bytes of the data set that may be kept, beside pixels."""
    came: float = field(default_factory=time.monotonic, compare=False)
    """When its command was there (`time.monotonic()`), before it waited for anything."""

    @property
    def field(self) -> int:
        """Command Field."""
        return int(self.command.CommandField)

    def reader(self, wanted: WantedElements) -> DatasetReader[Dataset]:
        """Reads the data set, once: values left as their bytes, long ones that are not wanted left
        out. Only where there is one, on an accepted context.

        Raises: UnreadableDataset, DatasetTooLarge; and what ends the association.
        """
        assert self.data is not None
        assert self.context is not None
        return DatasetReader(
            self.data,
            self.context.transfer_syntax,
            Raw(),
            max_size=self.max_size,
            max_elements=MAX_WHILE_COMING,
            wanted=wanted,
        )

    def dataset(self) -> Dataset:
        """The data set without long values; empty when there was none. As `reader` reads it."""
        return Dataset() if self.data is None else self.reader(WantedElements()).to_end()

    @property
    def operation(self) -> str:
        """Its name: N-SET."""
        return _NAMES.get(self.field, "unknown")

    @property
    def message_id(self) -> int:
        """Message ID."""
        return int(self.command.MessageID)

    @property
    def class_uid(self) -> str:
        """Affected or Requested SOP Class UID; empty when there is none."""
        return self.command.text("AffectedSOPClassUID", "RequestedSOPClassUID")

    @property
    def instance_uid(self) -> str:
        """Affected or Requested SOP Instance UID; empty when there is none."""
        return self.command.text("AffectedSOPInstanceUID", "RequestedSOPInstanceUID")


@dataclass(frozen=True)
class Response:
    """What a request is answered with."""

    status: int
    dataset: Dataset | None = None
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further command elements by keyword: AffectedSOPInstanceUID, ActionTypeID, EventTypeID,
    AttributeIdentifierList, ErrorComment. None takes an element out that would be there."""


def response_command(request: Request, response: Response) -> CommandSet:
    """The command set of a response.

    The SOP class is the request's; so is the instance, unless `response.fields` says otherwise
    (PS3.7 10.3). An Error Comment leaves as `error_comment` makes it.
    """
    command: dict[str, Any] = {
        "CommandField": request.field | RESPONSE,
        "MessageIDBeingRespondedTo": request.message_id,
        "Status": response.status,
    }
    if request.class_uid:
        command["AffectedSOPClassUID"] = request.class_uid
    if request.instance_uid:
        command["AffectedSOPInstanceUID"] = request.instance_uid
    command.update(response.fields)
    if isinstance(comment := command.get("ErrorComment"), str):
        command["ErrorComment"] = error_comment(comment)
    return command_of(command)


LONGEST_COMMENT = 64
"""Characters of an LO."""


def error_comment(text: str) -> str:
    """As an Error Comment (0000,0902) may be: an LO of one value and at most 64 characters of the
    default repertoire, as a command set names no other (PS3.5 6.1.2, 6.2; PS3.7 E.1). What is not
    of it becomes a question mark, a backslash a slash; words that are too many are left out whole.
    """
    plain = text.replace("\\", "/")
    plain = "".join(each if " " <= each <= "~" else "?" for each in plain)
    if len(plain) <= LONGEST_COMMENT:
        return plain
    words, space, _ = plain[: LONGEST_COMMENT - 2].rpartition(" ")
    return f"{words}..." if space else plain[:LONGEST_COMMENT]
