"""Transfer syntaxes of uncompressed data sets, and the order of the bytes in them (PS3.5 7.3, A).

Values are little endian wherever they are kept; only what comes or leaves in Explicit VR Big Endian
(retired; PS3.5 2016b A.3) is turned here. What a value's bytes are turned in follows from its VR
alone: 8-bit pixels in OW, too, are words (PS3.5 8.1.1). UN is never turned, for its value is little
endian in any transfer syntax (PS3.5 6.2.2).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from types import MappingProxyType

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
EXPLICIT_BE = "1.2.840.10008.1.2.2"


class UnreadableDataset(Exception):
    """A data set cannot be decoded. The words name the element, never its value."""


@dataclass(frozen=True)
class Encoding:
    """How elements are written."""

    explicit: bool
    """Whether they say their VR."""
    tag: Struct
    length: Struct
    short_length: Struct
    turned: Mapping[str, int] = field(default_factory=dict)
    """VR -> bytes of the words in its values that are the other way round than in little endian."""


_WORDS = MappingProxyType(
    {
        **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
        **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
        **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
    }
)
"""PS3.5 7.3; a tag is two words (PS3.5 6.2, AT)."""
IMPLICIT = Encoding(False, Struct("<HH"), Struct("<I"), Struct("<H"))
EXPLICIT = Encoding(True, Struct("<HH"), Struct("<I"), Struct("<H"))
_ENCODINGS = {
    IMPLICIT_LE: IMPLICIT,
    EXPLICIT_LE: EXPLICIT,
    EXPLICIT_BE: Encoding(True, Struct(">HH"), Struct(">I"), Struct(">H"), _WORDS),
}


def encoding_of(transfer_syntax: str) -> Encoding:
    """How a data set is encoded. Raises: UnreadableDataset: for any other transfer syntax."""
    try:
        return _ENCODINGS[transfer_syntax]
    except KeyError:
        raise UnreadableDataset(f"transfer syntax {transfer_syntax} is not known here") from None


_CODES = {2: "H", 4: "I", 8: "Q"}


def turned(value: bytes | memoryview, word: int) -> memoryview:
    """The value with the bytes of each word the other way round; what is left behind the last whole
    word stays as it is."""
    whole = len(value) - len(value) % word
    words = array(_CODES[word])
    words.frombytes(value[:whole])
    words.byteswap()
    made = memoryview(words).cast("B")
    return made if whole == len(value) else memoryview(made.tobytes() + bytes(value[whole:]))


def turned_pieces(pieces: Iterable[bytes | memoryview], word: int) -> Iterator[memoryview]:
    """As `turned`, of a value that comes in pieces, which may cut its words anywhere."""
    cut = b""
    for piece in pieces:
        if cut:
            more = word - len(cut)
            cut, piece = cut + bytes(piece[:more]), piece[more:]
            if len(cut) < word:
                continue
            yield turned(cut, word)
        whole = len(piece) - len(piece) % word
        cut = bytes(piece[whole:])
        if whole:
            yield turned(piece[:whole], word)
    if cut:
        yield memoryview(cut)
