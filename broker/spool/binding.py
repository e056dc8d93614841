"""Binding a database and a spool: each start makes sure that they belong together.

The spool's mark says which database it belongs to, and how far that had come. The file `identity`
in the spool has two records of fixed size, each a line of JSON. They are overwritten in turn, so
that a torn write leaves the other; the higher of the two counts. A record is written after the
commit that it tells of and is put on stable storage later, so it never tells of more than the
database has.
"""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
import zlib
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from broker.model.storage.spool_fit import DatabaseSeen, Misfit, Progress, SpoolSeen, misfit
from broker.spool.stored import kept, sync_folder
from broker.store import identity
from broker.store.database import FAILURES, Database, DatabaseReplaced
from broker.store.identity import Changes
from broker.store.sqlite import SqliteError, as_failure, seen_in

FILE = "identity"
RECORD = 256
"""Bytes of one record."""
RECORDS = 2


class MarkUnreadable(Exception):
    """There is a mark, and neither of its records is right."""


def read_mark(spool: Path) -> Progress | None:
    """The mark in that directory; None when there is none.

    Raises: MarkUnreadable: when it is damaged. OSError: when it cannot be read.
    """
    try:
        content = (spool / FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = [_parsed(content[at : at + RECORD]) for at in range(0, RECORDS * RECORD, RECORD)]
    good = [each for each in found if each is not None]
    if not good:
        raise MarkUnreadable(str(spool / FILE))
    return max(good, key=lambda each: (each.replaced_at > 0, each.changes, each.jobs))


def write_mark(spool: Path, mark: Progress) -> None:
    """Put a new mark on stable storage, in place of any other.

    Raises: OSError: when the disk does not take it; then the one before is still there.
    """
    temporary = spool / f"{FILE}.{uuid.uuid4().hex}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.write(descriptor, _record(mark) * RECORDS)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(spool / FILE)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(spool)


class SpoolMark:
    """The mark of a spool that is in use: one writer at a time.

    `advance` is called after every commit, so it takes microseconds and raises nothing; `keep` is
    called now and then.
    """

    def __init__(self, spool: Path) -> None:
        """Use the mark that is there. Raises: OSError: when it cannot be opened."""
        self._spool = spool
        self._descriptor = os.open(spool / FILE, os.O_RDWR | os.O_CLOEXEC)
        self._latest: Progress | None = None
        self._turn = 0
        self._failed: OSError | None = None
        self._sealed = self._seal_unwritten = False
        self._closed = False
        self._using = threading.Lock()
        """Held while the descriptor's number is used: closed, it may be another file's."""

    @classmethod
    def begin(cls, spool: Path, mark: Progress) -> Self:
        """Put this mark on stable storage and use it. Raises: OSError."""
        write_mark(spool, mark)
        return cls(spool)

    @property
    def latest(self) -> Progress | None:
        """How far the database has come, as far as this process knows; None before the first
        `advance`."""
        with self._using:
            return self._latest

    def check(self, progress: Progress) -> None:
        """Look at how far a change, which is not yet committed, brings the database; not after the
        mark's end.

        Raises: DatabaseReplaced: when it had come as far before, or it is another one.
        """
        with self._using:
            known = None if self._closed else self._latest
        if known is not None and (progress.is_behind(known) or progress.changes == known.changes):
            raise set_back(progress, known)

    def seal(self, now: float, last: Progress | None = None) -> None:
        """The database was replaced: no other one fits from now on, however far it comes.

        `last` is how far the right one came, where that is known: other processes may have changed
        it since the last `advance`. Later calls of `advance` and `seal` change nothing. Raises:
        OSError: when the disk does not take it; then each `keep` tries again.
        """
        with self._using:
            if self._closed or self._sealed or self._latest is None:
                return
            if last is None or last.is_behind(self._latest):
                last = self._latest
            self._latest = replace(last, replaced_at=now)
            self._sealed = self._seal_unwritten = True
        self.keep()

    def advance(self, progress: Progress) -> None:
        """Note that the database has come so far."""
        record = _record(progress)
        with self._using:
            if self._sealed:
                return
            self._latest = progress
            if self._closed:
                return
            try:
                os.pwrite(self._descriptor, record, self._turn * RECORD)
            except OSError as error:
                self._failed = error  # what is committed stays so; `keep` raises it
                return
            self._turn = (self._turn + 1) % RECORDS

    def keep(self) -> None:
        """Put the latest record on stable storage, in a new file where the mark was removed.

        Raises: OSError: when that fails, or a record could not be written since the last time.
        """
        with self._using:
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            if self._closed or self._latest is None:
                return
            if self._seal_unwritten or not self._in_place():
                write_mark(self._spool, self._latest)
                self._seal_unwritten = False
                fresh = os.open(self._spool / FILE, os.O_RDWR | os.O_CLOEXEC)
                os.close(self._descriptor)
                self._descriptor = fresh
            also = os.dup(self._descriptor)
        try:
            # Not under the lock: a disk may take long, and a commit must not wait for it.
            os.fdatasync(also)
        finally:
            os.close(also)

    def close(self) -> None:
        """Put the latest record on stable storage, as far as the disk takes it, and end."""
        with self._using:
            if self._closed:
                return
            self._closed = True
            with suppress(OSError):
                os.fdatasync(self._descriptor)
            os.close(self._descriptor)

    def _in_place(self) -> bool:
        """Whether the open file is still the one of that name."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), (self._spool / FILE).stat())
        except FileNotFoundError:
            return False


def set_back(now: Progress | None, known: Progress) -> DatabaseReplaced:
    """That the database in its place is not the one that had come as far as `known`."""
    if now is None:
        seen = "the database was emptied"
    elif now.identity != known.identity:
        seen = f"the database is another one ({now.identity[:8]})"
    else:
        seen = f"the database was set back to change {now.changes}"
    return DatabaseReplaced(f"{seen}, and had come to change {known.changes}")


def _record(mark: Progress) -> bytes:
    values = [mark.identity, mark.changes, mark.jobs, round(mark.at, 3)]
    if mark.replaced_at:
        values.append(round(mark.replaced_at, 3))
    # With each film: written out, as `json.dumps` takes longer. An identity is hexadecimal.
    identity, changes, jobs, at, *replaced_at = values
    replaced = f'"replaced_at": {replaced_at[0]!r}, ' if replaced_at else ""
    text = (
        f'{{"identity": "{identity}", "changes": {changes}, "jobs": {jobs}, "at": {at!r}, '
        f'{replaced}"check": {_check(values)}}}'
    )
    return text.encode("ascii").ljust(RECORD - 1) + b"\n"


def _check(values: list[object]) -> int:
    """Of the values as a JSON array."""
    identity, *numbers = values
    return zlib.crc32(f'["{identity}", {", ".join(map(repr, numbers))}]'.encode("ascii"))


def _parsed(record: bytes) -> Progress | None:
    """The mark in a record; None when it is damaged."""
    try:
        found = json.loads(record)
        values = [found["identity"], found["changes"], found["jobs"], found["at"]]
        values += [found["replaced_at"]] if "replaced_at" in found else []
        if found["check"] != _check(values):
            return None
        times = (float(each) for each in values[3:])
        return Progress(str(values[0]), int(values[1]), int(values[2]), *times)
    except (ValueError, TypeError, KeyError):
        return None


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

    Nothing is made or changed. Raises: SqliteError: when the file is no database, or damaged.
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
    except (SqliteError, DatabaseReplaced) as error:
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
