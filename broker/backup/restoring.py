"""Restoring a backup into a place without a database: checked whole first, then put in place.

What had not been printed when the backup was made may have been printed since: every such job comes
back held, its films uncertain, so that nothing prints by itself and a release flags it (promise 3).
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, delete, update

from broker.backup.adoption import hold_unfinished, set_aside, set_forward
from broker.backup.backup import SPOOL, Manifest, Watcher
from broker.backup.snapshot import Snapshot, WantedPixels, hash_of, remove_copy
from broker.model.storage.spool_fit import BackupFit, BackupSeen, Progress, backup_fit
from broker.spool.binding import FILE, spool_seen, write_mark
from broker.spool.files import Spool
from broker.spool.pins import PixelsFound, check_pixels, copy_pixels, names_in
from broker.spool.stored import place_of, sync_folder
from broker.store import identity, schema
from broker.store.database import Database
from broker.store.occupancy import Occupancy
from broker.store.queue.jobs import Jobs
from broker.store.queue.retention import Retention
from broker.store.sqlite import damage, examine
from broker.store.tables import queue, released

FRESH = ".restoring.db"
"""The database until it is complete, beside the place where it goes."""
NUMBERS_APART = 1000
"""Job numbers that are left out where it is not known how far they had come."""
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""What file systems say that have no hard links."""
RESTORED = "restored from the backup of {moment}: it may have been printed since"


class RestoreRefused(Exception):
    """The backup cannot be restored so; nothing was changed. `words` says why, and what to do."""

    def __init__(self, words: str) -> None:
        self.words = words
        super().__init__(words)


@dataclass(frozen=True)
class Place:
    """Where a backup is restored to."""

    data_dir: Path
    database: Path
    clock: Callable[[], float]

    @property
    def spool(self) -> Path:
        """Where the pixels go."""
        return self.data_dir / "spool"


@dataclass(frozen=True)
class Inspection:
    """A backup that was checked whole, and what its place has already."""

    folder: Path
    manifest: Manifest
    wanted: tuple[WantedPixels, ...]
    there: frozenset[str]
    """Of these, the ones that the spool has and that are right."""
    missing: tuple[str, ...]
    """In neither of the two."""
    damaged: tuple[str, ...]
    others: int
    """Files in the spool that no row of the backup refers to."""
    backup: BackupSeen
    mark: Progress | None
    """What the spool knows of its database."""

    @property
    def by_numbers(self) -> bool:
        """Whether the backup has no identity, and was taken for the spool's by its job numbers."""
        return self.mark is not None and not self.backup.identity


@dataclass(frozen=True)
class Restored:
    """What came back."""

    held: tuple[int, ...]
    """Jobs that may have been printed since."""
    lost: tuple[int, ...]
    """Of these, the ones without all their pixels."""
    copied: int
    """Spool files."""
    next_number: int
    set_aside: tuple[Path, ...]
    """Files that a lost database had left, under their new names."""


@contextmanager
def occupied(place: Place) -> Iterator[None]:
    """No broker starts here meanwhile.

    Raises:
        Occupied: one runs here.
        RestoreRefused: there is a database already, so none that a broker could run on.
        OSError: the folders cannot be made.
    """
    with ExitStack() as held:
        for folder in (place.data_dir, place.database.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held.callback(Occupancy.take(place.data_dir).close)
        refuse_existing(place)
        yield


def refuse_existing(place: Place) -> None:
    """Raises: RestoreRefused: where there is a database already."""
    file = place.database
    if file.exists() or file.is_symlink():
        raise RestoreRefused(
            f"{file}: there is a database already, and a restore replaces none. {_keep(file)}"
        )


def _keep(file: Path) -> str:
    """What to type where a database is in the way."""
    return (
        f"If it is lost or damaged: keep it, as by `mkdir {file.parent}/before && mv {file}* "
        f"{file.parent}/before/`, leave the spool where it is, then do this again"
    )


def inspect(folder: Path, place: Place, watcher: Watcher) -> Inspection:
    """Check a backup whole: its rows, and every spool file by its content.

    Raises:
        NotABackup: the folder has none.
        RestoreRefused: its database is damaged, or the spool in its place is another broker's.
        OSError: something cannot be read.
    """
    manifest = Manifest.read(folder)
    file = folder / manifest.database
    watcher.begin("checking the backup's database", 1)
    _check_rows(file, manifest)
    with Snapshot.of(file) as snapshot:
        backup = BackupSeen(manifest.identity, snapshot.last_job())
        wanted = snapshot.wanted()
    names = {each.name for each in wanted}
    others = sum(each.name not in names for each in names_in(place.spool))
    mark = _own_spool(place, backup, others)
    watcher.begin("checking pixels", len(wanted))
    there, missing, damaged = set(), [], []
    for number, each in enumerate(wanted, start=1):
        if check_pixels(place.spool, each.name, each.length) is None:
            there.add(each.name)
        else:
            match check_pixels(folder / SPOOL, each.name, each.length):
                case PixelsFound.MISSING:
                    missing.append(each.name)
                case PixelsFound.DAMAGED:
                    damaged.append(each.name)
        watcher.reached(number)
    return Inspection(
        folder,
        manifest,
        tuple(wanted),
        frozenset(there),
        tuple(missing),
        tuple(damaged),
        others,
        backup,
        mark,
    )


def restore(found: Inspection, place: Place, watcher: Watcher) -> Restored:
    """Put a backup in place; the database comes last, so one that is broken off can be repeated.

    The place must be `occupied`. What the backup lacks is left out, and its jobs say so.

    Raises:
        RestoreRefused: another command has made a database meanwhile, or the spool is another's.
        SchemaTooNew: a later version of the broker made the backup.
        OSError, sqlite3.Error: something cannot be written.
    """
    # Again: before the place was occupied, a broker may have run on the spool.
    found = replace(found, mark=_own_spool(place, found.backup, found.others))
    fresh = place.database.with_name(f".{place.database.name}{FRESH}")
    try:
        _copy(found.folder / found.manifest.database, fresh)
        Spool(place.spool)
        copied = _copy_pixels(found, place, watcher)
        watcher.begin("holding what may have been printed since", 1)
        database = Database.open(f"sqlite:///{fresh}")
        try:
            schema.upgrade(database)
            with database.write() as connection:
                moment = found.manifest.at
                reason = RESTORED.format(moment=found.manifest.moment)
                held = hold_unfinished(connection, place.clock(), reason, moment)
                number = _go_on(connection, found)
            spool = Spool(place.spool)
            lost = Jobs(database, place.clock).recovery.hold_without_pixels(spool.has)
            Retention(database, place.clock).count_missing(spool.size)
            identity.bind(database)
            progress = identity.seen(database).progress
        finally:
            database.close()
        assert progress is not None  # the tables are the newest
        refuse_existing(place)
        moved = set_aside(place.database, place.clock())
        # The mark first: a database whose spool has none could not be told from another one.
        write_mark(place.spool, progress)
        try:
            _put_in_place(fresh, place.database)
        except BaseException:
            _put_back(place.spool, found.mark)
            raise
    finally:
        remove_copy(fresh)
    sync_folder(place.database.parent, where_possible=True)
    return Restored(
        held=tuple(held),
        lost=tuple(lost),
        copied=copied,
        next_number=number,
        set_aside=tuple(moved),
    )


def _put_in_place(fresh: Path, file: Path) -> None:
    """Give the complete database its name, which no other file has.

    Raises: RestoreRefused: another process has made a file of that name. OSError.
    """
    try:
        try:
            os.link(fresh, file)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            # An empty file reserves the name: beside a spool with a mark, commands take it for a
            # lost database, and write nothing into it.
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            fresh.replace(file)
    except FileExistsError:
        raise RestoreRefused(
            f"{file}: another command has made a database here while the backup was restored. That "
            f"one was left as it is, and the backup is not in place. {_keep(file)}"
        ) from None


def _put_back(spool: Path, mark: Progress | None) -> None:
    """Have the spool say again what it said before: it belongs to the database that is there."""
    if mark is not None:
        write_mark(spool, mark)
    else:
        (spool / FILE).unlink(missing_ok=True)
        sync_folder(spool)


def _own_spool(place: Place, backup: BackupSeen, others: int) -> Progress | None:
    """The mark of the spool that is in place, which must be this backup's broker's; `others` of its
    files are none of the backup's."""
    seen = spool_seen(place.spool)
    mark = seen.mark
    aside = f"Move it away, as by `mv {place.spool} {place.spool}.before`, and keep it"
    match backup_fit(backup, seen, others):
        case BackupFit.FITS | BackupFit.BY_NUMBERS:
            return mark
        case BackupFit.UNREADABLE:
            raise RestoreRefused(
                f"{place.spool}: what says to which database this spool belongs is damaged. "
                f"{aside}: then do this again; all pixels come from the backup then"
            )
        case BackupFit.OTHER:
            assert mark is not None
            raise RestoreRefused(
                f"{place.spool}: this spool belongs to another database (identity "
                f"{mark.identity[:8]}) than the backup ({backup.identity[:8]}): is data_dir the "
                f"right one? If it is: {aside}, then do this again"
            )
        case BackupFit.AHEAD:
            assert mark is not None
            raise RestoreRefused(
                f"{place.spool}: this spool's database came to job {mark.jobs}, and the backup, "
                f"whose tables are of an earlier version and name no database, to job "
                f"{backup.jobs}: they are of different brokers. Is data_dir the right one? If it "
                f"is: {aside}, then do this again; all pixels come from the backup then"
            )
        case BackupFit.UNMARKED:
            raise RestoreRefused(
                f"{place.spool}: this spool has pixels that are not in the backup, and nothing "
                f"says to which database it belongs. {aside}, then do this again"
            )


def _check_rows(file: Path, manifest: Manifest) -> None:
    refused = (
        f"{file}: the backup's database is damaged ({{}}), so nothing was restored. Restore "
        "another backup"
    )
    if not file.is_file():
        raise RestoreRefused(f"{file}: the backup's database is missing; try another backup")
    if file.stat().st_size != manifest.database_bytes or hash_of(file) != manifest.database_hash:
        raise RestoreRefused(refused.format("it is not what the backup wrote"))
    try:
        faults: Sequence[str] = examine(file, full=True, immutable=True).faults
    except sqlite3.Error as error:
        faults = (damage(error) or str(error),)
    if faults:
        raise RestoreRefused(refused.format(faults[0]))


def _copy(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with source.open("rb") as old, os.fdopen(os.open(target, flags, 0o600), "wb") as new:
        shutil.copyfileobj(old, new, 1 << 20)
        new.flush()
        os.fsync(new.fileno())


def _copy_pixels(found: Inspection, place: Place, watcher: Watcher) -> int:
    """Copy what the spool has not; how many. What has gone bad since is left to `hold_lost`."""
    left = [each.name for each in found.wanted if each.name not in found.there]
    watcher.begin("copying pixels", len(left))
    copied = 0
    for number, name in enumerate(left, start=1):
        copied += (
            copy_pixels(place_of(found.folder / SPOOL, name), place.spool, name)[0]
            is PixelsFound.COPIED
        )
        watcher.reached(number)
    for folder in {name[:2] for name in left}:
        sync_folder(place.spool / folder)
    return copied


def _go_on(connection: Connection, found: Inspection) -> int:
    """Have changes and job numbers go on where the lost database was; the next job's number.

    Where that is not known, some numbers are left out: one that a person has read is not given
    again. What retention had released is decided anew: the spool may have films in it that were
    taken since.
    """
    if found.by_numbers and found.mark is not None:
        # The upgrade gave the database that is lost this identity: it is the same one.
        connection.execute(update(queue).values(identity=found.mark.identity))
    known = found.mark or identity.progress(connection)
    apart = 0 if found.mark else NUMBERS_APART
    last = set_forward(connection, known.jobs + apart, known.changes)
    connection.execute(delete(released))
    return last + 1
