"""Statuses of print: the ones we give, and what the ones we get mean for a film (PS3.4 H).

Those of DIMSE-N can be imported from here, too: an answer to a print request may need any of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from pydicom.datadict import keyword_for_tag

from broker.dicom.upper_layer.command_set import (
    ATTRIBUTE_LIST_ERROR,
    ATTRIBUTE_VALUE_OUT_OF_RANGE,
    CLASS_INSTANCE_CONFLICT,
    DUPLICATE_SOP_INSTANCE,
    INVALID_ARGUMENT_VALUE,
    INVALID_ATTRIBUTE_VALUE,
    INVALID_SOP_INSTANCE,
    MISSING_ATTRIBUTE,
    MISSING_ATTRIBUTE_VALUE,
    MISTYPED_ARGUMENT,
    NO_SUCH_ACTION,
    NO_SUCH_ARGUMENT,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_SOP_CLASS,
    NO_SUCH_SOP_INSTANCE,
    NOT_AUTHORIZED,
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
)
from broker.model.peers.refusal import Refusal

OPTIONAL_ATTRIBUTES_UNSUPPORTED = 0x0001
MEMORY_ALLOCATION_UNSUPPORTED = 0xB600
COLLATION_UNSUPPORTED = 0xB601
EMPTY_FILM_SESSION = 0xB602
EMPTY_FILM_BOX = 0xB603
IMAGE_SHRUNK = 0xB604
DENSITY_LIMITED = 0xB605
IMAGE_CROPPED = 0xB609
IMAGE_DECIMATED = 0xB60A
NO_FILM_BOXES = 0xC600
SESSION_QUEUE_FULL = 0xC601
FILM_BOX_QUEUE_FULL = 0xC602
IMAGE_TOO_LARGE = 0xC603
NO_MEMORY_FOR_IMAGE = 0xC605
COMBINED_IMAGE_TOO_LARGE = 0xC613
EARLIER_FILM_BOX_UNPRINTED = 0xC616

_WORDS = {
    OPTIONAL_ATTRIBUTES_UNSUPPORTED: "requested optional attributes are not supported",
    NO_SUCH_ATTRIBUTE: "no such attribute",
    INVALID_ATTRIBUTE_VALUE: "invalid attribute value",
    ATTRIBUTE_LIST_ERROR: "attribute list error",
    PROCESSING_FAILURE: "processing failure",
    DUPLICATE_SOP_INSTANCE: "duplicate SOP instance",
    NO_SUCH_SOP_INSTANCE: "no such SOP instance",
    INVALID_ARGUMENT_VALUE: "invalid argument value",
    ATTRIBUTE_VALUE_OUT_OF_RANGE: "attribute value out of range",
    INVALID_SOP_INSTANCE: "invalid SOP instance",
    NO_SUCH_SOP_CLASS: "no such SOP class",
    CLASS_INSTANCE_CONFLICT: "class and instance conflict",
    MISSING_ATTRIBUTE: "missing attribute",
    MISSING_ATTRIBUTE_VALUE: "missing attribute value",
    SOP_CLASS_NOT_SUPPORTED: "SOP class not supported",
    NO_SUCH_ACTION: "no such action",
    NOT_AUTHORIZED: "not authorized",
    UNRECOGNIZED_OPERATION: "unrecognized operation",
    RESOURCE_LIMITATION: "resource limitation",
    MEMORY_ALLOCATION_UNSUPPORTED: "memory allocation not supported",
    COLLATION_UNSUPPORTED: "collation not supported",
    EMPTY_FILM_SESSION: "empty page",
    EMPTY_FILM_BOX: "empty page",
    IMAGE_SHRUNK: "image too large, shrunk to fit",
    DENSITY_LIMITED: "density out of range, limit used",
    IMAGE_CROPPED: "image too large, cropped to fit",
    IMAGE_DECIMATED: "image too large, decimated to fit",
    NO_FILM_BOXES: "no film boxes",
    SESSION_QUEUE_FULL: "print queue is full",
    FILM_BOX_QUEUE_FULL: "print queue is full",
    IMAGE_TOO_LARGE: "image is larger than its image box",
    NO_MEMORY_FOR_IMAGE: "not enough memory for the image",
    COMBINED_IMAGE_TOO_LARGE: "combined image is larger than its image box",
    EARLIER_FILM_BOX_UNPRINTED: "an earlier film box was not printed",
}


class Meaning(Enum):
    """What a printer's status says about the film it was given for."""

    DONE = "done"
    ALTERED = "altered"
    """Done, though not quite as asked: say so, never repeat (PS3.4 H.2.5)."""
    EMPTY = "empty"
    """A warning by number, but nothing was printed."""
    PASSING = "passing"
    """The printer is full or short of memory now: wait, or another printer."""
    PERMANENT = "permanent"
    """The same request would be refused again."""
    UNCLEAR = "unclear"
    """A failure that may or may not pass."""


_ALTERED = frozenset(
    {OPTIONAL_ATTRIBUTES_UNSUPPORTED, ATTRIBUTE_LIST_ERROR, ATTRIBUTE_VALUE_OUT_OF_RANGE}
)
"""Beside all warnings of print."""
_PASSING = frozenset(
    {RESOURCE_LIMITATION, SESSION_QUEUE_FULL, FILM_BOX_QUEUE_FULL, NO_MEMORY_FOR_IMAGE}
)
_PERMANENT = frozenset(
    {
        NO_SUCH_ATTRIBUTE,
        INVALID_ATTRIBUTE_VALUE,
        NO_SUCH_ARGUMENT,
        INVALID_ARGUMENT_VALUE,
        INVALID_SOP_INSTANCE,
        NO_SUCH_SOP_CLASS,
        CLASS_INSTANCE_CONFLICT,
        MISSING_ATTRIBUTE,
        MISSING_ATTRIBUTE_VALUE,
        SOP_CLASS_NOT_SUPPORTED,
        NO_SUCH_ACTION,
        NOT_AUTHORIZED,
        UNRECOGNIZED_OPERATION,
        MISTYPED_ARGUMENT,
        NO_FILM_BOXES,
        IMAGE_TOO_LARGE,
        COMBINED_IMAGE_TOO_LARGE,
    }
)
UNWELCOME = frozenset(
    {NO_SUCH_SOP_CLASS, SOP_CLASS_NOT_SUPPORTED, NOT_AUTHORIZED, UNRECOGNIZED_OPERATION}
)
"""When a film session is created, these are about us, or about the printer: not about a film."""


def meaning(status: int) -> Meaning:
    """Sort a status by what has to happen next."""
    if status == SUCCESS:
        return Meaning.DONE
    if status in (EMPTY_FILM_SESSION, EMPTY_FILM_BOX):
        return Meaning.EMPTY
    if status in _ALTERED or status & 0xF000 == 0xB000:
        return Meaning.ALTERED
    if status in _PASSING:
        return Meaning.PASSING
    if status in _PERMANENT:
        return Meaning.PERMANENT
    return Meaning.UNCLEAR


def words(status: int) -> str:
    """A status for a person: its number and what it stands for."""
    known = _WORDS.get(status)
    return f"0x{status:04X} ({known})" if known else f"0x{status:04X}"


_NO_ROOM = {
    RESOURCE_LIMITATION: Refusal.TOO_MUCH,
    SESSION_QUEUE_FULL: Refusal.FILM_NOT_STORED,
    FILM_BOX_QUEUE_FULL: Refusal.FILM_NOT_STORED,
    NO_MEMORY_FOR_IMAGE: Refusal.IMAGE_NOT_STORED,
}
"""Statuses by which we say that there is no room, and what they are counted as."""


MOST_NAMED = 5
"""How many of the elements that a status is about are told by name."""


class Fault(Exception):
    """A request that cannot be done as asked: becomes the status of its response.

    `comment` (at most 64 characters go out, as Error Comment) must name no patient;
    `tags` are the offending elements, sent as Attribute Identifier List; `kind` is what the
    refusal counts as, where the status does not say it.
    """

    def __init__(
        self,
        status: int,
        comment: str,
        tags: Iterable[int] = (),
        *,
        kind: Refusal | None = None,
    ) -> None:
        super().__init__(f"{words(status)}: {comment}")
        self.status = status
        self.comment = comment
        self.tags = tuple(tags)
        self.kind = kind or _NO_ROOM.get(status)

    @property
    def attribute(self) -> str:
        """The elements that the status is about, by their keywords."""
        named = [
            keyword_for_tag(each) or f"({each >> 16:04X},{each & 0xFFFF:04X})"
            for each in self.tags[:MOST_NAMED]
        ]
        return ", ".join(named) + (", …" if len(self.tags) > MOST_NAMED else "")

    @property
    def fields(self) -> dict[str, object]:
        """What the response tells beside the status (PS3.7 C.4.2, C.5)."""
        told: dict[str, object] = {"ErrorComment": self.comment}
        if self.tags and self.status in (NO_SUCH_ATTRIBUTE, ATTRIBUTE_LIST_ERROR):
            told["AttributeIdentifierList"] = list(self.tags)
        return told
