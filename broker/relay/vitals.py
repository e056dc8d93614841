"""Counting what the relay does, and writing it down for the page: once a second, if it changed."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from broker.model.note import Note
from broker.model.tally import Tally
from broker.model.vitals import Vitals

FILE_NAME = "vitals.json"
EVERY_S = 1.0
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
        self._every_s = every_s
        self._lock = threading.Lock()
        self._tally = Tally()
        self._associations: Callable[[], int] = lambda: 0
        self._not_reloaded = ""
        self._not_reloaded_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="vitals", daemon=True)

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
        """Count it, and note it."""
        with self._lock:
            self._tally.heard(event, facts)
        self._note(event, facts)

    def start(self, associations: Callable[[], int]) -> None:
        """Begin to write; `associations` says how many are open."""
        self._associations = associations
        self._thread.start()

    def reloaded(self, why_not: str = "") -> None:
        """The configuration was read again and is in use; or is not, and why."""
        with self._lock:
            self._not_reloaded = why_not
            self._not_reloaded_at = self._clock() if why_not else 0.0

    def stop(self) -> None:
        """End, and leave no file: nobody is alive then."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(GRACE_S)
            # A disk that fails must not keep the broker from ending.
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    def _loop(self) -> None:
        written: dict[str, Any] = {}
        failed = False
        while not self._stopping.is_set():
            with self._lock:
                now = Vitals(
                    os.getpid(),
                    self._started_at,
                    self._associations(),
                    self._not_reloaded,
                    self._not_reloaded_at,
                    self._tally,
                )
                document = now.document()
            try:
                if document != written:
                    self._write(json.dumps(document))
                    written = document
                    failed = False
            except OSError as error:
                if not failed:
                    self._note("vital signs not written", {"why": error.strerror or str(error)})
                failed = True
            self._stopping.wait(self._every_s)

    def _write(self, text: str) -> None:
        fresh = self._path.with_name(f".{FILE_NAME}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        fresh.replace(self._path)
