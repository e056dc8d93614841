"""Threads of the relay: one that does one thing again and again until it is stopped, and the end of
several beside each other, so that none uses up another's time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping


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


HURRY_S = 1.0
"""For parts to end once the operator has asked a second time."""
LOOK_S = 0.1
"""How often it is looked whether there is hurry."""


def end_together(
    parts: Mapping[str, Callable[[], object]], within_s: float, hurry: threading.Event
) -> list[str]:
    """Call each of `parts`, in a thread of its own; the names of those that have not returned after
    `within_s` seconds, or HURRY_S after `hurry` was set.

    These are left to end with the process.

    Raises: Exception: what one of the others has raised, at the end.
    """
    ended = threading.Condition()
    running = set(parts)
    errors: list[BaseException] = []

    def call(name: str, end: Callable[[], object]) -> None:
        try:
            end()
        except BaseException as error:  # noqa: BLE001 - it is raised below, by who waits
            errors.append(error)
        with ended:
            running.discard(name)
            ended.notify_all()

    for name, end in parts.items():
        threading.Thread(target=call, args=(name, end), name=f"end-{name}", daemon=True).start()
    deadline = time.monotonic() + within_s
    with ended:
        while running and (left := deadline - time.monotonic()) > 0:
            if hurry.is_set():
                deadline = min(deadline, time.monotonic() + HURRY_S)
                ended.wait_for(lambda: not running, deadline - time.monotonic())
                break
            ended.wait(min(left, LOOK_S))
        left_over = [name for name in parts if name in running]
    if errors:
        raise errors[0]
    return left_over
