"""Keeping the database's write-ahead log small, and naming the reader that makes it grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from broker.events import Note
from broker.model.room import MB
from broker.store.database import LOG_BYTES, Checkpoint

HELD_S = 12.0
"""A process that reads for so long is named: a question of a page takes milliseconds."""
AGAIN_S = 600.0
"""While it lasts, it is told again so often."""


class Log(Protocol):
    """The log, as `broker.store.write_ahead` has it."""

    def size(self) -> int:
        """Bytes on the disk."""

    def readers(self) -> Mapping[int, str]:
        """Other processes that read now, and their programs' names."""

    @property
    def checkpoint(self) -> Callable[..., Checkpoint]:
        """Brings it into the database file; with `cut`, leaves nothing of it."""


@dataclass(frozen=True)
class LogState:
    """How the log is."""

    bytes: int = 0
    reader: str = ""
    """The process that makes it grow: `process 4711 (sqlite3)`; empty without one."""
    reader_s: float = 0.0
    """For how long it has been seen to read, in seconds."""


class LogKeeping:
    """One round of `tend` after the other, by one thread."""

    def __init__(
        self,
        log: Log,
        idle: Callable[[], bool],
        note: Note,
        monotonic: Callable[[], float],
        *,
        held_s: float = HELD_S,
        limit: int = LOG_BYTES,
    ) -> None:
        """`idle` says whether no film is in hand; `limit` is what the log may have, in bytes."""
        self._log = log
        self._idle = idle
        self._note = note
        self._monotonic = monotonic
        self._held_s = held_s
        self._limit = limit
        self._since: dict[int, float] = {}
        """Process -> when it was first seen to read, and at every round since."""
        self._told_at: float | None = None
        self.state = LogState()

    def tend(self) -> None:
        """Bring the log into the database, cut it when it is too large and no film is in hand, and
        look for a reader that keeps it from becoming empty.

        Raises: SQLAlchemyError, OSError: when the database cannot be written.
        """
        done = self._log.checkpoint()
        if done.complete and self._log.size() > self._limit and self._idle():
            done = self._log.checkpoint(cut=True)
        size = self._log.size()
        self.state = LogState(size)
        if done.complete:
            self._since = {}
        else:
            self._look_for_readers(size)
        if self._told_at is not None and done.complete and size <= self._limit:
            self._note("database log shrank", {"mb": round(size / MB, 1)})
            self._told_at = None

    def _look_for_readers(self, size: int) -> None:
        now = self._monotonic()
        readers = self._log.readers()
        self._since = {number: self._since.get(number, now) for number in readers}
        held = {number: now - at for number, at in self._since.items()}
        longest = max(held, key=lambda each: held[each], default=0)
        if not longest or held[longest] < self._held_s:
            return
        name = f"process {longest} ({readers[longest]})"
        self.state = LogState(size, name, round(held[longest], 1))
        if size <= self._limit or (self._told_at is not None and now - self._told_at < AGAIN_S):
            return
        self._told_at = now
        self._note(
            "database log grows",
            {
                "mb": round(size / MB, 1),
                "reader": longest,
                "program": readers[longest],
                "seconds": round(held[longest]),
                "words": "a program that reads the database keeps its log from shrinking; end it",
            },
        )
