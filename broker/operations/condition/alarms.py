"""What stands above each table and page: the state of the whole, and further alarms."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from broker.model.printers.printer import Printer
from broker.model.printers.trouble import PRINT_AGAIN
from broker.model.reasons.remedies import Face
from broker.model.storage.disk import MB
from broker.model.vitals import Storage
from broker.operations.condition import readiness
from broker.operations.condition.readiness import read_vitals, storage_state
from broker.operations.condition.refusals import RefusedLately, refused_lately
from broker.operations.condition.whole import (
    UNREADABLE,
    Situation,
    besides,
    situation,
    standing_printers,
    stopped,
)
from broker.operations.jobs import missing_pixels
from broker.operations.words.text import moment

if TYPE_CHECKING:
    from broker.operations.opened import Store

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
LOCKED_S = 1.0
"""The broker itself locks it for moments only."""
LOG_MB = 64
"""A larger write-ahead log is an alarm."""
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


@dataclass(frozen=True)
class Above:
    """What stands above each table and page."""

    situation: Situation
    printers: tuple[Printer, ...]
    """As they stand: of each that refuses every film, it is said."""
    others: tuple[str, ...] = ()
    """Further alarms, a sentence each, with what to type."""
    refused: RefusedLately | None = None
    """Callers that were refused lately; no alarm."""

    @property
    def alarming(self) -> bool:
        """Whether a person has to do something."""
        return self.situation.overall.condition.alarming or bool(self.others)

    def alarms(self, now: float, face: Face = Face.COMMANDS) -> list[str]:
        """All that a person has to know: the state of the whole where that is one, then the
        others."""
        whole = self.situation
        first = [whole.line(now, face)] if whole.overall.condition.alarming else []
        return [*first, *self.others]


def above(store: Store, now: float) -> Above:
    """The state of the whole, and what else is to be known, at `now`."""
    others = _of_storage(store)
    found = readiness.look(store, patience_s=LOCKED_S, writing=False)
    obstacles = found.obstacles
    if not store.running:
        others[:0] = besides(store, obstacles)
    if any(each.kind in UNREADABLE for each in obstacles):
        return Above(situation(store, obstacles, (), now), (), tuple(others))
    printers = standing_printers(store)
    whole = situation(store, obstacles, printers, now)
    if words := _not_reloaded(store):
        others.append(words)
    gone = missing_pixels.spool_gone(store)
    missing, needed = (0, 0) if gone else missing_pixels.missing(store)
    if missing:
        folder = missing_pixels.folder(store)
        others.append(MISSING.format(missing=missing, needed=needed, folder=folder))
    if number := store.retention.shed_early(now - DAY_S, EARLY_S):
        others.append(SHED.format(number=number, folder=store.config.fuller))
    return Above(whole, printers, tuple(others), refused_lately(store, now))


def alarms(store: Store) -> list[str]:
    """What a person has to know, as sentences; empty when all is well."""
    now = time.time()
    return above(store, now).alarms(now)


def not_running(store: Store) -> str:
    """That no broker runs, where none does, and what starts it; else empty."""
    now = time.time()
    return "" if store.running else stopped(store).line(now, Face.COMMANDS)


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
