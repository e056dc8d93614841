"""The spool: pixels on stable storage, each file named by the hash of its content.

    incoming/<random>     what is being received, or may still be asked for
    <first two hex>/<name>  what jobs refer to

`keep` gives a received file its second name, and `drop` takes the first away. In between both
names are one file: a modality that asks for the same film twice finds its pixels again, even when
the first job's are gone by then.
"""

from __future__ import annotations

import errno
import itertools
import os
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from broker.model.trouble import CannotStore, PixelsGone, SpoolDamaged
from broker.store.incoming import Incoming, Writer
from broker.store.keepers import Busy, Keepers
from broker.store.reading import JobReading
from broker.store.stored import Stored, place_of

__all__ = ["Incoming", "Spool", "SpoolMissing", "Stored", "Writer", "is_there"]

HEX = frozenset("0123456789abcdef")
BATCH = 200
"""Files of one step of a sweep."""

Referenced = Callable[[Collection[str]], set[str]]
"""Names -> those of them that jobs refer to."""


class SpoolMissing(Exception):
    """There is no spool where jobs have pixels in one. `words` says what a person decides."""

    def __init__(self, directory: Path, number: int) -> None:
        pixels = "pixels that jobs refer to" if number == 1 else f"{number} files of pixels"
        self.words = (
            f"{directory}: the spool is not there, with {pixels}, and no broker starts without it. "
            "Mount it or move it back, then `broker serve` again. If it is lost for good: "
            "`broker serve --new-spool` begins another, and holds at once each job whose pixels "
            "are gone"
        )
        super().__init__(self.words)


def is_there(directory: Path, name: str) -> bool:
    """Whether the spool in that directory has pixels of that name, right or damaged."""
    return place_of(directory, name).exists()


class Spool:
    """A directory of pixels. For any thread of one process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True)
            _sync(directory.parent)
        folders = {self._incoming, *(directory / f"{number:02x}" for number in range(256))}
        for folder in folders - set(directory.iterdir()):
            folder.mkdir(mode=0o700, exist_ok=True)
        # Also when nothing was missing: whoever made them may not have come so far.
        _sync(directory)
        self._keepers = Keepers(directory / "keepers.lock")

    @classmethod
    def of(cls, directory: Path, jobs: JobReading, *, new: bool = False) -> Self:
        """The spool of these jobs; an empty one for the first, or where a `new` one is wanted.

        SpoolMissing when it is somewhere else, or lost. OSError.
        """
        if not new and (missing := cls.missing(directory, jobs)):
            raise missing
        return cls(directory)

    @staticmethod
    def missing(directory: Path, jobs: JobReading) -> SpoolMissing | None:
        """What to say where the whole spool of these jobs is not there."""
        if (directory / "incoming").is_dir() or not (names := jobs.spooled()):
            return None
        return SpoolMissing(directory, len(names))

    def begin(self) -> Writer:
        """Pixels begin to come. OSError."""
        return Writer(self._incoming)

    def receive(self, chunks: Iterable[bytes | memoryview]) -> Incoming:
        """Write pixels as they come. OSError; whatever ends it early, nothing is left behind."""
        writer = self.begin()
        try:
            for chunk in chunks:
                writer.write(chunk)
            return writer.finish()
        except BaseException:
            writer.discard()
            raise

    def keep(self, incoming: Sequence[Incoming]) -> None:
        """Put the names of all of it on stable storage, too; CannotStore when that fails.

        A file of that name that is already there is that content. What was placed before a failure
        stays for `remove`: by then another job may rely on it.
        """
        try:
            for directory in sorted({self._place(each) for each in incoming}):
                _sync(directory)
        except OSError as error:
            if not all(each.path.exists() for each in incoming):
                words = "the image was removed for room since: it must be set again"
                raise PixelsGone(words) from error
            why = error.strerror or str(error)
            raise CannotStore(f"pixels cannot be put on stable storage: {why}") from error

    def keeping(self) -> AbstractContextManager[None]:
        """Nothing is removed meanwhile: from before `keep` to the rows that refer to the files."""
        return self._keepers.keeping()

    def drop(self, incoming: Sequence[Incoming]) -> None:
        """Forget what was received; what was kept of it stays."""
        for each in incoming:
            each.path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The pixels of that name, whole; SpoolDamaged as with `open`."""
        with self.open(name) as stored:
            return b"".join(stored)

    def open(self, name: str) -> Stored:
        """The pixels of that name, to be read in pieces.

        SpoolDamaged when they are missing, or, at the latest before their last piece, when they are
        not what they were.
        """
        return Stored(self._path(name))

    def remove(
        self, names: Collection[str], referenced: Referenced, *, printed: bool = False
    ) -> int:
        """Remove those of the names that no job refers to; how many. Never while `keeping`.

        With `printed`, also where an association that is open still has the same file, which it
        printed: to print it once more it sends it again. None while films are being kept without a
        pause: the next sweep finds them.
        """
        try:
            with self._keepers.removing():
                # Asked now that nothing is being kept: a job may have come to refer to one of them.
                orphans = set(names) - referenced(names)
                if printed:
                    self._forget_printed(orphans)
                for name in orphans:
                    self._path(name).unlink(missing_ok=True)
        except Busy:
            return 0
        return len(orphans)

    def has(self, name: str) -> bool:
        """Whether pixels of that name are there, right or damaged."""
        return is_there(self._directory, name)

    def size(self, name: str) -> int:
        """Bytes of that name on the disk; none when it is not there."""
        try:
            return self._path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def freed_by(self, name: str, *, printed: bool = False) -> int:
        """Bytes that are free once that name is removed, as `remove`: without `printed`, none while
        an association that is open still has the same file. None when it is not there. OSError."""
        try:
            found = self._path(name).stat()
        except FileNotFoundError:
            return 0
        return found.st_size if found.st_nlink == 1 or printed else 0

    def settle_removals(self, names: Collection[str]) -> None:
        """Have the file system give back now what removing these has freed: some do that only
        when their journal is written. OSError."""
        for directory in sorted({self._path(name).parent for name in names}):
            _sync(directory)
            return  # one is enough for the journal

    def names(self) -> Iterator[str]:
        """Every name that is kept, in no order."""
        for folder in self._directory.iterdir():
            if len(folder.name) == 2 and set(folder.name) <= HEX:
                yield from (path.name for path in folder.iterdir())

    def sweep(self, referenced: Referenced) -> int:
        """Remove files that no job refers to; how many. A few at a time: films come meanwhile."""
        swept = 0
        names = self.names()
        while batch := list(itertools.islice(names, BATCH)):
            orphans = set(batch) - referenced(batch)
            swept += self.remove(orphans, referenced) if orphans else 0
        return swept

    def clear_incoming(self) -> None:
        """Remove what an earlier life of the broker was receiving. Only at start."""
        for path in self._incoming.iterdir():
            path.unlink(missing_ok=True)  # a command may drop what it was receiving

    def _forget_printed(self, names: Collection[str]) -> None:
        """Remove the first names of these files, of when they were received."""
        inodes = set()
        for name in names:
            try:
                found = self._path(name).stat()
            except FileNotFoundError:
                continue
            if found.st_nlink > 1:
                inodes.add(found.st_ino)
        if inodes:
            for entry in os.scandir(self._incoming):
                if entry.inode() in inodes:
                    Path(entry.path).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return place_of(self._directory, name)

    def _place(self, incoming: Incoming) -> Path:
        """Give a file its lasting name; the directory it is in."""
        target = self._path(incoming.name)
        try:
            os.link(incoming.path, target)
        except FileExistsError:
            _heal(target, incoming.path)
        return target.parent


def _heal(target: Path, good: Path) -> None:
    """What lies there under that name must be that content; if it was damaged, it is put right."""
    try:
        with Stored(target) as stored:
            for _ in stored:
                continue
    except SpoolDamaged:
        if target.samefile(good):
            words = "the pixels were damaged after they came"
            raise OSError(errno.EIO, words) from None
        fresh = good.with_name(uuid.uuid4().hex)
        os.link(good, fresh)
        fresh.replace(target)


def _sync(path: Path) -> None:
    """Put a directory's names on stable storage."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
