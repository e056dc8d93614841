"""Alarms above each table and page: that nothing prints, or that films are refused."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from broker.model.disk import MB
from broker.model.trouble import PRINT_AGAIN
from broker.model.vitals import Storage
from broker.operations import missing_pixels, readiness
from broker.operations.readiness import ObstacleKind, read_vitals, storage_state
from broker.operations.text import moment

if TYPE_CHECKING:
    from broker.operations.opened import Store

NOT_RUNNING = (
    "NO BROKER IS RUNNING on this data directory: modalities cannot print, nothing comes out."
)
SAFE = "What waits is safe."
START = "`broker serve`, or your service, starts it."
SPOOL_MISSING = (
    "THE SPOOL IS MISSING while the broker runs: it refuses films and prints nothing. Stop it."
)
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
REFUSED = "THE BROKER REFUSES FILMS: {words}."
SAID = frozenset(
    {ObstacleKind.NOT_RUNNING, ObstacleKind.SPOOL, ObstacleKind.LOCKED, ObstacleKind.ROOM}
)
"""Those with a sentence of their own."""
LOCKED_S = 1.0
"""The broker itself locks it for moments only."""
LOG_MB = 64
"""A larger write-ahead log is an alarm."""
DAMAGED = (
    "THE DATABASE IS DAMAGED: {file}: {damage}. Films may be refused, or not be printed. Stop the "
    "broker, then `broker db check` lists the damage; `broker restore DIR` brings a backup back."
)
REPLACED = (
    "THE DATABASE WAS REPLACED WHILE THE BROKER RUNS: {replaced}. Films are refused, and "
    "nothing is sent to any printer; what is shown here may be of another database. Stop the "
    "broker, put the right database back as {file} with the file of the same name and -wal, then "
    "`broker serve`. If it is lost: `broker restore --help`, or `broker spool adopt`."
)
FAULTS = (
    "THE WHOLE CHECK OF THE QUEUE FOUND FAULTS at {at} UTC ({faults}), as: {fault}. `broker db "
    "check` lists them, and what to do; the next whole check, or start, takes this away."
)
LOG = (
    "THE DATABASE'S LOG GROWS: {mb} MB in {folder}. {reader} The log shrinks by itself once that "
    "ends."
)
NOT_RELOADED = (
    "THE CONFIGURATION WAS NOT RELOADED at {when} UTC: {why}. The broker keeps the one that it "
    "has. Correct the file, then send SIGHUP (`systemctl reload broker`)."
)


def alarms(store: Store) -> list[str]:
    """Sentences to put above a table; empty without an alarm."""
    said = _of_storage(store)
    if store.damage or storage_state(store).replaced:
        return said  # what is read from such a database may be wrong, or break
    gone = missing_pixels.spool_gone(store)
    missing, needed = (0, 0) if gone else missing_pixels.missing(store)
    if not store.running:
        said.append(_idle(gone, missing))
    elif gone:
        said.append(f"{SPOOL_MISSING} {gone}.")
    if words := _not_reloaded(store):
        said.append(words)
    found = readiness.look(store, patience_s=LOCKED_S, writing=False)
    kinds = {each.kind for each in found.obstacles}
    if ObstacleKind.LOCKED in kinds:
        said.append(LOCKED.format(file=store.config.database_file))
    if store.running:
        others = [each for each in found.obstacles if each.kind not in SAID]
        if ObstacleKind.SPOOL in kinds and not gone:
            others += [each for each in found.obstacles if each.kind is ObstacleKind.SPOOL]
        said += [REFUSED.format(words=each.words) for each in others]
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


def _not_reloaded(store: Store) -> str:
    """That the last reload has failed, and why; empty when it has not."""
    found = read_vitals(store.config.data_dir)
    if found is None or not found.not_reloaded:
        return ""
    return NOT_RELOADED.format(when=moment(found.not_reloaded_at), why=found.not_reloaded)


def _of_storage(store: Store) -> list[str]:
    """Sentences to put above a table; none when all is well."""
    found = storage_state(store)
    file = store.config.database_file
    said = []
    if found.replaced:
        said.append(REPLACED.format(file=file, replaced=found.replaced))
    if found.damage:
        said.append(DAMAGED.format(file=file, damage=found.damage))
    if found.faults:
        at = moment(found.checked_at)
        said.append(FAULTS.format(at=at, faults=found.faults, fault=found.fault))
    if found.log_bytes > LOG_MB * MB:
        mb = found.log_bytes // MB
        said.append(LOG.format(mb=mb, folder=file.parent, reader=log_reader(found)))
    return said


def log_reader(found: Storage) -> str:
    """Who keeps the log from shrinking, in a sentence."""
    if not found.log_reader:
        return "A program that reads the database keeps it from shrinking, or films come fast."
    minutes = found.log_reader_s / 60
    return f"It is kept from shrinking by {found.log_reader}, for {minutes:.0f} min: end that."
