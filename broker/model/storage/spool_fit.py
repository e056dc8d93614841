"""Whether a database and a spool belong together, and neither has lost what the other knows.

The database counts every change that is committed to it; the spool keeps a mark: the identity of
its database and the highest count that was seen committed. The mark is written after the commit,
so a healthy database is never behind its spool's mark.

A broker whose database is replaced while it runs seals the mark: from then on only the database at
exactly the point that the mark names fits, and no other one comes to fit by being changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


@dataclass(frozen=True)
class Progress:
    """How far a database has come."""

    identity: str
    changes: int
    """Committed write transactions."""
    jobs: int
    """The highest job number that was given."""
    at: float
    """When the last of these changes was made; 0 when there was none yet."""
    replaced_at: float = 0.0
    """Of a mark that is sealed: when its database was seen to be replaced beneath the running
    broker, in seconds since the epoch; else 0."""

    def is_behind(self, known: Progress) -> bool:
        """Whether a database that has come so far is another one than the one that had come as far
        as `known`, or has lost something since."""
        return (
            self.identity != known.identity
            or self.changes < known.changes
            or self.jobs < known.jobs
        )


@dataclass(frozen=True)
class DatabaseSeen:
    """What there is of the database."""

    progress: Progress | None
    """None where there is no database, or an earlier version made it: it has no identity yet."""
    jobs: int = 0
    """The highest job number that was given; 0 also where there is no database."""
    bound: bool = False
    """Whether a spool has had this database's mark."""


@dataclass(frozen=True)
class SpoolSeen:
    """What there is of the spool."""

    mark: Progress | None
    readable: bool = True
    """Whether the mark can be read, if there is one."""
    files: bool = False
    """Whether the spool keeps any pixels."""


class Misfit(StrEnum):
    """What does not fit together."""

    NEW = "new"
    """The database is missing or new, and the spool has a mark or keeps pixels."""
    OTHER = "other"
    """The database is another one than the spool's."""
    OLDER = "older"
    """Changes that the spool knows to be committed are not in the database."""
    REPLACED = "replaced"
    """The database was replaced beneath a running broker, and this one is not at the point that the
    right one had come to."""
    UNMARKED = "unmarked"
    """The database's spool had a mark, and this one has none."""
    UNREADABLE = "unreadable"
    """The mark cannot be read."""


def misfit(database: DatabaseSeen, spool: SpoolSeen) -> Misfit | None:
    """What a person has to decide before a broker may start on the two; None where they fit.

    A database and a spool of an earlier version have neither identity nor mark, and fit: the start
    gives both the same.
    """
    own = database.progress
    if not spool.readable:
        return Misfit.UNREADABLE
    if spool.mark is None:
        if database.jobs == 0 and spool.files:
            return Misfit.NEW
        return Misfit.UNMARKED if database.bound and spool.files else None
    if own is None or own.identity != spool.mark.identity:
        return Misfit.NEW if database.jobs == 0 else Misfit.OTHER
    if spool.mark.replaced_at:
        return None if replace(spool.mark, replaced_at=0.0) == own else Misfit.REPLACED
    return Misfit.OLDER if own.is_behind(spool.mark) else None


@dataclass(frozen=True)
class BackupSeen:
    """What a backup says of its database."""

    identity: str
    """Empty where an earlier version made the tables."""
    jobs: int
    """The highest job number that was given."""


class BackupFit(StrEnum):
    """Whether a backup may be restored beside a spool that is in place."""

    FITS = "fits"
    BY_NUMBERS = "by numbers"
    """The backup has no identity, and its job numbers agree with the spool: a person is told."""
    OTHER = "other"
    """The spool belongs to another database."""
    AHEAD = "ahead"
    """The backup has no identity, and jobs that the spool's database never had."""
    UNMARKED = "unmarked"
    """The spool keeps pixels that are not the backup's, and nothing says to which database it
    belongs."""
    UNREADABLE = "unreadable"
    """The spool's mark cannot be read."""


def backup_fit(backup: BackupSeen, spool: SpoolSeen, others: int) -> BackupFit:
    """Whether the spool in place is that of the backup's broker; `others` of its files are none
    that the backup refers to.

    A spool without a mark that keeps nothing else is what a restore has left that was broken off.
    A backup that was made before the upgrade that gave the database its identity has none. It
    belongs to the spool as far as can be known, if it has no job that the spool does not know of.
    """
    mark = spool.mark
    if not spool.readable:
        return BackupFit.UNREADABLE
    if mark is None:
        return BackupFit.UNMARKED if others and backup.identity else BackupFit.FITS
    if backup.identity:
        return BackupFit.FITS if backup.identity == mark.identity else BackupFit.OTHER
    return BackupFit.BY_NUMBERS if backup.jobs <= mark.jobs else BackupFit.AHEAD
