"""A loop: when it calls its step, what ends a pause, and its end."""

from __future__ import annotations

import threading

from broker.relay.loop import Loop

PATIENCE_S = 20.0


class Stepped:
    """A loop that counts its steps, with a long pause between them."""

    def __init__(self, *, first_s: float = 0.0) -> None:
        self.steps = threading.Semaphore(0)
        self.ended = threading.Event()
        self.loop = Loop("stepped", self._step, first_s=first_s, at_end=self.ended.set)

    def _step(self) -> float:
        self.steps.release()
        return PATIENCE_S * 10

    def stepped(self) -> bool:
        """Whether one more step came in time."""
        return self.steps.acquire(timeout=PATIENCE_S)


def test_a_wake_ends_the_pause_and_a_stop_the_thread() -> None:
    """One step at the start, one for each wake, none after the stop."""
    made = Stepped()
    made.loop.start()
    assert made.stepped()
    made.loop.wake()
    assert made.stepped()
    made.loop.stop(PATIENCE_S)

    assert made.ended.is_set()
    assert not made.loop.running
    assert not made.steps.acquire(blocking=False)


def test_a_stop_before_the_first_step_calls_none() -> None:
    """The pause before the first step ends, too."""
    made = Stepped(first_s=PATIENCE_S * 10)
    made.loop.start()
    made.loop.stop(PATIENCE_S)

    assert made.ended.is_set()
    assert not made.steps.acquire(blocking=False)


def test_what_was_never_started_can_be_stopped() -> None:
    """A service that failed at its start stops all of its parts."""
    made = Stepped()
    made.loop.stop(PATIENCE_S)
    assert not made.loop.running
