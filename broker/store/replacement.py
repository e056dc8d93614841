"""Whether a database's file is still the one that was opened.

Connections that are open go on with a file that was moved away or removed: what they write is not
in the file that the next start finds, and may be in no file at all. So the file of that name is
compared with the one that was opened whenever something is written.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path


class DatabaseReplaced(RuntimeError):
    """The database was replaced while it was in use. Nothing was written. `words` says what is
    seen."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


class OpenedFile:
    """The file of that path, as it was opened. For any thread.

    A descriptor keeps it, so that its number is no other file's. It is one of O_PATH: closing any
    other one would end the locks that SQLite has on the file in this process (fcntl(2)).
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._place: tuple[int, int] | None = None
        """Device and number of the file that was opened: the descriptor keeps both its own."""
        self._descriptor: int | None = None
        self._closed = False
        self._stamp: tuple[int, int] | None = None
        """Time of its last change and its size, when they were looked at last."""
        self._changed = False
        self._using = threading.Lock()
        """Held while the descriptor is opened or closed."""

    def remember(self) -> None:
        """It is open now; only the first time counts. Raises: OSError: when it is not there."""
        if self._descriptor is not None or self._closed:
            return
        with self._using:
            if self._descriptor is None and not self._closed:
                self._descriptor = os.open(self._path, os.O_PATH | os.O_CLOEXEC)
                opened = os.fstat(self._descriptor)
                self._place = (opened.st_dev, opened.st_ino)

    def missing(self) -> str:
        """What is there in its place, in words; empty as long as it is in its place.

        A file that cannot be looked at, for another reason than that it is gone, is not taken for
        another one: what SQLite says of it counts.
        """
        place = self._place
        if place is None:
            return ""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - twice with each film: pathlib takes longer
        except (FileNotFoundError, NotADirectoryError):
            return f"{self._path} was moved away or removed while it was in use"
        except OSError:
            return ""
        if (found.st_dev, found.st_ino) == place:
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp != self._stamp:
                self._changed, self._stamp = self._stamp is not None, stamp
            return ""
        return f"another file was put in the place of {self._path} while it was in use"

    def was_written(self) -> bool:
        """Whether anything was written into it since this was asked last, as far as `missing` has
        seen: by a checkpoint of its log, or by another program."""
        if not self._changed:
            return False
        self._changed = False
        return True

    def close(self) -> None:
        """From now on nothing is compared."""
        with self._using:
            self._closed = True
            self._place = None
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
