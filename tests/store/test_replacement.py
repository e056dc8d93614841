"""A database that is moved away or replaced while it is in use gets no row any more, and no other
one takes its place."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from broker.model.storage.spool_fit import Misfit, Progress
from broker.spool import binding
from broker.spool.binding import FILE, SpoolMark, mismatch, read_mark
from broker.spool.files import Spool
from broker.store import identity
from broker.store.database import Database, DatabaseReplaced
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


@pytest.fixture
def mark(database: Database, folder: Path) -> SpoolMark:
    """As a start makes it; in step with the database from then on."""
    return binding.bind(database, identity.count(database), folder)


def copy_of(file: Path, name: str) -> Path:
    """The database as it is now, in another file without a log."""
    target = file.with_name(name)
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def jobs_in(file: Path) -> int:
    """How many jobs are in that file, with its log."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT count(*) FROM jobs").fetchone()[0])


def _move_away(file: Path, _: Path) -> None:
    file.rename(file.with_name("away.db"))


def _remove(file: Path, _: Path) -> None:
    file.unlink()


def _put_another(file: Path, older: Path) -> None:
    older.replace(file)


def _remove_folder(file: Path, _: Path) -> None:
    file.rename(file.with_name("away.db"))
    file.mkdir()


@pytest.mark.parametrize("replace", [_move_away, _remove, _put_another, _remove_folder])
def test_nothing_is_written_once_the_file_is_another(
    database: Database,
    jobs: Jobs,
    make_request: MakeRequest,
    file: Path,
    replace: Callable[[Path, Path], None],
) -> None:
    """Each write is refused, it is told once, and no file is made in the place of the one that is
    gone; nor is a film written when it was replaced within the transaction."""
    jobs.submission.add(make_request())
    older = copy_of(file, "older.db")
    told: list[str] = []
    database.on_replaced = told.append

    def delete_and_replace() -> None:
        with database.write() as connection:
            connection.exec_driver_sql("DELETE FROM jobs")
            replace(file, older)

    with pytest.raises(DatabaseReplaced):
        delete_and_replace()
    for _ in range(2):
        with pytest.raises(DatabaseReplaced):
            jobs.submission.add(make_request())

    assert len(told) == 1
    assert str(file) in told[0]
    assert database.replaced == database.distrusted == told[0]
    if file.is_file():
        assert jobs_in(file) == 1
    else:
        assert not file.exists() or file.is_dir()


def test_a_new_connection_never_reads_another_file(
    database: Database, jobs: Jobs, make_request: MakeRequest, file: Path
) -> None:
    """What a broker reads decides which pixels go: it comes from the file that was opened."""
    older = copy_of(file, "older.db")
    jobs.submission.add(make_request())
    with database.read():
        older.replace(file)
        with pytest.raises(DatabaseReplaced):
            jobs.queries.list()  # by a second connection, as the first is in use


def test_a_database_that_is_closed_is_not_called_replaced(
    database: Database, jobs: Jobs, make_request: MakeRequest, file: Path
) -> None:
    """A late thread of a broker that ends finds no file, and seals no mark."""
    jobs.submission.add(make_request())
    database.close()
    _move_away(file, file)
    with pytest.raises(Exception, match="unable to open"):
        jobs.submission.add(make_request())
    assert database.replaced == ""
    assert not file.exists()


def test_an_older_state_in_the_same_file_is_refused_before_the_commit(
    database: Database, jobs: Jobs, make_request: MakeRequest, file: Path, mark: SpoolMark
) -> None:
    """The count of changes shows it: nothing is committed, and nothing of it is in the mark."""
    for _ in range(3):
        jobs.submission.add(make_request())
    known = read_mark(file.parent / "spool")
    # As rows of an older copy are, written into the same file.
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE queue SET changes = changes - 2")

    with pytest.raises(DatabaseReplaced, match="set back to change"):
        jobs.submission.add(make_request())

    assert jobs_in(file) == 3
    assert read_mark(file.parent / "spool") == known == mark.latest
    assert "set back" in database.replaced


def test_a_file_that_is_overwritten_is_looked_at_before_the_next_change(
    database: Database, jobs: Jobs, make_request: MakeRequest, file: Path, mark: SpoolMark
) -> None:
    """An older copy, copied over the open file while its log is empty: connections go on with what
    they have read before, and a new one sees it."""
    jobs.submission.add(make_request())
    older = copy_of(file, "older.db")
    jobs.submission.add(make_request())
    assert database.checkpoint(cut=True).complete
    database.on_written = lambda: binding.look(database, mark)
    jobs.commands.hold(1)
    assert database.checkpoint(cut=True).complete
    binding.look(database, mark)

    shutil.copyfile(older, file)

    with pytest.raises(DatabaseReplaced, match="set back"):
        jobs.claims.claim(1, "oki-1")


@pytest.mark.parametrize("how", ["older", "other", "emptied", "moved"])
def test_a_look_sees_it_without_a_write(
    database: Database,
    jobs: Jobs,
    make_request: MakeRequest,
    file: Path,
    mark: SpoolMark,
    how: str,
) -> None:
    """An idle broker sees it at its next look, by what a new connection finds."""
    jobs.submission.add(make_request())
    binding.look(database, mark)
    match how:
        case "older" | "other":
            change = "changes = changes - 1" if how == "older" else "identity = 'another'"
            with closing(sqlite3.connect(file)) as connection, connection:
                connection.execute(f"UPDATE queue SET {change}")
        case "emptied":
            file.write_bytes(b"")
        case "moved":
            _move_away(file, file)

    with pytest.raises(DatabaseReplaced):
        binding.look(database, mark)
    assert database.replaced


def test_no_other_database_fits_a_sealed_mark_however_far_it_comes(
    jobs: Jobs,
    make_request: MakeRequest,
    file: Path,
    folder: Path,
    mark: SpoolMark,
    clock: Clock,
) -> None:
    """An older copy that went on is refused, with each way on; the right one fits, and the next
    start takes the seal away."""
    jobs.submission.add(make_request())
    older = copy_of(file, "older.db")
    clock.now += 1
    jobs.submission.add(make_request())
    right = copy_of(file, "right.db")

    mark.seal(1_796_000_000.0)

    known = read_mark(folder)
    assert known is not None
    assert known.replaced_at == 1_796_000_000.0
    jobs.submission.add(make_request())  # which is not noted any more
    mark.keep()
    mark.close()
    assert read_mark(folder) == known
    other = Database.open(f"sqlite:///{older}")
    identity.count(other)
    theirs = Jobs(other, clock)
    for _ in range(9):
        theirs.submission.add(make_request())
    other.close()
    found = mismatch(folder, older)
    assert found is not None
    assert found.kind is Misfit.REPLACED
    assert "the database was replaced beneath the running broker, as it saw at 2026-" in found.words
    assert "`broker spool adopt` says first" in found.words
    assert binding.sealed(folder)

    shutil.copy(right, file.with_name("back.db"))
    assert mismatch(folder, right) is None
    back = Database.open(f"sqlite:///{right}")
    again = binding.bind(back, identity.count(back), folder)
    Jobs(back, clock).submission.add(make_request())
    assert not binding.sealed(folder)
    assert mismatch(folder, right) is None
    again.close()
    back.close()


def test_the_right_database_fits_although_another_process_changed_it_last(
    database: Database,
    jobs: Jobs,
    make_request: MakeRequest,
    file: Path,
    folder: Path,
    mark: SpoolMark,
    clock: Clock,
) -> None:
    """The page, or a command, wrote to it after the broker's last change: put back, it is the right
    one all the same."""
    jobs.submission.add(make_request())
    page = Database.open(f"sqlite:///{file}")
    identity.count(page)
    Jobs(page, clock).commands.hold(1)
    away = file.with_name("away")
    away.mkdir()
    for each in file.parent.glob("broker.db*"):
        each.rename(away / each.name)
    with pytest.raises(DatabaseReplaced):
        jobs.submission.add(make_request())
    with pytest.raises(DatabaseReplaced):
        Jobs(page, clock).commands.release(1)
    page.close()

    binding.seal(database, mark, 5.0)

    mark.close()
    database.close()
    assert binding.sealed(folder)
    for each in away.iterdir():
        each.rename(file.parent / each.name)
    assert mismatch(folder, file) is None


def test_a_mark_is_sealed_though_the_database_is_damaged(
    jobs: Jobs, make_request: MakeRequest, file: Path, folder: Path, mark: SpoolMark
) -> None:
    """How far the right database came can then be read from the mark alone."""
    jobs.submission.add(make_request())
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'queue'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as content:
        content.seek((root - 1) * size)
        content.write(b"\xff" * size)
    damaged = Database.open(f"sqlite:///{file}")

    binding.seal(damaged, mark, 5.0)

    damaged.close()
    mark.close()
    assert binding.sealed(folder)


def test_a_commit_in_hand_is_known_before_the_mark_is_sealed(
    database: Database,
    jobs: Jobs,
    make_request: MakeRequest,
    file: Path,
    folder: Path,
    clock: Clock,
) -> None:
    """Another thread sees that the file was moved while a film is committed to it: the film was
    taken, so the database that has it is the right one."""
    changes = identity.count(database)
    mark = binding.bind(database, changes, folder)
    jobs.submission.add(make_request())
    committed, seen = threading.Event(), threading.Event()

    def tell(progress: Progress) -> None:
        committed.set()
        seen.wait(0.3)  # it is told only after this
        mark.advance(progress)

    def seal(_: str) -> None:
        seen.set()
        binding.seal(database, mark, 5.0)

    changes.committed = tell
    database.on_replaced = seal
    writer = threading.Thread(target=jobs.submission.add, args=(make_request(),))
    writer.start()
    assert committed.wait(30)
    away = file.with_name("away")
    away.mkdir()
    for each in file.parent.glob("broker.db*"):
        each.rename(away / each.name)

    with pytest.raises(DatabaseReplaced):
        database.look()

    writer.join(30)
    mark.close()
    database.close()
    for each in away.iterdir():
        each.rename(file.parent / each.name)
    assert binding.sealed(folder)
    back = Database.open(f"sqlite:///{file}")
    assert len(Jobs(back, clock).queries.list()) == 2
    back.close()
    assert mismatch(folder, file) is None


def test_a_seal_that_the_disk_refused_is_written_later(
    folder: Path, mark: SpoolMark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each `keep` tries again; until then the mark is as it was."""
    before = read_mark(folder)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("broker.spool.binding.write_mark", refuse)
        for attempt in (lambda: mark.seal(5.0), mark.keep):
            with pytest.raises(OSError, match="No space"):
                attempt()
    assert read_mark(folder) == before

    mark.keep()

    assert binding.sealed(folder)
    (folder / FILE).unlink()
    mark.keep()
    assert binding.sealed(folder)
    mark.close()
