"""Processor time for each gigabyte relayed, in and out: the broker, and a plain relay on pynetdicom
that stores nothing."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.film_times import picture, print_film
from tests.bench.machine import machine
from tests.bench.printers import PoweredPrinter
from tests.bench.rounds import Rounds
from tests.bench.servers import Server, broker, plain

SIDE = 4096
FILMS = 12
GB = 1 << 30
AIM = 0.5
"""Times pynetdicom, at most."""

Opener = Callable[[Path, PoweredPrinter], AbstractContextManager[Server]]
RELAYS: Mapping[str, Opener] = {
    "broker": lambda folder, printer: broker(folder, printers=[printer]),
    "pynetdicom": lambda folder, printer: plain(folder, printer=printer),
}


@dataclass(frozen=True)
class Spent:
    """What one relay took for its films."""

    relay: str
    films: int
    cpu_s_per_gb: float
    """Of bytes that came in; the same number went out."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    found = measure(chosen.films, chosen.side)
    if chosen.json:
        rows = [asdict(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "relays": rows}) + "\n")
    else:
        _show(found, chosen.side)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.relay_cpu",
        description=(
            "Prints large films, one after the other, through the broker and through a plain relay "
            "on pynetdicom, on an emulated printer, and measures their processor time. All on "
            "127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.relay_cpu --films 30",
    )
    parser.add_argument(
        "--films", type=int, default=FILMS, metavar="N", help=f"through each ({FILMS})"
    )
    parser.add_argument(
        "--side", type=int, default=SIDE, metavar="N", help=f"rows and columns ({SIDE})"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(films: int, side: int) -> list[Spent]:
    """`films` films through each relay, after one that is not counted."""
    found = []
    with Rounds(films * len(RELAYS)) as bar:
        for turn, (name, opener) in enumerate(RELAYS.items()):
            with tempfile.TemporaryDirectory(prefix="relay-cpu-") as folder, ExitStack() as stack:
                tray = Path(folder) / "oki-1"
                printer = stack.enter_context(PoweredPrinter("oki-1", "OKI1", tray, 0.0))
                relay = stack.enter_context(opener(Path(folder), printer))
                began = 0.0
                for number in range(films + 1):
                    if number == 1:
                        began = relay.cpu_s()
                    _through(relay, side, number)
                    if relay.log is not None:
                        relay.log.wait_for("job sent", number + 1)
                    bar.done(turn * films + number, name)
                spent = relay.cpu_s() - began
            found.append(Spent(name, films, spent / (films * side * side * 2 / GB)))
    return found


def _through(relay: Server, side: int, number: int) -> None:
    """One film. pynetdicom's relay may lose a printer's answer: it is asked once more, then."""
    try:
        print_film(relay, *picture(side, number))
    except RuntimeError:
        if relay.log is not None:
            raise
        print_film(relay, *picture(side, number))


def _show(found: Sequence[Spent], side: int) -> None:
    columns = (
        Column("RELAY"),
        Column("CPU S A GB", right=True),
        Column("X PYNETDICOM", right=True),
        Column("AIM", right=True),
        Column("FILMS", right=True),
    )
    least = found[-1].cpu_s_per_gb
    rows = [
        Row(
            (
                each.relay,
                f"{each.cpu_s_per_gb:.2f}",
                f"{each.cpu_s_per_gb / least:.2f}",
                f"{AIM:g}" if each.relay == "broker" else "",
                str(each.films),
            )
        )
        for each in found
    ]
    console = terminal()
    words = f"Films of {side}x{side}x16; each byte comes in once and goes out once."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
