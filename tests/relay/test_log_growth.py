"""A program that keeps reading makes the log of SQLite grow: a running broker tells and cuts it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.peers.broker_process import BrokerProcess
from tests.peers.other_process import OtherProcess
from tests.peers.processes import children_now
from tests.store.test_write_ahead import READS

MB = 1 << 20
BOUND = 8 * MB
"""What the log may have once no program reads any more."""


def grow(database: Path, size: int) -> Path:
    """Change the same row until the log has `size` bytes; the log."""
    log = database.with_name(f"{database.name}-wal")
    with closing(sqlite3.connect(database, isolation_level=None, timeout=10)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        while log.stat().st_size < size:
            for _ in range(100):
                connection.execute("UPDATE alembic_version SET version_num = version_num")
    return log


@pytest.mark.timeout(60)
def test_a_running_broker_names_the_reader_and_bounds_the_log(tmp_path: Path) -> None:
    """The process that reads is in the broker's log; after its end the log of SQLite is cut."""
    config = tmp_path / "broker.toml"
    config.write_text('[broker]\nhost = "127.0.0.1"\nport = 0\n')
    database = tmp_path / "broker-data" / "broker.db"
    with BrokerProcess(config) as broker:
        with OtherProcess(READS, str(database)) as reader:
            assert reader.hear() == "reading"
            log = grow(database, BOUND + MB)
            told = broker.wait_for("database log grows")
            assert told["reader"] in set(children_now(os.getpid())) - {broker.process.pid}
            assert log.stat().st_size > BOUND
        broker.wait_for("database log shrank")
        assert log.stat().st_size <= BOUND
        assert broker.end() == 0
