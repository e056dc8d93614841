"""The vital signs of the broker that runs on a data directory."""

from __future__ import annotations

import json
import os
from pathlib import Path

from broker.model.vitals import Vitals
from broker.relay.vitals import FILE_NAME
from broker.store.occupancy import Occupancy


def read(data_dir: Path) -> Vitals | None:
    """The latest; None when none runs, or tells nothing that can be read.

    What a broker that was killed has left is not taken for that of the next one.
    """
    if not Occupancy.taken(data_dir):
        return None
    try:
        found = Vitals.of_document(json.loads((data_dir / FILE_NAME).read_text()))
        return found if _lives(found.pid) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it has just begun, or is of another version


def silent_s(data_dir: Path, now: float) -> float | None:
    """For how many seconds the broker that runs has given no sign of life; None before the first.

    `now` is in seconds since the epoch; a clock that was set back counts as no silence.
    """
    try:
        return max(0.0, now - (data_dir / FILE_NAME).stat().st_mtime)
    except OSError:
        return None


def _lives(pid: int) -> bool:
    """Whether there is such a process, whoever owns it."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
