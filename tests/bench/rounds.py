"""Benches in rounds: how far they are, and the same command line for those that break promises."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from tests.bench.machine import machine

MOST_SAID = 10
"""Lines of what went wrong that are shown."""


class Account(Protocol):
    """What has become of the films of all rounds so far."""

    seed: int
    rounds: int
    faults: list[str]
    """What went wrong besides films, a line each."""

    @property
    def broken(self) -> list[int]:
        """Rounds that broke a promise."""

    @property
    def words(self) -> str:
        """How it stands, in few words."""

    def table(self) -> str:
        """For a person."""


Report = Callable[[Account], None]
Play = Callable[[Path, int, int, Report], Account]
"""Plays rounds in a folder, all chance from a seed, until one breaks a promise."""


def run(
    arguments: Sequence[str] | None,
    name: str,
    description: str | None,
    example: str,
    play: Play,
    *,
    default: int,
    counted: str,
) -> int:
    """The bench of that name from the command line; the exit code, 1 where a promise was broken.

    `counted` is what a round is, for the help.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m tests.bench.{name}",
        description=description,
        epilog=f"Example: python -m tests.bench.{name} {example}",
    )
    parser.add_argument(
        "--rounds", type=_at_least_one, default=default, metavar="N", help=f"{counted} ({default})"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of all chance (1)")
    chosen = parser.parse_args(arguments)
    prefix = f"{name.replace('_', '-')}-"
    with tempfile.TemporaryDirectory(prefix=prefix) as folder, Rounds(chosen.rounds) as rounds:
        account = play(
            Path(folder),
            chosen.rounds,
            chosen.seed,
            lambda account: rounds.done(account.rounds, account.words),
        )
    sys.stdout.write(f"{machine()}\nseed {chosen.seed}\n\n{account.table()}")
    if account.broken:
        which = ", ".join(map(str, account.broken))
        sys.stdout.write(f"BROKEN with --seed {account.seed}, round {which}\n")
        sys.stdout.write("".join(f"{line}\n" for line in account.faults[:MOST_SAID]))
        return 1
    return 0


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is no number of rounds; use 1 or more")
    return number


class Rounds:
    """A number of rounds, shown on stderr. Use it as a context manager."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            console=self._console,
        )
        self._task = self._bar.add_task("", total=total)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._bar.stop()

    def done(self, number: int, words: str) -> None:
        """`number` rounds are over; `words` say how it stands."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=number, description=words)
        else:
            self._console.print(f"{number} of {self.total}: {words}", soft_wrap=True)
