"""The whole check of a queue: pages, references, rows, and the spool that the rows refer to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from broker.backup.row_checks import Fault, RowChecks
from broker.backup.snapshot import Snapshot, Wanted
from broker.model.finding import Finding, Kind, gathered
from broker.model.job import FINISHED
from broker.spool.binding import mismatch
from broker.spool.pixel_copies import Found, check_pixels, is_name, place_in, size_of
from broker.store import schema
from broker.store.integrity import damage, examine, open_to_read

Tell = Callable[[str, int, int], None]
"""Is told what is checked, how far it is, and of how much."""


class Interrupted(Exception):
    """The check was broken off."""


@dataclass(frozen=True)
class Checked:
    """What was checked, and what is wrong."""

    findings: tuple[Finding, ...]
    jobs: int
    films: int
    files: int
    """Spool files that rows refer to."""


def check(
    database: Path,
    spool: Path,
    *,
    full: bool = False,
    tell: Tell = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Checked:
    """Check everything; nothing is written. With `full`, the content of spool files, too.

    Raises:
        Interrupted: `stop` said so.
        OSError: there is no database, or the spool cannot be read.
        sqlite3.Error: the database cannot be read now, for another reason than damage.
    """
    faults: list[Fault] = []
    tell("checking pages and references", 0, 1)
    found = examine(database, full=True, stop=stop)
    if not found.complete:
        raise Interrupted
    faults += [(Kind.PAGES, words, None) for words in found.pages]
    faults += [(Kind.REFERENCES, words, None) for words in found.references]
    jobs = films = 0
    wanted: list[Wanted] = []
    try:
        if version := _version(database):
            faults.append((Kind.TABLES, version, None))
        else:
            if misfit := mismatch(spool, database):
                faults.append((Kind.FIT, misfit.words, None))
            with closing(open_to_read(database)) as connection:

                def told(done: int, total: int) -> None:
                    if stop():
                        raise Interrupted
                    tell("checking jobs", done, total)

                rows = RowChecks(connection, told)
                faults += rows.faults()
                jobs, films = rows.jobs, rows.films
            with Snapshot.live(database) as live:
                wanted = live.wanted()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not damage(error):
            raise
        faults.append((Kind.PAGES, f"rows cannot be read: {damage(error)}", None))
    faults += _of_spool(database, spool, wanted, full, tell, stop)
    return Checked(tuple(gathered(faults)), jobs, films, len(wanted))


def _version(database: Path) -> str:
    """What is to be said of tables of another version; empty of the newest."""
    with Snapshot.live(database) as live:
        found = live.schema
    if found == schema.head():
        return ""
    return f"the tables have version {found or 'none'}, and this broker works with {schema.head()}"


def _of_spool(
    database: Path,
    spool: Path,
    wanted: list[Wanted],
    full: bool,
    tell: Tell,
    stop: Callable[[], bool],
) -> list[Fault]:
    words = {}
    for number, each in enumerate(wanted, start=1):
        if stop():
            raise Interrupted
        if said := _of_file(spool, each, full=full):
            words[each.name] = said
        tell("checking the spool", number, len(wanted))
    if not words:
        return []
    # Asked again: a job may have ended, and its pixels been removed, since the list was made.
    faults: list[Fault] = []
    with closing(open_to_read(database)) as connection:
        for name, said in words.items():
            ask = "SELECT j.id, j.state FROM spooled AS s JOIN jobs AS j ON j.id = s.job_id"
            for job_id, state in connection.execute(f"{ask} WHERE s.name = ?", (name,)):
                kind = Kind.REPRINTS if state in FINISHED else Kind.PIXELS
                faults.append((kind, said, job_id))
    return faults


def _of_file(spool: Path, wanted: Wanted, *, full: bool) -> str:
    name = wanted.name
    size = size_of(spool, name)
    if size is None and is_name(name) and place_in(spool, name).exists():
        return f"spool file {name} is set aside; the broker brings it back at its next start"
    if size is None:
        return f"spool file {name} is missing"
    if wanted.length is not None and size != wanted.length:
        return f"spool file {name} has {size} bytes instead of {wanted.length}"
    if full and check_pixels(spool, name, wanted.length) is Found.DAMAGED:
        return f"spool file {name} is not what its name says"
    return ""
