"""Pixels on their way into the spool: a file without a lasting name, and its digest."""

from __future__ import annotations

import errno
import os
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from broker.model.printers.trouble import CannotStore
from broker.model.storage.disk import MB
from broker.spool.stored import Hash

LARGE = MB
"""Bytes from which a thread is worth its while."""
STEP = 512 * 1024
"""Bytes that are read at once."""
SYNC_STEP = 8 * MB
"""Bytes that are put on stable storage at once, before the end."""


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
        """Of everything that was written. Raises: OSError: when it cannot be read again, or the
        disk did not take a part of it: no other call would tell."""
        self._end()
        if self._failure is not None:
            raise self._failure
        if self._thread is not None and self._digested != self._written:
            # Whatever ended it early: a name that is not the content's would be found too late.
            raise OSError(errno.EIO, "what was written was not read again")
        return self._digest.hexdigest()

    def abandon(self) -> None:
        """The digest is not needed: the file may be closed when this returns."""
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


ROOM_STEP = 8 * MB
"""Bytes that come before the disk is looked at again: others write to it meanwhile."""


UNWRITTEN = "pixels cannot be written"

CheckRoom = Callable[[int], object]
"""Asked now and then whether that number of bytes more has room. Raises: CannotStore: when not."""
Failed = Callable[[str, OSError], CannotStore]
"""Told what the disk does not do, and why; what to raise."""


@dataclass(frozen=True)
class UploadedPixels:
    """Pixels that have come, are on stable storage, and that no job refers to yet."""

    name: str
    """What its bytes are called: see `stored`."""
    length: int
    """In bytes."""
    path: Path


class PixelUpload:
    """The pixels of one image while they come; in the end either `finish` or `discard`.

    Raises: CannotStore: when the disk does not take them; then they are to be discarded. What
    `check_room` raises.
    """

    def __init__(self, folder: Path, size: int, check_room: CheckRoom, failed: Failed) -> None:
        """`size` bytes are announced. Raises: OSError: when there cannot be a file for them."""
        self._failed = failed
        self._path = folder / uuid.uuid4().hex
        self._size = self._left = size
        self._until_check = ROOM_STEP
        self._check_room = check_room
        self._length = 0
        self._last = b""
        """The last byte is padding or not: rows and columns tell, which may come later."""
        # Pieces are large as they come: a buffer would only copy them once more.
        self._file = open(self._path, "x+b", 0, opener=_private)  # noqa: SIM115
        self._digest = Digest(self._file.fileno())

    def fill(self, pieces: Iterable[memoryview]) -> None:
        """Write the pixels as they come."""
        for piece in pieces:
            self._left -= len(piece)
            self._until_check -= len(piece)
            if self._until_check <= 0:
                self._check_room(len(piece) + self._left)
                self._until_check = ROOM_STEP
            if not self._left and piece:
                self._last = bytes(piece[-1:])
                piece = piece[:-1]
            self._write(piece)

    def finish(self, length: int) -> UploadedPixels:
        """There is no more to come: the first `length` bytes are on stable storage when this
        returns. What is behind them, mostly one byte of padding, is not kept."""
        if length == self._size:
            self._write(memoryview(self._last))
        try:
            if length < self._length:
                self._cut(length)
            if length != self._length:
                words = f"{self._length} bytes have come, and {length} were asked for"
                raise OSError(errno.EIO, words)
            name = self._digest.hexdigest()
            _sync(self._file.fileno())
        except OSError as error:
            raise self._failed(UNWRITTEN, error) from error
        self._file.close()
        return UploadedPixels(name, self._length, self._path)

    def _cut(self, length: int) -> None:
        """Keep so many bytes, and digest them anew. Raises: OSError."""
        descriptor = self._file.fileno()
        self._digest.abandon()
        os.ftruncate(descriptor, length)
        self._digest, self._length = Digest(descriptor), 0
        while piece := os.pread(descriptor, min(STEP, length - self._length), self._length):
            self._length += len(piece)
            self._digest.wrote(piece)

    def discard(self) -> None:
        """Leave nothing behind. Where that fails, it is told; the next start removes it."""
        self._digest.abandon()
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            self._failed("pixels cannot be removed", error)
        self._file.close()

    def _write(self, left: memoryview) -> None:
        try:
            while left:
                written = left[: self._file.write(left)]
                self._digest.wrote(written)
                self._length += len(written)
                left = left[len(written) :]
        except OSError as error:
            raise self._failed(UNWRITTEN, error) from error


def _sync(descriptor: int) -> None:
    """Its content is on stable storage when this returns. Raises: OSError."""
    os.fsync(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
