"""A bad morning for printers, and what it costs modalities: with the broker, and with HAProxy.

Modalities print film after film on three printers. One printer dies without a word; then another
answers C-ECHO and refuses every film; then both recover. Every film has pixels of its own, so what
became of each is counted on paper.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench import haproxy, morning
from tests.bench.figures import Figures, medians
from tests.bench.front import BrokerFront
from tests.bench.machine import machine
from tests.bench.morning import OpenFront, Plan

PLAN = Plan()
FRONTS: Mapping[str, OpenFront] = {"broker": BrokerFront, "HAProxy": haproxy.HaproxyFront}
ROWS = {
    "films asked": "asked",
    "accepted, by the modality's view (0x0000)": "accepted",
    "refused": "refused",
    "printed (sheets)": "sheets",
    "lost: accepted, never printed, not told": "lost",
    "duplicated: printed twice or more": "duplicated",
    "reported failed, yet printed": "failed_yet_printed",
    "held as uncertain, listed by `broker jobs`": "uncertain",
    "- of these on paper": "uncertain_printed",
    "modality's time per accepted film, median, s": "modality_median_s",
    "modality's time per accepted film, worst, s": "modality_worst_s",
    "until the last sheet, s": "last_sheet_s",
}
"""What a row is called -> its figure."""

Columns = Mapping[str, Sequence[Figures]]
"""Front -> its mornings."""


def main(arguments: Sequence[str] | None = None, usual: Plan = PLAN) -> int:
    """Run the mornings and show them; the exit code."""
    chosen = _parser().parse_args(arguments)
    progress = Console(stderr=True, highlight=False)
    plan = usual if chosen.interval is None else replace(usual, interval_s=chosen.interval)
    columns = _run(_fronts(chosen, progress), plan, chosen.times, progress)
    if chosen.json:
        sys.stdout.write(as_json(_document(columns, plan)) + "\n")
    else:
        _show(columns, plan)
    return 0 if all(each.good for each in columns.get("broker", ())) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.bad_morning",
        description=(
            "8 modalities print 12 films each on three emulated printers (0.15 s a film). At 0.8 s "
            "one printer dies; at 1.2 s another answers C-ECHO and refuses N-ACTION; at 3 s both "
            "recover. Everything runs on this machine, on 127.0.0.1."
        ),
        epilog=(
            "Example: python -m tests.bench.bad_morning --both --times 3. "
            "Exit code 1 when the broker refused, lost or duplicated a film."
        ),
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--haproxy", action="store_true", help="HAProxy in the broker's place")
    which.add_argument("--both", action="store_true", help="the same morning with each of them")
    parser.add_argument(
        "--times", type=_at_least_one, default=1, metavar="N", help="mornings of each (1)"
    )
    parser.add_argument(
        "--interval",
        type=_seconds,
        metavar="SECONDS",
        help=f"between two checks of a printer, for both ({PLAN.interval_s:g})",
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of mornings; use 1 or more")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0.05 <= number <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is no time between checks; use 0.05 to 3600")
    return number


def _fronts(chosen: argparse.Namespace, progress: Console) -> list[str]:
    if not (chosen.haproxy or chosen.both):
        return ["broker"]
    if absent := haproxy.missing():
        progress.print(f"Missing: {', '.join(absent)}. The broker runs alone.", markup=False)
        return ["broker"]
    return ["HAProxy"] if chosen.haproxy else ["broker", "HAProxy"]


def _run(
    fronts: Sequence[str], plan: Plan, times: int, console: Console
) -> dict[str, list[Figures]]:
    columns: dict[str, list[Figures]] = {name: [] for name in fronts}
    progress = Progress(
        TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), console=console
    )
    with progress:
        for number in range(1, times + 1):
            for name in fronts:
                task = progress.add_task(f"{name}, morning {number}", total=plan.total)
                with tempfile.TemporaryDirectory(prefix="bad-morning-") as folder:
                    found = morning.run(
                        plan,
                        FRONTS[name],
                        Path(folder),
                        say=partial(_say, console, name),
                        on_told=partial(progress.advance, task),
                    )
                columns[name].append(found)
    return columns


def _say(console: Console, name: str, words: str) -> None:
    console.print(f"{name}: {words}", markup=False)


def _show(columns: Columns, plan: Plan) -> None:
    lines = [Text(machine()), Text(_setting(columns, plan)), Text()]
    headings = [Column("MEDIANS" if _several(columns) else "ONE MORNING")]
    rows: dict[str, list[str]] = {words: [words] for words in ROWS}
    for name, mornings in columns.items():
        headings.append(Column(name.upper(), right=True))
        headings += [Column("EACH", below=True)] if len(mornings) > 1 else []
        middle = medians(mornings)
        for words, key in ROWS.items():
            rows[words].append(_number(key, middle))
            if len(mornings) > 1:
                rows[words].append(f"{name}: {' '.join(_number(key, each) for each in mornings)}")
    console = terminal()
    lines += lay_out(headings, [Row(tuple(cells)) for cells in rows.values()], console.width)
    lines.append(Text())
    for name, mornings in columns.items():
        for printer, number in medians(mornings).by_printer.items():
            lines.append(Text(f"{name}: {number:g} sheets from {printer}"))
        for words, number in sorted(medians(mornings).refusals.items(), key=lambda each: -each[1]):
            lines.append(Text(f"{name}: {number} x {words}"))
    show(lines, console)


def _number(key: str, figures: Figures) -> str:
    if figures.asked and key.startswith("uncertain") and not figures.uncertain:
        return "-" if key == "uncertain_printed" else "0"
    value = getattr(figures, key)
    return f"{value:.3f}" if key.endswith("_s") else f"{value:g}"


def _several(columns: Columns) -> bool:
    return any(len(mornings) > 1 for mornings in columns.values())


def _setting(columns: Columns, plan: Plan) -> str:
    balancer = f", HAProxy {haproxy.version()}" if "HAProxy" in columns else ""
    return f"Printers checked every {plan.interval_s:g} s{balancer}"


def _document(columns: Columns, plan: Plan) -> dict[str, object]:
    return {
        "machine": machine(),
        "setting": _setting(columns, plan),
        "interval_s": plan.interval_s,
        "columns": {
            name: {
                "medians": medians(mornings).document(),
                "mornings": [each.document() for each in mornings],
            }
            for name, mornings in columns.items()
        },
    }


if __name__ == "__main__":
    raise SystemExit(main())
