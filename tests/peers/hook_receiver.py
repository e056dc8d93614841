"""A program that takes notices as JSON, on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATIENCE_S = 30.0


class HookReceiver:
    """Keeps what is posted to it; answers 503 for the first `failures`."""

    def __init__(self, failures: int = 0) -> None:
        self.told: list[dict[str, Any]] = []
        self._left = failures
        self._changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            def do_POST(self) -> None:
                """Take it, or not."""
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204 if receiver.keep(body) else 503)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing on stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where to post."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def keep(self, body: bytes) -> bool:
        """Whether it was taken."""
        with self._changed:
            self._left -= 1
            if self._left >= 0:
                return False
            self.told.append(json.loads(body))
            self._changed.notify_all()
        return True

    def wait_for(self, event: str) -> dict[str, Any]:
        """The first notice of that event, once there is one. TimeoutError."""

        def found() -> dict[str, Any] | None:
            return next((each for each in self.told if each["event"] == event), None)

        with self._changed:
            if not self._changed.wait_for(lambda: found() is not None, PATIENCE_S):
                raise TimeoutError(f"no {event}; there were {[e['event'] for e in self.told]}")
            told = found()
        assert told is not None
        return told
