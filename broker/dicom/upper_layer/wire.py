"""PDUs over one TCP connection (PS3.8 9.3), with deadlines that a slow peer cannot stretch.

A length is believed only after it was compared with what may come; memory is taken as the bytes
come, never because they were announced, and given back while nothing comes.
"""

from __future__ import annotations

import errno
import math
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum

from broker.dicom.upper_layer.peer_watch import LOOK_S, SILENT_S, PeerWatch
from broker.model.peers.refusal import Refusal

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


FLOOR = 16 * 1024
"""Bytes per second that are progress. A line that carries less takes half an hour for an image, and
no site prints over it. A peer that wants to keep us busy has to send more than a byte at times."""
LONGEST_S = 30 * 60.0
"""No message takes longer, however steadily it moves; but see `Pace`."""


class Pace:
    """The deadline of one message, in seconds on any clock.

    It lies `patience_s` ahead at the beginning, and every byte moves it on by what the byte takes
    at FLOOR, to no more than `patience_s` ahead again: what moves steadily may take its time, what
    stalls or drips is given up, and no haste is saved up for a stall. The whole never takes longer
    than LONGEST_S, or `patience_s` where that is more.
    """

    def __init__(self, patience_s: float, now: float, floor: int = FLOOR) -> None:
        self._floor = floor
        self.deadline = now + patience_s
        self._patience_s = patience_s
        self._end = now + max(LONGEST_S, patience_s)

    def moved(self, count: int, now: float) -> None:
        """`count` bytes more have come, or left."""
        earned = min(self.deadline + count / self._floor, now + self._patience_s, self._end)
        self.deadline = max(self.deadline, earned)

    def ours(self, seconds: float) -> None:
        """`seconds` of the time were ours, as for a write to disk, not the peer's."""
        self.deadline += seconds
        self._end += seconds


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
    """Check a PDU's header; P-DATA-TF has `max_pdu` bytes at most.

    Raises: Violation: for a type or a length that no PDU has.
    """
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


ABORT_PATIENCE_S = 1.0
"""For an A-ABORT that we send, or wait for."""
BUFFER = 256 * 1024
"""Bytes that are read at once from a peer that sends a lot. It is taken at once when the small one
is full: the system gives memory as it is written to, and growing step by step takes longer than
reading."""
SMALL_BUFFER = 4 * 1024
"""Of a peer that sends little, or nothing just now."""
UNSENT = 128 * 1024
"""Bytes that the system takes from us beyond what is on its way. Without a bound it takes
megabytes from a fast sender: how slowly the peer takes them would be hidden until all had left, and
count as the time of its answer."""

_HEAD = struct.Struct(">BxI")


class Wire:
    """One connection. One thread receives; any thread may send or cut.

    Deadlines are of `time.monotonic()`, in seconds.
    """

    def __init__(self, sock: socket.socket, *, max_pdu: int, silent_s: int = SILENT_S) -> None:
        """`silent_s`: for how long the peer's system may acknowledge nothing."""
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self._watch = PeerWatch(sock, silent_s)
        self._sock = sock
        self._recv_into: Callable[[memoryview], int] = sock.recv_into
        self._send_some: Callable[[memoryview], int] = sock.send
        self._max_pdu = max_pdu
        self._largest = max(BUFFER, max_pdu + _HEAD.size)
        self._buffer = bytearray(SMALL_BUFFER)
        self._begin = 0
        self._end = 0
        self._crowded = False
        """The last read filled the buffer: there is more than it takes."""
        self.has_received = False
        """Whether anything has ever come."""
        self._readable = select.poll()
        self._readable.register(sock, select.POLLIN)
        self._writable = select.poll()
        self._writable.register(sock, select.POLLOUT)
        self._sending = threading.Lock()

    def wait(self, deadline: float) -> None:
        """Until there is something to receive.

        Raises: Closed, TimedOut: when nothing comes.
        """
        while self._end == self._begin:
            self._fill(deadline, resting=True)

    def fileno(self) -> int:
        """For a selector."""
        return self._sock.fileno()

    @property
    def handshake_done(self) -> bool:
        """Whether PDUs may be sent."""
        return True

    @property
    def unsent(self) -> bool:
        """Whether something has to leave before anything is received."""
        return False

    @property
    def pending(self) -> bool:
        """Whether something has come in, or the peer has closed, without waiting for it."""
        return not self.quiet

    @property
    def quiet(self) -> bool:
        """The opposite, as far as any thread can tell, and not only the one that receives."""
        if self._end > self._begin:
            return False
        look = select.poll()
        look.register(self._sock, select.POLLIN)
        return not look.poll(0)

    def receive(self, deadline: float) -> Pdu:
        """The next PDU.

        Raises: Closed, TimedOut, Violation: when there is none, or what came is none.
        """
        self._need(_HEAD.size, deadline)
        kind, length = _HEAD.unpack_from(self._buffer, self._begin)
        check_head(kind, length, self._max_pdu)
        self._need(_HEAD.size + length, deadline)
        begin = self._begin + _HEAD.size
        self._begin = begin + length
        return Pdu(PduType(kind), memoryview(self._buffer)[begin : begin + length])

    def offered(self) -> Pdu | None:
        """The next PDU, once all of it has come. Waits for nothing.

        Raises: Closed, Violation: when there is none any more, or what came is none.
        """
        count = _HEAD.size
        while True:
            if self._end - self._begin >= _HEAD.size:
                kind, length = _HEAD.unpack_from(self._buffer, self._begin)
                check_head(kind, length, self._max_pdu)
                count = _HEAD.size + length
            if self._end - self._begin >= count:
                return self.receive(math.inf)
            self._make_room(count)
            if not self._take():
                return None

    def send(self, chunks: Iterable[bytes], patience_s: float, *, floor: int = FLOOR) -> None:
        """All of it, at a Pace of that patience: a peer that steadily takes data may take its time.

        With 0 it waits for nothing: what cannot leave at once does not leave.

        Raises: Closed, TimedOut: when not all of it has left.
        """
        if not self._sending.acquire(timeout=patience_s):
            raise TimedOut("takes no data", Refusal.NOT_READING)
        ready = time.monotonic()
        pace = Pace(patience_s, ready, floor)
        handed = False
        try:
            for chunk in chunks:
                pace.ours(time.monotonic() - ready)
                view = memoryview(chunk)
                while view:
                    view = view[self._send(view, pace) :]
                    handed = True
                ready = time.monotonic()
        except WireBroken as exc:
            exc.handed = exc.handed or handed
            raise
        finally:
            self._sending.release()

    def shut_down(self) -> None:
        """Send no more. The peer can read what was sent last, if `discard` is called until it has
        closed: closing over unread bytes resets the connection.

        Raises: Closed: when the connection has ended.
        """
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as exc:
            raise Closed(why(exc)) from exc
        self._buffer = bytearray(SMALL_BUFFER)
        self._begin = self._end = 0
        self.discard()

    def check_open(self) -> None:
        """Raises: Closed: when the peer has closed, and sent nothing more before."""
        try:
            if self._sock.recv(1, socket.MSG_PEEK) == b"":
                raise Closed("closed the connection")
        except BlockingIOError:
            return
        except OSError as exc:
            raise Closed(why(exc)) from exc

    def discard(self) -> None:
        """Throw away some of what has come. Waits for nothing.

        Raises: Closed: when the peer has closed.
        """
        for _ in range(16):
            self._begin = self._end = 0
            if not self._take():
                return

    def cut(self) -> None:
        """End it from any thread: the receiving thread gets Closed."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was not connected any more

    def close(self) -> None:
        """Give the socket back. Only the receiving thread does this."""
        self.cut()
        self._sock.close()

    def _need(self, count: int, deadline: float) -> None:
        """At least `count` bytes from `_begin` on."""
        while self._end - self._begin < count:
            self._make_room(count)
            self._fill(deadline)

    def _make_room(self, count: int) -> None:
        """Somewhere for more of the `count` bytes: BUFFER, then twice as much each time."""
        size = len(self._buffer)
        if self._begin + count <= size or (self._begin == 0 and self._end < size):
            return
        # In its place or in a larger buffer: a view handed out earlier is no longer valid, as
        # promised.
        come = self._end - self._begin
        old = memoryview(self._buffer)
        if come == size:
            self._buffer = bytearray(min(max(2 * size, BUFFER), max(self._largest, count)))
        memoryview(self._buffer)[:come] = old[self._begin : self._end]
        self._begin, self._end = 0, come

    def _fill(self, deadline: float, *, resting: bool = False) -> None:
        if self._begin == self._end:
            self._begin = self._end = 0
            if self._crowded and len(self._buffer) < self._largest:
                self._buffer = bytearray(self._largest)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                kind = Refusal.IDLE if resting else Refusal.SLOW
                raise TimedOut("timed out", kind)
            if self._take():
                return
            if resting and len(self._buffer) > SMALL_BUFFER:
                self._buffer = bytearray(SMALL_BUFFER)
            self._poll(self._readable, left)

    def _take(self) -> bool:
        """What has come, as far as there is room; whether that was anything."""
        try:
            count = self._recv_into(memoryview(self._buffer)[self._end :])
        except BlockingIOError:
            return False
        except OSError as exc:
            raise Closed(why(exc)) from exc
        if count == 0:
            raise Closed("closed the connection")
        self.has_received = True
        self._end += count
        self._crowded = self._end == len(self._buffer)
        return True

    def _send(self, view: memoryview, pace: Pace) -> int:
        while True:
            try:
                count = self._send_some(view)
            except BlockingIOError:
                left = pace.deadline - time.monotonic()
                if left <= 0:
                    raise TimedOut("takes no data, or too slowly", Refusal.NOT_READING) from None
                self._poll(self._writable, left)
            except OSError as exc:
                raise Closed(why(exc)) from exc
            else:
                pace.moved(count, time.monotonic())
                return count

    def _poll(self, waiting: select.poll, seconds: float) -> None:
        """Until there is something to do, or `seconds` have passed, or less: every caller asks
        again.

        Raises: Closed: when the peer acknowledges nothing any more.
        """
        if waiting.poll(math.ceil(min(seconds, LOOK_S) * 1000)):
            return
        try:
            self._watch.look()
        except OSError as exc:
            raise Closed(why(exc)) from exc
