"""What a PDU is, before its body is looked at (PS3.8 9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from broker.dicom.upper_layer.wire_broken import Reason, Violation
from broker.model.refusal import Refusal

MAX_OTHER_PDU = 1 << 17
"""Bytes of a PDU that is neither P-DATA-TF nor of fixed length: 128 presentation contexts with a
dozen transfer syntaxes each fit in."""


class PduType(IntEnum):
    """PS3.8 table 9-11 to 9-26."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


_FIXED = frozenset({PduType.ASSOCIATE_RJ, PduType.RELEASE_RQ, PduType.RELEASE_RP, PduType.ABORT})


@dataclass(frozen=True)
class Pdu:
    """One PDU without its six bytes of header."""

    type: PduType
    body: memoryview
    """Valid until the next one is received."""


def check_head(kind: int, length: int, max_pdu: int) -> None:
    """Raises Violation for a type or a length that no PDU has; P-DATA-TF has `max_pdu` at most."""
    if kind not in PduType.__members__.values():
        raise Violation(f"PDU of unknown type {kind}", Reason.UNRECOGNIZED_PDU)
    if kind == PduType.DATA:
        limit = max_pdu
    elif kind in _FIXED:
        limit = 4
    else:
        limit = MAX_OTHER_PDU
    if length > limit:
        raise Violation(
            f"PDU of {length} bytes where {limit} is the most",
            Reason.INVALID_PARAMETER,
            Refusal.PDU_TOO_LONG,
        )
