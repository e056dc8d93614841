"""Statuses of print: the ones we give, and what the ones we get mean for a film (PS3.4 H).

Those of DIMSE-N stand here, too, so that who answers a print request finds all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from broker.dicom.upper_layer.command_set import (
    ATTRIBUTE_LIST_ERROR,
    CLASS_INSTANCE_CONFLICT,
    DUPLICATE_SOP_INSTANCE,
    INVALID_ATTRIBUTE_VALUE,
    INVALID_SOP_INSTANCE,
    MISSING_ATTRIBUTE,
    MISSING_ATTRIBUTE_VALUE,
    NO_SUCH_ACTION,
    NO_SUCH_ATTRIBUTE,
    NO_SUCH_SOP_CLASS,
    NO_SUCH_SOP_INSTANCE,
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SOP_CLASS_NOT_SUPPORTED,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
)
from broker.model.refusal import Refusal

__all__ = [
    "ATTRIBUTE_LIST_ERROR",
    "CLASS_INSTANCE_CONFLICT",
    "DUPLICATE_SOP_INSTANCE",
    "EMPTY_FILM_BOX",
    "EMPTY_FILM_SESSION",
    "FILM_BOX_QUEUE_FULL",
    "INVALID_ATTRIBUTE_VALUE",
    "INVALID_SOP_INSTANCE",
    "MISSING_ATTRIBUTE",
    "MISSING_ATTRIBUTE_VALUE",
    "NO_FILM_BOXES",
    "NO_MEMORY_FOR_IMAGE",
    "NO_SUCH_ACTION",
    "NO_SUCH_ATTRIBUTE",
    "NO_SUCH_SOP_CLASS",
    "NO_SUCH_SOP_INSTANCE",
    "PROCESSING_FAILURE",
    "RESOURCE_LIMITATION",
    "SESSION_QUEUE_FULL",
    "SOP_CLASS_NOT_SUPPORTED",
    "SUCCESS",
    "UNRECOGNIZED_OPERATION",
    "UNWELCOME",
    "Fault",
    "Meaning",
    "meaning",
    "words",
]

EMPTY_FILM_SESSION = 0xB602
EMPTY_FILM_BOX = 0xB603
NO_FILM_BOXES = 0xC600
SESSION_QUEUE_FULL = 0xC601
FILM_BOX_QUEUE_FULL = 0xC602
NO_MEMORY_FOR_IMAGE = 0xC605

_WORDS = {
    0x0001: "requested optional attributes are not supported",
    0x0105: "no such attribute",
    0x0106: "invalid attribute value",
    0x0107: "attribute list error",
    0x0110: "processing failure",
    0x0111: "duplicate SOP instance",
    0x0112: "no such SOP instance",
    0x0115: "invalid argument value",
    0x0116: "attribute value out of range",
    0x0117: "invalid SOP instance",
    0x0118: "no such SOP class",
    0x0119: "class and instance conflict",
    0x0120: "missing attribute",
    0x0121: "missing attribute value",
    0x0122: "SOP class not supported",
    0x0123: "no such action",
    0x0124: "not authorized",
    0x0211: "unrecognized operation",
    0x0213: "resource limitation",
    0xB600: "memory allocation not supported",
    0xB601: "collation not supported",
    0xB602: "empty page",
    0xB603: "empty page",
    0xB604: "image too large, shrunk to fit",
    0xB605: "density out of range, limit used",
    0xB609: "image too large, cropped to fit",
    0xB60A: "image too large, decimated to fit",
    0xC600: "no film boxes",
    0xC601: "print queue is full",
    0xC602: "print queue is full",
    0xC603: "image is larger than its image box",
    0xC605: "not enough memory for the image",
    0xC613: "combined image is larger than its image box",
    0xC616: "an earlier film box was not printed",
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


_PASSING = frozenset({0x0213, 0xC601, 0xC602, 0xC605})
_PERMANENT = frozenset(
    {0x0105, 0x0106, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121, 0x0122, 0x0123}
    | {0x0124, 0x0211, 0x0212, 0xC600, 0xC603, 0xC613}
)
UNWELCOME = frozenset({0x0118, 0x0122, 0x0124, 0x0211})
"""When a film session is created, these are about us, or about the printer: not about a film."""


def meaning(status: int) -> Meaning:
    """Sort a status by what has to happen next."""
    if status == SUCCESS:
        return Meaning.DONE
    if status in (EMPTY_FILM_SESSION, EMPTY_FILM_BOX):
        return Meaning.EMPTY
    if status in (0x0001, 0x0107, 0x0116) or status & 0xF000 == 0xB000:
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
    def fields(self) -> dict[str, object]:
        """What the response tells beside the status (PS3.7 C.4.2, C.5)."""
        told: dict[str, object] = {"ErrorComment": self.comment}
        if self.tags and self.status in (NO_SUCH_ATTRIBUTE, ATTRIBUTE_LIST_ERROR):
            told["AttributeIdentifierList"] = list(self.tags)
        return told
