"""Parts of the broker end beside each other."""

from __future__ import annotations

import threading
import time

import pytest

from broker.relay.loop import HURRY_S, end_together


def test_parts_end_beside_each_other() -> None:
    """Each waits for the other: one after the other, neither would end."""
    barrier = threading.Barrier(2, timeout=20)
    parts = {"a": barrier.wait, "b": barrier.wait}

    assert end_together(parts, 20, threading.Event()) == []


def test_what_does_not_end_in_time_is_named() -> None:
    """It is left to end with the process, and the others have ended."""
    never, ended = threading.Event(), threading.Event()
    try:
        late = end_together({"page": never.wait, "monitor": ended.set}, 0.2, threading.Event())
    finally:
        never.set()

    assert late == ["page"]
    assert ended.is_set()


def test_hurry_shortens_the_wait() -> None:
    """From another thread, while it waits."""
    never, hurry = threading.Event(), threading.Event()
    threading.Timer(0.1, hurry.set).start()
    began = time.monotonic()
    try:
        late = end_together({"page": never.wait}, 60, hurry)
    finally:
        never.set()

    assert late == ["page"]
    assert time.monotonic() - began < HURRY_S + 5


def test_a_part_that_fails_stops_no_other() -> None:
    """Its error comes out when all have ended."""
    ended = threading.Event()

    def fails() -> None:
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        end_together({"counts": fails, "page": ended.set}, 20, threading.Event())
    assert ended.is_set()
