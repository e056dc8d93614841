"""AE titles as they come in an A-ASSOCIATE-RQ: 16 bytes that a peer chose."""

from __future__ import annotations

from enum import StrEnum

from broker.model.printable import printable

_CONTROL = frozenset({*range(0x20), 0x7F})


class TitleFault(StrEnum):
    """Why a field is no AE title."""

    BLANK = "is blank"
    CONTROL = "holds a control character"


def title_fault(field: bytes) -> TitleFault | None:
    """What is wrong with the field, or None.

    A value of spaces alone "shall not be used" (PS3.8 table 9-11); control characters
    are outside of what an AE title may hold (PS3.5 6.2, VR AE). The backslash and bytes from 0x80
    up are outside of it too, but they are harmless and printers take them: they are accepted.
    """
    title = _title(field)
    if not title:
        return TitleFault.BLANK
    return TitleFault.CONTROL if _CONTROL.intersection(title) else None


def shown_title(field: bytes) -> str:
    """The title as text of printable characters, safe for logs, tables and terminals.

    Bytes from 0x80 up are shown as Latin-1, so that two such titles stay two.
    """
    return printable(_title(field).decode("latin-1"))


def _title(field: bytes) -> bytes:
    """The title in the field: leading and trailing spaces do not count (PS3.8 table 9-11), nor does
    anything from the first NUL on. Some modalities pad with NULs, and others copy a C string into
    the field and leave behind its end what was there before.
    """
    return field.partition(b"\0")[0].strip(b" ")
