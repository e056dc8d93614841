"""Changes of the database are noticed, of any process; and a file that is another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.store.queue.jobs import Jobs
from broker.store.sqlite import Watch
from tests.peers.other_process import OtherProcess
from tests.store.conftest import MakeRequest
from tests.store.test_database import ADDS


@pytest.fixture
def watch(tmp_path: Path, jobs: Jobs) -> Iterator[Watch]:
    """One that has been asked once."""
    assert jobs.queries.list() == []
    opened = Watch(tmp_path / "broker.db")
    assert opened.changed()
    yield opened
    opened.close()


def test_a_change_is_seen_once(watch: Watch, jobs: Jobs, make_request: MakeRequest) -> None:
    """A second question hears of the next one only; reading is no change."""
    assert not watch.changed()
    jobs.submission.add(make_request())
    assert watch.changed()
    assert len(jobs.queries.list()) == 1
    assert not watch.changed()


def test_another_process_is_seen(watch: Watch, url: str) -> None:
    """Once it has committed."""
    with OtherProcess(ADDS, url) as broker:
        broker.hear()
        assert watch.changed()
    assert not watch.changed()


def test_a_file_that_is_gone_or_another_one_is_noticed(tmp_path: Path, watch: Watch) -> None:
    """The open one would go on to answer, with rows of the past."""
    file = tmp_path / "broker.db"
    assert watch.in_place()
    file.rename(tmp_path / "elsewhere.db")
    assert not watch.in_place()
    file.write_bytes(b"")
    assert not watch.in_place()
    file.unlink()
    (tmp_path / "elsewhere.db").rename(file)
    assert watch.in_place()


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Watching is no reason for an empty database."""
    with pytest.raises(FileNotFoundError):
        Watch(tmp_path / "other.db")
    assert not (tmp_path / "other.db").exists()
