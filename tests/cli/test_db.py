"""`broker db check`, as it is typed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.spool.binding import bind
from broker.store import identity
from tests.peers.broker_process import command
from tests.peers.damage import damage_table
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


def test_a_damaged_database_is_read_as_the_manual_says(site: FilledSite) -> None:
    """The commands of the page work in their order: the check names the way, what is left is read,
    and a job that has lost its film is held until it is cancelled."""
    for each in ("b", "c"):
        site.job(each)
    damage_table(site.database, site.file, "films")
    site.database.close()
    manual = Path("broker/help/backup-and-upgrade.md").read_text()
    section = manual.partition("## A damaged database")[2].partition("\n## ")[0]
    typed = re.findall(r"^broker (.*)$", section, re.MULTILINE)
    assert typed == ["db check", "db salvage", "db check", "jobs --state held"]

    first, read, checked, held = (command(*each.split(), config=site.config) for each in typed)
    assert first.returncode == 1
    assert "`broker db salvage` reads what is left" in " ".join(first.stdout.split())
    assert read.returncode == 0, read.stderr
    assert "Not all could be read of: films." in read.stdout
    assert "Held, as a part of them is lost: jobs 1, 2, 3." in read.stdout
    assert "\npages:" not in checked.stdout
    assert "there are not as many films as it has: jobs 1, 2, 3" in checked.stdout
    assert held.stdout.count("print it again at the modality") == 1  # once for all
    for each in ("1", "2", "3"):
        ended = command("jobs", "cancel", each, "--yes", config=site.config)
        assert ended.returncode == 0, ended.stderr
    again = command("db", "salvage", config=site.config)
    assert (again.returncode, again.stdout) == (1, "")
    assert "there is nothing to salvage" in again.stderr


def test_what_follows_from_lost_users_and_printers_is_said(site: FilledSite) -> None:
    """Not only the tables' names: a page without sign-in and a printer that prints again."""
    for table in ("users", "printers"):
        damage_table(site.database, site.file, table)
    site.database.close()
    read = command("db", "salvage", config=site.config)
    assert read.returncode == 0, read.stderr
    said = " ".join(read.stdout.split())
    assert "make the others again with `broker user add`" in said
    assert "asks for no sign-in" in said
    assert "drain again those that you had taken out" in said
    assert "The database's identity" not in said


def test_after_the_identity_is_lost_adopting_goes_on(site: FilledSite) -> None:
    """It is the only way that is said, as nothing can be put back; it holds what is unfinished."""
    bind(site.database, identity.count(site.database), site.data_dir / "spool").close()
    damage_table(site.database, site.file, "queue")
    site.database.close()
    read = command("db", "salvage", config=site.config)
    assert read.returncode == 0, read.stderr
    said = " ".join(read.stdout.split())
    assert "The database's identity is lost" in said
    assert "`broker spool adopt` goes on" in said
    assert "Put the right database back" not in said
    adopted = command("spool", "adopt", "--yes", config=site.config)
    assert adopted.returncode == 0, adopted.stderr
    assert "1 job held" in adopted.stdout
    checked = command("db", "check", config=site.config)
    assert checked.returncode == 0, checked.stdout


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
