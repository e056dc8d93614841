"""Processes, as /proc shows them: what ends while one looks is passed over."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

LISTENING = "0A"
PATIENCE_S = 30.0


def children_now(pid: int) -> list[int]:
    """A process's own processes, if it has any. Raises: OSError: when it has ended."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):
            found += [int(each) for each in (task / "children").read_text().split()]
    return found


def children(pid: int) -> list[int]:
    """A process's own processes, once it has any.

    Raises: OSError: when it ends before. TimeoutError: when it has none in time.
    """
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if found := children_now(pid):
            return found
    raise TimeoutError(f"process {pid} has no process of its own")


def listening(pid: int) -> list[int]:
    """The TCP ports that a process listens on; for one whose log tells none."""
    sockets = set()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            sockets.add(str(each.readlink()))
    found = []
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == LISTENING and f"socket:[{fields[9]}]" in sockets:
            found.append(int(fields[1].partition(":")[2], 16))
    return found
