"""Whether films can be taken now, by what a film needs: for balancers, monitors and people."""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from broker.model.jobs.job import FINISHED
from broker.model.printers.printer import Duty, Health
from broker.model.printers.trouble import NoPrinters
from broker.model.storage.disk import Room
from broker.model.vitals import Storage, Vitals
from broker.operations.opened import Store
from broker.relay.vitals import FILE_NAME
from broker.store.database import FAILURES, in_words
from broker.store.occupancy import Occupancy

LOCKED_S = 0.5
"""How long another writer is waited for; the relay itself keeps the database for moments only."""
SILENT_S = 5.0
"""A relay without a sign of life for longer is stopped, or hangs: it gives one each second."""
FAILED_S = 60.0
"""How long a film that could not be stored counts, unless a later one could be. Without an end no
balancer would send the film that shows that the trouble is over."""
RECENT_S = 2.0
"""A film that was stored within this time shows that rows can be written: no need to try."""
REMARK = "the configuration file was changed and not reloaded: `broker printers` says why"
PROBE_BYTES = 4096
"""A block: a file system that is full has none, even where it has a place for a name."""


class ObstacleKind(Enum):
    """Why films are refused."""

    NOT_RUNNING = "not running"
    RELAY = "relay"
    SPOOL = "spool"
    ROOM = "room"
    LOCKED = "locked"
    DATABASE = "database"
    DAMAGED = "database damaged"
    REPLACED = "database replaced"
    NO_PRINTER = "no printer"
    QUEUE = "queue"
    HANGS = "hangs"


@dataclass(frozen=True)
class Obstacle:
    """One reason why films are refused."""

    kind: ObstacleKind
    words: str
    """One line: what, and where it helps what to do."""


@dataclass(frozen=True)
class Readiness:
    """What was found at one moment."""

    obstacles: tuple[Obstacle, ...] = ()
    remarks: tuple[str, ...] = ()
    """What does not keep films from being accepted and is worth a line, as that none is printed."""

    @property
    def ready(self) -> bool:
        """Whether films can be stored, and printed later."""
        return not self.obstacles


def look(
    store: Store,
    *,
    patience_s: float = LOCKED_S,
    writing: bool = True,
    committing: bool = True,
    clock: Callable[[], float] = time.time,
) -> Readiness:
    """Look at everything that a film needs.

    With `writing`, a small file is made in the spool and removed; with `committing`, too, a row
    that tells nothing is committed. Whether a film's rows can be written is tried in any case, and
    taken back.
    """
    now = clock()
    signs = read_vitals(store.config.data_dir)
    obstacles = [*_relay(store, signs, now), *_spool(store, writing=writing), *_room(store, signs)]
    remarks = [REMARK] if signs is not None and signs.not_reloaded else []
    stored = storage_state(store)
    if replaced := stored.replaced:
        words = f"the database was replaced beneath the running broker: {replaced}"
        obstacles.append(Obstacle(ObstacleKind.REPLACED, words))
    elif damage := stored.damage:
        obstacles.append(Obstacle(ObstacleKind.DAMAGED, f"the database is damaged: {damage}"))
    elif database := _database(store, signs, now, patience_s, committing=writing and committing):
        obstacles.append(database)
    else:
        try:
            obstacles += [*_printers(store), *_queue(store)]
            remarks += _off(store)
        except FAILURES as error:
            words = f"the database cannot be read: {in_words(error)}"
            obstacles.append(Obstacle(ObstacleKind.DATABASE, words))
    return Readiness(tuple(obstacles), tuple(remarks))


def _relay(store: Store, signs: Vitals | None, now: float) -> Iterator[Obstacle]:
    if not store.running:
        words = "no broker is running on this data directory"
        yield Obstacle(ObstacleKind.NOT_RUNNING, words)
        return
    silent = silent_s(store.config.data_dir, now)
    if silent is None:
        yield Obstacle(ObstacleKind.RELAY, "the broker has not begun to take films yet")
    elif silent > SILENT_S:
        words = f"the broker has given no sign of life for {silent:.0f} s: it is stopped, or hangs"
        yield Obstacle(ObstacleKind.RELAY, words)
    elif signs is not None and not signs.listening:
        words = "the broker does not listen on its port any more: start it again"
        yield Obstacle(ObstacleKind.RELAY, words)
    if signs is not None and signs.failing and 0 <= now - signs.failed_at < FAILED_S:
        yield Obstacle(ObstacleKind.RELAY, f"the last film could not be stored: {signs.failure}")


def _spool(store: Store, *, writing: bool) -> Iterator[Obstacle]:
    incoming = store.config.data_dir / "spool" / "incoming"
    if not os.access(incoming, os.X_OK) or not incoming.is_dir():
        yield Obstacle(ObstacleKind.SPOOL, "the spool is missing, or cannot be written")
        return
    if not writing:
        if not os.access(incoming, os.W_OK):
            yield Obstacle(ObstacleKind.SPOOL, "the spool is missing, or cannot be written")
        return
    path = incoming / uuid.uuid4().hex
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, bytes(PROBE_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            path.unlink()
    except OSError as error:
        yield Obstacle(ObstacleKind.SPOOL, f"the spool cannot be written: {_why(error, store)}")


def _why(error: OSError, store: Store) -> str:
    if error.errno == errno.ENOSPC and not os.statvfs(store.config.data_dir).f_favail:
        return "its file system has no inodes left"
    return (error.strerror or str(error)).lower()


def room_of(store: Store, signs: Vitals | None) -> Room:
    """On the fuller disk, with what a running broker leaves free there: the file may have been
    changed since that read it.

    Raises: OSError: when a folder is not there.
    """
    room = store.config.room()
    if store.running and signs is not None and signs.floor is not None:
        return replace(room, floor=signs.floor)
    return room


def _room(store: Store, signs: Vitals | None) -> Iterator[Obstacle]:
    try:
        room = room_of(store, signs)
    except OSError as error:
        yield Obstacle(ObstacleKind.ROOM, f"the disk cannot be asked: {error.strerror}")
        return
    if room.low and room.refuses(kept_bytes(store)):
        words = f"the disk is nearly full: {room.words}"
        yield Obstacle(ObstacleKind.ROOM, words)


def kept_bytes(store: Store) -> int:
    """How many bytes of pixels finished jobs keep, which go when a film comes; without a broker
    none go."""
    try:
        return store.references.kept_bytes() if store.running else 0
    except FAILURES:
        return 0  # which is told by itself


def _database(
    store: Store, signs: Vitals | None, now: float, patience_s: float, *, committing: bool
) -> Obstacle | None:
    if signs is not None and not signs.failing and 0 <= now - signs.stored_at < RECENT_S:
        return None
    try:
        free = store.rehearsal.write(patience_s)
        if free and committing:
            free = store.rehearsal.commit(patience_s, now)
    except FAILURES as error:
        words = f"the database cannot be written: {in_words(error)}"
        return Obstacle(ObstacleKind.DATABASE, words)
    if free:
        return None
    return Obstacle(ObstacleKind.LOCKED, "the database is locked by another program")


def _printers(store: Store) -> Iterator[Obstacle]:
    if not store.printers.list():
        yield Obstacle(ObstacleKind.NO_PRINTER, NoPrinters.words)


def _off(store: Store) -> Iterator[str]:
    """That no printer takes films, which are kept."""
    printers = store.printers.list()
    if any(each.duty is Duty.READY and each.health is not Health.DOWN for each in printers):
        return
    if printers:
        how = ", ".join(
            f"{each.name} {each.health if each.duty is Duty.READY else f'in {each.duty}'}"
            for each in printers
        )
        yield f"no printer takes films now ({how}): they are kept until one does"


def _queue(store: Store) -> Iterator[Obstacle]:
    most = store.config.limits.whole_queue
    numbers = store.jobs.numbers()
    waiting = sum(number for state, number in numbers.items() if state not in FINISHED)
    if waiting >= most:
        words = f"the queue is full: {waiting} jobs are not finished (limits.queue_jobs)"
        yield Obstacle(ObstacleKind.QUEUE, words)


def read_vitals(data_dir: Path) -> Vitals | None:
    """The latest; None when none runs, or tells nothing that can be read.

    What a broker that was killed has left, here or on the machine that the folder was copied from,
    is not taken for that of the next one.
    """
    if not Occupancy.taken(data_dir):
        return None
    try:
        found = Vitals.of_document(json.loads((data_dir / FILE_NAME).read_text()))
        own = Occupancy.holder(data_dir) in ("", str(found.pid))
        return found if own and _lives(found.pid) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it has just begun, or is of another version


def silent_s(data_dir: Path, now: float) -> float | None:
    """For how many seconds the broker that runs has given no sign of life; None before the first.

    `now` is in seconds since the epoch; a clock that was set back counts as no silence.
    """
    try:
        return max(0.0, now - (data_dir / FILE_NAME).stat().st_mtime)
    except OSError:
        return None


def gives_no_sign(data_dir: Path, now: float) -> bool:
    """Whether the broker that runs is stopped, or hangs; `now` is in seconds since the epoch."""
    silent = silent_s(data_dir, now)
    return silent is not None and silent > SILENT_S


def _lives(pid: int) -> bool:
    """Whether that process runs, as any user."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def storage_state(store: Store) -> Storage:
    """What is known now."""
    found = read_vitals(store.config.data_dir)
    told = found.storage if found is not None else Storage()
    return replace(
        told,
        damage=told.damage or store.damage,
        replaced=told.replaced or store.replaced,
    )
