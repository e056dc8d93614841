"""What attacks on the page cost: films meanwhile, probes, memory, log lines, and the way back."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.peers.page_attacker import ATTACKS
from tests.peers.page_site import PageSite, Toll, page_site

SECONDS = 20.0
FILMS = 60
"""Before an attack and after it, each."""
LAST = "sign-ins"
"""It needs a user, and with users the other attacks would get no further than the sign-in page."""
AIMS = (
    "Aims: films at most 1.05 times as long; HEALTHZ and READYZ below 1 s, WRONG 0 (films\n"
    "were taken all the while); MB at most 200; LINES at most 1000 a minute; BACK below 5 s."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.page_attacks",
        description=(
            "Attacks the page, one attack after the other, each from a process of its own, while a "
            "modality prints films of 256x256 and /healthz and /readyz are asked five times a "
            "second. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.page_attacks silent --seconds 60 --json",
    )
    parser.add_argument("part", nargs="?", default="", help="of the names of attacks (all of them)")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"of each attack ({SECONDS:g})"
    )
    parser.add_argument(
        "--films", type=int, default=FILMS, metavar="N", help=f"before and after it ({FILMS})"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    names = sorted((name for name in ATTACKS if chosen.part in name), key=lambda name: name == LAST)
    if not names:
        parser.error(f"no attack has {chosen.part!r} in its name; there are {', '.join(ATTACKS)}")
    found: dict[str, Toll] = {}
    with (
        tempfile.TemporaryDirectory(prefix="page-attacks-") as folder,
        page_site(Path(folder)) as site,
        Rounds(len(names)) as bar,
    ):
        for number, name in enumerate(names, start=1):
            found[name] = _suffered(site, name, chosen.seconds, chosen.films)
            bar.done(number, name)
    if chosen.json:
        attacks = {name: asdict(toll) | {"ratio": toll.ratio} for name, toll in found.items()}
        sys.stdout.write(as_json({"machine": machine(), "attacks": attacks}) + "\n")
    else:
        _show(found)
    return 0


def _suffered(site: PageSite, name: str, seconds: float, films: int) -> Toll:
    if name == LAST:
        site.add_user()
    return site.suffer(name, seconds, films)


def _show(found: Mapping[str, Toll]) -> None:
    columns = (
        Column("ATTACK"),
        Column("FILMS X", right=True),
        Column("HEALTHZ S", right=True),
        Column("READYZ S", right=True),
        Column("WRONG", right=True),
        Column("MB", right=True),
        Column("CPU %", right=True),
        Column("LINES", right=True),
        Column("BACK S", right=True),
    )
    rows = [
        Row(
            (
                name,
                f"{toll.ratio:.2f}",
                f"{max(toll.healthz_s):.2f}",
                f"{max(toll.readyz_s):.2f}",
                str(len(toll.wrong)),
                f"{toll.memory / (1 << 20):.0f}",
                f"{toll.cpu * 100:.0f}",
                f"{toll.lines_a_minute:.0f}",
                f"{toll.back_s:.1f}",
            )
        )
        for name, toll in found.items()
    ]
    console = terminal()
    sys.stdout.write(f"{machine()}\n{AIMS}\n\n")
    show(lay_out(columns, rows, console.width), console)
    for name, toll in found.items():
        for words in toll.wrong[:3]:
            sys.stdout.write(f"{name}: {words.rstrip()}\n")


if __name__ == "__main__":
    raise SystemExit(main())
