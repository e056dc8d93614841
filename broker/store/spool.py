"""The spool: pixels on stable storage, each file named by the SHA-256 of its content.

    incoming/<random>     what is being received, or may still be asked for
    <first two hex>/<name>  what jobs refer to

`keep` gives a received file its second name, and `drop` takes the first away. In between both
names are one file: a modality that asks for the same film twice finds its pixels again, even when
the first job's are gone by then.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from broker.model.trouble import CannotStore, SpoolDamaged

HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Incoming:
    """Pixels that were received, and that no job refers to yet."""

    name: str
    """SHA-256 of the bytes, in hex."""
    length: int
    """In bytes."""
    path: Path


class Spool:
    """A directory of pixels. For any thread of one process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        self._keeping = threading.RLock()
        for each in (directory, self._incoming):
            if not each.is_dir():
                each.mkdir(mode=0o700, parents=True)
                _sync(each.parent)

    def receive(self, chunks: Iterable[bytes | memoryview]) -> Incoming:
        """Write pixels as they come. OSError; whatever ends it early, nothing is left behind."""
        path = self._incoming / uuid.uuid4().hex
        digest = hashlib.sha256()
        length = 0
        try:
            with open(path, "xb", opener=_private) as file:
                for chunk in chunks:
                    digest.update(chunk)
                    length += file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return Incoming(digest.hexdigest(), length, path)

    def keep(self, incoming: Sequence[Incoming]) -> None:
        """Put all of it on stable storage under its names, or nothing: CannotStore.

        A file of that name that is already there is that content.
        """
        placed: list[Path] = []
        with self._keeping:
            try:
                touched = {self._place(each, placed) for each in incoming}
                for directory in sorted(touched):
                    _sync(directory)
            except OSError as error:
                for path in placed:
                    with suppress(OSError):  # the sweep finds it later
                        path.unlink()
                why = error.strerror or str(error)
                raise CannotStore(f"pixels cannot be put on stable storage: {why}") from error

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Nothing is removed meanwhile: from `keep` to the rows that refer to the files."""
        with self._keeping:
            yield

    def drop(self, incoming: Sequence[Incoming]) -> None:
        """Forget what was received; what was kept of it stays."""
        for each in incoming:
            each.path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The pixels of that name; SpoolDamaged when they are missing or not what they were."""
        try:
            content = self._path(name).read_bytes()
        except FileNotFoundError:
            raise SpoolDamaged(f"spool file {name} is missing") from None
        except OSError as error:
            why = error.strerror or str(error)
            raise SpoolDamaged(f"spool file {name} cannot be read: {why}") from error
        if hashlib.sha256(content).hexdigest() != name:
            raise SpoolDamaged(f"spool file {name} was altered: its content is not what it was")
        return content

    def remove(self, name: str) -> None:
        """Remove the pixels of that name; unknown is no error."""
        with self._keeping:
            self._path(name).unlink(missing_ok=True)

    def size(self, name: str) -> int:
        """Bytes of that name on the disk; none when it is not there."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def names(self) -> Iterator[str]:
        """Every name that is kept, in no order."""
        for folder in self._directory.iterdir():
            if len(folder.name) == 2 and set(folder.name) <= HEX:
                yield from (path.name for path in folder.iterdir())

    def sweep(self, referenced: Callable[[], set[str]]) -> int:
        """Remove files that no job refers to; how many."""
        found = set(self.names())
        if not found - referenced():
            return 0
        with self._keeping:
            # Asked again, now that nothing is being kept: a job may refer to one of them by now.
            orphans = found - referenced()
            for name in orphans:
                self._path(name).unlink(missing_ok=True)
        return len(orphans)

    def clear_incoming(self) -> None:
        """Remove what an earlier life of the broker was receiving. Only at start."""
        for path in self._incoming.iterdir():
            path.unlink()

    def free(self) -> int:
        """Bytes free on the disk."""
        return shutil.disk_usage(self._directory).free

    def _path(self, name: str) -> Path:
        return self._directory / name[:2] / name

    def _place(self, incoming: Incoming, placed: list[Path]) -> Path:
        """Give a file its lasting name, its content on the disk before; the directory it is in.

        Adds to `placed` what was not there before.
        """
        target = self._path(incoming.name)
        _sync(incoming.path)
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700)
            _sync(self._directory)
        with suppress(FileExistsError):
            os.link(incoming.path, target)
            placed.append(target)
        return target.parent


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _sync(path: Path) -> None:
    """Put a file's content, or a directory's names, on stable storage."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
