"""What a person must see with any table: that nothing prints, or that nothing is taken."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from broker.model.room import MB
from broker.model.trouble import PRINT_AGAIN
from broker.operations import missing_pixels, readiness, vitals
from broker.operations.readiness import ObstacleKind
from broker.operations.vitals import not_reloaded

if TYPE_CHECKING:
    from broker.operations.opened import Store

NOT_RUNNING = (
    "NO BROKER IS RUNNING on this data directory: modalities cannot print, nothing comes out."
)
SAFE = "What waits is safe."
START = "`broker serve`, or your service, starts it."
BENEATH = "THE SPOOL IS MISSING beneath the running broker: it can take and print nothing. Stop it."
LOW = (
    "THE DISK IS NEARLY FULL: {free} MB free at {folder}, and retention.floor_mb is {floor}: new "
    "films are refused; those that were taken are safe and print. Make room in that file system; "
    "`broker purge --pixels-hours 1 --dry-run` says what finished jobs would give."
)

LOCKED = (
    "THE DATABASE IS LOCKED by another program, mostly a backup that copies it or an sqlite3 "
    "shell: print requests wait for up to 10 s and then fail, and nothing is sent until that ends. "
    "File: {file}"
)
MISSING = (
    "PIXELS ARE MISSING: {missing} of {needed} images of jobs that are not finished are not in "
    "{folder}. If they are elsewhere, copy them back into this folder, beside what is there; do "
    "not replace it, films taken since are in it. Jobs without them are held at the broker's "
    f"start, or when their turn comes: {PRINT_AGAIN}, then cancel the job."
)
EARLY_S, DAY_S = 3600.0, 86400.0
SHED = (
    "PIXELS OF {number} PRINTED JOBS WERE REMOVED WITHIN AN HOUR of their end, today, as the disk "
    "was nearly full: they cannot be printed again. Make room at {folder}."
)
REFUSED = "FILMS CANNOT BE TAKEN: {words}."
UNPRINTED = "FILMS ARE TAKEN AND NOT PRINTED: {words}."
SAID = frozenset(
    {ObstacleKind.NOT_RUNNING, ObstacleKind.SPOOL, ObstacleKind.LOCKED, ObstacleKind.ROOM}
)
"""What has a sentence of its own."""
LOCKED_S = 1.0
"""The broker itself locks it for moments only."""


def alarms(store: Store) -> list[str]:
    """Sentences to put above a table; none when all is well."""
    said = vitals.alarms(store)
    if store.damage() or vitals.state(store).replaced:
        return said  # what is read from such a database may be wrong, or break
    gone = missing_pixels.spool_gone(store)
    missing, needed = (0, 0) if gone else missing_pixels.missing(store)
    if not store.running:
        said.append(_idle(gone, missing))
    elif gone:
        said.append(f"{BENEATH} {gone}.")
    if words := not_reloaded(store):
        said.append(words)
    found = readiness.look(store, patience_s=LOCKED_S, writing=False)
    kinds = {each.kind for each in found.obstacles}
    if ObstacleKind.LOCKED in kinds:
        said.append(LOCKED.format(file=store.config.database_file))
    if store.running:
        others = [each for each in found.obstacles if each.kind not in SAID]
        if ObstacleKind.SPOOL in kinds and not gone:
            others += [each for each in found.obstacles if each.kind is ObstacleKind.SPOOL]
        for each in others:
            sentence = UNPRINTED if each.kind is ObstacleKind.NO_PRINTER else REFUSED
            said.append(sentence.format(words=each.words))
    if missing:
        said.append(
            MISSING.format(missing=missing, needed=needed, folder=missing_pixels.folder(store))
        )
    if ObstacleKind.DATABASE not in kinds and (
        number := store.retention.shed_early(time.time() - DAY_S, EARLY_S)
    ):
        said.append(SHED.format(number=number, folder=store.config.fuller))
    if ObstacleKind.ROOM in kinds:
        room = store.config.room()
        folder = store.config.fuller
        said.append(LOW.format(free=room.free // MB, folder=folder, floor=room.floor // MB))
    return said


def not_running(store: Store) -> str:
    """That no broker runs, where none does, and what starts it; else empty."""
    if store.running:
        return ""
    gone = missing_pixels.spool_gone(store)
    return _idle(gone, 0 if gone else missing_pixels.missing(store)[0])


def _idle(gone: str, missing: int) -> str:
    """Without a broker: what is promised depends on the pixels."""
    if gone:
        return f"{NOT_RUNNING} {gone}."
    return " ".join((NOT_RUNNING, *([] if missing else [SAFE]), START))
