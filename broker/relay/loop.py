"""A thread that does one thing again and again, until it is stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Loop:
    """Calls `step` on a thread of its own; `step` returns the pause until the next call in seconds.

    `step` must not raise: an exception ends the thread. What has ended cannot be started again.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        *,
        first_s: float = 0.0,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        """The first call comes `first_s` seconds after the start, and `at_end` is called last."""
        self._at_end = at_end
        self._step = step
        self._first_s = first_s
        self._hint = threading.Event()
        self.stopping = threading.Event()
        """Set as soon as the loop is to end; a long step looks at it."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._thread.is_alive()

    @property
    def woken(self) -> threading.Event:
        """Set as soon as a step that is under way shall be followed by the next one at once."""
        return self._hint

    def wake(self) -> None:
        """End the pause."""
        self._hint.set()

    def end(self) -> None:
        """Call `step` no more. Waits for nothing."""
        self.stopping.set()
        self._hint.set()

    def stop(self, grace_s: float) -> None:
        """Call `step` no more; return when the thread has ended, or after `grace_s` seconds."""
        self.end()
        if self._thread.is_alive():
            self._thread.join(max(0.0, grace_s))

    def _run(self) -> None:
        pause_s = self._first_s
        while True:
            self._hint.wait(pause_s)
            self._hint.clear()
            if self.stopping.is_set():
                break
            pause_s = self._step()
        self._at_end()
