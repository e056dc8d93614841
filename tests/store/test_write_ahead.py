"""The write-ahead log: bounded, emptied on demand, and its readers named."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.store.sqlite import LOG_BYTES
from broker.store.write_ahead import WriteAheadLog
from tests.peers.filled_site import FilledSite
from tests.peers.other_process import OtherProcess

READS = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM jobs").fetchone()
    print("reading", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """A broker's folder with one job."""
    with FilledSite(tmp_path / "site") as made:
        made.job("first")
        yield made


def _fill(site: FilledSite, size: int) -> None:
    """Have the log grow to that size."""
    with site.database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS ballast (content BLOB)")
    log = WriteAheadLog(site.database, site.file)
    while log.size() < size:
        with site.database.write() as connection:
            connection.exec_driver_sql("INSERT INTO ballast VALUES (zeroblob(500000))")


def test_a_checkpoint_leaves_nothing_in_the_log(site: FilledSite) -> None:
    """All of it is in the file then; with `cut` the log has no byte."""
    log = WriteAheadLog(site.database, site.file)
    assert log.size() > 0

    assert log.checkpoint().complete
    assert log.checkpoint(cut=True).complete

    assert log.size() == 0
    assert site.job("next") == 2


def test_the_log_is_bounded_by_itself(site: FilledSite) -> None:
    """Once everything in a large log is in the file, the next commit cuts it."""
    log = WriteAheadLog(site.database, site.file)
    with OtherProcess(READS, str(site.file)) as other:
        assert other.hear() == "reading"
        _fill(site, LOG_BYTES + 4_000_000)
    assert log.checkpoint().complete
    assert log.size() > LOG_BYTES

    site.job("next")

    assert log.size() <= LOG_BYTES


def test_a_reader_is_named_and_keeps_the_log(site: FilledSite) -> None:
    """Another process with an open read transaction: no other is named, and none after its end."""
    log = WriteAheadLog(site.database, site.file)
    with OtherProcess(READS, str(site.file)) as other:
        assert other.hear() == "reading"
        site.job("next")

        assert not log.checkpoint().complete
        ((number, name),) = log.readers().items()
        assert Path(f"/proc/{number}").exists()
        assert number != os.getpid()
        assert Path(sys.executable).resolve().name.startswith(name[:6])
    assert log.readers() == {}
    assert log.checkpoint().complete


def test_without_a_log_there_is_nothing_to_say(tmp_path: Path, site: FilledSite) -> None:
    """A file that is not there has no bytes and no readers."""
    log = WriteAheadLog(site.database, tmp_path / "none.db")

    assert (log.size(), log.readers()) == (0, {})
