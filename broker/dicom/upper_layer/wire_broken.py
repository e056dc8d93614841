"""How a connection breaks, and what the peer is told of it."""

from __future__ import annotations

import errno
from enum import IntEnum

from broker.model.refusal import Refusal

_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH)
"""What a connection that has timed out ends with, where a router or the last hop said why."""


class Reason(IntEnum):
    """Why a service-provider aborts (PS3.8 table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class WireBroken(Exception):
    """Nothing more can be read or written."""

    handed = False
    """Whether a byte of what was being sent had been handed to the system already."""


class Closed(WireBroken):
    """The peer closed the connection, or it broke."""


class TimedOut(WireBroken):
    """The deadline has passed. `kind` says whether the peer was silent, slow, or takes nothing."""

    def __init__(self, words: str, kind: Refusal = Refusal.SLOW) -> None:
        super().__init__(words)
        self.kind = kind


class Violation(WireBroken):
    """The peer does not speak DICOM, or not now. `reason` goes into the A-ABORT."""

    def __init__(self, words: str, reason: Reason, kind: Refusal = Refusal.BROKEN_PROTOCOL) -> None:
        super().__init__(words)
        self.reason = reason
        self.kind = kind


def why(exc: OSError) -> str:
    """What became of the connection, as "the peer" goes on."""
    if isinstance(exc, (ConnectionResetError, BrokenPipeError)):
        return "reset the connection"
    if isinstance(exc, TimeoutError) or exc.errno in _UNREACHABLE:
        return "acknowledges nothing any more (its power or the network is lost)"
    if exc.errno == errno.EPROTO:
        return str(exc.strerror)  # it says what the peer did
    return f"connection failed: {exc.strerror or exc}"
