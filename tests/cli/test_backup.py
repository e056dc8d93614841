"""`broker backup`, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.broker_process import command
from tests.peers.filled_site import FilledSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """One queued job of two films."""
    with FilledSite(tmp_path / "site") as made:
        made.job("a", "b")
        yield made


def test_it_says_what_it_has_copied(site: FilledSite, tmp_path: Path) -> None:
    """One line: jobs, films, bytes and seconds; exit 0."""
    ended = command("backup", str(tmp_path / "backup"), config=site.config)

    assert ended.returncode == 0, ended.stderr
    assert "1 job, 2 films" in ended.stdout
    assert (tmp_path / "backup" / "manifest.json").exists()


def test_missing_pixels_are_said_and_the_exit_code_is_1(site: FilledSite, tmp_path: Path) -> None:
    """The rest is there, and the JSON names the file."""
    name = site.names(1)[0]
    site.place(name).unlink()

    ended = command("backup", str(tmp_path / "backup"), "--json", config=site.config)

    assert ended.returncode == 1
    found = json.loads(ended.stdout)
    assert (found["missing"], found["damaged"], found["files"]) == ([name], [], 1)
    assert (
        f"1 spool file missing in the spool: {name}"
        in command("backup", str(tmp_path / "backup"), config=site.config).stdout
    )


@pytest.mark.parametrize("where", ["", "spool/copy", "copies"])
def test_a_folder_inside_the_data_directory_is_refused(site: FilledSite, where: str) -> None:
    """A copy that is lost with what it is a copy of is no backup."""
    ended = command("backup", str(site.data_dir / where), config=site.config)

    assert ended.returncode == 1
    assert "is inside" in ended.stderr
    assert not (site.data_dir / where / "manifest.json").exists()


def test_without_a_database_nothing_is_made(tmp_path: Path) -> None:
    """A wrong folder is said, rather than backed up as an empty queue."""
    (tmp_path / "broker.toml").write_text("")

    ended = command("backup", str(tmp_path / "backup"), config=tmp_path / "broker.toml")

    assert ended.returncode == 1
    assert "no database to back up" in ended.stderr
    assert not (tmp_path / "backup").exists()
    assert not (tmp_path / "broker-data").exists()
