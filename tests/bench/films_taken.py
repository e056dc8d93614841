"""Films a second that are taken from 1, 4 and 16 modalities: the broker, dcmprscp, the limit."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.emulator.modality import Modality
from tests.bench import servers
from tests.bench.film_times import picture
from tests.bench.machine import machine
from tests.bench.rounds import Rounds

SIDE = 512
MODALITIES = (1, 4, 16)
SECONDS = 6.0
PATIENCE_S = 120.0
"""Until the processes of all modalities are there."""
AIM = 0.85
"""Times dcmprscp, at least."""
SERVERS: Mapping[str, servers.Opener] = {
    "broker": partial(servers.broker, more="[limits]\nwaiting_jobs = 100000\n"),
    "dcmprscp": servers.dcmprscp,
    "limit": servers.limit,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    found = measure(chosen.times, chosen.seconds)
    if chosen.json:
        rows = [{"server": n, "modalities": m, "a_second": r} for (n, m), r in found.items()]
        sys.stdout.write(as_json({"machine": machine(), "rates": rows}) + "\n")
    else:
        _show(found)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.films_taken",
        description=(
            f"Modalities, each a process of its own, print films of {SIDE}x{SIDE} without a pause, "
            "each on an association of its own. All on 127.0.0.1; no film is sent on."
        ),
        epilog="Example: python -m tests.bench.films_taken --times 3",
    )
    parser.add_argument("--times", type=int, default=3, metavar="N", help="runs of each (3)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"of a run ({SECONDS:g})"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(
    times: int,
    seconds: float,
    numbers: Sequence[int] = MODALITIES,
    openers: Mapping[str, servers.Opener] = SERVERS,
) -> dict[tuple[str, int], list[float]]:
    """Films a second by server and number of modalities; the servers in turn, in one run."""
    found: dict[tuple[str, int], list[float]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="films-taken-") as folder,
        ExitStack() as stack,
        _modalities(numbers) as pool,
        Rounds(times * len(openers) * len(numbers)) as bar,
    ):
        running = {}
        for name, opener in openers.items():
            (Path(folder) / name).mkdir()
            running[name] = stack.enter_context(opener(Path(folder) / name))
        list(pool.map(_wait_for, [max(numbers)] * max(numbers)))
        for _ in range(times):
            for modalities in numbers:
                for name, server in running.items():
                    calls = [
                        pool.submit(_print, server.port, server.ae_title, each, modalities, seconds)
                        for each in range(modalities)
                    ]
                    rate = sum(call.result() for call in calls) / seconds
                    found.setdefault((name, modalities), []).append(rate)
                    done = sum(map(len, found.values()))
                    bar.done(done, f"{name}, {modalities}: {rate:.0f} a second")
    return found


_together: dict[int, Barrier] = {}
"""In a process of the pool: where so many wait for each other."""


def _modalities(numbers: Sequence[int]) -> ProcessPoolExecutor:
    """A process for each modality, as many as the most of `numbers`."""
    context = get_context("spawn")
    barriers = {each: context.Barrier(each, timeout=PATIENCE_S) for each in numbers}
    return ProcessPoolExecutor(
        max(numbers), mp_context=context, initializer=_begin, initargs=(barriers,)
    )


def _begin(barriers: Mapping[int, Barrier]) -> None:
    _together.update(barriers)


def _wait_for(number: int) -> None:
    """Until `number` processes are there, this one among them."""
    _together[number].wait()


def _print(port: int, ae_title: str, number: int, modalities: int, seconds: float) -> int:
    """Print for so long, all `modalities` from one moment on; films taken."""
    modality = Modality(f"CT{number}", clock=time.perf_counter)
    _wait_for(modalities)
    begin = time.monotonic()
    taken = 0
    while time.monotonic() < begin + seconds:
        film, content = picture(SIDE, number * 1_000_000 + taken)
        (answer,) = modality.print("127.0.0.1", port, ae_title, [film], lambda _: content)  # noqa: B023
        if not answer.printed:
            raise RuntimeError(f"{ae_title}: {answer.step} answered 0x{answer.status:04X}")
        taken += 1
    return taken


def _show(found: Mapping[tuple[str, int], Sequence[float]]) -> None:
    columns = (
        Column("MODALITIES", right=True),
        *(Column(name.upper(), right=True) for name in SERVERS),
        Column("X DCMPRSCP", right=True),
    )
    rows = []
    for modalities in MODALITIES:
        ratio = [
            own / other
            for own, other in zip(
                found["broker", modalities], found["dcmprscp", modalities], strict=True
            )
        ]
        cells = [f"{statistics.median(found[name, modalities]):.0f}" for name in SERVERS]
        rows.append(Row((str(modalities), *cells, f"{statistics.median(ratio):.2f}")))
    console = terminal()
    words = f"Films of {SIDE}x{SIDE} a second, medians; the aim is {AIM:g} times dcmprscp."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


if __name__ == "__main__":
    raise SystemExit(main())
