"""Backups under load, restored elsewhere: is a film missing, or printed twice without its flag?

Four modalities print without a pause on a broker with three printers. Two backups are made into one
folder meanwhile, the second of which is of a later moment; then the broker is killed, as with its
disk, and the backup is restored in another folder. Every film that had 0x0000 before the backup's
moment must be there, none may print by itself, and released, all of them print. A film that is on
paper twice then must have its flag.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.model.jobs.job import State
from broker.store import schema
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.bench.fates import Pixels
from tests.bench.kill_load import Ledger, Modalities
from tests.bench.kill_site import Life, Site, now
from tests.bench.rounds import Report, run
from tests.peers.broker_process import command

WARM_S = (0.2, 1.0)
"""How long modalities print before each backup, and after it: between these, by chance."""
NUMBERS = 50
"""Jobs of one `broker jobs release`."""


@dataclass
class Account:
    """What has become of the films of all rounds. Lists name rounds."""

    seed: int
    rounds: int = 0
    asked: int = 0
    accepted: int = 0
    """Heard 0x0000, at any time."""
    before: int = 0
    """Of these, the ones before the moment of a backup."""
    released: int = 0
    """Jobs that came back held, and were released."""
    twice: int = 0
    """Films on paper more than once, with their flag."""
    copied: int = 0
    """Spool files that second backups copied."""
    seconds: list[float] = field(default_factory=list)
    """How long each second backup took."""
    missing: list[int] = field(default_factory=list)
    """Accepted before the moment, and not in what came back."""
    by_themselves: list[int] = field(default_factory=list)
    """Films that came out of the restored broker before they were released."""
    not_printed: list[int] = field(default_factory=list)
    """Accepted before the moment, and not on paper in the end."""
    unflagged: list[int] = field(default_factory=list)
    """On paper more than once, without a flag."""
    faults: list[str] = field(default_factory=list)
    """Commands that did not end as they should, and what brokers must not say."""

    @property
    def broken(self) -> list[int]:
        """Rounds that broke a promise; the last one, where no film is to blame."""
        films = {*self.missing, *self.by_themselves, *self.not_printed, *self.unflagged}
        return sorted(films | ({self.rounds} if self.faults else set()))

    @property
    def words(self) -> str:
        """How it stands, in few words."""
        return (
            f"{self.before} films before the moment, {len(self.missing)} missing, "
            f"{self.twice} twice and flagged, {len(self.unflagged)} without a flag"
        )

    def table(self) -> str:
        """For a person."""
        longest = max(self.seconds, default=0.0)
        rows: dict[str, int | str] = {
            "rounds: backup under load, restored": self.rounds,
            "films asked for by modalities": self.asked,
            "accepted (0x0000)": self.accepted,
            "- before the backup's moment": self.before,
            "jobs that came back held, released": self.released,
            "on paper twice, flagged": self.twice,
            "files copied by second backups": self.copied,
            "longest second backup": f"{longest:.2f} s",
            "missing after the restore": len(self.missing),
            "printed by themselves": len(self.by_themselves),
            "not printed in the end": len(self.not_printed),
            "on paper twice without a flag": len(self.unflagged),
            "failed commands, alarms": len(self.faults),
        }
        return "".join(f"{name:<40}{number:>10}\n" for name, number in rows.items())


class TimedLedger(Ledger):
    """Knows when each film was accepted, too."""

    def __init__(self) -> None:
        super().__init__()
        self.accepted_at: dict[Pixels, float] = {}

    def accept(self, films: list[Pixels]) -> None:
        """0x0000 has come for these."""
        at = time.time()
        super().accept(films)
        self.accepted_at |= dict.fromkeys(films, at)


class Round:
    """One site, its load, its backup, and what came back."""

    def __init__(self, folder: Path, seed: int, account: Account) -> None:
        self._folder = folder
        self._random = random.Random(seed)
        self._account = account
        self._seed = seed
        self._site = Site(folder / "site", seed)
        self._backup = folder / "backup"
        self._ledger = TimedLedger()

    def play(self) -> None:
        """All of it; what breaks is in the account. AssertionError when jobs do not come out."""
        (self._folder / "site").mkdir(parents=True, exist_ok=True)
        with self._site:
            moment = self._back_up_under_load()
            early = {film for film, at in self._ledger.accepted_at.items() if at < moment}
            self._account.asked += len(self._ledger.films())
            self._account.accepted += len(self._ledger.accepted_at)
            self._account.before += len(early)
            config = self._restore()
            if config is not None:
                self._print_the_rest(config, early)

    def _back_up_under_load(self) -> float:
        """The moment of the second backup; the broker is dead then."""
        moment = 0.0
        with Modalities(self._seed, self._ledger) as modalities:
            life = self._site.begin()
            try:
                modalities.door.open(life.wait_for_port(), self._account.rounds)
                for _ in range(2):
                    life.last(self._random.uniform(*WARM_S))
                    moment = self._back_up() or moment
                life.last(self._random.uniform(*WARM_S))
            finally:
                life.kill()
        self._account.faults += life.alarms
        return moment

    def _back_up(self) -> float:
        ended = command("backup", "--json", str(self._backup), config=self._site.config)
        if ended.returncode:
            self._account.faults.append(f"backup: {ended.stdout}{ended.stderr}")
            return 0.0
        found = json.loads(ended.stdout)
        self._account.copied += found["copied"]
        self._account.seconds.append(found["seconds"])
        return float(found["at"])

    def _restore(self) -> Path | None:
        """Restore elsewhere; the configuration there."""
        elsewhere = self._folder / "elsewhere"
        elsewhere.mkdir()
        config = elsewhere / "broker.toml"
        config.write_text(self._site.config.read_text())
        ended = command("restore", str(self._backup), config=config)
        checked = command("db", "check", "--full", config=config)
        for name, each in (("restore", ended), ("db check", checked)):
            if each.returncode:
                self._account.faults.append(f"{name}: {each.stdout}{each.stderr}")
                return None
        return config

    def _print_the_rest(self, config: Path, early: set[Pixels]) -> None:
        account, number = self._account, self._account.rounds
        database = Database.open(f"sqlite:///{config.parent / 'broker-data' / 'broker.db'}")
        schema.check(database)
        jobs = Jobs(database, now)
        life = Life(config)
        try:
            before = self._site.sheets()
            life.wait_for_port()
            films = {
                film.film.spooled: (job.id, film.number)
                for job in jobs.queries.list()
                for film in jobs.queries.films(job.id)
            }
            account.missing += [number] * len(early - films.keys())
            held = [job.id for job in jobs.queries.list([State.HELD])]
            if jobs.queries.list([State.QUEUED, State.PRINTING]) or self._site.sheets() != before:
                account.by_themselves.append(number)
            for at in range(0, len(held), NUMBERS):
                some = [str(each) for each in held[at : at + NUMBERS]]
                ended = command("jobs", "release", *some, config=config)
                if ended.returncode:
                    account.faults.append(f"release: {ended.stderr}")
            life.wait_for(
                lambda: not jobs.queries.list([State.QUEUED, State.PRINTING], limit=1),
                f"seed {self._seed}: released jobs do not come out",
            )
            account.released += len(held)
            sheets: Counter[Pixels] = self._site.sheets()
            account.not_printed += [number] * len(early - sheets.keys())
            flagged = {(each.job_id, each.number) for each in jobs.queries.printed_again(held)}
            for film in [film for film, copies in sheets.items() if copies > 1]:
                if films.get(film) in flagged:
                    account.twice += 1
                else:
                    account.unflagged.append(number)
        finally:
            database.close()
            life.kill()
            account.faults += life.alarms


def back_up_and_restore(folder: Path, rounds: int, seed: int, progress: Report) -> Account:
    """Play the rounds, each in a folder of its own, or fewer when a promise breaks."""
    account = Account(seed)
    while account.rounds < rounds and not account.broken:
        account.rounds += 1
        Round(folder / str(account.rounds), seed * 1000 + account.rounds, account).play()
        progress(account)
    return account


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    example = (
        "--rounds 5 --seed 7 (about a minute). Exit code 1 when a film is missing, or on paper "
        "twice without its flag."
    )
    return run(
        arguments,
        "backups",
        __doc__,
        example,
        back_up_and_restore,
        default=20,
        counted="restores",
    )


if __name__ == "__main__":
    raise SystemExit(main())
