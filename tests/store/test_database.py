"""The database: durable, and open to threads and processes at once."""

from __future__ import annotations

import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.store.database import FAILURES, Database
from broker.store.queue.jobs import Jobs
from tests.peers.other_process import OtherProcess
from tests.store.conftest import MakeRequest

WRITES = """
    import sys
    from sqlalchemy import text
    from broker.store.database import FAILURES, Database
    with Database.open(sys.argv[1]).write() as connection:
        connection.execute(text("CREATE TABLE theirs (n INTEGER)"))
        print("writing")
        sys.stdin.readline()
    print("written")
    sys.stdin.readline()
"""

ADDS = """
    import sys
    from broker.model.films.film import Film
    from broker.model.jobs.job import Level, PrintRequest
    from broker.store.database import FAILURES, Database
    from broker.store.queue.jobs import Jobs
    jobs = Jobs(Database.open(sys.argv[1]), lambda: 1.0)
    request = PrintRequest(
        "CT1", "BROKER", "10.0.0.9:4000", "a", Level.FILM_BOX, {}, (Film({}, ()),)
    )
    print(jobs.submission.add(request))
    sys.stdin.readline()
"""


def test_every_connection_is_durable(database: Database) -> None:
    """Each connection of the pool flushes every commit, and keeps references."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    with database.read() as first, database.read() as second:
        for connection in (first, second):
            found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
            assert wanted == found


def test_the_files_are_their_owners_alone(tmp_path: Path, database: Database) -> None:
    """No other user may read labels of patients: neither in the database nor in its log."""
    with database.write():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert modes == {"broker.db": 0o600, "broker.db-wal": 0o600, "broker.db-shm": 0o600}


@pytest.mark.parametrize("other", ["postgresql+psycopg://host/broker", "sqlite://"])
def test_another_kind_of_database_is_refused(other: str) -> None:
    """What the broker cannot keep its promises on is not opened."""
    with pytest.raises(ValueError, match="must be a file"):
        Database.open(other)


def test_an_exception_takes_everything_back(
    database: Database, jobs: Jobs, make_request: MakeRequest
) -> None:
    """A transaction is written whole or not at all."""
    jobs.submission.add(make_request())

    def fail() -> None:
        with database.write() as connection:
            connection.execute(text("DELETE FROM jobs"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert [job.id for job in jobs.queries.list()] == [1]


def test_a_committed_job_survives_the_end_of_its_process(url: str, jobs: Jobs) -> None:
    """What `add` has returned is there after the process was killed at that moment."""
    with OtherProcess(ADDS, url) as broker:
        number = int(broker.hear())
        broker.kill()

    assert [job.id for job in jobs.queries.list()] == [number]


def test_reading_never_waits_for_a_writer(url: str, jobs: Jobs, make_request: MakeRequest) -> None:
    """While another process writes, what was there before is read at once."""
    jobs.submission.add(make_request())

    with OtherProcess(WRITES, url) as writer:
        assert writer.hear() == "writing"
        assert [job.id for job in jobs.queries.list()] == [1]


def test_a_writer_waits_for_another_process(
    url: str, jobs: Jobs, make_request: MakeRequest
) -> None:
    """Two processes that write at once both get their turn."""
    with OtherProcess(WRITES, url) as writer, ThreadPoolExecutor(1) as threads:
        assert writer.hear() == "writing"
        adding = threads.submit(jobs.submission.add, make_request())
        writer.tell()
        assert writer.hear() == "written"

        assert adding.result(timeout=20) == 1


def test_one_patience_for_all_that_is_in_the_way(url: str) -> None:
    """A writer that has waited for another thread waits only what is left of its time for another
    process: a modality hears within that time, however long the line is."""
    database = Database.open(url, busy_s=0.5)
    with OtherProcess(WRITES, url) as writer, ThreadPoolExecutor(4) as threads:
        assert writer.hear() == "writing"

        def write() -> float:
            began = time.monotonic()
            with pytest.raises(FAILURES), database.write():
                pass
            return time.monotonic() - began

        waited = [each.result(20) for each in [threads.submit(write) for _ in range(4)]]
    database.close()

    assert max(waited) < 1.0, "and not one time after the other"


def test_threads_queue_up_to_write(jobs: Jobs, make_request: MakeRequest) -> None:
    """Eight threads that add jobs at once all succeed, and no number is given twice."""
    together = threading.Barrier(8)

    def add_ten(_thread: int) -> list[int]:
        together.wait()
        return [jobs.submission.add(make_request()) for _ in range(10)]

    with ThreadPoolExecutor(8) as threads:
        numbers = [number for found in threads.map(add_ten, range(8)) for number in found]

    assert sorted(numbers) == list(range(1, 81))
