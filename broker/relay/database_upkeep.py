"""What a running broker does for its database: a small log, and a whole check at night."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from broker.events import Event, Note
from broker.model.storage.disk import MB
from broker.model.storage.finding import APART_S, Kind, check_is_due
from broker.relay.loop import Loop
from broker.store.backend import Checkpoint
from broker.store.sqlite import LOG_BYTES

HELD_S = 12.0
"""A process that reads for so long is named: a question of a page takes milliseconds."""
AGAIN_S = 600.0
"""While it lasts, it is told again so often."""


class Log(Protocol):
    """The log, as `broker.store.database` has it."""

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
            self._note(Event.DATABASE_LOG_SHRANK, {"mb": round(size / MB, 1)})
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
            Event.DATABASE_LOG_GROWS,
            {
                "mb": round(size / MB, 1),
                "reader": longest,
                "program": readers[longest],
                "seconds": round(held[longest]),
                "words": "a program that reads the database keeps its log from shrinking; end it",
            },
        )


LOOK_S = 30.0
"""Between two looks at the clock."""
POLL_S = 0.5
"""Between two looks at a check that runs, and at whether films come."""


@dataclass(frozen=True)
class CheckResult:
    """What the last whole check has found."""

    at: float | None = None
    """When it ended, in seconds since the epoch; None before the first one."""
    faults: int = 0
    first: str = ""
    """The first of them, in words."""


class NightCheck:
    """`start` and `stop` with the relay; `found` is what is known."""

    def __init__(
        self,
        database: Path,
        spool: Path,
        idle: Callable[[], bool],
        note: Note,
        clock: Callable[[], float] = time.time,
        *,
        look_s: float = LOOK_S,
        damaged: Callable[[str], None] = lambda _words: None,
    ) -> None:
        """`damaged` is told the first fault of the database's pages."""
        self._arguments = [str(database), str(spool)]
        self._idle = idle
        self._note = note
        self._clock = clock
        self._look_s = look_s
        self._damaged = damaged
        # A machine that is started every night shall be checked all the same.
        self._last_at = clock() - APART_S
        self.found = CheckResult()
        self._loop = Loop("night check", self._step, first_s=look_s)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._loop.start()

    def stop(self, grace_s: float) -> None:
        """End, and a check that runs with it."""
        self._loop.stop(grace_s)

    def _step(self) -> float:
        now = self._clock()
        if check_is_due(now, time.localtime(now).tm_hour, self._last_at):
            try:
                if self.check():
                    self._last_at = self._clock()
            except Exception as error:  # noqa: BLE001 - a check that fails must not end the watch
                self._note(Event.UPKEEP_FAILED, {"why": f"the whole check: {error!r}"})
                self._last_at = self._clock()
        return self._look_s

    def check(self) -> bool:
        """Check everything now; whether it came to its end. A film in hand ends it, or keeps it
        from beginning.

        Raises: OSError, ValueError: when the check's process has failed.
        """
        if not self._idle():
            return False
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "broker.relay.night_check_process",
                str(os.getpid()),
                *self._arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        try:
            while True:
                try:
                    out, err = process.communicate(timeout=POLL_S)
                except subprocess.TimeoutExpired:
                    if self._loop.stopping.is_set() or not self._idle():
                        return False
                else:
                    break
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        if process.returncode:
            raise OSError(err.decode("utf-8", "replace").strip().rpartition("\n")[2])
        self._take(json.loads(out))
        return True

    def _take(self, findings: list[dict[str, str]]) -> None:
        kinds: dict[str, int] = {}
        for each in findings:
            kinds[each["kind"]] = kinds.get(each["kind"], 0) + 1
        first = findings[0]["words"] if findings else ""
        self.found = CheckResult(self._clock(), len(findings), first)
        if findings:
            words = "`broker db check` says what is hit, and what to do"
            self._note(Event.CHECK_FOUND_FAULTS, {"faults": len(findings), **kinds, "words": words})
            # A page that is damaged is that, whether the relay has come across it or not yet.
            for each in findings:
                if each["kind"] == Kind.PAGES:
                    self._damaged(each["words"])
                    break
        else:
            self._note(Event.QUEUE_CHECKED, {"faults": 0})
