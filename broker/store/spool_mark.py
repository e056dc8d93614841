"""The spool's mark: which database it belongs to, and how far that had come.

The file `identity` in the spool has two records of fixed size, each a line of JSON. They are
overwritten in turn, so that a torn write leaves the other; the higher of the two counts. A record
is written after the commit that it tells of and is put on stable storage later, so it never tells
of more than the database has.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Self

from broker.model.spool_fit import Progress
from broker.store.folder_sync import sync_folder

FILE = "identity"
RECORD = 256
"""Bytes of one record."""
RECORDS = 2


class MarkUnreadable(Exception):
    """There is a mark, and neither of its records is right."""


class SetBack(RuntimeError):
    """The database was replaced beneath the running broker. Stop it before more is lost."""

    def __init__(self, now: Progress, known: Progress | None) -> None:
        had = known.changes if known else 0
        super().__init__(
            f"the database was replaced beneath the running broker: it is at change {now.changes} "
            f"and had come to {had}; stop the broker, and put the right database back"
        )


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
    return max(good, key=lambda each: (each.changes, each.jobs))


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
        self._set_back: Progress | None = None
        self._closed = False
        self._using = threading.Lock()
        """Held while the descriptor's number is used: closed, it may be another file's."""

    @classmethod
    def begin(cls, spool: Path, mark: Progress) -> Self:
        """Put this mark on stable storage and use it. Raises: OSError."""
        write_mark(spool, mark)
        return cls(spool)

    def advance(self, progress: Progress) -> None:
        """Note that the database has come so far."""
        record = _record(progress)
        with self._using:
            if self._latest is not None and _is_behind(progress, self._latest):
                self._set_back = progress  # what was known stays known: the next start refuses
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
        SetBack: when the database was replaced by an earlier state of it, or by another.
        """
        with self._using:
            if self._set_back is not None:
                raise SetBack(self._set_back, self._latest)
            failed, self._failed = self._failed, None
            if failed is not None:
                raise failed
            if self._closed or self._latest is None:
                return
            if not self._in_place():
                write_mark(self._spool, self._latest)
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


def _is_behind(one: Progress, other: Progress) -> bool:
    return one.identity != other.identity or one.changes < other.changes


def _record(mark: Progress) -> bytes:
    values = [mark.identity, mark.changes, mark.jobs, round(mark.at, 3)]
    text = json.dumps(
        {
            "identity": mark.identity,
            "changes": mark.changes,
            "jobs": mark.jobs,
            "at": values[3],
            "check": _check(values),
        }
    )
    return text.encode("ascii").ljust(RECORD - 1) + b"\n"


def _check(values: list[object]) -> int:
    return zlib.crc32(json.dumps(values).encode("ascii"))


def _parsed(record: bytes) -> Progress | None:
    """The mark in a record; None when it is damaged."""
    try:
        found = json.loads(record)
        values = [found["identity"], found["changes"], found["jobs"], found["at"]]
        if found["check"] != _check(values):
            return None
        return Progress(str(values[0]), int(values[1]), int(values[2]), float(values[3]))
    except (ValueError, TypeError, KeyError):
        return None
