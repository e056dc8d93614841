"""How long a film keeps a modality, from association to release: the broker, its peers, the limit.

Every film goes to each server in turn, round after round, so that a machine whose speed drifts
drifts for all of them.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.emulator.modality import Modality
from broker.model.films.film import Film, Image, ImageBox
from broker.spool.stored import name_of
from tests.bench import plain_modality
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.bench.servers import OPENERS, Server, missing

LIMIT = "limit"
ROUNDS = {256: 40, 2048: 16, 4096: 10}
"""Rows, and columns, of the one image -> rounds."""
AIMS = {256: 2.0, 2048: 1.3, 4096: 1.2}
"""Times the limit, at most."""


@dataclass(frozen=True)
class Taken:
    """One film on one server, in seconds."""

    whole: float
    """From connecting to the answer to A-RELEASE."""
    action: float
    """From N-ACTION to its answer."""


Prints = Callable[[Server, Film, bytes], Taken]
"""Prints a film of one image on an association of its own; RuntimeError when it is not taken."""
Found = Mapping[tuple[int, str], Sequence[Taken]]
"""Side of the image and server -> its films."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    chosen = _parser().parse_args(arguments)
    names = [name for name in OPENERS if name != "dcmprscp" or not missing()]
    for each in missing():
        sys.stderr.write(f"Missing: {each}. The others run.\n")
    sides = {side: ROUNDS.get(side, 16) for side in chosen.side or ROUNDS}
    if chosen.rounds:
        sides = dict.fromkeys(sides, chosen.rounds)
    found = measure(names, sides, MODALITIES[chosen.modality])
    if chosen.json:
        sys.stdout.write(as_json(_document(found, chosen.modality)) + "\n")
    else:
        _show(found, chosen.modality)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.film_times",
        description=(
            "Prints films of one 16 bit image on: a bare socket that fsyncs what it gets (the "
            "limit), the broker, DCMTK's dcmprscp, and a plain pynetdicom SCP. The broker and the "
            "limit keep films on stable storage, the others do not. The modality is the broker's "
            "own requestor, faster than any console, or one on pynetdicom as its documentation "
            "shows it. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.film_times --side 256 --rounds 100",
    )
    parser.add_argument(
        "--side", type=int, action="append", metavar="N", help="rows and columns (256 2048 4096)"
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="films on each server")
    parser.add_argument(
        "--modality", choices=sorted(MODALITIES), default="own", help="who prints (own)"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    return parser


def measure(names: Sequence[str], sides: Mapping[int, int], modality: Prints) -> Found:
    """Films of each size on each server, after one of each that is not counted.

    Where the modality's library lost an answer, another film is timed once: AnswerLost then.
    """
    found: dict[tuple[int, str], list[Taken]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="film-times-") as folder, ExitStack() as stack:
        servers = {}
        for name in names:
            place = Path(folder) / name
            place.mkdir()
            servers[name] = stack.enter_context(OPENERS[name](place))
        bar = stack.enter_context(Rounds(sum(sides.values()) * len(servers)))
        done = 0
        for side, rounds in sides.items():
            for number in range(rounds + 1):
                # Every film is new: a server may know pixels that it has seen before.
                film, content = picture(side, number)
                for name, server in servers.items():
                    try:
                        taken = modality(server, film, content)
                    except plain_modality.AnswerLost as error:
                        sys.stderr.write(f"{error}; another film is timed\n")
                        taken = modality(server, *picture(side, -1 - number))
                    if number:
                        done += 1
                        found[side, name].append(taken)
                        bar.done(done, f"{side}x{side} on {name}: {taken.whole * 1000:.0f} ms")
    return found


def picture(side: int, number: int) -> tuple[Film, bytes]:
    """A film of one image of `side` rows and columns, 12 bits in 16; and its pixels."""
    content = random.Random(f"{side} {number}").randbytes(side * side * 2)
    image = Image(
        pixels=name_of(content),
        length=len(content),
        rows=side,
        columns=side,
        bits_allocated=16,
        bits_stored=12,
        photometric="MONOCHROME2",
    )
    attributes = {"ImageDisplayFormat": (r"STANDARD\1,1",), "FilmSizeID": ("14INX17IN",)}
    return Film(attributes, (ImageBox(position=1, image=image),)), content


def print_film(server: Server, film: Film, content: bytes) -> Taken:
    """With the broker's own requestor."""
    began = time.perf_counter()
    (answered,) = Modality("BENCH", clock=time.perf_counter).print(
        "127.0.0.1", server.port, server.ae_title, [film], lambda _name: content
    )
    whole = time.perf_counter() - began
    if not answered.printed:
        words = f"{answered.step} answered 0x{answered.status:04X}"
        raise RuntimeError(f"{server.ae_title}: {words}")
    return Taken(whole, answered.seconds)


def _print_plainly(server: Server, film: Film, content: bytes) -> Taken:
    """With pynetdicom."""
    image = film.image_boxes[0].image
    assert image is not None
    elements = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": image.photometric,
        "Rows": image.rows,
        "Columns": image.columns,
        "BitsAllocated": image.bits_allocated,
        "BitsStored": image.bits_stored,
        "HighBit": image.high_bit,
        "PixelRepresentation": 0,
        "PixelData": content,
    }
    return Taken(*plain_modality.print_film(server.port, server.ae_title, elements))


MODALITIES: Mapping[str, Prints] = {"own": print_film, "pynetdicom": _print_plainly}


def _medians(found: Found, side: int, name: str) -> tuple[float, float, float]:
    """Milliseconds from association to release, times the limit, milliseconds of N-ACTION."""
    taken = found[side, name]
    ratios = [
        each.whole / least.whole for each, least in zip(taken, found[side, LIMIT], strict=True)
    ]
    return (
        statistics.median(each.whole for each in taken) * 1000,
        statistics.median(ratios),
        statistics.median(each.action for each in taken) * 1000,
    )


def _show(found: Found, modality: str) -> None:
    columns = (
        Column("FILM"),
        Column("SERVER"),
        Column("MS", right=True),
        Column("X LIMIT", right=True),
        Column("AIM", right=True),
        Column("N-ACTION MS", right=True),
        Column("FILMS", right=True),
    )
    rows = []
    for side, name in found:
        whole, ratio, action = _medians(found, side, name)
        aim = f"{AIMS[side]:g}" if name == "broker" and side in AIMS else ""
        size, number = f"{side}x{side}x16", len(found[side, name])
        rows.append(
            Row((size, name, f"{whole:.1f}", f"{ratio:.2f}", aim, f"{action:.1f}", str(number)))
        )
    console = terminal()
    words = f"Medians; the ratio is the median of each round's. Modality: {modality}."
    lines = [Text(machine()), Text(words), Text()]
    show([*lines, *lay_out(columns, rows, console.width)], console)


def _document(found: Found, modality: str) -> dict[str, object]:
    rows = []
    for side, name in found:
        whole, ratio, action = _medians(found, side, name)
        rows.append(
            {
                "side": side,
                "server": name,
                "films": len(found[side, name]),
                "median_ms": whole,
                "times_the_limit": ratio,
                "n_action_ms": action,
            }
        )
    return {"machine": machine(), "modality": modality, "films": rows}


if __name__ == "__main__":
    raise SystemExit(main())
