"""Turns: one request is answered at a time, so that what goes out is not kept from its work.

Python runs one thread at a time, and each that waits gets its turn. With a dozen modalities that
print as fast as they can, the printers' few threads would wait for a dozen others again and again;
so would each modality, and none would be served sooner. Two at a time cost a tenth of the films
that go out meanwhile; a process of its own for what comes in gained no more than turns do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

AT_ONCE = 1
PATIENCE_S = 0.1
"""Nobody waits for longer: a disk that keeps one waiting is no reason to keep all waiting."""


class Turns:
    """Shared by all associations. For any thread."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._free = threading.Semaphore(at_once)
        self._patience_s = patience_s

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn, or until the patience is over, and work."""
        taken = self._free.acquire(timeout=self._patience_s)
        try:
            yield
        finally:
            if taken:
                self._free.release()
