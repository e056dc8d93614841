"""How far a command is that may take long: on stderr, so that stdout stays what was asked for."""

from __future__ import annotations

import sys
import time
from typing import Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as Bar
from rich.table import Column

from broker.cli.output.local_time import told

SHOWN_S = 0.1
"""Between two changes of the bar, of what is told far more often."""
LINE_S = 5.0
"""Off a terminal, a line is written this often."""


class ProgressLine:
    """A bar with what is being done and for how long; off a terminal a line each 5 s, and
    nothing at all when the command is to be `quiet`. Use it as a context manager.

    What the command prints with `say` meanwhile stands above the bar.
    """

    def __init__(
        self,
        words: str,
        total: int | None = None,
        *,
        quiet: bool = False,
        shown_s: float = SHOWN_S,
        line_s: float = LINE_S,
    ) -> None:
        """`total` is what can be counted; without it nothing is, and the bar is left out."""
        self._shown_s, self.line_s = shown_s, line_s
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._lines = not quiet and not self._console.is_terminal and total is not None
        self._words, self._total, self._done = words, total, 0
        self._told_at = time.monotonic()
        self._shown_at = 0.0
        counted: list[ProgressColumn] = []
        if total is not None:
            counted = [BarColumn(bar_width=20), MofNCompleteColumn()]
        self._bar = Bar(
            SpinnerColumn("line"),
            *counted,
            TimeElapsedColumn(),
            TextColumn(
                "{task.description}",
                markup=False,
                table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
            ),
            expand=True,
            console=self._console,
            transient=True,
            redirect_stdout=False,  # it may go elsewhere
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task(words, total=total)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, words: str) -> None:
        """A line for stdout: above the bar where both are a terminal."""
        if self._bar.disable or not sys.stdout.isatty():
            typer.echo(told(words))
        else:
            self._console.print(told(words), soft_wrap=True)

    def tell(self, words: str) -> None:
        """Name what is being done from now on."""
        self._words = words
        self._bar.update(self._task, description=words, refresh=True)

    def begin(self, words: str, total: int) -> None:
        """Another part of the work, counted from nothing."""
        self._words, self._total, self._done = words, total, 0
        self._bar.reset(self._task, total=total, description=words)

    def count(self, number: int = 1) -> None:
        """`number` more are done."""
        self._done += number
        self._show()

    def reached(self, done: int) -> None:
        """`done` of all are done; it may be called for each file."""
        self._done = done
        if (now := time.monotonic()) - self._shown_at >= self._shown_s:
            self._shown_at = now
            self._show()

    def _show(self) -> None:
        self._bar.update(self._task, completed=self._done, refresh=True)
        if self._lines and time.monotonic() - self._told_at >= self.line_s:
            self._told_at = time.monotonic()
            self._console.print(f"{self._words}: {self._done} of {self._total}", soft_wrap=True)
