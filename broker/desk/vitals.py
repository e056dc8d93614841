"""The vital signs of the broker that runs on a data directory."""

from __future__ import annotations

import json
from pathlib import Path

from broker.model.vitals import Vitals
from broker.relay.vitals import FILE_NAME
from broker.store.occupancy import Occupancy


def read(data_dir: Path) -> Vitals | None:
    """The latest; None when none runs, or tells nothing that can be read."""
    if not Occupancy.taken(data_dir):
        return None
    try:
        return Vitals.of_document(json.loads((data_dir / FILE_NAME).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it has just begun, or is of another version
