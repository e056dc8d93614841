"""The data folder's own file system, and files in it that are another user's."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.config.file import parse
from broker.config.schema import Config
from broker.operations import data_folder
from broker.store import occupancy
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.required import cannot_run

CONFIGURATION = '[broker]\nhost = "127.0.0.1"\nport = 0\n'
LOST = "lies on tmpfs, in the memory of this machine: all films are lost at reboot"


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory, with a configuration in it."""
    folder = tmp_path / "memory"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "none", folder], capture_output=True).returncode:
        cannot_run("only root can mount a file system")
    (folder / "broker.toml").write_text(CONFIGURATION)
    yield folder
    subprocess.run(["umount", folder], check=True)


def config(folder: Path) -> Config:
    """Of a site in that folder."""
    return parse(CONFIGURATION, folder=folder)


def on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever tests lie, as it would be on a local disk."""
    table = tmp_path / "mountinfo"
    table.write_text("1 1 254:0 / / rw - ext4 /dev/vda rw\n")
    monkeypatch.setattr(occupancy, "MOUNTS", table)


def test_a_folder_in_memory_is_told_by_the_check_and_at_the_start(memory: Path) -> None:
    """The folder need not be there yet: its nearest parent counts."""
    file = memory / "broker.toml"
    checked = command("config", "check", config=file)
    assert checked.returncode == 0
    assert f"warning: broker.data_dir: {memory}/broker-data {LOST}" in checked.stderr
    with BrokerProcess(file) as broker:
        words = [line["words"] for line in broker.lines if line["event"] == "configuration"]
        assert any(LOST in each for each in words)
    assert data_folder.file_system(memory / "broker-data") in words[-1]


def test_a_database_elsewhere_is_looked_at_too(
    tmp_path: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite's file counts by itself, and its key is named."""
    url = f'[database]\nurl = "sqlite:///{memory}/queue.db"\n'
    settings = parse(CONFIGURATION + url, folder=tmp_path)
    (said,) = [each for each in data_folder.remarks(settings) if "queue" in each or "url" in each]
    assert said.startswith(f"database.url: {memory} lies on tmpfs")
    on_disk(tmp_path, monkeypatch)
    assert data_folder.remarks(settings) == []


def test_a_link_is_followed(tmp_path: Path, memory: Path) -> None:
    """The folder that counts is the one it leads to."""
    (tmp_path / "broker-data").symlink_to(memory)
    assert data_folder.file_system(tmp_path / "broker-data").startswith("lies on tmpfs")


def test_files_of_another_user_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first three, how many more there are, and what to type; none when all is the owner's."""
    if os.geteuid() != 0:
        cannot_run("only root can give files away")
    on_disk(tmp_path, monkeypatch)
    data = tmp_path / "broker-data"
    (data / "spool" / "ab").mkdir(parents=True)
    settings = config(tmp_path)
    assert data_folder.remarks(settings) == []
    for number in range(5):
        file = data / "spool" / "ab" / f"{number:064x}"
        file.touch()
        os.chown(file, 64801, 64801)
    (said,) = data_folder.remarks(settings)
    assert "and 2 more: not the property of the folder's owner (uid 0)" in said
    assert f"`sudo chown -R 0 {data}`" in said


def test_a_folder_that_is_not_there_yet_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It will be made."""
    on_disk(tmp_path, monkeypatch)
    assert data_folder.remarks(config(tmp_path / "none")) == []
