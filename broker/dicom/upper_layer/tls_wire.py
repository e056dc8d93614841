"""PDUs over TLS (PS3.15 B.9, B.12): the handshake first, then all as over plain TCP."""

from __future__ import annotations

import socket
import ssl
import time

from broker.dicom.upper_layer.pace import Pace
from broker.dicom.upper_layer.peer_watch import SILENT_S
from broker.dicom.upper_layer.tls import Tls
from broker.dicom.upper_layer.wire import Wire
from broker.dicom.upper_layer.wire_broken import Closed, TimedOut, WireBroken, why

__all__ = ["TlsWire"]


class TlsWire(Wire):
    """A Wire that is sealed. Whoever offers to hear its PDUs shakes hands on the way."""

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
        """Whom we call has said nothing yet but hello."""
        self._recv_into = self._tls.recv_into
        self._send_some = self._tls.send

    @property
    def shaken(self) -> bool:
        """Whether the handshake is complete."""
        return self._tls.shaken

    @property
    def unsent(self) -> bool:
        """Whether the handshake goes on when there is room to write."""
        return self._tls.unsent

    def shake(self, deadline: float) -> None:
        """Shake hands before anything is sent. Raises TlsFailed, Closed or TimedOut."""
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
        """Raises Closed when the peer has closed, and sent nothing more before."""
        try:
            if self._tls.peek() == b"":
                raise Closed("closed the connection")
        except OSError as exc:
            raise Closed(why(exc)) from exc

    def hang_up(self) -> None:
        """Say no more; see Wire."""
        self._tls.part(deaf=True)
        super().hang_up()

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
        if self._tls.shaken:
            return True
        try:
            return self._tls.shake()
        except OSError as exc:
            raise Closed(why(exc)) from exc
        finally:
            self.heard = self._tls.heard
