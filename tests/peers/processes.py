"""Processes, as /proc shows them: what ends while one looks is passed over."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

LISTENING = "0A"


def children(pid: int) -> list[str]:
    """The numbers of a process's own processes, once it has any. OSError when it ends before."""
    while True:
        found = []
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):
                found += (task / "children").read_text().split()
        if found:
            return found


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
