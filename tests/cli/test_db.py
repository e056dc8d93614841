"""`broker db check`, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.broker_process import command
from tests.peers.filled_site import FilledSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """One queued job."""
    with FilledSite(tmp_path / "site") as made:
        made.job("a")
        yield made


def test_what_is_in_order_is_said(site: FilledSite) -> None:
    """Exit 0, and what was looked at."""
    ended = command("db", "check", config=site.config)

    assert ended.returncode == 0, ended.stderr
    assert "1 job, 1 film, 1 spool file (length only)" in ended.stdout
    assert ended.stdout.endswith("All is in order.\n")


def test_what_is_not_in_order_is_said_with_what_to_do(site: FilledSite) -> None:
    """Exit 1; words and remedy, and the same as JSON."""
    (name,) = site.names(1)
    site.place(name).unlink()

    ended = command("db", "check", config=site.config)
    assert ended.returncode == 1
    assert f"spool file {name} is missing: job 1" in ended.stdout
    assert "`broker jobs cancel ID`" in ended.stdout

    ended = command("db", "check", "--json", config=site.config)
    assert ended.returncode == 1
    (finding,) = json.loads(ended.stdout)["findings"]
    assert (finding["kind"], finding["jobs"]) == ("pixels", [1])


def test_a_file_that_is_no_database_is_said(site: FilledSite) -> None:
    """Without a traceback, and without being changed."""
    site.database.close()
    for each in site.data_dir.glob("broker.db*"):
        each.unlink()
    ended = command("db", "check", config=site.config)
    assert (ended.returncode, "there is no database" in ended.stderr) == (1, True)
    assert not site.file.exists()

    site.file.write_bytes(b"no database, but long enough to be looked at" * 100)
    ended = command("db", "check", config=site.config)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "file is not a database" in ended.stdout


def test_a_spool_that_is_not_there_is_one_finding(site: FilledSite) -> None:
    """Not a file for each image of each job, with the remedy for single files."""
    site.job("b")
    (site.data_dir / "spool").rename(site.data_dir / "away")

    ended = command("db", "check", "--json", config=site.config)

    assert ended.returncode == 1
    (finding,) = json.loads(ended.stdout)["findings"]
    assert finding["kind"] == "fit"
    assert "the spool is not there, with 2 files of pixels" in finding["words"]


@pytest.mark.parametrize(
    "typed", [["jobs"], ["printers"], ["refusals"], ["test-print", "--no-wait"]]
)
def test_where_the_data_folder_is_gone_nothing_is_made(site: FilledSite, typed: list[str]) -> None:
    """It was moved, or its name is mistyped: an empty queue in its place would hide the films."""
    site.database.close()
    site.data_dir.rename(site.folder / "moved")

    ended = command(*typed, config=site.config)

    assert ended.returncode == 1
    assert "there is no such folder" in ended.stderr
    assert "broker.data_dir names another" in ended.stderr
    assert not site.data_dir.exists()
