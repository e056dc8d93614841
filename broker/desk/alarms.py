"""What a person must see with any table: that nothing prints, or that nothing is taken."""

from __future__ import annotations

from broker.desk.explanation import NOT_RUNNING
from broker.desk.opened import Store
from broker.model.room import MB

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
    "not replace it, films taken since are in it. What is not there is held when its turn comes."
)
LOCKED_S = 1.0
"""The broker itself locks it for moments only."""


def alarms(store: Store) -> list[str]:
    """Sentences to put above a table; none when all is well."""
    said = [] if store.running else [NOT_RUNNING]
    if store.locked(LOCKED_S):
        said.append(LOCKED.format(file=store.config.database_file))
    folder, needed = store.config.data_dir / "spool", store.jobs.needed()
    if missing := sum(not (folder / name[:2] / name).exists() for name in needed):
        said.append(MISSING.format(missing=missing, needed=len(needed), folder=folder))
    room = store.config.room()
    if room.low:
        folder = store.config.fuller
        said.append(LOW.format(free=room.free // MB, folder=folder, floor=room.floor // MB))
    return said
