"""What happens again and again, as a few facts and a number.

Pure: the time of whatever happened is an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Facts = Mapping[str, object]
Key = tuple[str, str]
"""What counts as the same: an event, and its kind."""

SINGLY = 5
"""So many in a row are told one by one."""
EVERY_S = 5.0
"""The rest are told as a number, at most this often."""
MANY = 256
"""From so many different events on, those that are over are forgotten."""


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
        self._rows: dict[Key, _Row] = {}

    def heard(self, key: Key, facts: Facts, now: float) -> Facts | None:
        """What to tell of this event now; None when it is kept for later.

        What is kept is due at `next_due`. `now` is in seconds, and never goes back.
        """
        if len(self._rows) > MANY:
            self._forget(now)
        row = self._rows.get(key)
        if row is None or (not row.kept and now >= row.until):
            row = self._rows[key] = _Row(now + self._every_s)
        if row.told < self._singly:
            row.told += 1
            return facts
        row.kept += 1
        row.last = facts
        return None

    def _forget(self, now: float) -> None:
        """What has not come for a while is not remembered: causes in words may be many."""
        old = [key for key, row in self._rows.items() if not row.kept and now >= row.until]
        for key in old:
            del self._rows[key]

    @property
    def next_due(self) -> float | None:
        """When something that is kept should be told; None when nothing is kept."""
        return min((row.until for row in self._rows.values() if row.kept), default=None)

    def due(self, now: float) -> list[tuple[Key, Facts]]:
        """What is kept and should be told by now; it is not kept any more."""
        found: list[tuple[Key, Facts]] = []
        for key, row in list(self._rows.items()):
            if now < row.until:
                continue
            if row.kept:
                found.append((key, {**(row.last or {}), "number": row.kept}))
                # It goes on, so the next are counted, too, until there is a pause.
                self._rows[key] = _Row(now + self._every_s, told=self._singly)
            else:
                del self._rows[key]
        return found
