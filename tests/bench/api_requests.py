"""Ask the API at random, from its own description, for as long as is wished.

    python -m tests.bench.api_requests --minutes 10

Prints what Schemathesis found; exits 1 for an internal error, or for an answer that the description
does not name.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.cli.conftest import opened_site
from tests.peers.described_api import asked, seed
from tests.web.served_page import served_page


def main() -> int:
    """One run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        opened_site(Path(name)) as site,
        served_page(site.folder) as served,
    ):
        seed(site, served)
        found = asked(served, site.folder, round(given.minutes * 60), given.seed)
        failed = [facts for event, facts in served.notes if event == "page failed"]
    print(found.said)  # noqa: T201 - it is a program
    print(f"{len(failed)} internal errors: {failed[:5]}")  # noqa: T201
    return int(found.faults or bool(failed))


if __name__ == "__main__":
    sys.exit(main())
