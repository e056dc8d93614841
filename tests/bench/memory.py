"""How much memory films take, by size and by how many come at once; and `broker serve` itself."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.model.storage.disk import MB
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.page import tell
from tests.bench.printers import PoweredPrinter
from tests.bench.rounds import Rounds
from tests.bench.servers import Opener, Server, broker, plain
from tests.peers.broker_process import BrokerProcess
from tests.peers.page_site import CONFIGURATION

SETTLED_S = 5.0
"""After this long, what it took to begin has been given back."""

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
    if chosen.rest:
        tell(at_rest(), for_machines=chosen.json)
        return 0
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
    parser.add_argument(
        "--rest", action="store_true", help="the relay and the page without any film, alone"
    )
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


def at_rest() -> dict[str, float]:
    """MB that `broker serve` holds once its queue is open and nothing comes, by process."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        config = Path(folder) / "broker.toml"
        config.write_text(CONFIGURATION.format(port=1))
        for start in ("a new queue", "a queue that is there"):
            with BrokerProcess(config, web=True) as process:
                threading.Event().wait(SETTLED_S)
                pid = process.process.pid
                for name, each in {"relay": pid, "page": _page_of(pid)}.items():
                    held = Server(0, "", each).memory() / MB
                    found[f"{name}, {start}: VmRSS, MB"] = round(held, 1)
    return found


def _page_of(pid: int) -> int:
    """The page's process, which a thread of the relay has started."""
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for each in children.read_text().split():
            if b"broker.web" in Path(f"/proc/{each}/cmdline").read_bytes():
                return int(each)
    raise ValueError(f"process {pid} has no page")


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
