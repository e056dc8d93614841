"""One broker for one data directory: the lock is a process's, and looking at it hurts nobody."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from broker.store import occupancy
from broker.store.occupancy import Occupancy, Occupied


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    """The number of the process, and what to do; when the first has gone, there is room."""
    first = Occupancy.take(tmp_path)
    with pytest.raises(Occupied, match=rf"another broker \(process {os.getpid()}\) runs on it"):
        Occupancy.take(tmp_path)
    assert Occupancy.taken(tmp_path)

    first.close()
    assert not Occupancy.taken(tmp_path)
    Occupancy.take(tmp_path).close()


def test_a_look_at_the_lock_refuses_no_start(tmp_path: Path) -> None:
    """`broker jobs` looks whether a broker runs at the very moment that one starts."""
    Occupancy.take(tmp_path).close()
    looking = os.open(tmp_path / occupancy.FILE, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    begun = threading.Event()
    taken: list[Occupancy] = []

    def start() -> None:
        begun.set()
        taken.append(Occupancy.take(tmp_path))

    starting = threading.Thread(target=start)
    starting.start()
    assert begun.wait(10)
    os.close(looking)
    starting.join(10)

    assert len(taken) == 1
    taken[0].close()


def test_a_full_disk_refuses_no_start(tmp_path: Path) -> None:
    """Where its number cannot be written, a broker starts all the same."""
    (tmp_path / occupancy.FILE).symlink_to("/dev/full")

    taken = Occupancy.take(tmp_path)

    with pytest.raises(Occupied, match=f"process {os.getpid()}"):
        Occupancy.take(tmp_path)  # as the kernel lists it
    taken.close()
