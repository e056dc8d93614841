"""How much memory films take, against their size and against how many come at once."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.tables import Column, Row, as_json, lay_out, show, terminal
from broker.model.room import MB
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.printers import PoweredPrinter
from tests.bench.rounds import Rounds
from tests.bench.servers import Opener, Server, broker, plain

CASES = ((256, 1), (1024, 1), (2048, 1), (4096, 1), (4096, 4), (4096, 16))
"""Rows, and columns, of the one image of 16 bits; how many come at once."""


@dataclass(frozen=True)
class Held:
    """What one case took at most, in bytes more than the idle server."""

    server: str
    side: int
    at_once: int
    image: int
    """Bytes of one image."""
    grown: int


@contextmanager
def relaying(folder: Path) -> Iterator[Server]:
    """The broker with a printer, so that what comes in goes out, too."""
    with (
        PoweredPrinter("oki-1", "OKI1", folder / "oki-1", 0.0) as printer,
        broker(folder, printers=[printer]) as server,
    ):
        yield server


SERVERS: Mapping[str, Opener] = {"broker, in and out": relaying, "pynetdicom, in": plain}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    found = measure(CASES[: chosen.cases])
    if chosen.json:
        rows = [asdict(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "memory": rows}) + "\n")
    else:
        _show(found)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.memory",
        description=(
            "Prints films on the broker, which prints them on an emulated printer, and on a plain "
            "pynetdicom SCP, and measures the most memory that the server held. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.memory --cases 4",
    )
    parser.add_argument("--cases", type=int, metavar="N", help="the first N cases only")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(cases: Sequence[tuple[int, int]]) -> list[Held]:
    """Each case on each server, whose memory is what one small film has made of it before."""
    found = []
    with tempfile.TemporaryDirectory(prefix="memory-") as folder, ExitStack() as stack:
        bar = stack.enter_context(Rounds(len(cases) * len(SERVERS)))
        for number, (name, opener) in enumerate(SERVERS.items()):
            place = Path(folder) / str(number)
            place.mkdir()
            with opener(place) as server:
                printed = _print(server, 256, 1, 0)
                for side, at_once in cases:
                    before = server.memory()
                    server.forget_peak()
                    printed = _print(server, side, at_once, printed)
                    grown = server.memory("VmHWM") - before
                    found.append(Held(name, side, at_once, side * side * 2, grown))
                    words = f"{name}, {at_once} of {side}x{side}: {grown / MB:.1f} MB"
                    bar.done(len(found), words)
    return sorted(found, key=lambda each: (each.side, each.at_once))


def _print(server: Server, side: int, at_once: int, printed: int) -> int:
    """Films at the same time, until they are printed; how many that makes in all."""
    films = [picture(side, printed + each) for each in range(at_once)]
    with ThreadPoolExecutor(at_once) as pool:
        for taken in [pool.submit(print_film, server, *each) for each in films]:
            taken.result()
    if server.log is not None:
        server.log.wait_for("job sent", printed + at_once)
    return printed + at_once


def _show(found: Sequence[Held]) -> None:
    columns = (
        Column("IMAGE"),
        Column("MB", right=True),
        Column("AT ONCE", right=True),
        Column("SERVER"),
        Column("GROWN, MB", right=True),
    )
    rows = [
        Row(
            (
                f"{each.side}x{each.side}x16",
                f"{each.image / MB:.1f}",
                str(each.at_once),
                each.server,
                f"{each.grown / MB:.1f}",
            )
        )
        for each in found
    ]
    console = terminal()
    words = "The most that was held (VmHWM) while films came, less what was held before."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
