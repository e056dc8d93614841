"""The key that cookies are signed with: made once for a data directory, its owner's alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

LENGTH = 32
"""Bytes."""


def signing_key(data_dir: Path) -> bytes:
    """The key, made when there is none yet, or when it is not whole. OSError."""
    path = data_dir / "web.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == LENGTH:
        return key
    fresh = path.with_name(f".web.key.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(LENGTH))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return path.read_bytes()
