"""Log lines written by a thread of their own: whoever has something to say does not wait for the
terminal, the pipe or the disk that takes them, even one that takes no more.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread

MOST = 10_000
"""Lines that wait. Further ones are lost, and their number is told when there is room again."""
GRACE_S = 1.0
"""So long the last lines may take at the end."""


@contextmanager
def scribe() -> Iterator[None]:
    """Meanwhile, what the root logger's handlers would write is written by a thread."""
    root = logging.getLogger()
    handlers = root.handlers[:]
    writing = _Scribe(handlers)
    root.handlers[:] = [writing]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        writing.end()


class _Scribe(logging.Handler):
    """Takes lines from any thread, and writes them in their order."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        super().__init__()
        self._handlers = handlers
        self._lines: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        self._lost = 0
        self._thread = Thread(target=self._write, name="scribe", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Under the handler's lock, as always."""
        if self._lines.qsize() < MOST:
            self._lines.put(record)
        else:
            self._lost += 1

    def end(self) -> None:
        """Return when all is written, or the grace is over."""
        self._lines.put(None)
        self._thread.join(GRACE_S)
        if self._thread.is_alive():
            # It holds the handler's lock, for which logging would wait at the very end.
            atexit.unregister(logging.shutdown)

    def _write(self) -> None:
        while (record := self._lines.get()) is not None:
            self._pass_on(record)
            if self._lost:
                self.acquire()
                lost, self._lost = self._lost, 0
                self.release()
                words = f"{lost} log lines were lost: they were not taken in time"
                self._pass_on(
                    logging.LogRecord("broker", logging.WARNING, "", 0, words, None, None)
                )

    def _pass_on(self, record: logging.LogRecord) -> None:
        for each in self._handlers:
            each.handle(record)
