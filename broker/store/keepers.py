"""Who may touch the spool at the same time: many keep at once, whoever removes is alone."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Keepers:
    """Neither kind may be nested. In one process, whoever wants to remove comes before those who
    come later. Other processes are kept apart by a lock on the file, which is made when missing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._changed = threading.Condition()
        self._keeping = 0
        self._removers = 0
        """Those who remove, or wait for it."""
        self._removing = False

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Nothing is removed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: not self._removers)
            self._keeping += 1
        try:
            with self._locked(fcntl.LOCK_SH):
                yield
        finally:
            with self._changed:
                self._keeping -= 1
                self._changed.notify_all()

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Nothing is kept meanwhile, and nobody else removes."""
        with self._changed:
            self._removers += 1
            self._changed.wait_for(lambda: not self._keeping and not self._removing)
            self._removing = True
        try:
            with self._locked(fcntl.LOCK_EX):
                yield
        finally:
            with self._changed:
                self._removing = False
                self._removers -= 1
                self._changed.notify_all()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """The file's lock, which ends with the descriptor, however the process ends. OSError."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)
