"""What happens again and again, as a few facts and a number.

Pure: the time of whatever happened is an argument.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from broker.events import Facts

Key = tuple[str, str]
"""What counts as the same: an event, and its kind."""

SINGLY = 5
"""Events in a row that are told one by one."""
EVERY_S = 5.0
"""The rest are told as a number, at most this often."""
CALLERS = 16
"""Callers of one kind that are told apart at a time; the others are told together."""
MANY = 256
"""Different events that are kept; beyond it, those that are over are forgotten."""


@dataclass
class _Row:
    """One event that repeats itself."""

    until: float
    told: int = 0
    kept: int = 0
    last: Facts | None = None


class Repetitions:
    """Decides what is told at once, and what is told later as a number.

    Whatever is told stands for `number` events (one, where the fact is missing), with the facts of
    the last of them; no event is told twice, and none is left out.
    """

    def __init__(self, *, singly: int = SINGLY, every_s: float = EVERY_S) -> None:
        self._singly = singly
        self._every_s = every_s
        self._rows: dict[tuple[Key, str], _Row] = {}
        self._callers: Counter[Key] = Counter()
        """How many callers of each kind are told apart."""

    def heard(self, key: Key, facts: Facts, now: float, caller: str = "") -> Facts | None:
        """What to tell of this event now; None when it is kept for later.

        A flood of one caller does not hide another's; nor do callers without number make lines
        without number. What is kept is due at `next_due`. `now` is in seconds, and never goes back.
        """
        if len(self._rows) > MANY:
            self._forget(now)
        if caller and (key, caller) not in self._rows and self._callers[key] >= CALLERS:
            self._forget(now)
            caller = caller if self._callers[key] < CALLERS else ""
        row = self._rows.get((key, caller))
        if row is None:
            self._callers[key] += bool(caller)
        if row is None or (not row.kept and now >= row.until):
            row = self._rows[key, caller] = _Row(now + self._every_s)
        if row.told < self._singly:
            row.told += 1
            return facts
        row.kept += 1
        row.last = facts
        return None

    def _forget(self, now: float) -> None:
        """What has not come for a while is not remembered: causes in words may be many."""
        old = [each for each, row in self._rows.items() if not row.kept and now >= row.until]
        for key, caller in old:
            self._drop(key, caller)

    def _drop(self, key: Key, caller: str) -> None:
        del self._rows[key, caller]
        self._callers[key] -= bool(caller)
        if not self._callers[key]:
            del self._callers[key]

    @property
    def next_due(self) -> float | None:
        """When something that is kept should be told; None when nothing is kept."""
        return min((row.until for row in self._rows.values() if row.kept), default=None)

    def due(self, now: float) -> list[tuple[Key, Facts]]:
        """What is kept and should be told by now; it is not kept any more."""
        found: list[tuple[Key, Facts]] = []
        for (key, caller), row in list(self._rows.items()):
            if now < row.until:
                continue
            if row.kept:
                found.append((key, {**(row.last or {}), "number": row.kept}))
                # It goes on, so the next are counted, too, until there is a pause.
                self._rows[key, caller] = _Row(now + self._every_s, told=self._singly)
            else:
                self._drop(key, caller)
        return found
