"""A backup: the database at one moment, and the pixels that its rows refer to, in another folder.

It is made beside a running broker, or without one. Pixels are named by their content, so the next
backup into the same folder copies only what is new. The folder holds one whole backup at any time:
`manifest.json` is replaced last, and only then is removed what the new one does not need.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from broker.backup.snapshot import (
    Snapshot,
    Tell,
    WantedPixels,
    copy_database,
    forget_pixels,
    hash_of,
    remove_copy,
)
from broker.spool.lock import SpoolLock
from broker.spool.pins import (
    Pins,
    PixelsFound,
    copy_pixels,
    names_in,
    place_in,
    remove_left,
    size_of,
)
from broker.spool.private_file import write_private
from broker.spool.stored import sync_folder
from broker.store.sqlite import damage, examine

NAME = "manifest.json"
LOCK = "backup.lock"
SPOOL = "spool"
KIND = "dicom-print-broker backup"
FORMAT = 1


class NotABackup(Exception):
    """The folder has no backup that this broker can read. `words` says what is there."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


@dataclass(frozen=True)
class Manifest:
    """One backup."""

    at: float
    """Its moment, in seconds since the epoch: every film accepted before it is in the backup."""
    moment: str
    """The same for people, UTC."""
    identity: str
    """Of the database; its spool has the same."""
    mark: int
    """How many changes the database had seen, as its own row says."""
    schema: str
    """Version of the tables."""
    broker: str
    """Version of the broker that wrote it."""
    database: str
    """Name of the database file in the folder."""
    database_bytes: int
    database_hash: str
    """BLAKE3 of the database file, in hex."""
    jobs: dict[str, int]
    """State -> number of jobs."""
    films: int
    files: int
    """Spool files in the backup."""
    bytes: int
    """Of these spool files."""
    missing: tuple[str, ...] = field(default=())
    """Spool files that rows refer to and that the spool did not have."""
    damaged: tuple[str, ...] = field(default=())
    """Spool files whose content was not what their name says."""

    def write(self, folder: Path) -> None:
        """Put it in place of the one before: from then on this is the folder's backup.

        Raises: OSError.
        """
        document = {"kind": KIND, "format": FORMAT, **asdict(self)}
        content = f"{json.dumps(document, indent=2)}\n".encode()
        write_private(folder / NAME, content, durable=True)
        sync_folder(folder, where_possible=True)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The folder's backup.

        Raises:
            NotABackup: there is none, or it is not one that this version can read.
            OSError: it cannot be read.
        """
        file = folder / NAME
        try:
            document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            kind, version = document.pop("kind"), document.pop("format")
        except FileNotFoundError:
            there = "a backup that was broken off" if (folder / LOCK).exists() else "no backup"
            raise NotABackup(
                f"{folder}: there is {there}, as it has no {NAME}; name the folder that "
                "`broker backup DIR` wrote"
            ) from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NotABackup(f"{file}: is not the {NAME} of a backup, or is damaged") from None
        if kind != KIND or version != FORMAT:
            raise NotABackup(
                f"{file}: is of format {version} of {kind!r}, and this broker reads format "
                f"{FORMAT} of {KIND!r}; use the version of the broker that wrote it"
            )
        try:
            document["missing"] = tuple(document["missing"])
            document["damaged"] = tuple(document["damaged"])
            found = cls(**document)
        except (KeyError, TypeError):
            raise NotABackup(f"{file}: is not the {NAME} of a backup, or is damaged") from None
        if Path(found.database).name != found.database:
            raise NotABackup(f"{file}: names a database outside its folder")
        return found


FRESH = ".database.partial"
"""The database while it is copied."""


class BackupRefused(Exception):
    """No backup can be made so; the folder is as it was. `words` says why, and what to do."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


class Watcher(Protocol):
    """Is told how far the backup is."""

    def begin(self, words: str, total: int) -> None:
        """What is counted from now on, and how much of it there is."""

    def reached(self, done: int) -> None:
        """So much of it is done."""


@dataclass(frozen=True)
class Site:
    """What is backed up."""

    database: Path
    spool: Path
    broker: str
    """Version of the broker."""
    clock: Callable[[], float]


@dataclass(frozen=True)
class Report:
    """What a backup has done."""

    manifest: Manifest
    copied: int
    """Spool files that were new."""
    copied_bytes: int
    removed: int
    """Spool files that the backup before needed, and this one does not."""
    forgotten: int
    """Finished jobs whose pixels retention removed while the backup was made."""
    seconds: float


def back_up(site: Site, folder: Path, watcher: Watcher) -> Report:
    """Make a backup in the folder, in place of the one that is there.

    Raises:
        BackupRefused: the folder is not one for this broker's backups, or the database is damaged.
        OSError: a folder cannot be read or written; the backup before is whole.
        sqlite3.Error: the database cannot be read.
    """
    began = time.monotonic()
    before = _previous(folder)
    if not site.database.is_file():
        raise BackupRefused(f"{site.database}: there is no database to back up")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder), _pins(site.spool) as pins:
        _remove_partial(folder)
        fresh = folder / FRESH
        try:
            at = site.clock()
            _copy_rows(site, fresh, pins, watcher)
            with Snapshot.of(fresh) as snapshot:
                _fits(site, before, *snapshot.identity())
                wanted = snapshot.wanted()
            tally = _Tally()
            watcher.begin("copying pixels", len(wanted))
            for number, each in enumerate(wanted, start=1):
                places = pins.places(each.name) if pins else [place_in(site.spool, each.name)]
                _copy(places, folder / SPOOL, each, tally)
                if pins:
                    pins.unpin(each.name)
                watcher.reached(number)
            forgotten = _forget(site, fresh, wanted, tally)
            for each_folder in sorted({name[:2] for name in tally.new}):
                sync_folder(folder / SPOOL / each_folder, where_possible=True)
            if tally.new:
                sync_folder(folder / SPOOL, where_possible=True)
            manifest = _manifest(site, fresh, at, tally)
            watcher.begin("writing it to the disk", 1)
            fresh.replace(folder / manifest.database)
            sync_folder(folder, where_possible=True)
            manifest.write(folder)
        finally:
            remove_copy(fresh)
        removed = _clean(folder, manifest, {each.name for each in wanted})
    return Report(
        manifest,
        len(tally.new),
        tally.new_bytes,
        removed,
        forgotten,
        time.monotonic() - began,
    )


class _Tally:
    """What has become of the spool files."""

    def __init__(self) -> None:
        self.new: list[str] = []
        self.new_bytes = 0
        self.files = 0
        self.bytes = 0
        self.missing: list[str] = []
        self.damaged: list[str] = []


def _previous(folder: Path) -> Manifest | None:
    """The backup that is there; None in a new folder, or after a first backup was broken off."""
    if folder.exists() and not folder.is_dir():
        raise BackupRefused(f"{folder}: is a file; name a folder for backups")
    if not folder.exists() or not any(each.name != "lost+found" for each in folder.iterdir()):
        return None
    if not (folder / NAME).exists() and (folder / LOCK).exists():
        return None
    try:
        return Manifest.read(folder)
    except NotABackup as error:
        raise BackupRefused(
            f"{error.words}. Nothing was written: name an empty folder, or one that has only "
            "backups of this broker in it"
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One backup at a time; the lock ends with the process."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # the latter is CIFS's word for it
            raise BackupRefused(
                f"{folder}: another backup is being written there; wait for its end"
            ) from None
        except OSError as error:
            # Some network file systems have no locks.
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
                raise
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _pins(spool: Path) -> Iterator[Pins | None]:
    """For the files that this backup must have; None without a spool."""
    if not spool.is_dir():
        yield None
        return
    remove_left(spool)
    with Pins.begin(spool) as pins:
        yield pins


def _remove_partial(folder: Path) -> None:
    """What a backup that was broken off has left."""
    for each in names_in(folder / SPOOL):
        if each.name.startswith("."):
            each.unlink(missing_ok=True)


def _copy_rows(site: Site, fresh: Path, pins: Pins | None, watcher: Watcher) -> None:
    """Copy the database, and pin each file that an unfinished job refers to at that moment.

    No file is removed from the spool from before that moment until all are pinned. That takes
    milliseconds: longer, and films could be refused, as no room can be made for them meanwhile.
    """
    told = False

    def tell(done: int, total: int) -> None:
        nonlocal told
        if not told:
            watcher.begin("copying the database, in pages", total)
            told = True
        watcher.reached(done)

    with ExitStack() as kept:

        def pin(moment: Snapshot) -> None:
            if pins is not None:
                for name in moment.needed():
                    pins.pin(name)
            kept.close()

        if pins is not None:
            kept.enter_context(SpoolLock(site.spool).keeping())
        _copy_whole(site, fresh, tell, pin)


def _copy_whole(site: Site, fresh: Path, tell: Tell, begun: Callable[[Snapshot], None]) -> None:
    """Copy the database. Raises: BackupRefused: when it is damaged."""
    try:
        copy_database(site.database, fresh, tell, begun)
        found = examine(fresh, full=True, immutable=True)
        faults: Sequence[str] = found.faults
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not damage(error):
            raise
        faults = (damage(error),)
    if faults:
        raise BackupRefused(
            f"{site.database}: the database is damaged ({faults[0]}), so the backup before was not "
            "replaced. `broker db check` says what is hit; `broker restore DIR` brings a backup "
            "back"
        )


def _copy(places: Sequence[Path], target: Path, wanted: WantedPixels, tally: _Tally) -> None:
    there = size_of(target, wanted.name)
    if there is not None and there == (wanted.length if wanted.length is not None else there):
        tally.files += 1
        tally.bytes += there
        return
    found, size = PixelsFound.MISSING, 0
    for place in places:
        found, size = copy_pixels(place, target, wanted.name)
        if found is PixelsFound.COPIED:
            break
    match found:
        case PixelsFound.MISSING:
            tally.missing.append(wanted.name)
        case PixelsFound.DAMAGED:
            tally.damaged.append(wanted.name)
        case PixelsFound.COPIED:
            tally.new.append(wanted.name)
            tally.new_bytes += size
            tally.files += 1
            tally.bytes += size


def _forget(site: Site, fresh: Path, wanted: Sequence[WantedPixels], tally: _Tally) -> int:
    """Files that are missing because retention removed them after the backup's moment: the copy
    says so, too. How many jobs.
    """
    finished = {each.name for each in wanted if not each.unfinished}
    gone = [name for name in tally.missing if name in finished]
    if not gone:
        return 0
    with Snapshot.live(site.database) as live:
        still = live.referred(gone)
    gone = [name for name in gone if name not in still]
    tally.missing = [name for name in tally.missing if name not in set(gone)]
    return forget_pixels(fresh, gone, site.clock()) if gone else 0


def _manifest(site: Site, fresh: Path, at: float, tally: _Tally) -> Manifest:
    moment = datetime.fromtimestamp(at, UTC)
    with Snapshot.of(fresh) as snapshot:
        identity, mark = snapshot.identity()
        return Manifest(
            at=at,
            moment=f"{moment:%Y-%m-%d %H:%M:%S} UTC",
            identity=identity,
            mark=mark,
            schema=snapshot.schema,
            broker=site.broker,
            database=f"database-{moment:%Y%m%dT%H%M%S.%f}Z.db",
            database_bytes=fresh.stat().st_size,
            database_hash=hash_of(fresh),
            jobs=snapshot.jobs(),
            films=snapshot.films(),
            files=tally.files,
            bytes=tally.bytes,
            missing=tuple(tally.missing),
            damaged=tuple(tally.damaged),
        )


def _fits(site: Site, before: Manifest | None, identity: str, mark: int) -> None:
    """BackupRefused where the folder has a backup that this one must not replace."""
    if before is None:
        return
    if before.identity and before.identity != identity:
        raise BackupRefused(
            f"the folder has the backup of another database (identity {before.identity}, and "
            f"{site.database} has {identity}): it was not touched. Name a folder of its own"
        )
    if before.mark > mark:
        raise BackupRefused(
            f"{site.database}: is older than the backup in the folder (mark {mark}, and the backup "
            f"has {before.mark}): it was not touched. If this database is the right one, name "
            "another folder; else stop the broker and restore the backup"
        )


def _clean(folder: Path, manifest: Manifest, needed: set[str]) -> int:
    """Remove what the backup before needed and this one does not; how many spool files."""
    for each in folder.glob("database-*.db"):
        if each.name != manifest.database:
            each.unlink(missing_ok=True)
    removed = 0
    for each in names_in(folder / SPOOL):
        if each.name not in needed:
            each.unlink(missing_ok=True)
            removed += 1
    return removed
