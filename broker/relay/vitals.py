"""Counting what the relay does, and writing it down for the page: once a second, if it changed.

The time of the file is a sign of life: it is set each second, so that a relay that was stopped, or
hangs, is known by it.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker.events import Event, Facts, Note
from broker.model.reasons.alert_rules import NAMED
from broker.model.vitals import ServiceTally, Storage, Vitals
from broker.relay.loop import Loop
from broker.spool.private_file import write_private

FILE_NAME = "vitals.json"
EVERY_S = 1.0
MOVES = frozenset({Event.FILMS_ACCEPTED, Event.FILM_ACCEPTED})
"""A film came in, or went out."""
GRACE_S = 1.0
"""No disk is waited for longer at the end."""


class VitalSigns:
    """A note that passes everything on, and counts it. The file is a convenience: nothing relies on
    it, it is not forced to the disk, and a failure to write it is noted once.
    """

    def __init__(
        self, note: Note, folder: Path, clock: Callable[[], float], every_s: float = EVERY_S
    ) -> None:
        self._note = note
        self._path = folder / FILE_NAME
        self._clock = clock
        self._started_at = clock()
        self._stored_at = self._failed_at = 0.0
        self._failure = ""
        self._incomplete: tuple[int, ...] = ()
        self._every_s = every_s
        self._lock = threading.Lock()
        self._tally = ServiceTally()
        self._associations: Callable[[], int] = lambda: 0
        self._storage: Callable[[], Storage] = Storage
        self._floor: Callable[[], int | None] = lambda: None
        self._moved_at = time.monotonic()
        self._listening: Callable[[], bool] = lambda: True
        self._not_reloaded = ""
        self._not_reloaded_at = 0.0
        self._written: dict[str, Any] = {}
        """The document in the file."""
        self._not_written = False
        """The last try to write it has failed."""
        self._loop = Loop("vitals", self._step)

    def __call__(self, event: Event, facts: Facts) -> None:
        """Count it, and note it."""
        with self._lock:
            self._tally.heard(event, facts)
            if event in MOVES:
                self._moved_at = time.monotonic()
            if event == Event.FILMS_ACCEPTED:
                self._stored_at = self._clock()
            elif event == Event.FILM_INCOMPLETE:
                assert isinstance(facts["job"], int)
                self._incomplete = (*self._incomplete, facts["job"])[-NAMED:]
            elif event == Event.STORAGE_FAILED and "what" in facts:
                # Without `what` there was no room, which is told by itself.
                self._failed_at = self._clock()
                self._failure = f"{facts['what']}: {facts.get('why', '')}"
        self._note(event, facts)

    @property
    def quiet_s(self) -> float:
        """For how many seconds no film has come in or gone out."""
        return time.monotonic() - self._moved_at

    def start(
        self,
        associations: Callable[[], int],
        listening: Callable[[], bool] = lambda: True,
        storage: Callable[[], Storage] = Storage,
        floor: Callable[[], int | None] = lambda: None,
    ) -> None:
        """Begin to write; `associations` says how many are open, `listening` whether there is a
        thread for each port, `storage` how the database is, `floor` how many bytes stay free."""
        self._associations = associations
        self._listening = listening
        self._storage = storage
        self._floor = floor
        self._loop.start()

    def reloaded(self, why_not: str = "") -> None:
        """The configuration was read again and is in use; or is not, and why."""
        with self._lock:
            self._not_reloaded = why_not
            self._not_reloaded_at = self._clock() if why_not else 0.0

    def stop(self) -> None:
        """End, and leave no file: it stands for a live process."""
        written = self._loop.running
        self._loop.stop(GRACE_S)
        if written:
            # A disk that fails must not keep the broker from ending.
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _step(self) -> float:
        with self._lock:
            now = Vitals(
                os.getpid(),
                self._started_at,
                self._associations(),
                self._tally,
                self._storage(),
                not_reloaded=self._not_reloaded,
                not_reloaded_at=self._not_reloaded_at,
                listening=self._listening(),
                stored_at=self._stored_at,
                failed_at=self._failed_at,
                failure=self._failure,
                incomplete=self._incomplete,
                floor=self._floor(),
            )
            document = now.document()
        try:
            if document != self._written:
                write_private(self._path, json.dumps(document).encode())
                self._written = document
                self._not_written = False
            elif not self._beat():
                self._written = {}
        except OSError as error:
            if not self._not_written:
                self._note(Event.VITALS_NOT_WRITTEN, {"why": error.strerror or str(error)})
            self._not_written = True
            # A disk that is full takes a time, though no file: the relay lives.
            self._beat()
        return self._every_s

    def _beat(self) -> bool:
        """Set the file's time; whether that could be done."""
        try:
            os.utime(self._path)
        except OSError:
            return False
        return True
