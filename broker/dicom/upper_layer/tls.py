"""TLS with a peer (PS3.15 B.9, B.12): a socket that never blocks, a wire over it, and failures."""

from __future__ import annotations

import errno
import socket
import ssl
import threading
import time
from contextlib import suppress

from broker.dicom.upper_layer.peer_watch import SILENT_S
from broker.dicom.upper_layer.wire import Closed, Pace, TimedOut, Wire, WireBroken, why


class TlsFailed(Closed):
    """There is no TLS with this peer. `str()` continues the sentence "the peer ..."."""


_SAID = {
    "CERTIFICATE_EXPIRED": "finds our certificate expired",
    "CERTIFICATE_REVOKED": "finds our certificate revoked",
    "UNKNOWN_CA": "does not trust our certificate: it does not know its issuer",
    "BAD_CERTIFICATE": "does not accept our certificate",
    "CERTIFICATE_UNKNOWN": "does not accept our certificate",
    "UNSUPPORTED_CERTIFICATE": "does not accept our certificate",
    "ACCESS_DENIED": "denies us access",
    "CERTIFICATE_REQUIRED": "demands a certificate of ours",
    "PROTOCOL_VERSION": "supports no version of TLS that we support, which is 1.2 or newer",
    "HANDSHAKE_FAILURE": "finds no TLS version or cipher suite in common, or demands a certificate",
}
"""What its alert says (RFC 8446 6.2), by the end of its name."""
_FOUND = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "shows no certificate",
    "UNSUPPORTED_PROTOCOL": "supports no version of TLS that we support, which is 1.2 or newer",
    "VERSION_TOO_LOW": "supports no version of TLS that we support, which is 1.2 or newer",
    "NO_SHARED_CIPHER": "offers no cipher suite that we support",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "supports no signature of our certificate",
}
"""What we find ourselves."""
_NOT_YET, _EXPIRED = 9, 10
_OTHER_NAME = frozenset({62, 64})
"""Of a host, and of an IP address."""


def in_words(error: ssl.SSLError) -> str:
    """What the peer does, as OpenSSL sees it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error)
    reason = str(error.reason or "")
    for name, words in _SAID.items():
        if "_ALERT_" in reason and reason.endswith(name):
            return words
    told = reason.replace("_", " ").lower() or "no reason is known"
    return _FOUND.get(reason, f"violates TLS ({told})")


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return "shows a certificate that has expired: renew it there, or set the clock right"
    if error.verify_code == _NOT_YET:
        return "shows a certificate that is not valid yet: set the clock right, there or here"
    if error.verify_code in _OTHER_NAME:
        return (
            "shows a certificate for another host: use a host name or an address that its "
            "certificate has"
        )
    return (
        f"shows a certificate that is not trusted ({error.verify_message}): put its issuer, or "
        "the certificate itself where it has none, into the file of tls.ca for a printer, of "
        "tls.client_ca for a modality"
    )


PIECE = 32 * 1024
"""Bytes that are received, or encrypted, at once: two records. OpenSSL keeps room for as many."""
MAX_UNSENT = 128 * 1024
"""Bytes of answers of TLS itself that the peer may leave unread."""
_RECORDS = frozenset(range(20, 25))
"""First bytes of TLS records."""
_PDUS = frozenset(range(1, 8))
"""First bytes of PDUs."""


class Tls:
    """One end of TLS. Its methods wait for nothing; any thread may call them, but for `peek`.

    Raises:
        BlockingIOError: when nothing has come, or there is no room.
        OSError: when the connection has ended, or what came is no TLS.
    """

    def __init__(
        self, sock: socket.socket, context: ssl.SSLContext, server_name: str | None
    ) -> None:
        """`server_name` is whom we call; None where we are called."""
        self._sock = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._records = context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=server_name is None,
            server_hostname=server_name,
        )
        self._lock = threading.Lock()
        """An SSLObject is not for two threads at once."""
        self._agreed = False
        self._parted = False
        self.deaf = False
        """Whether what comes is thrown away."""
        self._ahead = b""
        """What `peek` has seen, and was not received."""
        self._unsent = memoryview(b"")
        """Records that the system has not taken."""
        self._sealed = b""
        """What `send` was given, when it is in them."""
        self.sealed = False
        """Whether some of what `send` was given is on its way, even where it raised: a record that
        was encrypted leaves, if only before the next one."""
        self.has_received = False
        """Whether anything has ever come."""
        self.handshake_done = False
        """Whether the handshake is complete."""

    @property
    def unsent(self) -> bool:
        """Whether something has to leave before the handshake goes on."""
        return not self.handshake_done and bool(self._unsent)

    @property
    def held(self) -> bool:
        """Whether bytes have been taken from the system and were not received."""
        with self._lock:
            return bool(self._ahead or self._incoming.pending or self._records.pending())

    def handshake(self) -> bool:
        """Go on with the handshake; whether it is complete.

        Raises:
            TlsFailed: when it fails, or the peer closes in the middle of it.
            Closed: when the peer closes before it.
        """
        with self._lock:
            return self._step() or (not self._unsent and self._hear() and self._step())

    def recv_into(self, buffer: memoryview) -> int:
        """What has come, as far as there is room; 0 when the peer has closed."""
        with self._lock:
            if self.deaf:
                return self._sock.recv_into(buffer)
            count = self._pull(buffer)
        if count is None:
            raise BlockingIOError
        return count

    def send(self, view: memoryview) -> int:
        """Encrypt some of it, and hand it to the system; how much.

        After BlockingIOError the same bytes are to be sent again.
        """
        with self._lock:
            if not self.handshake_done or self._parted:
                raise OSError(errno.ENOTCONN, "there is no TLS")
            self.sealed = False
            again = self._sealed and view[: len(self._sealed)] == self._sealed
            piece = view[: len(self._sealed) if again else PIECE]
            if not again:
                # A record that a send gave up is sent first: records have numbers.
                if not self._flush():
                    raise BlockingIOError
                try:
                    self._records.write(piece)
                except ssl.SSLError as exc:
                    raise OSError(errno.EPROTO, in_words(exc)) from exc
            self._sealed, self.sealed = b"", True
            if not self._flush():
                self._sealed = bytes(piece)
                raise BlockingIOError
            return len(piece)

    def peek(self) -> bytes | None:
        """The next byte, which stays to be received; None when nothing has come, and nothing when
        the peer has closed.

        Only for the thread that receives: another one might take from the system what that one
        waits for there.
        """
        with self._lock:
            byte = bytearray(1)
            if not self._ahead:
                count = self._pull(memoryview(byte))
                if count is None:
                    return None
                self._ahead = bytes(byte[:count])
            return self._ahead

    def part(self, *, deaf: bool) -> None:
        """Tell the peer that no more will be sent, as far as that leaves at once.

        When `deaf`, what still comes is only thrown away.
        """
        with self._lock, suppress(OSError):
            self.deaf = self.deaf or deaf
            if self.handshake_done and not self._parted:
                self._parted = True
                with suppress(ssl.SSLError):
                    # It asks for the peer's close_notify as well, which is not waited for.
                    self._records.unwrap()
            self._flush()

    def _step(self) -> bool:
        if not self._agreed:
            try:
                self._records.do_handshake()
                self._agreed = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as exc:
                with suppress(OSError):
                    self._flush()  # the alert
                raise TlsFailed(in_words(exc)) from exc
        self.handshake_done = self._flush() and self._agreed
        return self.handshake_done

    def _hear(self) -> bool:
        """Take in some of the handshake; whether anything has come."""
        try:
            came = self._sock.recv(PIECE)
        except BlockingIOError:
            return False
        if not came:
            if self.has_received:
                raise TlsFailed("closed the connection in the middle of the TLS handshake")
            raise Closed("closed the connection")
        if not self.has_received and came[0] not in _RECORDS:
            self.has_received = True
            plain = came[0] in _PDUS and came[1:2] in (b"", b"\0")
            raise TlsFailed(f"does not speak TLS{', but plain DICOM' if plain else ''}")
        self.has_received = True
        self._incoming.write(came)
        return True

    def _pull(self, buffer: memoryview) -> int | None:
        """Fill the buffer as far as bytes have come: how many, 0 at the end; None: no bytes."""
        count = self._read(buffer)
        if count is None:
            try:
                came = self._sock.recv(PIECE)
            except BlockingIOError:
                return None
            if not came:
                return 0
            self._incoming.write(came)
            count = self._read(buffer)
        return count

    def _read(self, buffer: memoryview) -> int | None:
        """The same, of bytes that have been received already."""
        count = len(self._ahead)
        buffer[:count] = self._ahead
        self._ahead = b""
        try:
            while count < len(buffer):
                more = self._records.read(len(buffer) - count, buffer[count:])
                count += int(more)
                if not more:
                    break
        except ssl.SSLWantReadError:
            count = count or -1
        except ssl.SSLZeroReturnError:
            pass
        except ssl.SSLError as exc:
            if not count:
                with suppress(OSError):
                    self._flush()
                raise OSError(errno.EPROTO, in_words(exc)) from exc
        # TLS may have answered by itself, such as to a change of keys.
        if self._outgoing.pending and not self._flush() and len(self._unsent) > MAX_UNSENT:
            raise OSError(errno.ENOBUFS, "takes no answers of TLS")
        return None if count < 0 else count

    def _flush(self) -> bool:
        """Hand records to the system; whether it has taken all."""
        if self._outgoing.pending:
            self._unsent = memoryview(bytes(self._unsent) + self._outgoing.read())
        while self._unsent:
            try:
                self._unsent = self._unsent[self._sock.send(self._unsent) :]
            except BlockingIOError:
                return False
        return True


class TlsWire(Wire):
    """A Wire over TLS. `offered` goes on with the handshake until that is complete."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext,
        *,
        max_pdu: int,
        server_name: str | None = None,
        silent_s: int = SILENT_S,
    ) -> None:
        """`server_name` is whom we call; None where we are called."""
        super().__init__(sock, max_pdu=max_pdu, silent_s=silent_s)
        self._tls = Tls(sock, context, server_name)
        self._silent = server_name is not None
        """The server has sent no more than its hello yet."""
        self._recv_into = self._tls.recv_into
        self._send_some = self._tls.send

    @property
    def handshake_done(self) -> bool:
        """Whether the handshake is complete."""
        return self._tls.handshake_done

    @property
    def unsent(self) -> bool:
        """Whether the handshake goes on when there is room to write."""
        return self._tls.unsent

    def handshake(self, deadline: float) -> None:
        """The handshake, before anything is sent.

        Raises: TlsFailed, Closed, TimedOut: when there is none.
        """
        while not self._shake():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut("timed out")
            self._poll(self._writable if self.unsent else self._readable, left)

    @property
    def pending(self) -> bool:
        """Whether something has come in, or the peer has closed, without waiting for it.

        Bytes that TLS says for itself are nothing.
        """
        if self._end > self._begin:
            return True
        try:
            return self._tls.peek() is not None
        except OSError:
            return True

    @property
    def quiet(self) -> bool:
        """See Wire: what has come of a record counts as something."""
        return super().quiet and not self._tls.held

    def check_open(self) -> None:
        """Raises: Closed: when the peer has closed, and sent nothing more before."""
        try:
            if self._tls.peek() == b"":
                raise Closed("closed the connection")
        except OSError as exc:
            raise Closed(why(exc)) from exc

    def shut_down(self) -> None:
        """Send no more; see Wire."""
        self._tls.part(deaf=True)
        super().shut_down()

    def cut(self) -> None:
        """End it from any thread; see Wire."""
        self._tls.part(deaf=False)
        super().cut()

    def _take(self) -> bool:
        if not self._tls.deaf and not self._shake():
            return False
        try:
            came = super()._take()
        except Closed as exc:
            self._explain(exc)
            raise
        self._silent = self._silent and not came
        return came

    def _send(self, view: memoryview, pace: Pace) -> int:
        try:
            return super()._send(view, pace)
        except WireBroken as exc:
            exc.handed = self._tls.sealed
            if isinstance(exc, Closed):
                self._explain(exc)
            raise

    def _explain(self, exc: Closed) -> None:
        """A reset may overtake the alert that would have said why (TLS 1.3)."""
        if self._silent and "certificate" not in str(exc):
            told = Closed(
                f"{exc} right after the TLS handshake (it may demand a certificate of ours, or "
                "not accept it)"
            )
            told.handed = exc.handed
            raise told from exc

    def _shake(self) -> bool:
        if self._tls.handshake_done:
            return True
        try:
            return self._tls.handshake()
        except OSError as exc:
            raise Closed(why(exc)) from exc
        finally:
            self.has_received = self._tls.has_received
