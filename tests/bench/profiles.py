"""Kinds of film on DCMTK's printer profiles: directly, and through a broker, twice each."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.bench.servers import missing as missing_programs
from tests.peers.beside_direct import Beside, Twins, Verdict, twins
from tests.peers.film_kinds import Kind, in_all_forms, kinds
from tests.peers.printer_profiles import PROFILES, profile
from tests.peers.printer_profiles import missing as missing_profiles

Report = Callable[[str], None]
RIGHT = (Verdict.EQUAL, Verdict.ADAPTED, Verdict.REFUSED)
"""What may become of a kind from the second time on."""


@dataclass(frozen=True)
class Found:
    """What became of a kind on a profile."""

    profile: str
    kind: str
    first: Beside
    second: Beside
    """Once all kinds were printed: what was learned of the others, too."""

    @property
    def verdict(self) -> Verdict:
        """That of the second time; but a film that is printed directly must be so at once."""
        times = (self.first.verdict, self.second.verdict)
        return Verdict.DIFFERENT if Verdict.DIFFERENT in times else self.second.verdict

    @property
    def right(self) -> bool:
        """Whether it is as it must be."""
        return self.verdict in RIGHT and self.first.direct == self.second.direct

    @property
    def refused_otherwise(self) -> bool:
        """Whether the console is told another status than the printer's."""
        refused = self.verdict is Verdict.REFUSED
        return refused and self.second.console.status != self.second.direct.status

    def document(self) -> dict[str, object]:
        """For JSON."""
        times = [
            {"direct": str(each.direct), "verdict": each.verdict, "broker": each.words}
            for each in (self.first, self.second)
        ]
        return {"profile": self.profile, "kind": self.kind, "verdict": self.verdict, "times": times}

    @property
    def words(self) -> str:
        """A line for a person."""
        said = f"{self.profile}, {self.kind}: direct {self.second.direct}; {self.first.words}"
        again = self.second.words
        return said if again == self.first.words else f"{said}; the second time {again}"


def measure(
    names: Sequence[str],
    chosen: Callable[[Kind], bool],
    report: Report,
    *,
    fresh: bool = False,
    shuffled: int | None = None,
) -> list[Found]:
    """All kinds that are chosen on each of these profiles; `report` is told of each film.

    With `fresh`, each kind meets a broker that has learned nothing, twice in a row; else each is
    printed once, and then each once more. `shuffled` is the seed of another order: what is learned
    of one film may be wrong for another.
    """
    found: list[Found] = []
    for name in names:
        wanted = [each for each in in_all_forms(kinds(profile(name))) if chosen(each)]
        if shuffled is not None:
            random.Random(shuffled).shuffle(wanted)
        for together in [[each] for each in wanted] if fresh else [wanted]:
            found += _together(name, together, report)
    return found


def _together(name: str, wanted: Sequence[Kind], report: Report) -> list[Found]:
    with (
        tempfile.TemporaryDirectory(prefix="profiles-") as folder,
        twins(Path(folder), profile(name)) as both,
    ):
        first = _print(both, wanted, f"{name}, first time", report)
        second = _print(both, wanted, f"{name}, second time", report)
    return [
        Found(name, str(kind), *times) for kind, *times in zip(wanted, first, second, strict=True)
    ]


def _print(both: Twins, wanted: Sequence[Kind], words: str, report: Report) -> list[Beside]:
    found = []
    for kind in wanted:
        found.append(both.print(kind))
        report(words)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; exit code 1 when a film is not as it must be, 2 without DCMTK."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.profiles",
        description=(
            "Prints kinds of film on dcmprscp with the profiles of DCMTK's printers.cfg: directly, "
            "and through a broker, and compares what it keeps. All on 127.0.0.1."
        ),
        epilog="Example: python -m tests.bench.profiles --profile AGFA --kind Trim",
    )
    parser.add_argument("--profile", nargs="+", choices=PROFILES, default=PROFILES, metavar="NAME")
    parser.add_argument("--kind", default="", metavar="WORDS", help="only kinds with these words")
    parser.add_argument("--fresh", action="store_true", help="a broker of its own for each kind")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="in another order")
    parser.add_argument("--all", action="store_true", help="list the films that are right, too")
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    if lacking := [*missing_programs(), *missing_profiles()]:
        sys.stderr.write(f"missing: {', '.join(lacking)}\n")
        return 2

    def wanted(kind: Kind) -> bool:
        return chosen.kind in kind.name

    films = sum(sum(map(wanted, in_all_forms(kinds(profile(name))))) for name in chosen.profile)
    with Rounds(2 * films) as bar:
        done = 0

        def report(words: str) -> None:
            nonlocal done
            done += 1
            if done % 20 == 0:
                bar.done(done, words)

        found = measure(chosen.profile, wanted, report, fresh=chosen.fresh, shuffled=chosen.shuffle)
    if chosen.json:
        films_found = [each.document() for each in found]
        sys.stdout.write(as_json({"machine": machine(), "films": films_found}) + "\n")
    else:
        _show(found, every=chosen.all)
    return 0 if all(each.right for each in found) else 1


def _show(found: Sequence[Found], *, every: bool) -> None:
    names = list(dict.fromkeys(each.profile for each in found))
    columns = (
        Column("PROFILE"),
        Column("KINDS", right=True),
        *(Column(each.upper(), right=True) for each in Verdict),
    )
    rows = [_row(name, [each for each in found if each.profile == name]) for name in names]
    if len(names) > 1:
        rows.append(_row("all", found))
    console = terminal()
    told = [each.words for each in found if not each.right]
    lines = [Text(machine()), Text(), *lay_out(columns, rows, console.width), Text()]
    other = [each for each in found if each.refused_otherwise]
    if other:
        lines += [Text(f"refused with another status than directly: {len(other)}")]
        lines += [*(Text(f"  {each.words}") for each in other), Text()]
    lines += [Text(f"not right: {len(told)}"), *(Text(f"  {each}") for each in told)]
    if every:
        lines += [Text(), *(Text(f"  {each.verdict}: {each.words}") for each in found)]
    show(lines, console)


def _row(name: str, found: Sequence[Found]) -> Row:
    counted = Counter(each.verdict for each in found)
    return Row((name, str(len(found)), *(str(counted[each]) for each in Verdict)))


if __name__ == "__main__":
    raise SystemExit(main())
