"""What associations cost that are not used: processor time, and memory."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.dicom.uids import EXPLICIT_LITTLE, GRAYSCALE_META
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Requestor
from broker.model.storage.disk import MB
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.bench.servers import Opener, Server, broker, plain

NUMBERS = (0, 1, 10, 100, 300)
SECONDS = 10.0
MOST = 512
"""Associations that the broker is told to allow."""
ROOM = f"[limits]\nassociations = {MOST}\nassociations_per_peer = {MOST}\n"
SERVERS: dict[str, Opener] = {"broker": partial(broker, more=ROOM), "pynetdicom": plain}


@dataclass(frozen=True)
class Idling:
    """A number of associations that say nothing, on one server."""

    server: str
    associations: int
    cpu_percent: float
    """Of one core."""
    grown: int
    """Bytes, compared with the server before the first association."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    found = measure(chosen.number or NUMBERS, chosen.seconds)
    if chosen.json:
        rows = [asdict(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "idle": rows}) + "\n")
    else:
        _show(found, chosen.seconds)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.idle",
        description=(
            "Opens associations on the broker, and on a plain pynetdicom SCP, says nothing on "
            "them, and measures what the server takes of a core. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.idle --number 100 --seconds 30",
    )
    parser.add_argument(
        "--number", type=int, action="append", metavar="N", help="associations (0 1 10 100 300)"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"for each ({SECONDS:g})"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(numbers: Sequence[int], seconds: float) -> list[Idling]:
    """Each number of associations on each server, in turn."""
    found = []
    with tempfile.TemporaryDirectory(prefix="idle-") as folder, ExitStack() as stack:
        bar = stack.enter_context(Rounds(len(numbers) * len(SERVERS)))
        for name, opener in SERVERS.items():
            place = Path(folder) / name
            place.mkdir()
            with opener(place) as server:
                before = server.memory()
                for number in numbers:
                    found.append(_idle(name, server, number, seconds, before))
                    words = f"{name}, {number} idle: {found[-1].cpu_percent:.2f} % of a core"
                    bar.done(len(found), words)
    return sorted(found, key=lambda each: each.associations)


def _idle(name: str, server: Server, number: int, seconds: float, before: int) -> Idling:
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(
                Requestor.open(
                    "127.0.0.1",
                    server.port,
                    calling_ae="BENCH",
                    called_ae=server.ae_title,
                    proposals=[Offer(GRAYSCALE_META, (EXPLICIT_LITTLE,))],
                )
            )
        began = server.cpu_s()
        threading.Event().wait(seconds)
        return Idling(
            server=name,
            associations=number,
            cpu_percent=(server.cpu_s() - began) / seconds * 100,
            grown=server.memory() - before,
        )


def _show(found: Sequence[Idling], seconds: float) -> None:
    columns = (
        Column("ASSOCIATIONS", right=True),
        Column("SERVER"),
        Column("CPU, % OF A CORE", right=True),
        Column("MEMORY GROWN, MB", right=True),
    )
    rows = [
        Row(
            (
                str(each.associations),
                each.server,
                f"{each.cpu_percent:.2f}",
                f"{each.grown / MB:.1f}",
            )
        )
        for each in found
    ]
    console = terminal()
    words = f"Idle for {seconds:g} s each; processor time as the system counts it."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
