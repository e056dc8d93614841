"""What a requestor hears: answers to its requests, and events between them."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import CommandSet
from broker.dicom.upper_layer.dataset import UnreadableDataset, decode_dataset
from broker.dicom.upper_layer.message import Context, Request


def readable(context: Context | None, data: bytes | None) -> Dataset | None:
    """The data set of a message; None where there is none, or it cannot be decoded."""
    if context is None or not data:
        return None
    try:
        return decode_dataset(data, context.transfer_syntax)
    except UnreadableDataset:
        return None


@dataclass(frozen=True)
class Answer:
    """The response to a request."""

    status: int
    command: CommandSet
    dataset: Dataset | None
    """None where there was none, or it could not be decoded."""


@dataclass(frozen=True)
class EventReport:
    """An N-EVENT-REPORT from the peer (PS3.7 10.1.1), answered already."""

    class_uid: str
    instance_uid: str
    event_type: int
    dataset: Dataset | None

    @classmethod
    def of(cls, request: Request, data: bytes | None) -> EventReport:
        """What an N-EVENT-REPORT-RQ with that data set says; its type is 0 where that is no
        number."""
        number = request.command.get("EventTypeID")
        return cls(
            request.class_uid,
            request.instance_uid,
            number if isinstance(number, int) else 0,
            readable(request.context, data),
        )
