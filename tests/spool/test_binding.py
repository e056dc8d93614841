"""A start binds a database and a spool, and tells a person what does not fit together."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from broker.model.storage.spool_fit import Misfit
from broker.spool import binding
from broker.spool.binding import FILE, RECORD, SpoolMark, SpoolMismatch, read_mark
from broker.spool.files import Spool, SpoolMissing
from broker.store import identity, schema
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.store.conftest import Clock, MakeRequest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The database's file."""
    return tmp_path / "broker.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty spool's."""
    Spool(tmp_path / "spool")
    return tmp_path / "spool"


def bind(database: Database, folder: Path) -> SpoolMark:
    """As a start does; the mark is kept in step from then on."""
    return binding.bind(database, identity.count(database), folder)


def keep(folder: Path) -> Path:
    """Some pixels, and no row that refers to them."""
    spool = Spool(folder)
    received = spool.receive([b"pixels"])
    spool.keep([received])
    spool.drop([received])
    return folder / received.name[:2] / received.name


def seen(folder: Path, file: Path) -> SpoolMismatch:
    """What does not fit."""
    found = binding.mismatch(folder, file)
    assert found is not None
    return found


def test_the_mark_stays_in_step(
    database: Database, jobs: Jobs, make_request: MakeRequest, folder: Path, file: Path
) -> None:
    """From the first start on, and through the next."""
    using = bind(database, folder)
    assert read_mark(folder) == identity.seen(database).progress
    for _ in range(3):
        jobs.submission.add(make_request())
    using.keep()
    mark = read_mark(folder)
    assert mark == identity.seen(database).progress
    assert mark is not None
    assert mark.jobs == 3
    assert binding.mismatch(folder, file) is None
    bind(database, folder)
    jobs.commands.hold(1)
    assert read_mark(folder) == identity.seen(database).progress


def test_the_mark_of_a_first_start_can_be_kept(database: Database, folder: Path) -> None:
    """That it is bound is a change, too: it is not taken for a database that was replaced."""
    mark = binding.bind(database, identity.count(database), folder)

    mark.keep()

    mark.close()
    assert read_mark(folder) == identity.seen(database).progress


def test_what_a_command_changed_meanwhile_is_no_loss(
    database: Database, jobs: Jobs, make_request: MakeRequest, folder: Path, file: Path
) -> None:
    """While no broker runs, the database goes ahead of the mark; the next start catches up."""
    bind(database, folder)
    identity.count(database)  # as a process that has no mark
    jobs.submission.add(make_request())
    assert binding.mismatch(folder, file) is None
    mark = read_mark(folder)
    assert mark is not None
    assert mark.jobs == 0
    bind(database, folder)
    assert read_mark(folder) == identity.seen(database).progress


def test_a_spool_of_an_earlier_version_is_bound_once(
    database: Database, jobs: Jobs, make_request: MakeRequest, folder: Path, file: Path
) -> None:
    """Neither has an identity: both get it. Afterwards a spool without a mark is another one."""
    jobs.submission.add(make_request())
    keep(folder)
    assert binding.mismatch(folder, file) is None
    bind(database, folder)
    (folder / FILE).unlink()
    assert seen(folder, file).kind is Misfit.UNMARKED


def test_a_start_that_was_broken_off_is_done_again(
    database: Database, jobs: Jobs, make_request: MakeRequest, folder: Path, file: Path
) -> None:
    """The mark is there, and the database does not know it yet."""
    jobs.submission.add(make_request())
    keep(folder)
    bind(database, folder)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE queue SET bound = 0")
    assert binding.mismatch(folder, file) is None
    bind(database, folder)
    assert identity.seen(database).bound


def test_each_loss_is_told_with_its_ways_on(
    database: Database, jobs: Jobs, make_request: MakeRequest, folder: Path, file: Path
) -> None:
    """The words name both, how far each has come and when; nothing is made, nothing removed."""
    bind(database, folder)
    jobs.submission.add(make_request())
    earlier = file.with_name("earlier.db")
    with closing(sqlite3.connect(file)) as one, closing(sqlite3.connect(earlier)) as other:
        one.backup(other)
    jobs.submission.add(make_request())
    pixels = keep(folder)
    own = identity.seen(database).progress
    assert own is not None
    gone = file.with_name("gone.db")

    lost, older = seen(folder, gone), seen(folder, earlier)

    known = f"database {own.identity[:8]}, that came to job 2, change {own.changes} at "
    assert (lost.kind, older.kind) == (Misfit.NEW, Misfit.OLDER)
    assert lost.words.startswith(f"{gone}: there is no database here, or it is new; the spool ")
    assert older.words.startswith(f"{earlier}: this database has lost what was written last, or is")
    assert f"that came to job 1, change {own.changes - 1} at " in older.words
    for each in (lost, older):
        assert f"the spool {folder} belongs to {known}" in each.words
        assert " UTC. No broker starts on these two, and nothing was removed. Put the" in each.words
        assert "`broker restore --help`" in each.words
        assert each.words.endswith("`broker spool adopt` says first what becomes of what")
    assert not gone.exists()
    assert pixels.exists()


def test_another_database_is_told(
    database: Database, folder: Path, tmp_path: Path, make_request: MakeRequest, clock: Clock
) -> None:
    """With both identities."""
    bind(database, folder)
    keep(folder)
    other = Database.open(f"sqlite:///{tmp_path}/other.db")
    schema.upgrade(other)
    theirs = Jobs(other, clock)
    theirs.submission.add(make_request())
    found = seen(folder, tmp_path / "other.db")
    assert found.kind is Misfit.OTHER
    with pytest.raises(SpoolMismatch):
        Spool.of(folder, theirs.references)
    with pytest.raises(SpoolMismatch):
        Spool.of(folder, theirs.references, new=True)
    other.close()


def test_a_damaged_mark_is_told(database: Database, folder: Path, file: Path) -> None:
    """Not taken for none."""
    bind(database, folder)
    (folder / FILE).write_bytes(b"\0" * 2 * RECORD)
    assert seen(folder, file).kind is Misfit.UNREADABLE


def test_another_spool_is_begun_where_the_old_one_is_lost(
    database: Database, jobs: Jobs, make_request: MakeRequest, tmp_path: Path, file: Path
) -> None:
    """By a person's word, as before; it has the database's mark then."""
    jobs.submission.add(make_request())
    first, second = tmp_path / "first", tmp_path / "second"
    Spool(first)
    bind(database, first)
    with pytest.raises(SpoolMissing):
        Spool.of(second, jobs.references)
    Spool.of(second, jobs.references, new=True)
    bind(database, second)
    assert read_mark(second) == identity.seen(database).progress
    assert binding.mismatch(second, file) is None


def test_a_mark_that_cannot_be_read_is_an_error(
    database: Database, folder: Path, file: Path
) -> None:
    """A folder in its place, as the system says it."""
    (folder / FILE).mkdir()
    with pytest.raises(IsADirectoryError):
        binding.mismatch(folder, file)
    (folder / FILE).rmdir()
    assert binding.mismatch(folder, file) is None
    assert not identity.seen(database).bound
