"""The spool: pixels on stable storage, each file named by the hash of its content.

    incoming/<random>     what is being received, or may still be asked for
    <first two hex>/<name>  what jobs refer to
    pinned/<random>/<name>  what a backup is about to copy: see `pins`
    orphans/<name>        what no job refers to, for a reason that is not known: see `orphans`
    identity              to which database it belongs: see `binding`

`keep` gives a received file its second name, and `drop` takes the first away. In between both
names are one file: a modality that asks for the same film twice finds its pixels again, even when
the first job's are gone by then.
"""

from __future__ import annotations

import errno
import itertools
import math
import os
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from broker.model.printers.trouble import CannotStore, PixelsGone, SpoolDamaged
from broker.spool.binding import SpoolMismatch, judged, spool_seen
from broker.spool.lock import Busy, SpoolLock
from broker.spool.orphans import Orphan, Orphans
from broker.spool.pins import is_pinned, remove_left
from broker.spool.stored import Stored, kept, place_of, sync_folder
from broker.spool.upload import CheckRoom, Failed, PixelUpload, UploadedPixels
from broker.store.queue.spool_references import SpoolReferences

__all__ = ["PixelUpload", "Spool", "SpoolMissing", "Stored", "UploadedPixels", "is_there"]

BATCH = 200
"""Files of one step of a sweep."""

Referenced = Callable[[Collection[str]], set[str]]
"""Names -> those of them that jobs refer to."""


class References(Protocol):
    """What a sweep of the spool asks the database; `SpoolReferences` answers."""

    def spooled(self, names: Collection[str] | None = None) -> set[str]:
        """Those of the names that jobs refer to; all such names with None."""

    def released(self, names: Collection[str]) -> set[str]:
        """Those of the names that retention has released."""

    def refer_again(self, names: Collection[str]) -> set[str]:
        """Those of the names that films are made of although no job refers to them."""

    def forget_released(self, there: Callable[[str], bool]) -> None:
        """Forget released names that are no longer there, or that jobs refer to again."""


@dataclass(frozen=True)
class Swept:
    """What a sweep has done, in files."""

    removed: int = 0
    """Released by retention, and removed."""
    aside: int = 0
    """Set aside, as no job refers to them and it is not known why."""
    expired: int = 0
    """Set aside long enough, and removed."""
    back: int = 0
    """Brought back, as a job refers to them again."""
    restored: int = 0
    """Needed by a film whose reference was damaged, and kept."""


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
    try:
        return place_of(directory, name).is_file()
    except PermissionError:
        return True  # the reader of them is told


class Spool:
    """A directory of pixels. For any thread of one process."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._incoming = directory / "incoming"
        if not directory.is_dir():
            directory.mkdir(mode=0o700, parents=True)
            sync_folder(directory.parent)
        folders = {self._incoming, *(directory / f"{number:02x}" for number in range(256))}
        for folder in folders - set(directory.iterdir()):
            folder.mkdir(mode=0o700, exist_ok=True)
        # Also when nothing was missing: the process that made them may not have come so far.
        sync_folder(directory)
        self._lock = SpoolLock(directory)
        self.orphans = Orphans(directory)
        self._refused: set[str] = set()
        """Files of films that were refused after they had been kept, and that could not be removed
        yet: it is known that no job needs them, so they are no orphans."""

    @classmethod
    def of(cls, directory: Path, references: SpoolReferences, *, new: bool = False) -> Self:
        """The spool of these jobs; an empty one for the first, or where a `new` one is wanted.

        Raises: SpoolMissing: when it is somewhere else, or lost, and no `new` one is wanted.
        SpoolMismatch: when it is another database's, or knows more than this one. OSError.
        """
        found = cls.missing(directory, references)
        if found is not None and not (new and isinstance(found, SpoolMissing)):
            raise found
        return cls(directory)

    @staticmethod
    def missing(
        directory: Path, references: SpoolReferences
    ) -> SpoolMissing | SpoolMismatch | None:
        """What to say where the whole spool of these jobs is not there, or is not theirs."""
        # The spool first: a broker that is running makes the database come further meanwhile.
        there = spool_seen(directory)
        if found := judged(directory, there, references.file, references.seen()):
            return found
        if (directory / "incoming").is_dir() or not (names := references.spooled()):
            return None
        return SpoolMissing(directory, len(names))

    def begin(self, size: int, check_room: CheckRoom, failed: Failed) -> PixelUpload:
        """`size` bytes of pixels begin to come. Raises: OSError: when no file can be made."""
        return PixelUpload(self._incoming, size, check_room, failed)

    def receive(self, chunks: Sequence[bytes | memoryview]) -> UploadedPixels:
        """Pixels that are there. Raises: OSError, CannotStore; then nothing is left behind."""
        length = sum(map(len, chunks))
        upload = self.begin(length, lambda _missing: None, cannot_store)
        try:
            upload.fill(map(memoryview, chunks))
            return upload.finish(length)
        except BaseException:
            upload.discard()
            raise

    def keep(self, incoming: Sequence[UploadedPixels]) -> None:
        """Put the names of all of it on stable storage, too; CannotStore when that fails.

        A file of that name that is already there is that content. What was placed before a failure
        stays for `remove`: by then another job may rely on it.
        """
        try:
            for directory in sorted({self._place(each) for each in incoming}):
                sync_folder(directory)
        except OSError as error:
            if not all(each.path.exists() for each in incoming):
                words = "the image was removed for room since: it must be set again"
                raise PixelsGone(words) from error
            why = error.strerror or str(error)
            raise CannotStore(f"pixels cannot be put on stable storage: {why}") from error

    def keeping(self) -> AbstractContextManager[None]:
        """Nothing is removed meanwhile: from before `keep` to the rows that refer to the files."""
        return self._lock.keeping()

    def drop(self, incoming: Sequence[UploadedPixels]) -> None:
        """Forget what was received; what was kept of it stays."""
        for each in incoming:
            each.path.unlink(missing_ok=True)

    def read(self, name: str) -> bytes:
        """The pixels of that name, whole; SpoolDamaged as with `open`."""
        with self.open(name) as stored:
            return b"".join(stored)

    def open(self, name: str, length: int | None = None) -> Stored:
        """The pixels of that name, to be read in pieces; `length` is what they have, in bytes.

        What was set aside is brought back first. Raises: SpoolDamaged: when they are missing,
        cannot be read or have another length; or, at the latest before their last piece, when they
        are not what they were.
        """
        path = self._path(name)
        if not os.path.lexists(path):
            self._back(name)
        return Stored(path, length)

    def undo(self, incoming: Sequence[UploadedPixels], referenced: Referenced) -> int:
        """Take back what `keep` has just placed and no job refers to; how many.

        A file that had its place before stays. What cannot be removed now, as files are being kept
        (by a backup, for one) or the database cannot be asked, goes with a later sweep.
        """
        placed = {each.name for each in incoming if _same(each.path, self._path(each.name))}
        self._refused |= placed
        return self._remove_refused(referenced, placed)

    def remove(
        self, names: Collection[str], referenced: Referenced, *, printed: bool = False
    ) -> int:
        """Remove those of the names that no job refers to, as it is known why; how many. Never
        while `keeping`.

        With `printed`, also where an association that is open still has the same file, which it
        printed: to print it once more it sends it again. None while films are being kept without a
        pause: the next sweep finds them.
        """
        try:
            return self._remove_alone(names, referenced, printed=printed)
        except Busy:
            return 0

    def _remove_alone(
        self, names: Collection[str], referenced: Referenced, *, printed: bool = False
    ) -> int:
        """As `remove`. Raises: Busy: files are being kept without a pause, and none was removed."""
        with self._lock.removing():
            # Asked now that nothing is being kept: a job may have come to refer to one of them.
            gone = set(names) - referenced(names)
            if printed:
                self._forget_printed(gone)
            for name in gone:
                self._path(name).unlink(missing_ok=True)
        return len(gone)

    def _remove_refused(self, referenced: Referenced, names: Collection[str]) -> int:
        """Remove what refused films have left under these names, unless jobs refer to it by now;
        how many. They are remembered until that can be done."""
        if not names:
            return 0
        try:
            removed = self._remove_alone(names, referenced)
        except Busy:
            return 0
        self._refused -= set(names)
        return removed

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
        an association that is open still has the same file, and none before a backup has copied it.
        None when it is not there. Raises: OSError."""
        try:
            found = self._path(name).stat()
        except FileNotFoundError:
            return 0
        if found.st_nlink == 1 or (printed and not is_pinned(self._directory, name)):
            return found.st_size
        return 0

    def settle_removals(self, names: Collection[str]) -> None:
        """Have the file system give back now what removing these has freed: some do that only
        when their journal is written. Raises: OSError."""
        if names:
            # One folder is enough for the journal.
            sync_folder(self._path(min(names)).parent)

    def names(self) -> Iterator[str]:
        """Every name that is kept, in no order."""
        yield from (path.name for path in kept(self._directory))

    def sweep(
        self, references: References, *, now: float, keep_s: float, expire: bool = True
    ) -> Swept:
        """Remove what retention has released, and set aside what no job refers to otherwise.

        What was set aside is kept for `keep_s` seconds from then, and without `expire` for longer:
        where it is not known whether `now` can be believed. With 0 seconds it is removed at once. A
        few at a time: films come meanwhile, and a file that is being kept is left to the next
        sweep.
        """
        remove_left(self._directory)
        aside = restored = 0
        removed = self._remove_refused(references.spooled, set(self._refused))
        names = self.names()
        while batch := list(itertools.islice(names, BATCH)):
            alone = set(batch) - references.spooled(batch)
            if not alone:
                continue
            released = references.released(alone)
            unknown = alone - released - self._refused
            # Before anything is locked: it may take long, and films wait for the lock.
            again = references.refer_again(unknown) if unknown else set()
            restored += len(again)
            one, other = self._clear(references, released, unknown - again)
            removed, aside = removed + one, aside + other
        references.forget_released(self._lies_there)
        before = (now - keep_s if expire else -math.inf) if keep_s else math.inf
        back, expired = self._look_after_orphans(references, before)
        return Swept(removed, aside, expired, back, restored)

    def bring_back(self, references: References) -> int:
        """Bring back what was set aside and a job refers to again; how many."""
        there = {each.name for each in self.orphans.found()}
        return sum(self._back(name) for name in _in_batches(there, references.spooled))

    def make_room(self, size: int, referenced: Referenced) -> list[Orphan]:
        """Remove the oldest of what was set aside, until `size` bytes have gone or none is left;
        which went. What a job refers to again stays. Raises: OSError.
        """
        there = {each.name for each in self.orphans.found()}
        return self.orphans.make_room(size, _in_batches(there, referenced))

    def _clear(
        self, references: References, released: set[str], unknown: set[str]
    ) -> tuple[int, int]:
        """Remove and set aside, but for what a job refers to by now; how many of each."""
        removed = aside = 0
        try:
            with self._lock.removing():
                # Asked now that nothing is being kept.
                wanted = references.spooled(released | unknown)
                for name in released - wanted:
                    removed += self._remove(name)
                for name in unknown - wanted:
                    aside += self.orphans.set_aside(self._path(name))
        except Busy:
            return 0, 0
        return removed, aside

    def _remove(self, name: str) -> int:
        """Remove what has that name; how many files that were. A folder is set aside."""
        try:
            self._path(name).unlink()
        except FileNotFoundError:
            return 0
        except IsADirectoryError:
            self.orphans.set_aside(self._path(name))
        return 1

    def _look_after_orphans(self, references: References, before: float) -> tuple[int, int]:
        """Bring back what jobs refer to, remove what was set aside before that time; how many."""
        there = {each.name for each in self.orphans.found()}
        if not there:
            return 0, 0
        wanted = _in_batches(there, references.spooled)
        back = sum(self._back(name) for name in wanted)
        return back, len(self.orphans.remove_older(before, wanted))

    def _back(self, name: str) -> bool:
        """Bring back what was set aside under that name; whether it was there."""
        return self.orphans.bring_back(name, self._path(name))

    def _lies_there(self, name: str) -> bool:
        return os.path.lexists(self._path(name))

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

    def _place(self, incoming: UploadedPixels) -> Path:
        """Give a file its lasting name; the directory it is in."""
        target = self._path(incoming.name)
        try:
            os.link(incoming.path, target)
        except FileExistsError:
            self._heal(target, incoming)
        return target.parent

    def _heal(self, target: Path, good: UploadedPixels) -> None:
        """What lies there under that name must be that content; if not, it is put right."""
        try:
            with Stored(target, good.length) as stored:
                for _ in stored:
                    continue
        except SpoolDamaged:
            if _same(target, good.path):
                words = "the pixels were damaged after they came"
                raise OSError(errno.EIO, words) from None
            if target.is_dir():
                # A file cannot replace a folder. What is in it may be of use to a person.
                self.orphans.set_aside(target)
            fresh = good.path.with_name(uuid.uuid4().hex)
            os.link(good.path, fresh)
            fresh.replace(target)


def cannot_store(what: str, error: OSError) -> CannotStore:
    """What the disk does not do, as an error for the caller."""
    return CannotStore(f"{what}: {error.strerror or error}")


def _in_batches(names: Collection[str], chosen: Referenced) -> set[str]:
    """Those of the names that are chosen, some at a time."""
    left, found = iter(names), set[str]()
    while batch := list(itertools.islice(left, BATCH)):
        found |= chosen(batch)
    return found


def _same(one: Path, other: Path) -> bool:
    """Whether both are names of one file; not where either is missing."""
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except (FileNotFoundError, NotADirectoryError):
        return False
