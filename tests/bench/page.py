"""What the page costs with a full queue: its answer, pages left open, and films meanwhile."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.crowd import crowd
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.bench.servers import Log, Server
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.page_site import CONFIGURATION
from tests.peers.processes import children

FINISHED, WAITING = 10_000, 500
OPEN = 10
"""Pages that are open at once."""
ASKS = 15
WATCHED_S = 20.0
BLOCKS, FILMS = 8, 12
SIDES = (256, 2048)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.page",
        description=(
            f"A broker with {FINISHED} finished and {WAITING} waiting jobs: how long the overview "
            f"takes, what one and {OPEN} open pages cost while nothing and while a job a second "
            "changes, and films' times with and without open pages, in turn."
        ),
        epilog="Example: python -m tests.bench.page --json",
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="page-") as folder:
        found = measure(Path(folder))
    tell(found, for_machines=chosen.json)
    return 0


def measure(folder: Path) -> dict[str, float]:
    """Figures by name: milliseconds, percent of a core, ratios."""
    crowd(folder, FINISHED, WAITING)
    config = folder / "broker.toml"
    config.write_text(CONFIGURATION.format(port=1))
    found: dict[str, float] = {}
    steps = 5 + len(SIDES)
    with BrokerProcess(config, web=True) as process, Rounds(steps) as bar:
        url = str(process.wait_for("page served")["url"]).rstrip("/")
        log = Log(process)  # one that is not read would stop the broker
        client = httpx.Client(base_url=url, timeout=60)
        client.get("/")
        page = Server(0, "", children(process.process.pid)[0])
        found["overview again, ms"] = _overview(client, lambda: None)
        bar.done(1, "the overview, nothing changed")
        found["overview after a change, ms"] = _overview(client, lambda: _change(config))
        bar.done(2, "the overview, each time after a change")
        for number, pages in enumerate((1, OPEN), start=3):
            with _pages(url, pages):
                found[f"{pages} open, idle, % of a core"] = cpu_percent(page, lambda: None)
                used = cpu_percent(page, lambda: _change(config))
                found[f"{pages} open, busy, % of a core a page"] = used / pages
            bar.done(number, f"{pages} open")
        server = Server(process.port, "BROKER", process.process.pid)
        for number, side in enumerate(SIDES, start=5):
            ratio, alone, beside = _films(server, url, side)
            found[f"{side}x{side} film, pages closed, ms"] = alone
            found[f"{side}x{side} film, {OPEN} pages open, ms"] = beside
            found[f"{side}x{side} film, ratio"] = ratio
            bar.done(number, f"{side}x{side} films")
        client.close()
        log.end()
        bar.done(steps, "done")
    return found


def _change(config: Path) -> None:
    """Another process changes a row: each time another reason."""
    reason = f"at {time.monotonic()}"
    done = command("printers", "drain", "oki-1", "-r", reason, config=config)
    assert done.returncode == 0, done.stderr


def _overview(client: httpx.Client, before: Callable[[], None]) -> float:
    """Milliseconds of its answer, the median."""
    taken = []
    for _ in range(ASKS):
        before()
        began = time.perf_counter()
        assert client.get("/").status_code == 200
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1000


@contextmanager
def _pages(url: str, number: int) -> Iterator[None]:
    """`number` event streams, read as they come."""
    over = threading.Event()
    began = threading.Barrier(number + 1)

    def read() -> None:
        try:
            with httpx.stream("GET", f"{url}/events", timeout=60) as answer:
                waiting = True
                for _ in answer.iter_raw():
                    if waiting:
                        began.wait()
                        waiting = False
                    if over.is_set():
                        return
        except httpx.RemoteProtocolError:
            if not over.is_set():  # else the broker has ended, and its pages with it
                raise

    threads = [threading.Thread(target=read, daemon=True) for _ in range(number)]
    for each in threads:
        each.start()
    began.wait(60)
    try:
        yield
    finally:
        over.set()


def cpu_percent(server: Server, change: Callable[[], None]) -> float:
    """What it takes of a core while a change comes each second."""
    before, began = server.cpu_s(), time.monotonic()
    pause = threading.Event()
    while time.monotonic() - began < WATCHED_S:
        change()
        pause.wait(1.0)
    return (server.cpu_s() - before) / (time.monotonic() - began) * 100


def _films(server: Server, url: str, side: int) -> tuple[float, float, float]:
    """Ratio of films' times with pages open to those without, block by block; medians in ms."""
    ratios, alone, beside = [], [], []
    number = 0

    def block() -> list[float]:
        nonlocal number
        taken = []
        for _ in range(FILMS if side <= 256 else FILMS // 2):
            number += 1
            taken.append(print_film(server, *picture(side, number)).whole * 1000)
        return taken

    block()
    for _ in range(BLOCKS):
        without = block()
        with _pages(url, OPEN):
            among = block()
        ratios.append(statistics.median(among) / statistics.median(without))
        alone += without
        beside += among
    return statistics.median(ratios), statistics.median(alone), statistics.median(beside)


def tell(found: Mapping[str, float], *, for_machines: bool) -> None:
    """Write figures by name to stdout, as JSON or as a table."""
    if for_machines:
        sys.stdout.write(as_json({"machine": machine(), **found}) + "\n")
        return
    console = terminal()
    rows = [Row((name, f"{value:.2f}")) for name, value in found.items()]
    columns = (Column("FIGURE"), Column("VALUE", right=True))
    sys.stdout.write(machine() + "\n\n")
    show(lay_out(columns, rows, console.width), console)


if __name__ == "__main__":
    raise SystemExit(main())
