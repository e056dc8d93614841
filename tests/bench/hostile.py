"""What hostile peers cost the others: every case against a real broker, while a modality prints."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, lay_out, show, terminal
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.peers.hostile import Case
from tests.peers.hostile_bytes import CASES as BYTES
from tests.peers.hostile_crowds import CASES as CROWDS
from tests.peers.hostile_films import CASES as FILMS
from tests.peers.hostile_messages import CASES as MESSAGES
from tests.peers.hostile_site import Site

CASES = (*BYTES, *MESSAGES, *FILMS, *CROWDS)
COLUMNS = (
    Column("CASE"),
    Column("AFTER S", right=True),
    Column("FILM S", right=True),
    Column("MB", right=True),
    Column("LINES", right=True),
    Column("ANSWERED WITH", below=True),
)
LEGEND = (
    "AFTER: until it was answered. FILM: the slowest of the other modality.",
    "MB: what the broker grew by meanwhile. LINES: of its log.",
)


def played(site: Site, case: Case) -> tuple[Row, bool]:
    """What a case cost, and whether it was answered as it must be."""
    with site.watched() as toll:
        answered = case.play(site)
    site.settled()
    good = answered.words == case.answer
    cells = (
        case.name,
        f"{answered.seconds:.3f}",
        f"{toll.slowest_s:.3f}",
        f"{toll.memory_mb:.1f}",
        str(toll.lines),
        answered.words if good else f"WRONG: {answered.words}; it must be: {case.answer}",
    )
    return Row(cells), good


def play_all(
    site: Site, cases: Sequence[Case], done: Callable[[int, str], None]
) -> tuple[list[Row], bool]:
    """One case after the other: the table, and whether all is as it must be."""
    rows, good = [], True
    for number, case in enumerate(cases, start=1):
        row, as_it_must = played(site, case)
        rows.append(row)
        good = good and as_it_must
        done(number, case.name)
    return rows, good


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.hostile",
        description=__doc__,
        epilog=(
            "Example: BROKER_HOSTILE_CONNECTIONS=300 python -m tests.bench.hostile connections. "
            "BROKER_HOSTILE_CONNECTIONS is the number of connections in sequence, "
            "BROKER_HOSTILE_FILM_BOXES that of film boxes in one film session: 3000 without them. "
            "Everything runs on this machine, on 127.0.0.0/8. "
            "Exit code 1 when a case was not answered as it must be."
        ),
    )
    parser.add_argument("part", nargs="?", default="", help="of the names of cases (all of them)")
    part = parser.parse_args(arguments).part
    cases = [case for case in CASES if part in case.name]
    if not cases:
        parser.error(f"no case has {part!r} in its name")
    with (
        tempfile.TemporaryDirectory(prefix="hostile-") as folder,
        Site(Path(folder)) as site,
        Rounds(len(cases)) as rounds,
    ):
        rows, good = play_all(site, cases, rounds.done)
        grown = (site.standing().memory - site.quiet.memory) / (1 << 20)
        quiet = f"A film while all is quiet: {site.median_s:.3f} s. Grown in all: {grown:.1f} MB."
    console = terminal()
    table = lay_out(COLUMNS, rows, console.width)
    show([*map(Text, (machine(), quiet, *LEGEND, "")), *table], console)
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
