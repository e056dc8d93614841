"""What large films cost a small one: its time alone, and while others send theirs without a pause.

Run as `python -m tests.bench.beside --load PORT AE_TITLE`, it is such a load: it says `sending`
once all have begun, and ends when its stdin is closed.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.printers import CHECKOUT
from tests.bench.rounds import Rounds
from tests.bench.servers import OPENERS, Server, missing

SMALL, LARGE = 256, 4096
"""Rows, and columns, of the one image on a film, 16 bits."""
SENDERS = 4
SERVERS = ("broker", "dcmprscp", "pynetdicom")


@dataclass(frozen=True)
class Found:
    """Small films on one server, in milliseconds from connecting to the answer to A-RELEASE."""

    server: str
    alone: Sequence[float]
    beside: Sequence[float]


def measure(names: Sequence[str], films: int, bar: Rounds) -> list[Found]:
    """`films` small films alone, and as many beside the load, on each server."""
    found = []
    with tempfile.TemporaryDirectory(prefix="beside-") as folder, ExitStack() as stack:
        for number, name in enumerate(names, start=1):
            (Path(folder) / name).mkdir()
            server = stack.enter_context(OPENERS[name](Path(folder) / name))
            _films(server, 1, 0)  # not counted: the first one of a server
            alone = _films(server, films, 1)
            with _load(server):
                found.append(Found(name, alone, _films(server, films, 1 + films)))
            bar.done(number, f"{name}: {statistics.median(found[-1].beside):.0f} ms")
    return found


def _films(server: Server, number: int, first: int) -> list[float]:
    pictures = [picture(SMALL, first + each) for each in range(number)]
    return [print_film(server, *each).whole * 1000 for each in pictures]


@contextmanager
def _load(server: Server) -> Iterator[None]:
    """Large films come all the while, from a process of its own."""
    arguments = ["--load", str(server.port), server.ae_title]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.beside", *arguments],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != "sending\n":
                raise RuntimeError(f"the load ended with {process.wait()}")
            yield
        finally:
            process.kill()


def _send(port: int, ae_title: str) -> int:
    """Be the load."""
    server = Server(port, ae_title, 0)
    begun = threading.Barrier(SENDERS + 1)

    def films(sender: int) -> None:
        film, content = picture(LARGE, sender)
        begun.wait()
        while True:
            print_film(server, film, content)

    for sender in range(SENDERS):
        threading.Thread(target=films, args=(sender,), daemon=True).start()
    begun.wait()
    sys.stdout.write("sending\n")
    sys.stdout.flush()
    sys.stdin.read()
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.beside",
        description=(
            f"Prints films of {SMALL}x{SMALL}x16, alone and while {SENDERS} others print films of "
            f"{LARGE}x{LARGE}x16 without a pause. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.beside --films 100",
    )
    parser.add_argument("--films", type=int, default=50, metavar="N", help="of each kind (50)")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    parser.add_argument("--load", nargs=2, metavar=("PORT", "AE"), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.load:
        return _send(int(chosen.load[0]), chosen.load[1])
    names = [name for name in SERVERS if name != "dcmprscp" or not missing()]
    with Rounds(len(names)) as bar:
        found = measure(names, chosen.films, bar)
    if chosen.json:
        rows = [vars(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "servers": rows}) + "\n")
    else:
        _show(found)
    return 0


def _show(found: Sequence[Found]) -> None:
    columns = (
        Column("SERVER"),
        Column("ALONE, MS", right=True),
        Column("WORST", right=True),
        Column("BESIDE, MS", right=True),
        Column("WORST", right=True),
        Column("FILMS", right=True),
    )
    rows = []
    for each in found:
        times = [f"{figure:.1f}" for part in (each.alone, each.beside) for figure in _of(part)]
        rows.append(Row((each.server, *times, str(len(each.beside)))))
    console = terminal()
    words = f"Medians and worst, alone and beside {SENDERS} senders of {LARGE}x{LARGE}x16."
    show([Text(machine()), Text(words), Text(), *lay_out(columns, rows, console.width)], console)


def _of(times: Sequence[float]) -> tuple[float, float]:
    return statistics.median(times), max(times)


if __name__ == "__main__":
    raise SystemExit(main())
