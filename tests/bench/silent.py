"""What one silent connection costs another modality: the time of its films without it, and with it.

The connection is opened anew for every other film, so that a machine whose speed drifts drifts for
both.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.dicom.scu.print_scu import PrintTimeouts
from broker.dicom.upper_layer.connection import Timeouts
from broker.emulator.modality import Modality
from broker.model.printers.trouble import Unavailable
from tests.bench.film_times import picture
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.bench.servers import broker, plain, plain_tls
from tests.peers.certificates import HOST, Authority, hello

SIDE = 256
"""Rows, and columns, of the one image on a film, 16 bits."""
AIM_MS = 50.0
"""The longest delay of a film."""
PATIENCE_S = 5.0
"""A film that gets no association within this is not waited for."""
CASES = 5
TLS = '[tls]\nport = 0\ncertificate = "../tls/cert.pem"\nkey = "../tls/key.pem"\n'
LASTING = "[limits]\nestablish_s = 600\n"
"""No silent connection is cut meanwhile."""


@dataclass(frozen=True)
class Case:
    """A door, who films through it, and who is silent there."""

    server: str
    silent: str
    port: int
    called_ae: str
    tls: ssl.SSLContext | None
    said: Callable[[], bytes] = bytes
    """By the silent one, before it falls silent."""


@dataclass
class Found:
    """Films of one case, each in milliseconds from connecting to the answer to A-RELEASE."""

    server: str
    silent: str
    without: list[float] = field(default_factory=list)
    """While no other peer is there."""
    beside: list[float] = field(default_factory=list)
    """While the silent one is."""
    stuck: bool = False
    """A film beside it got no association; no more were tried."""

    @property
    def delay(self) -> float:
        """Of the median film."""
        return statistics.median(self.beside) - statistics.median(self.without)

    @property
    def worst_delay(self) -> float:
        """The slowest film beside it over the slowest without: a machine has slow films anyway."""
        return max(self.beside) - max(self.without)

    @property
    def good(self) -> bool:
        """Whether it delays films by no more than it may."""
        return not self.stuck and max(self.delay, self.worst_delay) < AIM_MS


def measure(films: int, done: Callable[[int, str], None]) -> list[Found]:
    """`films` films without, and as many beside, in each case. `done` is told how many are over."""
    found = []
    with tempfile.TemporaryDirectory(prefix="silent-") as folder, _cases(Path(folder)) as cases:
        for number, case in enumerate(cases):
            found.append(_played(case, films))
            delay = "for ever" if found[-1].stuck else f"{found[-1].delay:.1f} ms"
            done(number + 1, f"{case.server}, {case.silent}: delayed {delay}")
    return found


@contextmanager
def _cases(folder: Path) -> Iterator[list[Case]]:
    site = Authority()
    tls = site.write(folder / "tls")
    client = site.client()
    for name in ("broker", "plain"):
        (folder / name).mkdir()
    with (
        broker(folder / "broker", TLS + LASTING) as ours,
        plain(folder / "plain") as theirs,
        plain_tls(tls / "cert.pem", tls / "key.pem") as sealed,
    ):
        yield [
            Case("broker", "connected", ours.port, ours.ae_title, None),
            Case("broker, TLS", "connected", ours.tls_port, ours.ae_title, client),
            Case(
                "broker, TLS",
                "half a ClientHello",
                ours.tls_port,
                ours.ae_title,
                client,
                lambda: _half(hello(client)),
            ),
            Case("pynetdicom", "connected", theirs.port, theirs.ae_title, None),
            Case("pynetdicom, TLS", "connected", sealed.port, sealed.ae_title, client),
        ]


def _played(case: Case, films: int) -> Found:
    found = Found(case.server, case.silent)
    _film_ms(case, 0)  # not counted: the first one of a door
    for number in range(1, 2 * films, 2):
        found.without.append(_film_ms(case, number))
        with socket.create_connection((HOST, case.port)) as silent:
            silent.sendall(case.said())
            try:
                found.beside.append(_film_ms(case, number + 1))
            except Unavailable:
                found.stuck = True
                break
    return found


def _film_ms(case: Case, number: int) -> float:
    """One film on an association of its own, in milliseconds. Unavailable when there is none."""
    film, content = picture(SIDE, number)
    timeouts = PrintTimeouts(Timeouts(PATIENCE_S, PATIENCE_S))
    modality = Modality("BENCH", timeouts=timeouts, tls=case.tls)
    began = time.perf_counter()
    (answered,) = modality.print(HOST, case.port, case.called_ae, [film], lambda _name: content)
    took = (time.perf_counter() - began) * 1000
    if not answered.printed:
        raise RuntimeError(f"{case.server}: {answered.step} answered 0x{answered.status:04X}")
    return took


def _half(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code is 1 when a film of the broker's is delayed too long."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.silent",
        description=(
            f"Prints films of {SIDE}x{SIDE}x16 on the broker and on a plain pynetdicom SCP, each "
            "with and without TLS; every other film while one connection to the same port says "
            "nothing, or half a ClientHello. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.silent --films 100",
    )
    parser.add_argument("--films", type=int, default=100, metavar="N", help="of each kind (100)")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    with Rounds(CASES) as rounds:
        found = measure(chosen.films, rounds.done)
    if chosen.json:
        sys.stdout.write(as_json({"machine": machine(), "cases": _document(found)}) + "\n")
    else:
        _show(found)
    return 0 if all(each.good for each in found if each.server.startswith("broker")) else 1


def _show(found: Sequence[Found]) -> None:
    columns = (
        Column("SERVER"),
        Column("SILENT ONE"),
        Column("WITHOUT", right=True),
        Column("WORST", right=True),
        Column("BESIDE", right=True),
        Column("WORST", right=True),
        Column("DELAY", right=True),
        Column("WORST", right=True),
    )
    rows = []
    for each in found:
        figures = [statistics.median(each.without), max(each.without)]
        if not each.stuck:
            figures += [statistics.median(each.beside), max(each.beside)]
            figures += [each.delay, each.worst_delay]
        cells = [f"{figure:.1f}" for figure in figures]
        cells += ["none"] * (6 - len(cells))
        rows.append(Row((each.server, each.silent, *cells)))
    console = terminal()
    lines = (
        machine(),
        "Milliseconds for a film, median and worst, without the silent one and beside it;",
        f"DELAY: median over median, worst over worst; the aim is less than {AIM_MS:g}.",
        f"none: no association in {PATIENCE_S:g} s.",
        "",
    )
    show([*map(Text, lines), *lay_out(columns, rows, console.width)], console)


def _document(found: Sequence[Found]) -> list[dict[str, object]]:
    return [
        {
            "server": each.server,
            "silent": each.silent,
            "stuck": each.stuck,
            "films": len(each.beside),
            "median_without_ms": statistics.median(each.without),
            "worst_without_ms": max(each.without),
            "median_delay_ms": None if each.stuck else each.delay,
            "worst_delay_ms": None if each.stuck else each.worst_delay,
        }
        for each in found
    ]


if __name__ == "__main__":
    raise SystemExit(main())
