"""Whether films can be taken now: for balancers, keepalived and monitors."""

from __future__ import annotations

import os

from broker.desk.alarms import not_reloaded
from broker.desk.opened import Store
from broker.model.room import MB
from broker.store.database import FAILURES, in_words

LOCKED_S = 0.2
"""Longer than the relay itself keeps it."""


def remarks(store: Store) -> list[str]:
    """What keeps no film from being taken, and yet needs a person; a line each."""
    if not not_reloaded(store):
        return []
    return ["the configuration file was changed and not taken over: `broker printers` says why"]


def problems(store: Store) -> list[str]:
    """What is in the way, a line each; none when films can be stored and printed later."""
    said = []
    if not store.running:
        said.append("no broker is running on this data directory")
    incoming = store.config.data_dir / "spool" / "incoming"
    if not os.access(incoming, os.W_OK | os.X_OK):
        said.append("the spool is missing, or cannot be written")
    try:
        room = store.config.room()
    except OSError as error:
        said.append(f"the disk cannot be asked: {error.strerror}")
    else:
        if room.low:
            said.append(f"the disk is nearly full: {room.free // MB} MB free")
    try:
        if store.locked(LOCKED_S):
            said.append("the database is locked by another program")
    except FAILURES as error:
        said.append(f"the database cannot be written: {in_words(error)}")
    return said
