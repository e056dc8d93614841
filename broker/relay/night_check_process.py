"""The process of the whole check: it checks everything, and writes the findings as JSON.

Its arguments are the number of the broker's process, with which it ends, the database and the
spool.
"""

from __future__ import annotations

import sys

from broker.relay.parent import end_with

if __name__ == "__main__":
    end_with(int(sys.argv[1]))  # before what takes longer to import

import json
import os
from pathlib import Path

from broker.backup.checking import check


def main(database: str, spool: str) -> None:
    """Check everything, at the lowest priority."""
    os.nice(19)
    found = check(Path(database), Path(spool))
    document = [{"kind": str(each.kind), "words": each.sentence} for each in found.findings]
    json.dump(document, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[2:])
