"""How long commands take on an empty queue, beside a Python that does nothing."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.machine import machine
from tests.bench.rounds import Rounds

CALLS = 11
PYTHON = "python -c pass"
COMMANDS = (
    "--help",
    "jobs",
    "jobs --json",
    "jobs show 1",
    "printers",
    "check oki-1",
    "check 127.0.0.1 1",
    "check",
)
CONFIGURATION = """\
[broker]
port = 0
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "127.0.0.1"
port = 1
"""
"""Nothing listens on that port: a check ends when the connection is refused."""


@dataclass(frozen=True)
class Started:
    """One command, from its start to its end; the median."""

    command: str
    seconds: float
    cpu_s: float
    """Of the system's clock for processes, which counts in hundredths."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    found = measure(chosen.calls, chosen.tree)
    if chosen.json:
        rows = [asdict(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "start_times": rows}) + "\n")
    else:
        _show(found, chosen.calls)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.start_times",
        description="Runs commands on an empty queue and measures how long each takes.",
        epilog="Example: python -m tests.bench.start_times --tree ../before",
    )
    parser.add_argument("--calls", type=int, default=CALLS, metavar="N", help=f"each ({CALLS})")
    parser.add_argument(
        "--tree",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="another checkout, measured in turn with this one; may be given again",
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(calls: int, others: Sequence[Path] = ()) -> list[Started]:
    """Each command, in turn with the same one of the other checkouts."""
    found = []
    with tempfile.TemporaryDirectory(prefix="start-times-") as place:
        trees = {"": Path.cwd(), **{f" ({each.name})": each.resolve() for each in others}}
        for number, tree in enumerate(trees.values()):
            (folder := Path(place) / str(number)).mkdir()
            (folder / "broker.toml").write_text(CONFIGURATION)
            _run(_broker("db upgrade"), folder, tree)
        with Rounds(1 + len(COMMANDS)) as bar:
            for done, command in enumerate((PYTHON, *COMMANDS), start=1):
                if command == PYTHON:
                    bare = [_run(["-c", "pass"], Path(place), Path(place)) for _ in range(calls)]
                    found.append(_median(PYTHON, bare))
                    continue
                taken: dict[str, list[tuple[float, float]]] = {name: [] for name in trees}
                for _ in range(calls):
                    for number, (name, tree) in enumerate(trees.items()):
                        folder = Path(place) / str(number)
                        taken[name].append(_run(_broker(command), folder, tree))
                found += [_median(f"broker {command}{name}", each) for name, each in taken.items()]
                bar.done(done, f"{command}: {found[-1].seconds:.2f} s")
    return found


def _broker(command: str) -> list[str]:
    return ["-m", "broker.cli.main", *command.split()]


def _run(arguments: Sequence[str], folder: Path, tree: Path) -> tuple[float, float]:
    """Seconds, and seconds of processor time."""
    before, began = os.times(), time.monotonic()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        check=False,
    )
    taken, after = time.monotonic() - began, os.times()
    cpu_s = after.children_user - before.children_user
    return taken, cpu_s + after.children_system - before.children_system


def _median(command: str, taken: Sequence[tuple[float, float]]) -> Started:
    return Started(
        command,
        statistics.median(seconds for seconds, _ in taken),
        statistics.median(cpu_s for _, cpu_s in taken),
    )


def _show(found: Sequence[Started], calls: int) -> None:
    columns = (Column("COMMAND"), Column("SECONDS", right=True), Column("CPU, s", right=True))
    rows = [Row((each.command, f"{each.seconds:.2f}", f"{each.cpu_s:.2f}")) for each in found]
    console = terminal()
    words = f"The median of {calls} calls each, on an empty queue without a running broker."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
