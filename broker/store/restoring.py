"""Restoring a backup into a place without a database: checked whole first, then put in place.

What had not been printed when the backup was made may have been printed since: every such job comes
back held, its films uncertain, so that nothing prints by itself and a release flags it (promise 3).
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete

from broker.model.spool_fit import Progress
from broker.store import identity, schema
from broker.store.adoption import hold_unfinished, set_forward
from broker.store.backup import Watcher
from broker.store.binding import spool_seen
from broker.store.database import Database
from broker.store.integrity import damage, examine
from broker.store.jobs import Jobs
from broker.store.leftovers import left_beside, set_aside
from broker.store.manifest import SPOOL, Manifest, sync_folder
from broker.store.occupancy import Occupancy
from broker.store.pixel_copies import Found, check_pixels, copy_pixels, names_in
from broker.store.retention import Retention
from broker.store.snapshot import Snapshot, Wanted, hash_of, remove_copy
from broker.store.spool import Spool
from broker.store.spool_mark import write_mark
from broker.store.stored import place_of
from broker.store.tables import released

FRESH = ".restoring.db"
"""The database until it is complete, beside the place where it goes."""
NUMBERS_APART = 1000
"""Job numbers that are left out where it is not known how far they had come."""
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

    @property
    def beside(self) -> list[Path]:
        """What a database that is gone has left, which must not meet another one."""
        return left_beside(self.database)


@dataclass(frozen=True)
class Inspection:
    """A backup that was checked whole, and what its place has already."""

    folder: Path
    manifest: Manifest
    wanted: tuple[Wanted, ...]
    there: frozenset[str]
    """Of these, the ones that the spool has and that are right."""
    missing: tuple[str, ...]
    """In neither of the two."""
    damaged: tuple[str, ...]
    others: int
    """Files in the spool that no row of the backup refers to."""
    mark: Progress | None
    """What the spool knows of its database."""


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
            f"{file}: there is a database already, and a restore replaces none. If it is lost or "
            f"damaged: keep it, as by `mkdir {file.parent}/before && mv {file}* "
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
    mark = _own_spool(place, manifest)
    file = folder / manifest.database
    watcher.begin("checking the backup's database", 1)
    _check_rows(file, manifest)
    with Snapshot.of(file) as snapshot:
        wanted = snapshot.wanted()
    watcher.begin("checking pixels", len(wanted))
    there, missing, damaged = set(), [], []
    for number, each in enumerate(wanted, start=1):
        if check_pixels(place.spool, each.name, each.length) is None:
            there.add(each.name)
        else:
            match check_pixels(folder / SPOOL, each.name, each.length):
                case Found.MISSING:
                    missing.append(each.name)
                case Found.DAMAGED:
                    damaged.append(each.name)
        watcher.count(number)
    names = {each.name for each in wanted}
    others = sum(each.name not in names for each in names_in(place.spool))
    return Inspection(
        folder,
        manifest,
        tuple(wanted),
        frozenset(there),
        tuple(missing),
        tuple(damaged),
        others,
        mark,
    )


def restore(found: Inspection, place: Place, watcher: Watcher) -> Restored:
    """Put a backup in place; the database comes last, so one that is broken off can be repeated.

    The place must be `occupied`. What the backup lacks is left out, and its jobs say so.

    Raises:
        SchemaTooNew: a later version of the broker made the backup.
        OSError, sqlite3.Error: something cannot be written.
    """
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
            lost = Jobs(database, place.clock).hold_lost(spool.has)
            Retention(database, place.clock).count_missing(spool.size)
            identity.bind(database)
            progress = identity.seen(database).progress
        finally:
            database.close()
        assert progress is not None  # the tables are the newest
        moved = set_aside(place.database, place.clock())
        # The mark first: a database whose spool has none could not be told from another one.
        write_mark(place.spool, progress)
        fresh.replace(place.database)
        sync_folder(place.database.parent)
    finally:
        remove_copy(fresh)
    return Restored(
        held=tuple(held),
        lost=tuple(lost),
        copied=copied,
        next_number=number,
        set_aside=tuple(moved),
    )


def _own_spool(place: Place, manifest: Manifest) -> Progress | None:
    """The mark of the spool that is in place, which must be this backup's broker's."""
    seen = spool_seen(place.spool)
    aside = f"Move it away, as by `mv {place.spool} {place.spool}.before`, and keep it"
    if not seen.readable:
        raise RestoreRefused(
            f"{place.spool}: what says to which database this spool belongs is damaged. {aside}: "
            "then do this again; all pixels come from the backup then"
        )
    if seen.mark is not None and seen.mark.identity != manifest.identity:
        raise RestoreRefused(
            f"{place.spool}: this spool belongs to another database (identity "
            f"{seen.mark.identity[:8]}) than the backup ({manifest.identity[:8] or 'none'}): is "
            f"data_dir the right one? If it is: {aside}"
        )
    if seen.mark is None and seen.files and manifest.identity:
        raise RestoreRefused(
            f"{place.spool}: this spool has pixels, and nothing says to which database it belongs. "
            f"{aside}"
        )
    return seen.mark


def _check_rows(file: Path, manifest: Manifest) -> None:
    refused = (
        f"{file}: the backup's database is damaged ({{}}), so nothing was restored. Try another "
        "backup; `sqlite3 FILE .recover` may read a part of it"
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
            copy_pixels(place_of(found.folder / SPOOL, name), place.spool, name)[0] is Found.COPIED
        )
        watcher.count(number)
    for folder in {name[:2] for name in left}:
        sync_folder(place.spool / folder)
    return copied


def _go_on(connection: Connection, found: Inspection) -> int:
    """Have changes and job numbers go on where the lost database was; the next job's number.

    Where that is not known, some numbers are left out: one that a person has read is not given
    again. What retention had released is decided anew: the spool may have films in it that were
    taken since.
    """
    known = found.mark or identity.progress(connection)
    apart = 0 if found.mark else NUMBERS_APART
    last = set_forward(connection, known.jobs + apart, known.changes)
    connection.execute(delete(released))
    return last + 1


def _set_aside(place: Place) -> list[Path]:
    """Give what a lost database has left another name; those."""
    moved = []
    for each in place.beside:
        other = each.with_name(f"{each.name}.before-{int(place.clock())}")
        each.rename(other)
        moved.append(other)
    return moved
