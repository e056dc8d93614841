"""Noticing that a peer has lost its power, or the network: nothing comes any more, and no FIN said
so (a half-open connection, RFC 9293 3.5.1).

The peer's system answers for it, not its program: a printer that takes minutes over a film
acknowledges all the while, and is waited for.
"""

from __future__ import annotations

import socket
import struct

IDLE_S = 5
"""After so long without a packet from the peer it is probed. A printer that is back at once after a
loss of power answers the first probe with a reset."""
INTERVAL_S = 5
"""Between two probes."""
PROBES = 3
"""Probes without an answer that end a connection: a single lost one ends none."""
SILENT_S = IDLE_S + PROBES * INTERVAL_S
"""The longest time without an acknowledgement, whether or not data is on its way; of a printer, as
films wait behind. A switch that starts anew in less costs no film."""
CALLER_SILENT_S = 60
"""The same of a modality, which holds nothing but its own place: a network that finds other ways in
less cuts no upload."""
LOOK_S = 5.0
"""How often a wait looks whether the peer's buffer is full."""

_TCP_INFO = struct.Struct("=3xB20xI28xI84xI80xI")
"""Of struct tcp_info (linux/tcp.h): probes, unacked, last_ack_recv (ms), notsent_bytes, snd_wnd."""


def watch(sock: socket.socket, silent_s: int = SILENT_S) -> None:
    """Have the kernel watch over a connection, or over all that a listener takes (tcp(7)): it ends
    after `silent_s` without an acknowledgement, SILENT_S at least."""
    probes = (silent_s - IDLE_S) // INTERVAL_S
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, IDLE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, INTERVAL_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, probes)
    _limit(sock, silent_s)


def _limit(sock: socket.socket, seconds: int) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)


class PeerWatch:
    """The watch over one connection; it begins when it is made.

    The kernel ends the connection with ETIMEDOUT after `silent_s` without an acknowledgement,
    whether or not data is on its way (tcp(7): SO_KEEPALIVE, TCP_USER_TIMEOUT). One thing it gets
    wrong: TCP_USER_TIMEOUT also ends a connection whose peer lives and takes no data for so long,
    because its buffer is full. How long that may last is for the deadlines of the message to say,
    so the limit is lifted meanwhile, and `look` counts the probes.
    """

    def __init__(self, sock: socket.socket, silent_s: int = SILENT_S) -> None:
        self._sock = sock
        self._silent_s = silent_s
        self._lifted = False
        watch(sock, silent_s)

    def look(self) -> None:
        """To be called every LOOK_S of a wait.

        Raises:
            TimeoutError: when the peer's buffer was full and it acknowledges nothing any more.
            OSError: when the connection has ended.
        """
        info = self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
        if len(info) < _TCP_INFO.size:
            # A kernel before 5.4 does not say whether the buffer is full, so the limit is lifted
            # for good: keepalive alone watches, and the deadlines of the message.
            if not self._lifted:
                self._lifted = True
                _limit(self._sock, 0)
            return
        probes, unacknowledged, last_ack_ms, unsent, window = _TCP_INFO.unpack(info)
        full = bool(unsent or unacknowledged) and window == 0
        if full and probes >= PROBES and last_ack_ms >= self._silent_s * 1000:
            raise TimeoutError
        if full != self._lifted:
            self._lifted = full
            _limit(self._sock, 0 if full else self._silent_s)
