"""DIMSE messages: a command set, and perhaps a data set (PS3.7 6.3, E.1).

Command sets are plain data sets, always in Implicit VR Little Endian. Data sets stay encoded until
somebody asks for them, so that nobody pays for pixels that nobody looks at.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from pydicom import config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from broker.dicom.transport.dataset import (
    IMPLICIT_LE,
    Cut,
    UnreadableDataset,
    decode_flat,
)
from broker.dicom.transport.dataset_stream import Sink
from broker.dicom.transport.dataset_writer import buffers, encode_dataset

__all__ = [
    "Command",
    "Context",
    "Request",
    "Response",
    "UnreadableCommand",
    "UnreadableDataset",
    "command_bytes",
    "command_of",
    "read_command",
    "response_command",
]

RESPONSE = 0x8000
"""Set in the Command Field of every response (PS3.7 E.1-1)."""
_GROUP_LENGTH = Tag(0x0000, 0x0000)
_TYPE = Tag(0x0000, 0x0800)
"""Command Data Set Type."""
_LENGTH = struct.Struct("<HHII")
"""The element that says how long the rest of a command set is."""
NO_DATASET = 0x0101
"""CommandDataSetType of a message without a data set; any other value means that one follows."""
WITH_DATASET = 0x0001


class Command(IntEnum):
    """Command Field of the requests (PS3.7 E.1)."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_GET = 0x0110
    N_SET = 0x0120
    N_ACTION = 0x0130
    N_CREATE = 0x0140
    N_DELETE = 0x0150
    C_CANCEL = 0x0FFF


class UnreadableCommand(Exception):
    """A command set cannot be decoded, or lacks what every command set must have."""


@dataclass(frozen=True)
class Context:
    """An accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True)
class Request:
    """A request as it came: the command decoded, the data set not yet."""

    context: Context | None
    """None: it came on a presentation context that was not accepted."""
    command: Dataset
    data: bytes = b""
    """The encoded data set, without what was left out at `cuts`; empty when there was none."""
    cuts: tuple[Cut, ...] = ()
    sink: Sink | None = None
    """What got the pixels: what Service.sink gave for this request, if it was asked."""

    @property
    def field(self) -> int:
        """Command Field."""
        return int(self.command.CommandField)

    @property
    def operation(self) -> str:
        """Its name: N-SET."""
        known = {each.value: each.name.replace("_", "-") for each in Command}
        return known.get(self.field, "unknown")

    @property
    def message_id(self) -> int:
        """Message ID."""
        return int(self.command.MessageID)

    @property
    def class_uid(self) -> str:
        """Affected or Requested SOP Class UID; empty when there is none."""
        return _text(self.command, "AffectedSOPClassUID", "RequestedSOPClassUID")

    @property
    def instance_uid(self) -> str:
        """Affected or Requested SOP Instance UID; empty when there is none."""
        return _text(self.command, "AffectedSOPInstanceUID", "RequestedSOPInstanceUID")


@dataclass(frozen=True)
class Response:
    """What a request is answered with."""

    status: int
    dataset: Dataset | None = None
    fields: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Further command elements by keyword: AffectedSOPInstanceUID, ActionTypeID, EventTypeID,
    AttributeIdentifierList, ErrorComment. None takes an element out that would be there."""


def response_command(request: Request, response: Response) -> Dataset:
    """The command set of a response.

    The SOP class is the request's; so is the instance, unless `response.fields` says otherwise
    (PS3.7 10.3).
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
    return command_of(command)


def command_of(elements: Mapping[str, Any]) -> Dataset:
    """A command set of elements by keyword; those that are None are left out.

    Raises ValueError or TypeError when there is no such keyword, or it cannot have that value.
    """
    command = Dataset()
    for keyword, value in elements.items():
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise ValueError(f"{keyword} is no element's keyword")
        if value is not None:
            vr = dictionary_VR(tag)
            command.add(DataElement(tag, vr, value, validation_mode=config.IGNORE))
    return command


def command_bytes(command: Dataset, *, with_dataset: bool) -> bytes:
    """A command set as it goes over the wire, its group length and data set type in place.

    Raises ValueError or TypeError when a value does not fit its element.
    """
    # Not by assignment, which converts and checks each element again.
    whole = Dataset()
    whole._dict.update(command._dict)
    kind = WITH_DATASET if with_dataset else NO_DATASET
    whole._dict[_TYPE] = DataElement(_TYPE, "US", kind, already_converted=True)
    whole._dict.pop(_GROUP_LENGTH, None)
    body = b"".join(buffers(encode_dataset(whole, IMPLICIT_LE)))
    return _LENGTH.pack(0, 0, 4, len(body)) + body


def read_command(data: bytes) -> Dataset:
    """The command set in `data`. Raises UnreadableCommand.

    Every command has a Command Field and says whether a data set follows; every request but
    C-CANCEL has a Message ID, and every response names the request that it answers.
    """
    try:
        command = decode_flat(data)
        field_ = _number(command, "CommandField")
        _number(command, "CommandDataSetType")
        if field_ & RESPONSE or field_ == Command.C_CANCEL:
            _number(command, "MessageIDBeingRespondedTo")
        else:
            _number(command, "MessageID")
    except UnreadableDataset as exc:
        raise UnreadableCommand(f"a command set cannot be decoded: {exc}") from exc
    return command


def has_dataset(command: Dataset) -> bool:
    """Whether a data set follows the command set."""
    return int(command.CommandDataSetType) != NO_DATASET


def is_response(command: Dataset) -> bool:
    """Whether the command set is a response's."""
    return bool(int(command.CommandField) & RESPONSE)


def _number(command: Dataset, keyword: str) -> int:
    value = command.get(keyword)
    if not isinstance(value, int):
        raise UnreadableDataset(f"{keyword} is missing or not one number")
    return value


def _text(command: Dataset, *keywords: str) -> str:
    for keyword in keywords:
        value = command.get(keyword)
        if value:
            return str(value)
    return ""
