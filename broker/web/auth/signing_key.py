"""The key that signs the page's cookies, in the data directory."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from broker.spool.private_file import write_private

LENGTH = 32
"""Bytes."""


def signing_key(data_dir: Path) -> bytes:
    """The key; made when it is missing or not complete.

    Raises: OSError: when it cannot be read or written.
    """
    path = data_dir / "web.key"
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = b""
    if len(key) == LENGTH:
        return key
    write_private(path, secrets.token_bytes(LENGTH), durable=True, mark=f".{os.getpid()}")
    return path.read_bytes()
