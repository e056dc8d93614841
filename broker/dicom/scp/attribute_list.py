"""What N-GET asks for and is answered with (PS3.7 10.1.2)."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.upper_layer.command_set import CommandSet
from broker.dicom.upper_layer.message import Response


def answered(command: CommandSet, known: Mapping[str, str], instance_uid: str) -> Response:
    """Those of the known attributes that were asked for; all that have a value when none was named.

    `known` is keyword -> value. One without a value is answered with zero length: consoles stop at
    any warning. What was asked for and is not known is listed in a response with the warning
    0x0107; a group length, and what is private, is passed over.
    """
    asked = _asked(command)
    reply = Dataset()
    for keyword, value in known.items():
        if attributes.tag(keyword) in asked if asked else value:
            attributes.put(reply, keyword, (value,))
    fields: dict[str, object] = {"AffectedSOPInstanceUID": instance_uid}
    missing = [tag for tag in asked if tag not in reply]
    if not missing:
        return Response(statuses.SUCCESS, reply, fields)
    fields["AttributeIdentifierList"] = missing
    return Response(statuses.ATTRIBUTE_LIST_ERROR, reply, fields)


def _asked(command: CommandSet) -> list[int]:
    """The tags of the Attribute Identifier List, of which there may be one, many or none."""
    asked = command.get("AttributeIdentifierList")
    if asked is None or asked == "":
        return []
    tags = [int(asked)] if isinstance(asked, int) else [int(tag) for tag in asked]
    # An odd group is private (PS3.5 7.8), an element 0000 a group length (PS3.5 7.2).
    return [each for each in tags if each & 0xFFFF and not each >> 16 & 1]
