"""The whole check of the queue, every night while no film is in hand.

It runs as a process of its own, at the lowest priority: it may take minutes of a processor, and the
relay needs its own for films. When a film comes it is ended, and begun again later. It ends with
the broker, however that ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from broker.events import Note
from broker.model.finding import Kind
from broker.model.night import APART_S, check_is_due

LOOK_S = 30.0
"""Between two looks at the clock."""
POLL_S = 0.5
"""Between two looks at a check that runs, and at whether films come."""


@dataclass(frozen=True)
class Found:
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
        self.found = Found()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="night check", daemon=True)

    def start(self) -> None:
        """Begin to look at the clock."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """End, and a check that runs with it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(grace_s)

    def _loop(self) -> None:
        while not self._stopping.wait(self._look_s):
            now = self._clock()
            if not check_is_due(now, time.localtime(now).tm_hour, self._last_at):
                continue
            try:
                if self.check():
                    self._last_at = self._clock()
            except Exception as error:  # noqa: BLE001 - a check that fails must not end the watch
                self._note("upkeep failed", {"why": f"the whole check: {error!r}"})
                self._last_at = self._clock()

    def check(self) -> bool:
        """Check everything now; whether it came to its end. A film in hand ends it, or keeps it
        from beginning. OSError, ValueError."""
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
                    if self._stopping.is_set() or not self._idle():
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
        self.found = Found(self._clock(), len(findings), first)
        if findings:
            words = "`broker db check` says what is hit, and what to do"
            self._note("check found faults", {"faults": len(findings), **kinds, "words": words})
            # A page that is damaged is that, whether the relay has come across it or not yet.
            for each in findings:
                if each["kind"] == Kind.PAGES:
                    self._damaged(each["words"])
                    break
        else:
            self._note("queue checked", {"faults": 0})
