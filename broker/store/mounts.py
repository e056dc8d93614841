"""The file system that a folder of this machine lies on."""

from __future__ import annotations

import os
from pathlib import Path

from broker.model.mount import Mount, mount_of

MOUNTS = Path("/proc/self/mountinfo")


def mount_at(folder: Path) -> Mount | None:
    """The mount that the folder lies on; of one that is not there yet, its nearest parent's.

    None where the system does not tell.
    """
    try:
        text = MOUNTS.read_text(errors="surrogateescape")
    except OSError:
        return None  # a system without /proc
    return mount_of(text, os.path.realpath(folder))
