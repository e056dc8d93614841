"""Films on a disk that printed ones fill: how many are refused, and what making room costs.

The same films go to a broker with a small disk and to one with a large one, by turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.model.printers.trouble import Refused, Unavailable
from broker.model.storage.disk import MB
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.printers import PoweredPrinter
from tests.bench.rounds import Rounds
from tests.bench.servers import Server, broker
from tests.peers.small_disk import mounted

SIDE = 2048
"""Rows, and columns, of the one image on a film, 16 bits: 8 MB."""
SMALL, LARGE = "small disk", "large disk"


@dataclass
class Found:
    """Of the films on one disk."""

    seconds: list[float] = field(default_factory=list)
    refused: int = 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print films, and say what they took."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if os.geteuid():
        parser.error("only root can mount the two disks")
    found = measure(chosen.films, chosen.small_mb)
    if chosen.json:
        rows = [_document(name, each) for name, each in found.items()]
        sys.stdout.write(as_json({"machine": machine(), "disks": rows}) + "\n")
    else:
        _show(found)
    return 1 if found[SMALL].refused else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.small_disk",
        description="Prints films of 8 MB on a broker whose disk holds a few of them, and on one "
        "whose disk holds all, in memory both. Needs root, to mount them. Exit 1 when one was "
        "refused.",
        epilog="Example: python -m tests.bench.small_disk --films 100",
    )
    parser.add_argument("--films", type=int, default=60, metavar="N", help="on each disk (60)")
    parser.add_argument(
        "--small-mb", type=int, default=160, metavar="N", help="of the small disk (160)"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(films: int, small_mb: int) -> Mapping[str, Found]:
    """`films` films on each disk, after one of each that is not counted."""
    found = {SMALL: Found(), LARGE: Found()}
    sizes = {SMALL: small_mb, LARGE: small_mb + (films + 2) * 9}
    with tempfile.TemporaryDirectory(prefix="small-disk-") as folder, ExitStack() as stack:
        servers = {
            name: stack.enter_context(_served(Path(folder) / name.replace(" ", "-"), size))
            for name, size in sizes.items()
        }
        bar = stack.enter_context(Rounds(films * len(servers)))
        for number in range(films + 1):
            film, content = picture(SIDE, number)
            for name, server in servers.items():
                try:
                    taken = print_film(server, film, content)
                except (RuntimeError, Refused, Unavailable):
                    found[name].refused += 1
                    continue
                if number:
                    found[name].seconds.append(taken.whole)
                    done = sum(len(each.seconds) for each in found.values())
                    bar.done(done, f"{name}: {taken.whole * 1000:.0f} ms")
    return found


@contextmanager
def _served(folder: Path, size_mb: int) -> Iterator[Server]:
    tray = folder.with_name(f"{folder.name}-tray")
    tray.mkdir()
    with (
        mounted(folder, size_mb * MB) as disk,
        PoweredPrinter("oki-1", "OKI1", tray, 0.0) as printer,
        broker(disk.folder, printers=[printer]) as server,
    ):
        yield server


def _document(name: str, found: Found) -> dict[str, object]:
    taken = found.seconds or [0.0]
    return {
        "disk": name,
        "films": len(found.seconds),
        "refused": found.refused,
        "median_ms": statistics.median(taken) * 1000,
        "worst_ms": max(taken) * 1000,
    }


def _show(found: Mapping[str, Found]) -> None:
    columns = (
        Column("DISK"),
        Column("FILMS", right=True),
        Column("REFUSED", right=True),
        Column("MEDIAN", right=True),
        Column("WORST", right=True),
    )
    rows = []
    for name, each in found.items():
        told = _document(name, each)
        times = (f"{told['median_ms']:.1f} ms", f"{told['worst_ms']:.1f} ms")
        rows.append(Row((name, str(told["films"]), str(each.refused), *times)))
    console = terminal()
    show([Text(machine()), *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    sys.exit(main())
