"""Turns: a few at a time, and none waits for a slow one for long."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

from broker.dicom.scp.allowance import Turns

PATIENCE_S = 30.0


def test_no_more_than_so_many_work_at_once() -> None:
    """The others wait until one is done, and all get their turn."""
    turns, lock = Turns(2, patience_s=PATIENCE_S), threading.Lock()
    both, working, most = threading.Barrier(2), 0, 0

    def work(_: int) -> None:
        nonlocal working, most
        with turns.take():
            with lock:
                working += 1
                most = max(most, working)
            both.wait(PATIENCE_S)
            with lock:
                working -= 1

    with ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(work, range(8)))) == 8
    assert most == 2


def test_no_one_waits_beyond_its_patience() -> None:
    """One that waits for its disk keeps the others for a moment only, and takes no turn twice."""
    turns = Turns(1, patience_s=0.05)
    with turns.take():
        began = time.monotonic()
        with turns.take():
            assert 0.04 < time.monotonic() - began < PATIENCE_S
    with turns.take(), ThreadPoolExecutor(1) as pool:
        waited = pool.submit(_seconds_until_a_turn, turns).result()
    assert waited > 0.04


def _seconds_until_a_turn(turns: Turns) -> float:
    began = time.monotonic()
    with turns.take():
        return time.monotonic() - began
