"""Films a minute on three printers: through the broker, and through HAProxy in its place."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench import haproxy
from tests.bench.films import films_of
from tests.bench.front import BrokerFront
from tests.bench.machine import machine
from tests.bench.morning import OpenFront, work
from tests.bench.printers import PoweredPrinter
from tests.bench.rounds import Rounds

AE_TITLE = "OKI"
"""Of all printers: behind a balancer they are one."""
PRINTERS = ("oki-1", "oki-2", "oki-3")
SECONDS_PER_FILM = 0.1
MODALITIES = 12
FILMS = 40
INTERVAL_S = 2.0
AIM = 0.97
"""Times HAProxy, at least."""
ASSOCIATIONS = 3
"""That the broker opens with each printer at once: HAProxy opens as many as come."""
FRONTS: Mapping[str, OpenFront] = {
    "broker": partial(BrokerFront, associations=ASSOCIATIONS),
    "HAProxy": haproxy.HaproxyFront,
}


@dataclass(frozen=True)
class Rate:
    """One run through one front."""

    a_minute: float
    """Sheets, from the first call of a modality to the last sheet."""
    refused: int
    modality_s: float
    """How long a film kept its modality, median."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    fronts = dict(FRONTS)
    if absent := haproxy.missing():
        sys.stderr.write(f"Missing: {', '.join(absent)}. The broker runs alone.\n")
        del fronts["HAProxy"]
    found = measure(fronts, chosen.times, chosen.films)
    if chosen.json:
        rows = {name: [vars(each) for each in rates] for name, rates in found.items()}
        sys.stdout.write(as_json({"machine": machine(), "rates": rows}) + "\n")
    else:
        _show(found)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.film_rate",
        description=(
            f"{MODALITIES} modalities print films, each on an association of its own and without a "
            f"pause, on three emulated printers that take {SECONDS_PER_FILM:g} s a film. All on "
            "127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.film_rate --times 5",
    )
    parser.add_argument("--times", type=int, default=3, metavar="N", help="runs of each (3)")
    parser.add_argument(
        "--films", type=int, default=FILMS, metavar="N", help=f"of each modality ({FILMS})"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(fronts: Mapping[str, OpenFront], times: int, films: int) -> dict[str, list[Rate]]:
    """`times` runs through each front, in turn."""
    found: dict[str, list[Rate]] = {name: [] for name in fronts}
    with Rounds(times * len(fronts)) as bar:
        for number in range(times):
            for name, front in fronts.items():
                with tempfile.TemporaryDirectory(prefix="film-rate-") as folder:
                    found[name].append(run(front, Path(folder), films))
                said = f"{name}: {found[name][-1].a_minute:.0f} films a minute"
                bar.done(number * len(fronts) + list(fronts).index(name) + 1, said)
    return found


def run(open_front: OpenFront, folder: Path, films: int) -> Rate:
    """All modalities at once, in an empty folder."""
    with ExitStack() as stack:
        printers = [
            stack.enter_context(PoweredPrinter(name, AE_TITLE, folder / name, SECONDS_PER_FILM))
            for name in PRINTERS
        ]
        front = stack.enter_context(open_front(folder, printers, INTERVAL_S))
        rolls = [films_of(f"CT{each}", films) for each in range(1, MODALITIES + 1)]
        began = time.time()
        with ThreadPoolExecutor(len(rolls)) as pool:
            modalities = [pool.submit(work, front, roll) for roll in rolls]
            told = [each for modality in modalities for each in modality.result()]
        accepted = [each for each in told if not each.error]
        front.settle(len(accepted))
        for printer in printers:
            printer.wait_until_still(5 * SECONDS_PER_FILM)
        sheets = sum(len(printer.sheets()) for printer in printers)
        took = max(printer.last_sheet_at() for printer in printers) - began
        return Rate(
            a_minute=sheets / took * 60,
            refused=len(told) - len(accepted),
            modality_s=statistics.median(each.seconds for each in accepted),
        )


def _show(found: Mapping[str, Sequence[Rate]]) -> None:
    columns = (
        Column("FRONT"),
        Column("FILMS A MINUTE", right=True),
        Column("X HAPROXY", right=True),
        Column("REFUSED", right=True),
        Column("S FOR THE MODALITY", right=True),
        Column("RUNS", right=True),
    )
    rows = []
    for name, rates in found.items():
        ratios = [
            each.a_minute / other.a_minute
            for each, other in zip(rates, found.get("HAProxy", ()), strict=False)
        ]
        rows.append(
            Row(
                (
                    name,
                    f"{statistics.median(each.a_minute for each in rates):.0f}",
                    f"{statistics.median(ratios):.2f}" if ratios else "",
                    str(sum(each.refused for each in rates)),
                    f"{statistics.median(each.modality_s for each in rates):.2f}",
                    str(len(rates)),
                )
            )
        )
    console = terminal()
    words = f"Medians; the aim is {AIM:g} times HAProxy. Refusals are of all runs together."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
