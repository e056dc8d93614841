"""Spool files damaged in twelve ways while their job waits, prints, or the broker is restarted.

Each case is a job of two films and another job behind it. What is damaged must be held and told,
no printer be blamed for it, nothing wrong come on paper, and the other job go on. Then the file is
put right and the job released: each film must be on paper once.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import FilmState, State
from broker.model.printers.printer import Duty, Health
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from tests.bench.damage_site import (
    PRINTER,
    DamageSite,
    name_of_film,
    pixels_of,
    print_films,
    set_duty,
    wait_until,
)
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.peers.broker_process import BrokerProcess

PATIENCE_S = 20.0
MOMENTS = ("waiting", "printing", "restarted")
ONE, TWO, OTHER = 1, 2, 3
"""The films: two of job 1, one of job 2."""
SLOW = "slow:2"


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _replaced(make: Callable[[Path], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


KINDS: Mapping[str, Callable[[Path], None]] = {
    "0 bytes": lambda path: os.truncate(path, 0),
    "1 byte": lambda path: os.truncate(path, 1),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "longer": lambda path: os.truncate(path, path.stat().st_size + 2),
    "other content": lambda path: path.write_bytes(bytes(path.stat().st_size)) and None,
    "one bit": _flip,
    "unreadable": lambda path: path.chmod(0),
    "a folder": _replaced(Path.mkdir),
    "dangling link": _replaced(lambda path: path.symlink_to("/nowhere")),
    "link to itself": _replaced(lambda path: path.symlink_to(path)),
    "a FIFO": _replaced(os.mkfifo),
    "missing": Path.unlink,
}


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    kind: str
    moment: str
    state: str
    """Of the damaged job."""
    reason: str
    wrong: int
    """Sheets that no film looks like."""
    blamed: bool
    """Whether the printer or its tries were charged with it."""
    other: str
    """State of the other job."""
    after: str
    """What was wrong after the file was put right and the job released; empty for nothing."""

    @property
    def good(self) -> bool:
        """Whether all is as it must be."""
        words = ("spool file", "pixels are missing")
        told = self.state == State.HELD and any(each in self.reason for each in words)
        other = self.other == State.SENT
        return told and other and not (self.wrong or self.blamed or self.after)


class Case:
    """One case, from its films to its end."""

    def __init__(self, site: DamageSite, kind: str, moment: str) -> None:
        self._site = site
        self._kind = kind
        self._moment = moment
        self._damaged = TWO if moment == "printing" else ONE
        self._path = site.spool_file(name_of_film(self._damaged))

    def play(self) -> Outcome:
        """Play it; AssertionError when the broker ends by itself."""
        broker = self._site.begin()
        database, jobs, printers = self._site.open()
        try:
            set_duty(printers, Duty.MAINT)
            print_films(broker.port, (ONE, TWO))
            print_films(broker.port, (OTHER,), "MR1")
            broker = self._damage(broker, jobs, printers)
            wait_until(lambda: self._over(jobs), PATIENCE_S)
            damaged, other = jobs.queries.get(1), jobs.queries.get(2)
            found = printers.get(PRINTER)
            blamed = bool(
                found.failures
                or found.failures_in_row
                or found.paused_until
                or found.health is not Health.UP
                or damaged.strikes
            )
            wrong = self._wrong()
            after = self._put_right(jobs) if damaged.state is State.HELD else ""
        finally:
            database.close()
            broker.end(signal.SIGKILL)
        return Outcome(
            self._kind,
            self._moment,
            str(damaged.state),
            damaged.reason,
            wrong,
            blamed,
            str(other.state),
            after,
        )

    def _damage(self, broker: BrokerProcess, jobs: Jobs, printers: Printers) -> BrokerProcess:
        """Damage a file at its moment, and let the printer print; the broker that runs then."""
        damage = KINDS[self._kind]
        if self._moment == "restarted":
            broker.end(signal.SIGKILL)
            damage(self._path)
            broker = self._site.begin()
            set_duty(printers, Duty.READY)
        elif self._moment == "printing":
            self._site.printer.set_scenario(SLOW)
            set_duty(printers, Duty.READY)
            asked = wait_until(
                lambda: (
                    jobs.queries.films(1)[0].state is FilmState.ASKED
                    or jobs.queries.films(1)[0].state is FilmState.ACCEPTED
                ),
                PATIENCE_S,
            )
            assert asked, "film 1 was not asked for"
            damage(self._path)
            self._site.printer.set_scenario("ok")
        else:
            damage(self._path)
            set_duty(printers, Duty.READY)
        return broker

    def _over(self, jobs: Jobs) -> bool:
        states = {job.state for job in jobs.queries.list()}
        return not states & {State.QUEUED, State.PRINTING}

    def _wrong(self) -> int:
        right = {(name_of_film(film),) for film in (ONE, TWO, OTHER)}
        return sum(sheet.pixels not in right for sheet in self._site.printer.sheets)

    def _put_right(self, jobs: Jobs) -> str:
        """Put the file right and release the job; what is wrong in the end."""
        if self._path.is_dir():
            self._path.rmdir()
        self._path.unlink(missing_ok=True)
        self._path.write_bytes(pixels_of(self._damaged))
        jobs.commands.release(1)
        if not wait_until(lambda: jobs.queries.get(1).state is State.SENT, PATIENCE_S):
            return f"released, it is {jobs.queries.get(1).state}: {jobs.queries.get(1).reason}"
        sheets = Counter(sheet.pixels for sheet in self._site.printer.sheets)
        if sheets != Counter({(name_of_film(film),): 1 for film in (ONE, TWO, OTHER)}):
            return f"sheets: {sorted(sheets.values())}"
        return ""


def damage(folder: Path, kind: str, moment: str) -> Outcome:
    """Play one case in a folder of its own."""
    with EmulatedPrinter(PRINTER, "OKI1", folder / "tray") as printer:
        return Case(DamageSite(folder, printer), kind, moment).play()


def _table(outcomes: Sequence[Outcome]) -> str:
    lines = [f"{'damage':<15}{'moment':<11}{'job':<9}{'other':<7}{'wrong':>6}{'blamed':>8}  then\n"]
    lines += [
        f"{each.kind:<15}{each.moment:<11}{each.state:<9}{each.other:<7}{each.wrong:>6}"
        f"{'yes' if each.blamed else 'no':>8}  {each.after or 'right'}"
        f"{'' if each.good else '  BROKEN: ' + each.reason}\n"
        for each in outcomes
    ]
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.spool_damage",
        description=__doc__,
        epilog="Example: python -m tests.bench.spool_damage --kind '0 bytes' (36 cases take about "
        "3 minutes). Exit code 1 when a case is not as it must be.",
    )
    parser.add_argument("--kind", choices=KINDS, action="append", help="only this (all)")
    parser.add_argument("--moment", choices=MOMENTS, action="append", help="only this (all)")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    chosen = parser.parse_args(arguments)
    cases = [(kind, moment) for moment in chosen.moment or MOMENTS for kind in chosen.kind or KINDS]
    outcomes: list[Outcome] = []
    with (
        tempfile.TemporaryDirectory(prefix="spool-damage-") as folder,
        Rounds(len(cases)) as rounds,
    ):
        for number, (kind, moment) in enumerate(cases, start=1):
            outcomes.append(damage(Path(folder) / str(number), kind, moment))
            rounds.done(number, f"{kind}, {moment}: {'good' if outcomes[-1].good else 'BROKEN'}")
    if chosen.json:
        document = [asdict(each) | {"good": each.good} for each in outcomes]
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(f"{machine()}\n\n{_table(outcomes)}")
    return 0 if all(each.good for each in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
