"""The database's identity, and the count of what was committed to it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError

from broker.model.storage.spool_fit import DatabaseSeen, Progress
from broker.store import identity, schema, sqlite
from broker.store.database import FAILURES, Database
from broker.store.queue.jobs import Jobs
from broker.store.reading.job_rows import NoSuchJob
from tests.peers.other_process import OtherProcess
from tests.store.conftest import Clock, MakeRequest

HOLDS = """
    import sys, time
    from broker.store import schema
    from broker.store.database import FAILURES, Database
    from broker.store.reading.job_rows import NoSuchJob
    from broker.store.queue.jobs import Jobs
    database = Database.open(sys.argv[1])
    schema.check(database)
    Jobs(database, time.time).commands.hold(1)
    database.close()
    print("held")
"""


def _fail(database: Database) -> None:
    """A change that is rolled back."""
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET reason = 'lost'")
        raise NoSuchJob(9)


def progress(database: Database) -> Progress:
    """How far it has come."""
    found = identity.seen(database).progress
    assert found is not None
    return found


def test_each_database_has_its_own(tmp_path: Path) -> None:
    """Given with its tables, and kept."""
    found = []
    for name in ("one.db", "two.db"):
        database = Database.open(f"sqlite:///{tmp_path / name}")
        schema.upgrade(database)
        first = progress(database)
        schema.upgrade(database)
        assert progress(database).identity == first.identity
        found.append(first.identity)
        database.close()
    assert len(found[0]) == len(found[1]) == 32
    assert found[0] != found[1]


def test_every_commit_counts_once(
    database: Database, jobs: Jobs, make_request: MakeRequest, clock: Clock
) -> None:
    """What is committed is told after it is; what changes nothing, or fails, is not counted."""
    told: list[Progress] = []
    changes = identity.count(database, clock)
    changes.committed = told.append
    first = progress(database)

    jobs.submission.add(make_request())
    clock.now = 1001.0
    jobs.commands.hold(1)
    assert jobs.recovery.end_waits(0.0) == 0
    with pytest.raises(NoSuchJob):
        _fail(database)
    with database.write():
        pass

    name = first.identity
    assert told == [
        Progress(name, first.changes + 1, 1, 1000.0),
        Progress(name, first.changes + 2, 1, 1001.0),
    ]
    assert progress(database) == told[-1]


def test_what_other_processes_commit_counts(
    database: Database, jobs: Jobs, make_request: MakeRequest, url: str
) -> None:
    """A command, or the page, and the broker's next commit tells of it."""
    told: list[Progress] = []
    identity.count(database).committed = told.append
    jobs.submission.add(make_request())
    with OtherProcess(HOLDS, url) as other:
        assert other.hear() == "held"
    jobs.commands.release(1)
    assert [each.changes - told[0].changes for each in told] == [0, 2]


def test_looking_makes_and_changes_nothing(tmp_path: Path) -> None:
    """Nor does it put a log that lies beside the file into it: what was lost may be put back."""
    file = tmp_path / "broker.db"
    assert sqlite.seen_in(file) == DatabaseSeen(None)
    assert list(tmp_path.iterdir()) == []
    file.touch()
    assert sqlite.seen_in(file) == DatabaseSeen(None)

    database = Database.open(f"sqlite:///{file}")
    schema.upgrade(database)
    copied = tmp_path / "copied.db"
    for suffix in ("", "-wal"):
        Path(f"{copied}{suffix}").write_bytes(Path(f"{file}{suffix}").read_bytes())
    before = [Path(f"{copied}{suffix}").read_bytes() for suffix in ("", "-wal")]

    assert sqlite.seen_in(copied) == identity.seen(database)

    assert [Path(f"{copied}{suffix}").read_bytes() for suffix in ("", "-wal")] == before
    database.close()


def test_a_database_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    """How many jobs it has had is known all the same."""
    file = tmp_path / "broker.db"
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("CREATE TABLE jobs (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        raw.execute("INSERT INTO jobs VALUES (41)")
        raw.commit()
    assert sqlite.seen_in(file) == DatabaseSeen(None, jobs=41)


def test_what_is_no_database_is_told(tmp_path: Path) -> None:
    """In SQLite's words, for the caller to explain."""
    file = tmp_path / "broker.db"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        sqlite.seen_in(file)


def test_words_of_sqlite_that_cannot_be_read_are_told_as_damage(tmp_path: Path) -> None:
    """It quotes a schema that is no text; no traceback comes of it."""
    file = tmp_path / "broker.db"
    database = Database.open(f"sqlite:///{file}")
    schema.upgrade(database)
    database.close()
    content = file.read_bytes()
    assert content.count(b"CREATE TABLE jobs") == 1
    file.write_bytes(content.replace(b"CREATE TABLE jobs", b"CREATE TAB\xccE jobs"))
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        sqlite.seen_in(file)
    opened = Database.open(f"sqlite:///{file}")
    with pytest.raises(DatabaseError, match="malformed"), opened.read():
        pass
    opened.close()


def test_a_change_that_cannot_be_counted_is_the_databases_failure(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """As any statement that the disk does not take: nothing is committed."""
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE queue")
        connection.exec_driver_sql("CREATE TABLE queue (id INTEGER)")
    with pytest.raises(FAILURES):
        jobs.submission.add(make_request())
    assert jobs.queries.list() == []
