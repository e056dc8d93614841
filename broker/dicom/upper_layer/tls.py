"""TLS on a socket that never blocks.

Records go through memory, so that each call does a bounded piece of work, whatever the peer sends;
so that reading waits for nothing but bytes of the peer's, and writing for nothing but room; and so
that the socket stays one that may be cut at any time.
"""

from __future__ import annotations

import errno
import socket
import ssl
import threading
from contextlib import suppress

from broker.dicom.upper_layer.tls_failed import TlsFailed, in_words
from broker.dicom.upper_layer.wire_broken import Closed

PIECE = 32 * 1024
"""Bytes that are received, or sealed, at once: two records. OpenSSL keeps room for as many."""
MAX_UNSENT = 128 * 1024
"""Bytes that the peer may have us say to what TLS itself asks, and not take."""
_RECORDS = frozenset(range(20, 25))
"""First bytes of TLS records."""
_PDUS = frozenset(range(1, 8))
"""First bytes of PDUs."""


class Tls:
    """One end of TLS. Its methods wait for nothing; any thread may call them, but for `peek`.

    BlockingIOError: nothing has come, or there is no room. OSError: the connection broke, or what
    came is no TLS.
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
        """What `peek` has seen, and nobody has received."""
        self._unsent = memoryview(b"")
        """Records that the system has not taken."""
        self._sealed = b""
        """What `send` was given, when it is in them."""
        self.sealed = False
        """Whether some of what `send` was given is on its way, even where it raised: a record that
        was sealed leaves, if only before the next one."""
        self.heard = False
        """Whether anything has ever come."""
        self.shaken = False
        """Whether the handshake is complete."""

    @property
    def unsent(self) -> bool:
        """Whether something has to leave before the handshake goes on."""
        return not self.shaken and bool(self._unsent)

    @property
    def held(self) -> bool:
        """Whether bytes have been taken from the system, and nobody has received them."""
        with self._lock:
            return bool(self._ahead or self._incoming.pending or self._records.pending())

    def shake(self) -> bool:
        """Go on with the handshake; whether it is complete.

        Raises TlsFailed, also when the peer closes in the middle of it, and Closed when it closes
        without a word.
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
        """Seal some of it, and hand it to the system; how much.

        After BlockingIOError the same bytes are to be sent again.
        """
        with self._lock:
            if not self.shaken or self._parted:
                raise OSError(errno.ENOTCONN, "there is no TLS")
            self.sealed = False
            again = self._sealed and view[: len(self._sealed)] == self._sealed
            piece = view[: len(self._sealed) if again else PIECE]
            if not again:
                # Whatever somebody gave up to send has its turn first: records have numbers.
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
        """Tell the peer that no more will be said, as far as that leaves at once.

        When `deaf`, what still comes is only thrown away.
        """
        with self._lock, suppress(OSError):
            self.deaf = self.deaf or deaf
            if self.shaken and not self._parted:
                self._parted = True
                with suppress(ssl.SSLError):
                    # It wants to hear the peer part as well, which is not waited for.
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
        self.shaken = self._flush() and self._agreed
        return self.shaken

    def _hear(self) -> bool:
        """Take in some of the handshake; whether anything has come."""
        try:
            came = self._sock.recv(PIECE)
        except BlockingIOError:
            return False
        if not came:
            if self.heard:
                raise TlsFailed("closed the connection in the middle of the TLS handshake")
            raise Closed("closed the connection")
        if not self.heard and came[0] not in _RECORDS:
            self.heard = True
            plain = came[0] in _PDUS and came[1:2] in (b"", b"\0")
            raise TlsFailed(f"does not speak TLS{', but plain DICOM' if plain else ''}")
        self.heard = True
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
