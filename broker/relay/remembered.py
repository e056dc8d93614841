"""An answer that holds for a moment, for questions that are asked with every association."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

STALE_S = 0.5
"""An answer is asked for again after so long."""


class Remembered(Generic[T]):
    """Asks `ask` when its last answer is stale. For any thread.

    `clock` is monotonic, in seconds. What `ask` raises comes out, and nothing is remembered then.
    """

    def __init__(
        self, ask: Callable[[], T], clock: Callable[[], float], stale_s: float = STALE_S
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._stale_s = stale_s
        self._lock = threading.Lock()
        self._known: tuple[float, T] | None = None

    def __call__(self) -> T:
        """The answer, of now or of a moment ago."""
        with self._lock:
            now = self._clock()
            if self._known is None or now - self._known[0] >= self._stale_s:
                self._known = (now, self._ask())
            return self._known[1]
