"""A database and a spool fit, or a person decides."""

from __future__ import annotations

import pytest

from broker.model.storage.spool_fit import (
    BackupFit,
    BackupSeen,
    DatabaseSeen,
    Misfit,
    Progress,
    SpoolSeen,
    backup_fit,
    misfit,
)

ABSENT = DatabaseSeen(None)
OLD_BUILD = DatabaseSeen(None, jobs=7)
"""Made by a version that gave no identity."""


def own(
    changes: int = 10, jobs: int = 7, identity: str = "a", *, bound: bool = True
) -> DatabaseSeen:
    """A database that has come so far."""
    return DatabaseSeen(Progress(identity, changes, jobs, 1.0), jobs, bound)


def marked(changes: int = 10, jobs: int = 7) -> SpoolSeen:
    """The spool of database a, which knows it to have come so far."""
    return SpoolSeen(Progress("a", changes, jobs, 1.0), files=True)


EMPTY, UNMARKED = SpoolSeen(None), SpoolSeen(None, files=True)


@pytest.mark.parametrize(
    ("database", "spool"),
    [
        (own(), marked()),
        (own(changes=11, jobs=8), marked()),
        (own(), EMPTY),
        (own(bound=False), UNMARKED),
        (own(0, 0, bound=False), EMPTY),
        (OLD_BUILD, UNMARKED),
        (ABSENT, EMPTY),
    ],
    ids=["equal", "ahead", "no spool", "upgraded", "both new", "to be upgraded", "nothing yet"],
)
def test_they_fit(database: DatabaseSeen, spool: SpoolSeen) -> None:
    """The database has come as far as the spool knows, or neither knows of the other yet."""
    assert misfit(database, spool) is None


@pytest.mark.parametrize(
    ("database", "spool", "kind"),
    [
        (own(changes=9), marked(), Misfit.OLDER),
        (own(jobs=6), marked(), Misfit.OLDER),
        (own(identity="b"), marked(), Misfit.OTHER),
        (OLD_BUILD, marked(), Misfit.OTHER),
        (own(0, 0, "b"), marked(), Misfit.NEW),
        (ABSENT, marked(), Misfit.NEW),
        (ABSENT, UNMARKED, Misfit.NEW),
        (own(0, 0, bound=False), UNMARKED, Misfit.NEW),
        (own(), UNMARKED, Misfit.UNMARKED),
        (own(), SpoolSeen(None, readable=False, files=True), Misfit.UNREADABLE),
    ],
)
def test_a_person_decides(database: DatabaseSeen, spool: SpoolSeen, kind: Misfit) -> None:
    """Whatever one of them knows and the other does not."""
    assert misfit(database, spool) is kind


@pytest.mark.parametrize(
    ("backup", "spool", "fit"),
    [
        (BackupSeen("a", 9), marked(), BackupFit.FITS),
        (BackupSeen("a", 7), EMPTY, BackupFit.FITS),
        (BackupSeen("", 7), EMPTY, BackupFit.FITS),
        (BackupSeen("", 7), UNMARKED, BackupFit.FITS),
        (BackupSeen("", 7), marked(jobs=7), BackupFit.BY_NUMBERS),
        (BackupSeen("", 8), marked(jobs=7), BackupFit.AHEAD),
        (BackupSeen("b", 7), marked(), BackupFit.OTHER),
        (BackupSeen("a", 7), UNMARKED, BackupFit.UNMARKED),
        (BackupSeen("", 7), SpoolSeen(None, readable=False), BackupFit.UNREADABLE),
    ],
)
def test_a_backup_is_the_spools_or_not(
    backup: BackupSeen, spool: SpoolSeen, fit: BackupFit
) -> None:
    """By the identity; one that has none, by its job numbers, as far as that tells."""
    assert backup_fit(backup, spool, 1 if spool.files else 0) is fit


def test_a_restore_that_was_broken_off_fits() -> None:
    """What it has left is a spool without a mark, whose files are all the backup's."""
    assert backup_fit(BackupSeen("a", 7), UNMARKED, 0) is BackupFit.FITS
