"""Labels as a person reads them (PS3.5 6.1, PS3.3 C.12.1.1.2).

Everywhere else text is Latin-1, byte for byte, and whatever SpecificCharacterSet says is passed on:
a modality may declare it wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.charset import convert_encodings, decode_bytes, python_encoding

from broker.model.films.film import Attributes

LABELS = ("FilmSessionLabel", "OwnerID")
"""Those of the film session that a character set counts for (LO, SH)."""
_DELIMITERS = {ord("\\")}

_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def readable(session: Attributes) -> dict[str, tuple[str, ...]]:
    """The film session's attributes, its labels decoded as it declares; as they are, where it
    declares nothing that is known, or the bytes are none of that character set."""
    found = dict(session)
    terms = list(session.get("SpecificCharacterSet", ()))
    if not terms or any(term not in python_encoding for term in terms):
        return found
    encodings = convert_encodings(terms)
    for keyword in LABELS:
        if keyword in found:
            found[keyword] = tuple(_decoded(value, encodings) for value in found[keyword])
    return found


def _decoded(value: str, encodings: Sequence[str]) -> str:
    decoded = decode_bytes(value.encode("latin-1"), encodings, _DELIMITERS)
    return value if _UNKNOWN in decoded else decoded
