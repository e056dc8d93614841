"""A small private file that is replaced whole: a reader sees what was there, or all of the new."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: Path, content: bytes, *, durable: bool = False, mark: str = "") -> None:
    """Write it, readable by its owner alone; with `durable`, on stable storage before its name.

    `mark` ends the name that it has meanwhile: of its own where several processes may write it.

    Raises: OSError: when it cannot be written; the file is then as it was.
    """
    fresh = path.with_name(f".{path.name}{mark}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)
