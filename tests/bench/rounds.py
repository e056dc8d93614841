"""How far a bench is: a bar on a terminal, and plain lines where there is none."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


class Rounds:
    """So many rounds, shown on stderr. Use it as a context manager."""

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
        """So many are over, and what is to be said of them."""
        if self._console.is_terminal:
            self._bar.update(self._task, completed=number, description=words)
        else:
            self._console.print(f"{number} of {self.total}: {words}", soft_wrap=True)
