"""How the database file is: what the relay has met, and what this process has met itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from broker.model.room import MB
from broker.model.vitals import Storage
from broker.operations import vitals
from broker.operations.text import moment

if TYPE_CHECKING:
    from broker.operations.opened import Store

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
    found = vitals.read(store.config.data_dir)
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
