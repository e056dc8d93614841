"""A bench that measures figures by name: its command line, and how they are shown."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.machine import machine


def show_figures(
    name: str,
    description: str,
    measure: Callable[[Path], Mapping[str, float]],
    arguments: Sequence[str] | None = None,
) -> int:
    """Measure in a folder that is removed then, and show; the exit code. `name` is the bench's."""
    program = f"python -m tests.bench.{name}"
    parser = argparse.ArgumentParser(
        prog=program, description=description, epilog=f"Example: {program} --json"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        found = measure(Path(folder))
    if chosen.json:
        sys.stdout.write(as_json({"machine": machine(), **found}) + "\n")
        return 0
    sys.stdout.write(f"{machine()}\n\n")
    columns = (Column("WHAT"), Column("FIGURE", right=True))
    rows = [Row((name, f"{figure:.1f}")) for name, figure in found.items()]
    show(lay_out(columns, rows, terminal().width))
    return 0
