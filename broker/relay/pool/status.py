"""The pool's status as modalities are told of it without asking: looked at in one place for all."""

from __future__ import annotations

from collections.abc import Callable

from broker.model.printers.printer import NORMAL, PoolStatus
from broker.relay.loop import Loop

EVERY_S = 1.0


class PoolWatch:
    """Knows the pool's status at any moment, for any thread, without waiting for a disk."""

    def __init__(self, look: Callable[[], PoolStatus], *, every_s: float = EVERY_S) -> None:
        """`look` finds out the status, and never raises."""
        self._look = look
        self._every_s = every_s
        self._seen = self._current = NORMAL
        self._loop = Loop("pool status", self._step)

    @property
    def current(self) -> PoolStatus:
        """As two looks in a row have found it: what lasts for a moment alarms no modality."""
        return self._current

    def start(self) -> None:
        """Begin to look."""
        self._loop.start()

    def stop(self, grace_s: float) -> None:
        """Look no more."""
        self._loop.stop(grace_s)

    def _step(self) -> float:
        found = self._look()
        if found == self._seen:
            self._current = found
        self._seen = found
        return self._every_s
