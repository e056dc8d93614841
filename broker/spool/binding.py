"""Binding a database and a spool: each start makes sure that they belong together."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from broker.model.spool_fit import DatabaseSeen, Misfit, Progress, SpoolSeen, misfit
from broker.spool.mark import FILE, MarkUnreadable, SpoolMark, read_mark, set_back
from broker.spool.stored import kept
from broker.store import identity
from broker.store.database import FAILURES, Database
from broker.store.identity import Changes
from broker.store.replacement import DatabaseReplaced
from broker.store.sqlite import as_failure, seen_in


class SpoolMismatch(Exception):
    """The database and the spool do not fit together: a person decides. `words` says what is seen,
    and each way on."""

    def __init__(self, kind: Misfit, seen: str, ways: str) -> None:
        self.kind = kind
        self.seen = seen
        self.words = f"{seen}. {ways}"
        super().__init__(self.words)


def spool_seen(spool: Path) -> SpoolSeen:
    """What there is of the spool in that directory. Raises: OSError: when it cannot be read."""
    try:
        mark = read_mark(spool)
    except MarkUnreadable:
        return SpoolSeen(None, readable=False)
    return SpoolSeen(mark, files=mark is not None or any(True for _ in kept(spool)))


def mismatch(spool: Path, file: Path) -> SpoolMismatch | None:
    """What a person has to decide before the database in that file is opened for this spool.

    Nothing is made or changed. Raises: sqlite3.Error: when the file is no database, or damaged.
    OSError.
    """
    # The mark first: a broker that is running makes the database come further meanwhile.
    there = spool_seen(spool)
    return judged(spool, there, file, seen_in(file))


def judged(
    spool: Path, there: SpoolSeen, database: Path, seen: DatabaseSeen
) -> SpoolMismatch | None:
    """What a person has to decide, in words; None where the two fit."""
    kind = misfit(seen, there)
    if kind is None:
        return None
    return SpoolMismatch(kind, _what(kind, spool, there, database, seen), _ways(kind, spool))


def bind(database: Database, changes: Changes, spool: Path) -> SpoolMark:
    """Keep the mark of that spool in step with the database from now on; they must fit.

    A spool without a mark gets one. Raises: OSError.
    """
    seen = identity.seen(database)
    own = seen.progress
    assert own is not None  # the tables are the newest
    there = read_mark(spool)
    # A seal has done its part once the right database is back.
    fresh = there is None or there.replaced_at
    mark = SpoolMark.begin(spool, own) if fresh else SpoolMark(spool)
    changes.check, changes.committed = mark.check, mark.advance
    if seen.bound:
        mark.advance(own)  # a command may have changed something while no broker was running
    else:
        identity.bind(database)  # whose commit advances it
    return mark


def look(database: Database, mark: SpoolMark) -> None:
    """Look whether the database beneath the running broker is the one that the mark is of: its
    file, and how far a connection that is new finds it.

    Between two looks nothing is written to, nor read from, a file that is not the one that was
    opened: each change looks last before its commit, and each connection when it is made. A film
    that is committed while the file is moved is in the file that was moved, and in the mark, so
    that the next start asks for it. A file that is overwritten in place is looked at before the
    next change. Where its log hides that, as the log has the newest rows, its other rows are a
    mixture of both, as of any damage, until SQLite, a check, or the count tells.

    Raises: DatabaseReplaced: when it is not; the database has noted it. DBAPIError, OSError: when
    it cannot be read.
    """
    database.look()
    database.written_is_known()
    # What is known first: it comes further meanwhile.
    known = mark.latest
    try:
        found = seen_in(database.file).progress
        if known is not None and (found is None or found.is_behind(known)):
            raise set_back(found, known)
    except (sqlite3.Error, DatabaseReplaced) as error:
        database.look()  # which knows better what has become of the file
        database.met(error)
        if isinstance(error, DatabaseReplaced):
            raise
        raise as_failure(error) from error


def seal(database: Database, mark: SpoolMark, now: float) -> None:
    """Let only the right database fit the spool from now on: it was replaced.

    How far that one came is what a connection sees that was open before. Raises: OSError: when the
    disk does not take it yet.
    """
    try:
        with database.read() as connection:
            last = identity.progress(connection)
    except FAILURES:
        last = None  # none is open any more, or it cannot read: what this process has seen counts
    mark.seal(now, last)


def sealed(spool: Path) -> bool:
    """Whether a broker has seen its database replaced, and no start has found the right one since.

    Raises: OSError: when the mark cannot be read.
    """
    try:
        mark = read_mark(spool)
    except MarkUnreadable:
        return False  # which the next start tells
    return mark is not None and mark.replaced_at > 0


def _what(kind: Misfit, spool: Path, there: SpoolSeen, database: Path, seen: DatabaseSeen) -> str:
    known = there.mark
    belongs = f"the spool {spool} belongs to {_named(known)}" if known else ""
    own = seen.progress
    match kind:
        case Misfit.NEW:
            new = f"{database}: there is no database here, or it is new"
            if known is None:
                return f"{new}: it never had a job; the spool {spool} keeps pixels"
            return f"{new}; {belongs}"
        case Misfit.OTHER:
            this = (
                _named(own) if own else f"one of an earlier version, that came to job {seen.jobs}"
            )
            return f"{database}: this database is {this}; {belongs}"
        case Misfit.OLDER:
            assert own is not None
            return (
                f"{database}: this database has lost what was written last, or is an older copy: "
                f"it is {_named(own)}; {belongs}"
            )
        case Misfit.REPLACED:
            assert own is not None
            assert known is not None
            when = _moment(known.replaced_at)
            return (
                f"{database}: the database was replaced beneath the running broker, as it saw at "
                f"{when}, and this is not the one that it had: it is {_named(own)}; {belongs}"
            )
        case Misfit.UNMARKED:
            return (
                f"{spool}: the file {FILE} is missing, which says to which database this spool "
                f"belongs and how far that had come; {database} had another spool, or this file "
                "was removed"
            )
        case Misfit.UNREADABLE:
            return (
                f"{spool / FILE}: this file is damaged, which says to which database this spool "
                "belongs and how far that had come"
            )


def _named(progress: Progress) -> str:
    on = f" at {_moment(progress.at)}" if progress.at else ""
    return (
        f"database {progress.identity[:8]}, that came to job {progress.jobs}, change "
        f"{progress.changes}{on}"
    )


def _moment(at: float) -> str:
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))} UTC"


def _ways(kind: Misfit, spool: Path) -> str:
    back = {
        Misfit.UNMARKED: f"Put {spool / FILE} back, or the right database or spool",
        Misfit.UNREADABLE: f"Put {spool / FILE} back as it was",
    }.get(
        kind,
        "Put the right database back, with the file of the same name and -wal beside it if there "
        "is one, or correct database.url or data_dir",
    )
    return (
        f"No broker starts on these two, and nothing was removed. {back}, then `broker serve` "
        "again; or restore a backup: `broker restore --help`; or, if it is lost for good, go on "
        "with what is here: `broker spool adopt` says first what becomes of what"
    )
