"""Printers that lack one thing, and films that need it: directly, and through a broker, both by
DCMTK's own print SCU.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.model.jobs.job import State
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.bench.servers import missing as missing_programs
from tests.peers.asking import Told
from tests.peers.beside_direct import Beside, Twins, Verdict, twins
from tests.peers.dcmtk_console import DcmtkConsole
from tests.peers.pictures import pictures
from tests.peers.printer_keys import GENEROUS, LACKING, Composed, on_profile
from tests.peers.printer_profiles import AE_TITLE, PROFILES, Keys
from tests.peers.printer_profiles import missing as missing_profiles

Report = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """What became of one film."""

    film: Composed
    unaware: Told
    """Of a console that does not know the printer, directly."""
    times: tuple[Beside, ...]
    """Directly from one that leaves out what the printer does not take, if it must, and through
    the broker from the one that does not know it."""

    @property
    def verdict(self) -> Verdict:
        """As of a film that is compared with the one that does not know the printer, directly."""
        last = self.times[-1].verdict
        if self.unaware.printed:
            return last
        if not self.times[-1].console.printed:
            return Verdict.REFUSED
        if State.SENT not in self.times[-1].states:
            return Verdict.HELD
        return Verdict.ADAPTED if last is Verdict.EQUAL else last

    @property
    def right(self) -> bool:
        """Whether it is as it must be from the second time on."""
        return self.verdict in (Verdict.EQUAL, Verdict.ADAPTED, Verdict.REFUSED)

    @property
    def words(self) -> str:
        """What was said, for a person."""
        return " | then ".join(dict.fromkeys(each.words for each in self.times))


def measure(films: Sequence[Composed], report: Report, times: int = 2) -> list[Found]:
    """Each film, so often through the broker; `report` is told of each."""
    found = []
    for each in films:
        with (
            tempfile.TemporaryDirectory(prefix="printer-keys-") as folder,
            twins(Path(folder), each.keys) as both,
        ):
            site = _Site(Path(folder), both, each)
            unaware = site.print(GENEROUS, each, 0, both.straight_port, AE_TITLE)
            both.forget()
            tried = tuple(site.beside(unaware, time) for time in range(1, times + 1))
            found.append(Found(each, unaware, tried))
        report(str(each))
    return found


@dataclass
class _Site:
    folder: Path
    both: Twins
    film: Composed
    consoles: int = 0

    def beside(self, unaware: Told, time: int) -> Beside:
        return self.both.compare(
            lambda: self._directly(unaware, time),
            lambda: self.print(GENEROUS, self.film, time, self.both.relay.service.port, "BROKER"),
        )

    def _directly(self, unaware: Told, time: int) -> Told:
        """As it comes; where that is refused, by the console that knows the printer; where that
        does not leave out enough, of a film without it."""
        port = self.both.straight_port
        if unaware.printed:
            return self.print(GENEROUS, self.film, time, port, AE_TITLE)
        told = self.print(self.film.keys, self.film, time, port, AE_TITLE)
        if told.printed:
            return told
        plain = replace(self.film, composed=(), wishes=())
        return self.print(self.film.keys, plain, time, port, AE_TITLE)

    def print(self, keys: Keys, film: Composed, time: int, port: int, ae_title: str) -> Told:
        """By a new console that believes in these keys; each time with other pixels."""
        self.consoles += 1
        console = DcmtkConsole(self.folder / f"console-{self.consoles}", keys)
        images = pictures(self.folder / "pictures", (time + 1) * film.images)[-film.images :]
        return console.print(images, film.composed, film.wishes, port, ae_title)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; exit code 1 when a film is not as it must be, 2 without DCMTK."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.printer_keys",
        description=(
            "Prints films on dcmprscp that lacks one thing: by dcmprscu that knows it, directly, "
            "and by dcmprscu that does not, through the broker, twice. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.printer_keys --key SupportsTrim",
    )
    parser.add_argument("--key", default="", metavar="NAME", help="only those of this key")
    parser.add_argument(
        "--profile", nargs="*", choices=PROFILES, default=[], help="on these profiles instead"
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    if lacking := [*missing_programs(), *missing_profiles()]:
        sys.stderr.write(f"missing: {', '.join(lacking)}\n")
        return 2
    wanted = [each for name in chosen.profile for each in on_profile(name)]
    wanted = wanted or [each for each in LACKING if each.printer.startswith(chosen.key)]
    with Rounds(len(wanted)) as bar:
        done = 0

        def report(words: str) -> None:
            nonlocal done
            done += 1
            bar.done(done, words)

        found = measure(wanted, report)
    if chosen.json:
        rows = [_document(each) for each in found]
        sys.stdout.write(as_json({"machine": machine(), "films": rows}) + "\n")
    else:
        _show(found)
    return 0 if all(each.right for each in found) else 1


def _document(found: Found) -> dict[str, object]:
    return {
        "film": str(found.film),
        "direct": str(found.unaware),
        "verdict": found.verdict,
        "broker": found.words,
    }


def _show(found: Sequence[Found]) -> None:
    columns = (Column("PRINTER, FILM"), Column("DIRECT AS IT COMES"), Column("BROKER"))
    rows = [Row((str(each.film), str(each.unaware), each.verdict)) for each in found]
    console = terminal()
    lines = [Text(machine()), Text(), *lay_out(columns, rows, console.width), Text()]
    lines += [Text(f"{each.film} {each.words}") for each in found]
    wrong = sum(not each.right for each in found)
    show([*lines, Text(), Text(f"not right: {wrong} of {len(found)}")], console)


if __name__ == "__main__":
    raise SystemExit(main())
