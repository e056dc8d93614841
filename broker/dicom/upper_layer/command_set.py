"""Command sets (PS3.7 6.3.1, E.1): plain elements of group 0000, in Implicit VR Little Endian.

There are a dozen for each film, so they are no pydicom data sets: those take several times as long.
Statuses that responses have, whatever the service class (PS3.7 C), stand here, too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.tag import Tag

from broker.dicom.upper_layer.dataset_reader import NUMBERS, TEXT

SUCCESS = 0x0000
NO_SUCH_ATTRIBUTE = 0x0105
INVALID_ATTRIBUTE_VALUE = 0x0106
ATTRIBUTE_LIST_ERROR = 0x0107
PROCESSING_FAILURE = 0x0110
DUPLICATE_SOP_INSTANCE = 0x0111
NO_SUCH_SOP_INSTANCE = 0x0112
NO_SUCH_ARGUMENT = 0x0114
INVALID_ARGUMENT_VALUE = 0x0115
ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116
INVALID_SOP_INSTANCE = 0x0117
NO_SUCH_SOP_CLASS = 0x0118
CLASS_INSTANCE_CONFLICT = 0x0119
MISSING_ATTRIBUTE = 0x0120
MISSING_ATTRIBUTE_VALUE = 0x0121
SOP_CLASS_NOT_SUPPORTED = 0x0122
NO_SUCH_ACTION = 0x0123
NOT_AUTHORIZED = 0x0124
UNRECOGNIZED_OPERATION = 0x0211
MISTYPED_ARGUMENT = 0x0212
RESOURCE_LIMITATION = 0x0213

RESPONSE = 0x8000
"""Set in the Command Field of every response (PS3.7 E.1-1)."""
NO_DATASET = 0x0101
"""CommandDataSetType of a message without a data set; any other value means that one follows."""
WITH_DATASET = 0x0001

_HEAD = struct.Struct("<HHI")
_GROUP_LENGTH = struct.Struct("<HHII")
"""The element that says how long the rest of a command set is."""
_AT = struct.Struct("<HH")
_US = struct.Struct("<H")
_TYPE = "CommandDataSetType"


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


class CommandSet(Mapping[str, Any]):
    """Its elements by keyword, and as attributes: numbers and tags as int, text as str.

    Several values of one element are a list. An empty element has the value None.
    """

    __slots__ = ("_elements",)

    def __init__(self, elements: Mapping[str, Any]) -> None:
        self._elements = elements

    def __getitem__(self, keyword: str) -> Any:
        return self._elements[keyword]

    def __getattr__(self, keyword: str) -> Any:
        try:
            return self._elements[keyword]
        except KeyError:
            raise AttributeError(keyword) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)

    @property
    def has_dataset(self) -> bool:
        """Whether a data set follows it."""
        return bool(self._elements[_TYPE] != NO_DATASET)

    @property
    def is_response(self) -> bool:
        """Whether it is a response's."""
        return bool(self._elements["CommandField"] & RESPONSE)

    def text(self, *keywords: str) -> str:
        """The first of these elements that is there and not empty; or nothing."""
        for keyword in keywords:
            value = self._elements.get(keyword)
            if value:
                return str(value)
        return ""


def command_of(elements: Mapping[str, Any]) -> CommandSet:
    """A command set of elements by keyword; those that are None are left out.

    Raises: ValueError: when one of them is no element of command sets.
    """
    for keyword in elements:
        _place(keyword)
    return CommandSet({key: value for key, value in elements.items() if value is not None})


def command_bytes(command: CommandSet, *, with_dataset: bool) -> bytes:
    """A command set as it goes over the wire, its group length and data set type in place.

    Raises: ValueError, TypeError: when a value does not fit its element.
    """
    kind = WITH_DATASET if with_dataset else NO_DATASET
    placed = [(_place(keyword), value) for keyword, value in command.items() if keyword != _TYPE]
    placed.append((_place(_TYPE), kind))
    placed.sort(key=_in_order)
    parts: list[bytes] = []
    for (element, vr), value in placed:
        if element:
            encoded = _encoded(vr, value)
            parts += (_HEAD.pack(0, element, len(encoded)), encoded)
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def read_command(data: bytes) -> CommandSet:
    """The command set in `data`; elements that command sets do not have are passed over.

    Every command has a Command Field and says whether a data set follows; every request but
    C-CANCEL has a Message ID, and every response names the request that it answers.

    Raises: UnreadableCommand: when one of these is missing, or it cannot be decoded.
    """
    elements: dict[str, Any] = {}
    at, size = 0, len(data)
    while at < size:
        if size - at < _HEAD.size:
            raise UnreadableCommand("an element of a command set is cut off")
        group, element, length = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if length > size - at:
            raise UnreadableCommand("an element is longer than its command set")
        keyword, vr = _known(element) if group == 0 else ("", "")
        if keyword:
            elements[keyword] = _decoded(vr, data[at : at + length])
        at += length
    field = _number(elements, "CommandField")
    _number(elements, _TYPE)
    answers = field & RESPONSE or field == Command.C_CANCEL
    _number(elements, "MessageIDBeingRespondedTo" if answers else "MessageID")
    return CommandSet(elements)


def _number(elements: Mapping[str, Any], keyword: str) -> int:
    value = elements.get(keyword)
    if not isinstance(value, int):
        raise UnreadableCommand(f"a command set's {keyword} is missing or not one number")
    return value


@lru_cache(maxsize=256)
def _known(element: int) -> tuple[str, str]:
    """Keyword and VR of an element of group 0000; empty where it is not known."""
    keyword = keyword_for_tag(element)
    return (keyword, dictionary_VR(element)) if keyword else ("", "")


@lru_cache(maxsize=256)
def _place(keyword: str) -> tuple[int, str]:
    """Element number and VR.

    Raises: ValueError: when command sets have no such element.
    """
    tag = tag_for_keyword(keyword)
    if tag is None or tag > 0xFFFF:
        raise ValueError(f"{keyword} is no element of a command set")
    return tag, dictionary_VR(tag)


def _in_order(placed: tuple[tuple[int, str], Any]) -> int:
    return placed[0][0]


def _decoded(vr: str, value: bytes) -> Any:
    if vr == "US" and len(value) == _US.size:
        return _US.unpack(value)[0]
    if vr == "UI" and b"\\" not in value:
        return value.decode("latin-1").strip(" \0") or None
    try:
        if vr in NUMBERS:
            return _alone([number for (number,) in struct.iter_unpack(f"<{NUMBERS[vr]}", value)])
        if vr == "AT":
            return _alone([group << 16 | at for group, at in _AT.iter_unpack(value)])
    except struct.error:
        raise UnreadableCommand(f"{len(value)} bytes are no {vr}") from None
    return _alone([part.strip(" \0") for part in value.decode("latin-1").split("\\")]) or None


def _alone(values: list[Any]) -> Any:
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def _encoded(vr: str, value: Any) -> bytes:
    if vr in TEXT:
        several = isinstance(value, Sequence) and not isinstance(value, str)
        encoded = ("\\".join(map(str, value)) if several else str(value)).encode("latin-1")
        return encoded + (b"\0" if vr == "UI" else b" ") * (len(encoded) % 2)
    values = value if isinstance(value, Sequence) else [value]
    if vr == "AT":
        tags = [Tag(each) for each in values]
        return b"".join(_AT.pack(tag.group, tag.element) for tag in tags)
    try:
        return struct.pack(f"<{len(values)}{NUMBERS[vr]}", *values)
    except struct.error:
        raise ValueError(f"a command set's {vr} cannot be {value!r}") from None
