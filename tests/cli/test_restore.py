"""`broker restore`, as it is typed, and what the jobs say afterwards."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.backup.backup import Manifest
from broker.cli.output.local_time import told
from broker.spool.binding import bind, write_mark
from broker.spool.stored import place_of
from broker.store import identity, schema
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.earlier_version import back_to
from tests.peers.filled_site import FilledSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """A queued job of two films, and a sent one; backed up."""
    with FilledSite(tmp_path / "site") as made:
        made.job("a", "b")
        made.send(made.job("c"))
        progress = identity.seen(made.database).progress
        assert progress is not None
        write_mark(made.data_dir / "spool", progress)
        assert command("backup", str(tmp_path / "backup"), config=made.config).returncode == 0
        yield made


@pytest.fixture
def config(site: FilledSite, tmp_path: Path) -> Path:
    """The configuration of an empty place elsewhere."""
    (tmp_path / "other").mkdir()
    return Path(shutil.copy(site.config, tmp_path / "other" / "broker.toml"))


def test_a_broker_starts_on_what_came_back(config: Path, tmp_path: Path) -> None:
    """It says what came back and what to type next; the start needs nothing more."""
    ended = command("restore", str(tmp_path / "backup"), config=config)

    assert ended.returncode == 0, ended.stderr
    assert "2 jobs (1 queued, 1 sent), 3 films, 3 spool files" in ended.stdout
    assert "1 job held, as they may have been printed since" in ended.stdout
    assert "`broker jobs release 1 --printed` if it is there" in ended.stdout
    with BrokerProcess(config) as broker:
        listed = json.loads(command("jobs", "--all", "--json", config=config).stdout)
        assert {each["id"]: each["state"] for each in listed} == {1: "held", 2: "sent"}
        assert broker.end() == 0


def test_the_way_on_is_explained_and_flagged(config: Path, tmp_path: Path) -> None:
    """`explain` names the backup and no printer; released, the job may be on paper twice."""
    command("restore", str(tmp_path / "backup"), config=config)
    manifest = Manifest.read(tmp_path / "backup")

    said = " ".join(command("jobs", "explain", "1", config=config).stdout.split())
    assert f"restored from the backup of {told(manifest.moment)}" in said
    assert "Film 1 may have been printed before" in said
    assert "Look in the tray of every printer" in said
    assert "uncertain ones among them" in command("jobs", "release", "1", config=config).stdout

    said = " ".join(command("jobs", "explain", "1", config=config).stdout.split())
    assert "may be on paper already: film 1 may have been printed before" in said
    assert "without an answer" not in said
    assert "asked of  at" not in said


def test_a_dry_run_changes_nothing(config: Path, site: FilledSite, tmp_path: Path) -> None:
    """It checks the backup whole, also beside a database that is still there."""
    ended = command("restore", "--dry-run", str(tmp_path / "backup"), config=config)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "Nothing was changed.")
    assert not (config.parent / "broker-data").exists()

    ended = command("restore", "--dry-run", str(tmp_path / "backup"), config=site.config)
    assert ended.returncode == 0
    assert "Not yet: " in ended.stdout

    place_of(tmp_path / "backup" / "spool", site.names(1)[0]).write_bytes(b"")
    site.place(site.names(1)[0]).write_bytes(b"")
    ended = command("restore", "--dry-run", str(tmp_path / "backup"), config=site.config)
    assert ended.returncode == 1
    assert "NOT WHOLE: 0 spool files missing, 1 damaged" in ended.stdout


def test_a_running_broker_and_its_database_are_left_alone(site: FilledSite, tmp_path: Path) -> None:
    """Refused beside a broker, and where a database is."""
    ended = command("restore", str(tmp_path / "backup"), config=site.config)
    assert ended.returncode == 1
    assert "there is a database already" in ended.stderr

    with BrokerProcess(site.config) as broker:
        ended = command("restore", str(tmp_path / "backup"), config=site.config)
        assert ended.returncode == 1
        assert "a broker is running on it; stop it first" in ended.stderr
        broker.end()
    assert len(site.jobs.queries.list()) == 2


def test_an_incomplete_backup_needs_a_word(config: Path, site: FilledSite, tmp_path: Path) -> None:
    """Nothing is restored without --incomplete; with it the job says that its pixels are gone."""
    place_of(tmp_path / "backup" / "spool", site.names(1)[1]).unlink()

    ended = command("restore", str(tmp_path / "backup"), config=config)
    assert ended.returncode == 1
    assert "the backup is not whole: 1 spool file missing" in ended.stderr
    assert not (config.parent / "broker-data" / "broker.db").exists()

    ended = command("restore", "--incomplete", str(tmp_path / "backup"), config=config)
    assert ended.returncode == 0, ended.stderr
    assert "of these without their pixels: 1" in ended.stdout


def test_a_backup_made_before_an_upgrade_is_told(tmp_path: Path) -> None:
    """It names no database: the restore says why it is taken for this spool's, and a broker starts
    on what came back."""
    with FilledSite(tmp_path / "site") as made:
        made.job("a")
        with closing(sqlite3.connect(made.file)) as old:
            for statement in back_to("0005"):
                old.execute(statement)
            old.commit()
        copies = str(tmp_path / "copies")
        assert command("backup", copies, config=made.config).returncode == 0
        schema.upgrade(made.database)
        with closing(bind(made.database, identity.count(made.database), made.data_dir / "spool")):
            made.job("later")
    for each in made.data_dir.glob("broker.db*"):
        each.unlink()

    ended = command("restore", copies, config=made.config)

    assert ended.returncode == 0, ended.stderr
    assert "The backup was made before an upgrade (tables 0005)" in ended.stdout
    assert "1 of its 1 spool files are in it" in ended.stdout
    with BrokerProcess(made.config) as broker:
        (listed,) = json.loads(command("jobs", "--json", config=made.config).stdout)
        assert (listed["id"], listed["state"]) == (1, "held")
        assert broker.end() == 0
