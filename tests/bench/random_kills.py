"""A broker killed at random moments under load, again and again: is a film lost, or one too many?

Modalities print without a pause, printers fail now and then, and SIGKILL comes at any moment, even
while the broker starts. From time to time everything may come out, and every film is accounted for
by its pixels. All chance comes from one seed; time does not, so a round is repeated nearly.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from broker.model.jobs.job import FilmState, State
from broker.spool.files import Spool
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.bench.fates import Fates, Pixels
from tests.bench.kill_load import Asked, Ledger, Modalities
from tests.bench.kill_site import Life, Site, moments, now
from tests.bench.rounds import Report, run

DRAIN_EVERY = 5
"""Rounds between two accounts."""
LIFE_S = 1.0
"""The longest life of a broker that listens."""
START_S = 1.0
"""The longest life of one that is killed while it starts; it needs about 0.7 s to listen."""
KILLED_WHILE_STARTING = 0.15
TROUBLE = 0.5
"""How often something happens to a printer within a round."""


@dataclass
class Account:
    """What has become of all films so far. Lists name the rounds in which films were asked for."""

    seed: int
    rounds: int = 0
    kills: int = 0
    asked: int = 0
    accepted: int = 0
    printed: int = 0
    """Films on paper."""
    uncertain: int = 0
    """Films held because it is not known whether they are on paper."""
    uncertain_printed: int = 0
    """Of these, the ones that are on paper."""
    behind: int = 0
    """Films that wait behind an uncertain one of their job."""
    lost: list[int] = field(default_factory=list)
    """Accepted, not on paper, and no held job tells of them."""
    twice: list[int] = field(default_factory=list)
    """On paper more than once; nothing was released or reprinted here."""
    unasked: list[int] = field(default_factory=list)
    """On paper, and their row says that they were never asked for."""
    held_otherwise: list[int] = field(default_factory=list)
    """Held for a reason that is not uncertainty."""
    orphans: int = 0
    """Spool files that no job refers to, after a start."""
    faults: list[str] = field(default_factory=list)
    """What the broker said that it must not say."""
    refusals: int = 0
    """Requests that were answered with a failure status."""

    @property
    def broken(self) -> list[int]:
        """Rounds of which a film breaks a promise; the last one, where no film is to blame."""
        films = {*self.lost, *self.twice, *self.unasked, *self.held_otherwise}
        return sorted(films | ({self.rounds} if self.orphans or self.faults else set()))

    @property
    def words(self) -> str:
        """How it stands, in few words."""
        return (
            f"{self.accepted} films accepted, {self.printed} printed, {self.uncertain} uncertain, "
            f"{len(self.lost)} lost, {len(self.twice)} twice"
        )

    def table(self) -> str:
        """For a person."""
        rows = {
            "rounds": self.rounds,
            "kills (SIGKILL)": self.kills,
            "films asked for by modalities": self.asked,
            "accepted (0x0000)": self.accepted,
            "printed": self.printed,
            "held as uncertain": self.uncertain,
            "- of these on paper": self.uncertain_printed,
            "waiting behind an uncertain film": self.behind,
            "requests refused": self.refusals,
            "lost": len(self.lost),
            "printed twice or more": len(self.twice),
            "printed without asked_at": len(self.unasked),
            "held for another reason": len(self.held_otherwise),
            "orphaned spool files": self.orphans,
            "alarms in the log": len(self.faults),
        }
        return "".join(f"{name:<36}{number:>8}\n" for name, number in rows.items())


class Run:
    """Rounds of load and kills, and an account every few of them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.account = Account(seed)
        self._random = random.Random(seed)
        self._site = Site(folder, seed)
        self._ledger = Ledger()
        self._modalities = Modalities(seed, self._ledger)

    def play(self, rounds: int, progress: Report) -> Account:
        """Play `rounds` rounds, or fewer when a promise breaks."""
        with self._site, self._modalities:
            while self.account.rounds < rounds and not self.account.broken:
                self._round()
                if self.account.rounds % DRAIN_EVERY == 0 or self.account.rounds == rounds:
                    self._drain()
                    progress(self.account)
        return self.account

    def _round(self) -> None:
        """One life under load, and its end."""
        self.account.rounds += 1
        life = self._site.begin()
        try:
            if self._random.random() < KILLED_WHILE_STARTING:
                life.last(self._random.uniform(0, START_S))
                return
            self._modalities.door.open(life.wait_for_port(), self.account.rounds)
            troubles = int(self._random.random() < TROUBLE)
            *pauses, rest = moments(self._random, troubles, self._random.uniform(0, LIFE_S))
            for pause in pauses:
                life.last(pause)
                self._site.trouble()
            life.last(rest)
        finally:
            self._kill(life)

    def _kill(self, life: Life) -> None:
        life.kill()
        self.account.kills += 1
        self.account.faults += life.alarms

    def _drain(self) -> None:
        """A life without load, in which everything comes out that can; then count."""
        self._site.repair()
        self._modalities.door.shut()
        life = self._site.begin()
        database: Database | None = None
        try:
            life.wait_for_port()
            database = Database.open(f"sqlite:///{self._site.data_dir / 'broker.db'}")
            jobs = Jobs(database, now)
            life.wait_for(
                lambda: not jobs.queries.list([State.QUEUED, State.PRINTING], limit=1),
                f"seed {self.account.seed}, round {self.account.rounds}: jobs do not come out",
            )
            self._count(jobs)
        finally:
            if database is not None:
                database.close()
            life.kill()
            self.account.faults += life.alarms

    def _count(self, jobs: Jobs) -> None:
        account, asked, sheets = self.account, self._ledger.films(), self._site.sheets()
        held = _held(jobs)
        states = {film: state for film, (state, _) in held.items()}
        fates = Fates(
            asked=asked.keys(),
            accepted={pixels for pixels, film in asked.items() if film.accepted},
            told=held.keys(),
            uncertain={film for film, state in states.items() if state is FilmState.UNCERTAIN},
            sheets=sheets,
        )
        account.asked = len(fates.asked)
        account.accepted = len(fates.accepted)
        account.printed = len(fates.sheets)
        account.uncertain = len(fates.uncertain)
        account.uncertain_printed = len(fates.uncertain_printed)
        account.behind = sum(state is FilmState.WAITING for state in states.values())
        account.lost = _rounds(asked, fates.lost)
        account.twice = _rounds(asked, fates.repeated)
        account.unasked = _rounds(
            asked, [film for film in sheets if states.get(film) is FilmState.WAITING]
        )
        account.held_otherwise = _rounds(
            asked, [film for film, (_, reason) in held.items() if "uncertain" not in reason]
        )
        account.refusals = self._modalities.refusals
        spool = self._site.data_dir / "spool"
        orphans = set(Spool(spool).names()) - jobs.references.spooled()
        account.orphans = len(orphans) + sum(1 for _ in (spool / "incoming").iterdir())


def _rounds(asked: Mapping[Pixels, Asked], films: Iterable[Pixels]) -> list[int]:
    """When these were asked for; KeyError for a film that was never asked for."""
    return sorted(asked[film].round for film in films)


def _held(jobs: Jobs) -> dict[Pixels, tuple[FilmState, str]]:
    """Film -> its state, and why its job is held."""
    return {
        film.film.spooled: (film.state, job.reason)
        for job in jobs.queries.list([State.HELD])
        for film in jobs.queries.films(job.id)
    }


def kill_at_random(folder: Path, rounds: int, seed: int, progress: Report) -> Account:
    """Play the rounds in a folder; AssertionError when jobs do not come out."""
    return Run(folder, seed).play(rounds, progress)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    example = (
        "--rounds 50 --seed 7 (about 2 minutes). Exit code 1 when a film was lost, printed twice "
        "or is held without a reason."
    )
    return run(
        arguments, "random_kills", __doc__, example, kill_at_random, default=300, counted="kills"
    )


if __name__ == "__main__":
    raise SystemExit(main())
