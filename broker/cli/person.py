"""Who types a command."""

from __future__ import annotations

import getpass
import os


def person() -> str:
    """The user of the system, and behind sudo the one who called it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = f"user {os.getuid()}"  # none of that number is known to the system
    return os.environ.get("SUDO_USER", "") or name
