"""A small mail server on loopback, real sockets: it keeps what it is sent."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Self

PATIENCE_S = 20.0


class SmtpReceiver:
    """Takes letters, or refuses every recipient while `refusing`."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.refusing = False
        self._changed = threading.Condition()
        receiver = self

        class Session(socketserver.StreamRequestHandler):
            """One connection."""

            def handle(self) -> None:
                """Speak SMTP as far as it goes."""
                self.wfile.write(b"220 ready\r\n")
                for line in self.rfile:
                    word = line[:4].upper().strip()
                    if word == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        receiver.keep(self._letter())
                    elif word == b"QUIT":
                        self.wfile.write(b"221 bye\r\n")
                        return
                    elif word == b"RCPT" and receiver.refusing:
                        self.wfile.write(b"550 no such mailbox\r\n")
                        continue
                    self.wfile.write(b"250 ok\r\n")

            def _letter(self) -> bytes:
                lines: list[bytes] = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line)
                return b"".join(lines)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def keep(self, letter: bytes) -> None:
        """One has come."""
        with self._changed:
            self.letters.append(message_from_bytes(letter, policy=default))
            self._changed.notify_all()

    def wait_for(self, number: int) -> list[Message]:
        """All letters, once there are `number`. Raises: TimeoutError: when they do not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.letters) >= number, PATIENCE_S):
                raise TimeoutError(f"{number} letters; there are {len(self.letters)}")
            return list(self.letters)
