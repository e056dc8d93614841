"""Reaching a peer, and the ways in which that fails."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass

from broker.dicom.upper_layer.associate_pdus import read_rejection
from broker.dicom.upper_layer.tls import TlsFailed, TlsWire
from broker.dicom.upper_layer.wire import Closed, TimedOut, Violation, Wire, WireBroken
from broker.model.seconds import seconds_told

TLS_ALERT = 0x15
"""The first byte of an alert's record, where a PDU's type would be."""


@dataclass(frozen=True)
class Timeouts:
    """How long the peer may take, in seconds."""

    connect_s: float = 5
    associate_s: float = 20
    """From the connection to the answer to A-ASSOCIATE-RQ, the TLS handshake included."""
    release_s: float = 5
    """For the answer to A-RELEASE-RQ; films behind wait for no longer. What was accepted prints
    after an abort, too (PS3.4 H.5), but some printers drop their queue then."""


class Rejected(Exception):
    """The peer answered A-ASSOCIATE-RJ. `reason` is its reason alone, without host and port."""

    def __init__(self, words: str, *, transient: bool, reason: str) -> None:
        super().__init__(words)
        self.words = words
        self.transient = transient
        self.reason = reason


class Broken(Exception):
    """There is no association, or no more. `words` is one sentence that names host and port.

    `connected`: it had been accepted. `asked`: a byte of the request had left, so the peer may
    have done what it asks. `spoke_tls`: whether the peer spoke TLS where we did not, or may have;
    None where nothing says so. `reached`: the peer's system answered, if only to refuse the
    connection.
    """

    def __init__(
        self,
        words: str,
        *,
        connected: bool,
        asked: bool = False,
        spoke_tls: bool | None = None,
        reached: bool = True,
    ) -> None:
        super().__init__(words)
        self.reached = reached
        self.spoke_tls = spoke_tls
        self.words = words
        self.connected = connected
        self.asked = asked


def reach(
    host: str,
    port: int,
    where: str,
    timeouts: Timeouts,
    *,
    tls: ssl.SSLContext | None,
    max_pdu: int,
) -> tuple[Wire, float]:
    """A connection, and until when there must be an association on it.

    With TLS the handshake is complete; the peer's certificate is for `host`, unless the context
    does not check that.

    Raises: Broken: when there is no connection, or no handshake.
    """
    sock = _connected(host, port, where, timeouts.connect_s)
    deadline = time.monotonic() + timeouts.associate_s
    if tls is None:
        return Wire(sock, max_pdu=max_pdu), deadline
    try:
        # No certificate has the zone of a link-local address: it is of this machine alone.
        wire = TlsWire(sock, tls, max_pdu=max_pdu, server_name=host.partition("%")[0])
    except ValueError as exc:
        sock.close()
        words = f"{where} has a host name that no certificate can have"
        raise Broken(words, connected=False) from exc
    try:
        wire.handshake(deadline)
    except WireBroken as exc:
        wire.close()
        words = f"{where} {_no_handshake(exc, timeouts.associate_s)}"
        raise Broken(words, connected=False) from exc
    except BaseException:
        wire.close()
        raise
    return wire, deadline


def _connected(host: str, port: int, where: str, timeout_s: float) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=timeout_s)
    except ConnectionRefusedError as exc:
        words = f"{where} refused the connection"
        raise Broken(words, connected=False) from exc
    except TimeoutError as exc:
        words = f"{where} did not accept the connection within {seconds_told(timeout_s)}"
        raise Broken(words, connected=False, reached=False) from exc
    except socket.gaierror as exc:
        raise Broken(f"{where} has a host name that is not known", connected=False) from exc
    except OSError as exc:
        words = f"{where} could not be reached: {exc.strerror or exc}"
        raise Broken(words, connected=False, reached=False) from exc


def _no_handshake(exc: WireBroken, timeout_s: float) -> str:
    speaks_it = "see that it speaks TLS on this port"
    if isinstance(exc, TlsFailed):
        return f"{exc}; {speaks_it}" if "does not speak TLS" in str(exc) else str(exc)
    if isinstance(exc, TimedOut):
        return f"took longer than {seconds_told(timeout_s)} for the TLS handshake; {speaks_it}"
    return f"{exc} instead of a TLS handshake; {speaks_it}"


def looks_like_tls(exc: WireBroken, *, received: bool) -> bool | None:
    """Whether plain DICOM met TLS: True where it answers with an alert (RFC 8446 6), False where it
    closed and sent nothing, as TLS may do, and None otherwise."""
    if isinstance(exc, Violation) and str(exc) == f"PDU of unknown type {TLS_ALERT}":
        return True
    return False if isinstance(exc, Closed) and not received else None


def rejected(where: str, body: memoryview) -> Rejected:
    """What an A-ASSOCIATE-RJ says.

    Raises: Violation: when it cannot be read.
    """
    rejection = read_rejection(body)
    return Rejected(
        f"{where} rejected the association: {rejection.words}",
        transient=rejection.transient,
        reason=rejection.words,
    )
