"""The database moved, emptied, set back, its log cut, a byte of it flipped: what becomes of films.

One queue is made: films that are on paper, films that wait, one that may be on paper. For each case
it is copied, the database of the copy is damaged, and a broker is started on it with a printer that
is up. Counted are spool files of accepted films that were removed (must be 0), films on paper that
must not be, films that are missing without a word, and what the broker said.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from broker.emulator.paper_path import Sheet
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import FilmState, State
from broker.model.printers.printer import Duty
from broker.spool.stored import kept
from tests.bench.damage_site import (
    PRINTER,
    DamageSite,
    name_of_film,
    print_films,
    set_duty,
    wait_until,
)
from tests.bench.machine import machine
from tests.bench.rounds import Rounds
from tests.peers.broker_process import BROKER

PATIENCE_S = 15.0
START_S = 20.0
LOOKS_S = 2.0
"""In which a broker looks at its rows several times."""
SENT = (1, 2, 3, 4, 5, 6)
"""Films on paper before the damage, each a job but for the last two, which are one."""
UNCERTAIN = 7
"""Asked for when the broker was killed: held by the next start."""
WAITING = (8, 9, 10, 11, 12)
"""Each a job but for the last two, which are one."""
FILMS = (*SENT, UNCERTAIN, *WAITING)
LOG = ("broker.db-wal", "broker.db-shm")
ALARMS = frozenset(
    {
        "dispatcher failed",
        "film damaged",
        "monitor failed",
        "orphans set aside",
        "pixels missing",
        "references restored",
        "rows damaged",
        "storage failed",
        "upkeep failed",
    }
)
"""What the broker says where something is wrong with the database."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Queue:
    """The queue that every case begins with, and an earlier state of its database."""

    folder: Path
    older: Path
    """A copy of the database from before the last films came."""
    right: Mapping[tuple[str, ...], Document] = field(default_factory=dict)
    """Pixels -> the sheet of a broker whose database is whole."""


@dataclass
class Outcome:
    """What became of one case."""

    name: str
    started: bool = False
    code: int | None = None
    """Exit code of a broker that did not start."""
    said: list[str] = field(default_factory=list)
    """Its words, and what it said of the database later."""
    traceback: bool = False
    removed: int = 0
    """Spool files of accepted films that are in no place."""
    twice: int = 0
    """Sheets of films that were on paper, and were not to be printed again."""
    wrong: int = 0
    """Sheets that differ from the right ones."""
    printed: int = 0
    """Waiting films that came out."""
    held: int = 0
    """Waiting films whose jobs are held."""
    missing: int = 0
    """Waiting films that are neither printed nor held, and nothing was said."""

    @property
    def good(self) -> bool:
        """Whether all is as it must be."""
        return not (self.traceback or self.removed or self.twice or self.wrong or self.missing)

    @property
    def kind(self) -> str:
        """In two words."""
        if not self.good:
            return "BROKEN"
        if not self.started:
            return "refused to start"
        if self.held:
            return "held and told"
        return "told" if self.said else "harmless"


def make_queue(folder: Path, printer: EmulatedPrinter) -> Queue:
    """A broker takes films, prints some, and is killed while it prints one."""
    site = DamageSite(folder / "queue", printer)
    broker = site.begin()
    database, jobs, printers = site.open()
    try:
        for number in SENT[:-2]:
            print_films(broker.port, (number,))
        print_films(broker.port, SENT[-2:])
        done = wait_until(
            lambda: all(each.state is State.SENT for each in jobs.queries.list()), PATIENCE_S
        )
        assert done, "films do not come out"
        older = folder / "older.db"
        _copy(site.database_file, older)
        printer.set_scenario("slow:5")
        print_films(broker.port, (UNCERTAIN,))
        last = len(jobs.queries.list())
        asked = wait_until(lambda: jobs.queries.films(last)[0].state is FilmState.ASKED, PATIENCE_S)
        assert asked, "the film is not asked for"
        set_duty(printers, Duty.MAINT)
        for number in WAITING[:-2]:
            print_films(broker.port, (number,))
        print_films(broker.port, WAITING[-2:])
        set_duty(printers, Duty.READY)
    finally:
        broker.end(signal.SIGKILL)
        # Left open until now: the last to close it writes its log into it.
        _hard_copy(site.data_dir, folder / "data")
        database.close()
    printer.kill()
    printer.set_scenario("ok")
    return Queue(folder / "data", older)


def _copy(source: Path, target: Path) -> None:
    """The database as it is now, in one file."""
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def _hard_copy(source: Path, target: Path) -> None:
    """As the disk is after a kill; without the lock's file."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.lock", "broker.db-shm"))


class Case:
    """One copy of the queue, damaged, and the broker that is started on it."""

    def __init__(self, queue: Queue, folder: Path, printer: EmulatedPrinter, name: str) -> None:
        self.site = DamageSite(folder, printer)
        _hard_copy(queue.folder, self.site.data_dir)
        self.queue = queue
        self.outcome = Outcome(name)
        self._log: list[Document] = []
        self._sheets: list[Sheet] = []

    def play(self, damage: Callable[[Case], None]) -> Outcome:
        """Damage it, start a broker, wait until nothing moves, and count."""
        damage(self)
        already = len(self.site.printer.sheets)
        command = [*BROKER, "serve", "--no-web", "--config", str(self.site.config)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as broker:
            assert broker.stderr is not None
            os.set_blocking(broker.stderr.fileno(), True)
            try:
                self._run(broker)
            finally:
                broker.kill()
                self._hear(broker.stderr.read())
        self._sheets = self.site.printer.sheets[already:]
        self._count()
        return self.outcome

    @property
    def sheets(self) -> list[Sheet]:
        """What came out."""
        return self._sheets

    def _run(self, broker: subprocess.Popen[str]) -> None:
        """Until it has ended, or nothing moves any more."""
        assert broker.stderr is not None
        for line in broker.stderr:
            self._hear(line)
            if self._log and self._log[-1]["event"] == "broker listens":
                self.outcome.started = True
                break
        if not self.outcome.started:
            self.outcome.code = broker.wait(START_S)
            return
        self._wait_until_still(broker)
        broker.send_signal(signal.SIGTERM)
        self._hear(broker.stderr.read())
        broker.wait(START_S)

    def _wait_until_still(self, broker: subprocess.Popen[str]) -> None:
        """Until no job moves, or for a while where the rows cannot be read."""
        try:
            database, jobs, _ = self.site.open()
        except (SQLAlchemyError, OSError):
            self._unreadable(broker)
            return

        def still() -> bool:
            try:
                return (
                    not jobs.queries.list([State.QUEUED, State.PRINTING])
                    or broker.poll() is not None
                )
            except (SQLAlchemyError, ValueError, TypeError):
                self._unreadable(broker)
                return True

        wait_until(still, PATIENCE_S)
        database.close()

    @staticmethod
    def _unreadable(broker: subprocess.Popen[str]) -> None:
        """Return when the broker has ended; else after its first looks at rows that cannot be read,
        which no row would tell."""
        with suppress(subprocess.TimeoutExpired):
            broker.wait(LOOKS_S)

    def _hear(self, text: str) -> None:
        for line in text.splitlines():
            try:
                self._log.append(json.loads(line))
            except ValueError:
                self.outcome.said.append(line)

    def _count(self) -> None:
        outcome = self.outcome
        outcome.traceback = any("Traceback" in line for line in outcome.said) or any(
            "exception" in line for line in self._log
        )
        told = [line for line in self._log if line["event"] in ALARMS]
        outcome.said += sorted({f"{line['event']}: {line.get('why', '')}" for line in told})
        spool = self.site.data_dir / "spool"
        orphans = spool / "orphans"
        there = {path.name for path in kept(spool)}
        there |= {path.name for path in orphans.iterdir()} if orphans.is_dir() else set()
        outcome.removed = len({name_of_film(number) for number in FILMS} - there)
        self._count_sheets()

    def _count_sheets(self) -> None:
        outcome = self.outcome
        sheets = Counter(sheet.pixels for sheet in self._sheets)
        waiting = {(name_of_film(number),) for number in WAITING}
        outcome.printed = sum(pixels in waiting for pixels in sheets)
        outcome.twice = sum(
            number if pixels not in waiting else number - 1 for pixels, number in sheets.items()
        )
        if self.queue.right:
            outcome.wrong = sum(
                shown(sheet) != self.queue.right.get(sheet.pixels) for sheet in self._sheets
            )
        outcome.held = self._held()
        left = len(WAITING) - outcome.printed - outcome.held
        if outcome.started and not outcome.said:
            outcome.missing = left

    def _held(self) -> int:
        """Waiting films whose jobs are held for a reason."""
        names = {name_of_film(number) for number in WAITING}
        printed = {name for sheet in self._sheets for name in sheet.pixels}
        try:
            database, jobs, _ = self.site.open()
        except (SQLAlchemyError, OSError):
            return 0
        held = 0
        try:
            for job in jobs.queries.list([State.HELD]):
                held += len(set(jobs.queries.request(job.id).films[0].spooled) & names - printed)
        except Exception as error:  # noqa: BLE001 - whatever a damaged row is to who reads it
            self.outcome.said.append(f"reading: {type(error).__name__}")
        finally:
            database.close()
        return held


def shown(sheet: Sheet) -> Document:
    """What is on a sheet, without when and as which one it came out."""
    return {
        key: value for key, value in asdict(sheet).items() if key not in ("number", "printed_at")
    }


def _moved(case: Case) -> None:
    """As when somebody tidies up."""
    for path in case.site.data_dir.glob("broker.db*"):
        path.rename(case.site.folder / path.name)


def _elsewhere(case: Case) -> None:
    """database.url names another file."""
    case.site.configure(database=f"sqlite:///{case.site.folder}/other.db")


def _emptied(case: Case) -> None:
    os.truncate(case.site.database_file, 0)
    _log_gone(case)


def _emptied_beside_its_log(case: Case) -> None:
    os.truncate(case.site.database_file, 0)


def _halved(case: Case) -> None:
    _put_log_into_it(case)
    os.truncate(case.site.database_file, case.site.database_file.stat().st_size // 2)


def _older(case: Case) -> None:
    _log_gone(case)
    shutil.copy(case.queue.older, case.site.database_file)


def _another(case: Case) -> None:
    """That of another broker."""
    _moved(case)
    other = DamageSite(case.site.folder / "other", case.site.printer)
    broker = other.begin()
    broker.end()
    shutil.copy(other.database_file, case.site.database_file)


def _log_gone(case: Case) -> None:
    for name in LOG:
        (case.site.data_dir / name).unlink(missing_ok=True)


def _put_log_into_it(case: Case) -> None:
    """One file, without a log."""
    whole = case.site.folder / "whole.db"
    _copy(case.site.database_file, whole)
    _log_gone(case)
    whole.replace(case.site.database_file)


def cut(share: float) -> Callable[[Case], None]:
    """The log, at this share of its length."""

    def damage(case: Case) -> None:
        log = case.site.data_dir / LOG[0]
        os.truncate(log, int(log.stat().st_size * share))

    return damage


def flip(share: float, bit: int, *, filled: bool = False) -> Callable[[Case], None]:
    """A bit, at this share of the whole database, or of its bytes that are `filled`: not 0."""

    def damage(case: Case) -> None:
        _put_log_into_it(case)
        content = bytearray(case.site.database_file.read_bytes())
        places = [at for at, byte in enumerate(content) if byte or not filled]
        content[places[int(len(places) * share)]] ^= 1 << bit
        case.site.database_file.write_bytes(content)

    return damage


PLAIN: Mapping[str, Callable[[Case], None]] = {
    "nothing": lambda _case: None,
    "moved away": _moved,
    "database.url elsewhere": _elsewhere,
    "emptied": _emptied,
    "emptied beside its log": _emptied_beside_its_log,
    "cut in half": _halved,
    "an older copy": _older,
    "another broker's": _another,
    "its log gone": _log_gone,
}


def cases(
    cuts: int, flips: int, seed: int, *, filled: bool = False
) -> dict[str, Callable[[Case], None]]:
    """All cases by their names; all chance comes from the seed."""
    chance = random.Random(seed)
    found = dict(PLAIN)
    found |= {f"log cut at {share:.1%}": cut(share) for share in _shares(chance, cuts)}
    for share in _shares(chance, flips):
        bit = chance.randrange(8)
        found[f"bit {bit} flipped at {share:.3%}"] = flip(share, bit, filled=filled)
    return found


def _shares(chance: random.Random, number: int) -> list[float]:
    return [chance.random() for _ in range(number)]


def play(
    folder: Path,
    chosen: Mapping[str, Callable[[Case], None]],
    progress: Callable[[int, Outcome], None],
    outcomes: list[Outcome],
) -> None:
    """Play the cases in a folder, each on a copy of one queue; what became of each."""
    with EmulatedPrinter(PRINTER, "OKI1", folder / "tray") as printer:
        queue = make_queue(folder, printer)
        whole = Case(queue, folder / "whole", printer, "whole")
        assert whole.play(PLAIN["nothing"]).printed == len(WAITING), whole.outcome
        queue = Queue(
            queue.folder, queue.older, {each.pixels: shown(each) for each in whole.sheets}
        )
        for number, (name, damage) in enumerate(chosen.items(), start=1):
            place = folder / f"case-{number}"
            outcomes.append(Case(queue, place, printer, name).play(damage))
            shutil.rmtree(place)
            progress(number, outcomes[-1])


def _table(outcomes: Sequence[Outcome], *, all_of_them: bool) -> str:
    heads = ("removed", "twice", "wrong", "missing", "printed", "held")
    lines = [f"{'case':<28}{'outcome':<18}{''.join(f'{each:>8}' for each in heads)}\n"]
    for each in outcomes:
        if all_of_them or not each.good or each.name in PLAIN:
            figures = "".join(f"{getattr(each, head):>8}" for head in heads)
            lines.append(f"{each.name:<28}{each.kind:<18}{figures}\n")
            lines += [f"    {words[:200]}\n" for words in each.said[:3]]
    lines.append("\n")
    groups = Counter(
        (re.sub(r"^bit \d", "a bit", each.name.split(" at ")[0]), each.kind) for each in outcomes
    )
    lines += [f"{group:<28}{kind:<18}{number:>8}\n" for (group, kind), number in groups.items()]
    return "".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.database_damage",
        description=__doc__,
        epilog="Example: python -m tests.bench.database_damage --flips 20 (229 cases take about 15 "
        "minutes). Exit code 1 when a case is not as it must be.",
    )
    parser.add_argument("--cuts", type=int, default=20, metavar="N", help="of the log (20)")
    parser.add_argument("--flips", type=int, default=200, metavar="N", help="of a bit (200)")
    parser.add_argument("--filled", action="store_true", help="flip bits only where there are data")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance (1)")
    parser.add_argument("--only", metavar="WORD", default="", help="cases with this in their name")
    parser.add_argument("--all", action="store_true", help="list every case, not only the odd ones")
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    chosen = parser.parse_args(arguments)
    all_cases = cases(chosen.cuts, chosen.flips, chosen.seed, filled=chosen.filled)
    wanted = {name: damage for name, damage in all_cases.items() if chosen.only in name}
    with (
        tempfile.TemporaryDirectory(prefix="database-damage-") as folder,
        Rounds(len(wanted)) as rounds,
    ):

        def progress(number: int, outcome: Outcome) -> None:
            rounds.done(number, f"{outcome.name}: {outcome.kind}")

        outcomes: list[Outcome] = []
        with suppress(KeyboardInterrupt):  # what was found until then is told
            play(Path(folder), wanted, progress, outcomes)
    if chosen.json:
        document = [asdict(each) | {"kind": each.kind, "good": each.good} for each in outcomes]
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
    else:
        sys.stdout.write(
            f"{machine()}\nseed {chosen.seed}\n\n{_table(outcomes, all_of_them=chosen.all)}"
        )
    return 0 if all(each.good for each in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
