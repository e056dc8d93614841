"""DIMSE messages: a command set, and perhaps a data set (PS3.7 6.3).

Data sets stay encoded until somebody asks for them, so that nobody pays for pixels that nobody
looks at.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import RESPONSE, Command, CommandSet, command_of
from broker.dicom.upper_layer.dataset import UnreadableDataset, read_raw
from broker.dicom.upper_layer.dataset_stream import Sink, Strainer

__all__ = ["Command", "Context", "Request", "Response", "UnreadableDataset", "response_command"]

_NAMES = {each.value: each.name.replace("_", "-") for each in Command}


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
    command: CommandSet
    data: bytes = b""
    """The encoded data set; empty when there was none, or when it was strained."""
    strained: Strainer | None = None
    """The data set, where it was read as it came."""
    came: float = field(default_factory=time.monotonic, compare=False)
    """When it was there (`time.monotonic()`), before it waited for anything."""

    @property
    def field(self) -> int:
        """Command Field."""
        return int(self.command.CommandField)

    @property
    def sink(self) -> Sink | None:
        """What got the pixels: what Service.sink gave for this request, if it was asked."""
        return self.strained.sink if self.strained is not None else None

    def dataset(self) -> Dataset:
        """The data set, values left as their bytes; empty when there was none. Only on an accepted
        context. Raises UnreadableDataset.
        """
        if self.strained is not None:
            return self.strained.dataset()
        if not self.data:
            return Dataset()
        assert self.context is not None
        return read_raw(self.data, self.context.transfer_syntax)

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


def error_comment(text: str) -> str:
    """As an Error Comment (0000,0902) may be: an LO of one value and at most 64 characters of the
    default repertoire, as a command set names no other (PS3.5 6.1.2, 6.2; PS3.7 E.1). What is not
    of it becomes a question mark.
    """
    return "".join(each if " " <= each <= "~" and each != "\\" else "?" for each in text[:64])
