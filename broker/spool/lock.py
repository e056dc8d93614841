"""The spool lock: many threads and processes keep files at once; one that removes is alone.

It stays ours: the write lock of `fasteners` has no time limit between threads, and between
processes it polls, and locks with lockf(3), which the close of any other descriptor undoes.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = "keepers.lock"
"""In the spool. Its name stays: commands of two versions may meet on it."""
PATIENCE_S = 0.2
"""The time for which, at most, a thread that waits to remove delays those that keep."""


class Busy(Exception):
    """Something is being kept all the time: remove later."""


class SpoolLock:
    """Neither kind may be nested. In one process, a thread that waits to remove comes before those
    that ask to keep after it, for `patience_s` seconds. Other processes are kept apart by flock(2)
    on the file, which is made when missing.
    """

    def __init__(self, spool: Path, *, patience_s: float = PATIENCE_S) -> None:
        self._file = file = spool / FILE
        self._patience_s = patience_s
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._changed = threading.Condition()
        self._keeping = 0
        self._removers = 0
        """Threads that remove, or wait for it."""
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
        """Nothing is kept meanwhile, and no other thread or process removes.

        Raises: Busy: when that cannot be had within `patience_s` seconds.
        """
        with self._changed:
            self._removers += 1
            alone = self._changed.wait_for(
                lambda: not self._keeping and not self._removing, self._patience_s
            )
            self._removing = self._removing or alone
        try:
            if not alone:
                raise Busy
            with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield
        except BlockingIOError:
            raise Busy from None
        finally:
            with self._changed:
                if alone:
                    self._removing = False
                self._removers -= 1
                self._changed.notify_all()

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """The file's lock, which ends with the descriptor, however the process ends."""
        descriptor = os.open(self._file, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)
