"""The kernel's list of locks, as /proc/locks has it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from broker.store import occupancy
from broker.store.occupancy import KernelLock, listed, parsed

LISTING = """\
1: POSIX  ADVISORY  READ 4711 08:02:1234567 124 124
2: FLOCK  ADVISORY  WRITE 4712 08:02:1234568 0 EOF
2: -> FLOCK  ADVISORY  WRITE 4713 08:02:1234568 0 EOF
3: OFDLCK ADVISORY  READ -1 00:17:42 0 EOF
4: FLOCK  ADVISORY  WRITE 4714 none 0 EOF
a line of another kind
"""


def test_a_list_is_read_without_those_that_wait() -> None:
    """Each lock that is held, with its file and bytes; lines of another form are left out."""
    assert parsed(LISTING) == [
        KernelLock("POSIX", "READ", 4711, "08:02", 1234567, 124, 124),
        KernelLock("FLOCK", "WRITE", 4712, "08:02", 1234568, 0, None),
        KernelLock("OFDLCK", "READ", -1, "00:17", 42, 0, None),
    ]


def test_a_lock_of_this_process_is_listed(tmp_path: Path) -> None:
    """With its number and its file; none where the system lists no locks."""
    with (tmp_path / "file").open("w") as file, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(file, fcntl.LOCK_EX)
        status = os.fstat(file.fileno())
        (own,) = [each for each in listed() if each.is_of(status)]
        assert (own.kind, own.mode, own.process) == ("FLOCK", "WRITE", os.getpid())
        patch.setattr(occupancy, "LISTING", tmp_path / "none")
        assert listed() == []
