"""Whether the database has changed: a question that costs next to nothing."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path


class Watch:
    """Says whether any process has changed the database since it was last asked. For any thread."""

    def __init__(self, file: Path) -> None:
        """OSError when there is no such file."""
        self._file = file
        self._identity = _identity(file)
        self._connection = sqlite3.connect(file, check_same_thread=False)
        self._lock = threading.Lock()
        self._seen = -1

    def changed(self) -> bool:
        """Whether it has; the first time it has. sqlite3.Error when it cannot be read."""
        with self._lock:
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            changed, self._seen = version != self._seen, version
        return bool(changed)

    def in_place(self) -> bool:
        """Whether the file that was opened still has its name: else its rows are of the past, and
        nobody else sees what is written to them."""
        try:
            return _identity(self._file) == self._identity
        except OSError:
            return False

    def close(self) -> None:
        """No more questions."""
        with self._lock:
            self._connection.close()


def _identity(file: Path) -> tuple[int, int]:
    found = file.stat()
    return found.st_dev, found.st_ino
