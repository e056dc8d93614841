"""The hash of a file while it is being written.

A small one is digested as it comes. Behind a large one goes a thread that reads what was written
and has it put on stable storage meanwhile: whoever writes waits for neither.
"""

from __future__ import annotations

import errno
import os
import threading

from broker.model.room import MB
from broker.spool.naming import Hash

LARGE = MB
"""Bytes from which a thread is worth its while."""
STEP = 512 * 1024
"""Bytes that are read at once."""
SYNC_STEP = 8 * MB
"""So many bytes are put on stable storage at once, before the end."""


class Digest:
    """Of one file. Told of every write; `hexdigest` once, or `abandon`, at the end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._digest = Hash()
        self._written = 0
        """Bytes that the thread may read."""
        self._untold = 0
        """Bytes beyond: waking it costs as much as writing some."""
        self._digested = 0
        """Bytes that the thread has read."""
        self._over = False
        self._changed = threading.Condition()
        self._failure: OSError | None = None
        self._thread: threading.Thread | None = None

    def wrote(self, piece: bytes | memoryview) -> None:
        """This was written at the end of the file, and can be read there."""
        if self._thread is None and self._written >= LARGE:
            self._follow()
        if self._thread is None:
            self._digest.update(piece)
            self._written += len(piece)
            return
        self._untold += len(piece)
        if self._untold >= STEP:
            self._tell(over=False)

    def hexdigest(self) -> str:
        """Of everything that was written. OSError when it cannot be read again, or when the disk
        did not take a part of it: nobody else would be told."""
        self._end()
        if self._failure is not None:
            raise self._failure
        if self._thread is not None and self._digested != self._written:
            # Whatever ended it early: a name that is not the content's would be found too late.
            raise OSError(errno.EIO, "what was written was not read again")
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """Nobody wants to know: the file may be closed when this returns."""
        with self._changed:
            self._written = self._untold = 0
        self._end()

    def _tell(self, *, over: bool) -> None:
        with self._changed:
            self._written += self._untold
            self._untold = 0
            self._over = over
            self._changed.notify()

    def _end(self) -> None:
        # At once: the thread must not see that it is over and miss what came last.
        self._tell(over=True)
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        thread = threading.Thread(
            target=self._read, args=(self._written,), name="digest", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            return  # the system has no thread for it now: as it comes, then
        self._thread = thread

    def _read(self, at: int) -> None:
        buffer = bytearray(STEP)
        synced = 0
        try:
            while (until := self._further(at)) > at:
                count = os.preadv(self._descriptor, [memoryview(buffer)[: until - at]], at)
                if not count:
                    raise OSError(errno.EIO, "what was written is not there")
                self._digest.update(memoryview(buffer)[:count])
                at += count
                if at - synced >= SYNC_STEP:
                    os.fdatasync(self._descriptor)
                    synced = at
        except OSError as error:
            self._failure = error
        finally:
            self._digested = at

    def _further(self, at: int) -> int:
        """Up to where there is something to read beyond `at`; no further when that was all."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._written >= at + STEP)
            return self._written
