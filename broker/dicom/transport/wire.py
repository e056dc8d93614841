"""PDUs over one TCP connection (PS3.8 9.3), with deadlines that a slow peer cannot stretch.

A length is believed only after it was compared with what may come; memory is taken afterwards.
"""

from __future__ import annotations

import math
import select
import socket
import struct
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

MAX_OTHER_PDU = 1 << 20
"""Bytes of a PDU that is neither P-DATA-TF nor of fixed length."""
BUFFER = 256 * 1024

_HEAD = struct.Struct(">BxI")


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
    """The deadline has passed."""


class Violation(WireBroken):
    """The peer does not speak DICOM, or not now. `reason` goes into the A-ABORT."""

    def __init__(self, words: str, reason: Reason) -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(frozen=True)
class Pdu:
    """One PDU without its six bytes of header."""

    type: PduType
    body: memoryview
    """Valid until the next one is received."""


class Wire:
    """One connection. One thread receives; any thread may send or cut.

    Deadlines are of `time.monotonic()`, in seconds.
    """

    def __init__(self, sock: socket.socket, *, max_pdu: int) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._max_pdu = max_pdu
        self._buffer = bytearray(max(BUFFER, max_pdu + _HEAD.size))
        self._begin = 0
        self._end = 0
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sock, select.POLLOUT)
        self._sending = threading.Lock()

    def wait(self, deadline: float) -> None:
        """Until there is something to receive. Raises Closed or TimedOut."""
        while self._end == self._begin:
            self._fill(deadline)

    @property
    def pending(self) -> bool:
        """Whether something has come in, or the peer has closed, without waiting for it."""
        return self._end > self._begin or bool(self._readable.poll(0))

    def receive(self, deadline: float) -> Pdu:
        """The next PDU. Raises Closed, TimedOut or Violation."""
        self._need(_HEAD.size, deadline)
        kind, length = _HEAD.unpack_from(self._buffer, self._begin)
        self._check(kind, length)
        self._need(_HEAD.size + length, deadline)
        begin = self._begin + _HEAD.size
        self._begin = begin + length
        return Pdu(PduType(kind), memoryview(self._buffer)[begin : begin + length])

    def send(self, chunks: Iterable[bytes], progress_s: float) -> None:
        """All of it; `progress_s` is the longest time without the peer taking a single byte.

        Raises Closed or TimedOut.
        """
        if not self._sending.acquire(timeout=progress_s):
            raise TimedOut("takes no data")
        handed = False
        try:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[self._send(view, progress_s) :]
                    handed = True
        except WireBroken as exc:
            exc.handed = handed
            raise
        finally:
            self._sending.release()

    def finish(self, deadline: float) -> None:
        """Close, but let the peer read what was sent last: closing over unread bytes resets the
        connection and takes it away from the peer."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
            while True:
                self._begin = self._end = 0
                self._fill(deadline)
        except (OSError, WireBroken):
            # Gone already, or does not go: either way it ends here.
            self.close()

    def cut(self) -> None:
        """End it from any thread: whoever receives is told Closed."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was not connected any more

    def close(self) -> None:
        """Give the socket back. Only the receiving thread does this."""
        self.cut()
        self._sock.close()

    def _check(self, kind: int, length: int) -> None:
        if kind not in PduType.__members__.values():
            raise Violation(f"PDU of unknown type {kind}", Reason.UNRECOGNIZED_PDU)
        if kind == PduType.DATA:
            limit = self._max_pdu
        elif kind in _FIXED:
            limit = 4
        else:
            limit = MAX_OTHER_PDU
        if length > limit:
            raise Violation(
                f"PDU of {length} bytes where {limit} is the most", Reason.INVALID_PARAMETER
            )

    def _need(self, count: int, deadline: float) -> None:
        """At least `count` bytes from `_begin` on."""
        if self._begin + count > len(self._buffer):
            # The slice is a copy: a view handed out earlier is no longer valid, as promised.
            rest = self._buffer[self._begin : self._end]
            if count > len(self._buffer):
                self._buffer = bytearray(count)
            self._buffer[: len(rest)] = rest
            self._begin, self._end = 0, len(rest)
        while self._end - self._begin < count:
            self._fill(deadline)

    def _fill(self, deadline: float) -> None:
        if self._begin == self._end:
            self._begin = self._end = 0
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut("timed out")
            try:
                count = self._sock.recv_into(memoryview(self._buffer)[self._end :])
            except BlockingIOError:
                self._readable.poll(_milliseconds(left))
                continue
            except OSError as exc:
                raise Closed(_why(exc)) from exc
            if count == 0:
                raise Closed("closed the connection")
            self._end += count
            return

    def _send(self, view: memoryview, progress_s: float) -> int:
        deadline = time.monotonic() + progress_s
        while True:
            try:
                return self._sock.send(view)
            except BlockingIOError:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut("takes no data") from None
                self._writable.poll(_milliseconds(left))
            except OSError as exc:
                raise Closed(_why(exc)) from exc


def _milliseconds(seconds: float) -> int:
    return min(math.ceil(seconds * 1000), 1_000_000)


def _why(exc: OSError) -> str:
    if isinstance(exc, (ConnectionResetError, BrokenPipeError)):
        return "reset the connection"
    return f"connection failed: {exc.strerror or exc}"
