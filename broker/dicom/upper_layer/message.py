"""DIMSE messages: a command set, and perhaps a data set (PS3.7 6.3).

A data set is read by the one who answers, as it comes; what is not read is skipped.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import RESPONSE, Command, CommandSet, command_of
from broker.dicom.upper_layer.dataset import InMemory, Raw, UnreadableDataset
from broker.dicom.upper_layer.dataset_reader import IMPLICIT_LE, DatasetReader, Wanted
from broker.dicom.upper_layer.fragments import DataStream
from broker.model.room import MB

__all__ = ["Command", "Context", "Request", "Response", "UnreadableDataset", "response_command"]

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

    def reader(self, wanted: Wanted) -> DatasetReader[Dataset]:
        """Reads the data set, once: values left as their bytes, long ones that are not wanted left
        out. Only on an accepted context.

        Raises: UnreadableDataset, DatasetTooLarge; and what ends the association.
        """
        if self.data is None:
            return DatasetReader(InMemory(b""), IMPLICIT_LE, Raw())
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
        return self.reader(Wanted()).to_end()

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
