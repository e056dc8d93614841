"""What hostile peers cost the others: every case against a real broker, as a table.

Run it with `python -m tests.bench.hostile [PART OF A NAME]`. BROKER_HOSTILE_CONNECTIONS is the
number of connections in sequence, BROKER_HOSTILE_FILM_BOXES of film boxes in one session: 3000
without them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.peers.hostile_bytes import CASES as BYTES
from tests.peers.hostile_crowds import CASES as CROWDS
from tests.peers.hostile_films import CASES as FILMS
from tests.peers.hostile_messages import CASES as MESSAGES
from tests.peers.hostile_site import Site

HEAD = ("case", "answered with", "after, s", "slowest film, s", "memory, MB", "log lines")
WIDTHS = (38, 54, 9, 16, 11, 10)


def rows(site: Site, part: str) -> Iterator[tuple[str, ...]]:
    """One for each case whose name has that part."""
    for case in (*BYTES, *MESSAGES, *FILMS, *CROWDS):
        if part not in case.name:
            continue
        with site.watched() as toll:
            answered = case.play(site)
        site.settled()
        wrong = "" if answered.words == case.answer else " (!)"
        yield (
            case.name,
            answered.words + wrong,
            f"{answered.seconds:.3f}",
            f"{toll.slowest_s:.3f}",
            f"{toll.memory_mb:.1f}",
            str(toll.lines),
        )


def line(cells: tuple[str, ...]) -> str:
    """A row of the table, names to the left and numbers to the right."""
    padded = [
        cell.ljust(width) if at < 2 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(cells, WIDTHS, strict=True))
    ]
    return "  ".join(padded).rstrip() + "\n"


def main() -> None:
    """Print the table."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory() as folder, Site(Path(folder)) as site:
        sys.stdout.write(f"Median film while all is quiet: {site.median_s:.3f} s\n\n")
        sys.stdout.write(line(HEAD))
        for row in rows(site, part):
            sys.stdout.write(line(row))
            sys.stdout.flush()
        grown = (site.standing().memory - site.quiet.memory) / (1 << 20)
        sys.stdout.write(f"\nGrown in all: {grown:.1f} MB\n")


if __name__ == "__main__":
    main()
