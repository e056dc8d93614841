"""Ending several parts of the broker beside each other, so that none uses up another's time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

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
