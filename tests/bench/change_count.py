"""What counting changes, and the spool's mark, cost a commit: jobs added with and without.

Both kinds take turns, so that other load of the machine meets both alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, PrintRequest
from broker.spool import binding
from broker.spool.files import Spool
from broker.store import identity, schema
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.bench.machine import machine

FILM = Film(
    {"ImageDisplayFormat": (r"STANDARD\1,1",)},
    (ImageBox(1, {}, Image("ab" * 32, 8, 2, 4, 8, 8, "MONOCHROME2")),),
)


def measure(folder: Path, number: int) -> dict[str, float]:
    """Median microseconds of adding a job, with and without counting."""
    taken: dict[str, list[float]] = {"counted": [], "not counted": []}
    spool = folder / "spool"
    Spool(spool)
    with_count = Database.open(f"sqlite:///{folder}/counted.db")
    without = Database.open(f"sqlite:///{folder}/plain.db")
    for each in (with_count, without):
        schema.upgrade(each)
    mark = binding.bind(with_count, identity.count(with_count), spool)
    without.count_changes(lambda _connection: None)
    adding = {"counted": Jobs(with_count, time.time), "not counted": Jobs(without, time.time)}
    for turn in range(number):
        for name, jobs in adding.items():
            request = PrintRequest("CT1", "BROKER", "::1:1", str(turn), Level.FILM_BOX, {}, (FILM,))
            began = time.perf_counter()
            jobs.submission.add(request)
            taken[name].append((time.perf_counter() - began) * 1e6)
    mark.close()
    with_count.close()
    without.close()
    return {name: statistics.median(each) for name, each in taken.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.change_count",
        description=__doc__,
        epilog="Example: python -m tests.bench.change_count --jobs 500",
    )
    parser.add_argument("--jobs", type=int, default=2000, metavar="N", help="of each kind (2000)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="change-count-") as folder:
        found = measure(Path(folder), chosen.jobs)
    sys.stdout.write(f"{machine()}\n\n")
    for name, median in found.items():
        sys.stdout.write(f"{name:<14}{median:>8.0f} us\n")
    sys.stdout.write(f"{'difference':<14}{found['counted'] - found['not counted']:>8.0f} us\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
