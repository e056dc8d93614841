"""The vital signs of the broker that runs on a data directory, its database and configuration."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from broker.model.room import MB
from broker.model.vitals import Storage, Vitals
from broker.operations.text import moment
from broker.relay.vitals import FILE_NAME
from broker.store.occupancy import Occupancy

if TYPE_CHECKING:
    from broker.operations.opened import Store


def read(data_dir: Path) -> Vitals | None:
    """The latest; None when none runs, or tells nothing that can be read.

    What a broker that was killed has left is not taken for that of the next one.
    """
    if not Occupancy.taken(data_dir):
        return None
    try:
        found = Vitals.of_document(json.loads((data_dir / FILE_NAME).read_text()))
        return found if _lives(found.pid) else None
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


def _lives(pid: int) -> bool:
    """Whether there is such a process, whoever owns it."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


NOT_RELOADED = (
    "THE CONFIGURATION WAS NOT TAKEN OVER when it was read again at {when} UTC: {why}. The broker "
    "goes on with the one before. Mend the file, then send SIGHUP (`systemctl reload broker`)."
)
REMARK = "the configuration file was changed and not taken over: `broker printers` says why"


def not_reloaded(store: Store) -> str:
    """That the last reload has failed, and why; empty when it has not."""
    found = read(store.config.data_dir)
    if found is None or not found.not_reloaded:
        return ""
    return NOT_RELOADED.format(when=moment(found.not_reloaded_at), why=found.not_reloaded)


LOG_MB = 64
"""A write-ahead log that is larger is told."""

DAMAGED = (
    "THE DATABASE IS DAMAGED: {file}: {damage}. Films may be refused, or not be printed. Stop the "
    "broker, then `broker db check` says what is hit; `broker restore DIR` brings a backup back."
)
REPLACED = (
    "THE DATABASE WAS REPLACED BENEATH THE RUNNING BROKER: {replaced}. Films are refused, and "
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


def state(store: Store) -> Storage:
    """What is known now."""
    found = read(store.config.data_dir)
    told = found.storage if found is not None else Storage()
    return replace(
        told,
        damage=told.damage or store.damage(),
        replaced=told.replaced or store.replaced(),
    )


def alarms(store: Store) -> list[str]:
    """Sentences to put above a table; none when all is well."""
    found = state(store)
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
        said.append(LOG.format(mb=mb, folder=file.parent, reader=reader(found)))
    return said


def reader(found: Storage) -> str:
    """Who keeps the log from shrinking, in a sentence."""
    if not found.log_reader:
        return "A program that reads the database keeps it from shrinking, or films come fast."
    minutes = found.log_reader_s / 60
    return f"It is kept from shrinking by {found.log_reader}, for {minutes:.0f} min: end that."
