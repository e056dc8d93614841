"""SQLite's own checks: bounded in time, and without a change to the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from broker.backup.checking import check
from broker.model.storage.finding import Kind
from broker.store.database import Database
from broker.store.sqlite import DatabaseDamaged, damage, examine
from tests.peers.damage import damage_table
from tests.peers.filled_site import FilledSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """A broker's folder with a few jobs."""
    with FilledSite(tmp_path / "site") as made:
        for number in range(5):
            made.job(number)
        yield made


@pytest.mark.parametrize("full", [False, True])
def test_a_database_in_order_has_no_faults(site: FilledSite, full: bool) -> None:
    """With its log beside it, and while it is open."""
    found = examine(site.file, full=full)

    assert (found.faults, found.complete) == ((), True)


@pytest.mark.parametrize("full", [False, True])
def test_a_damaged_page_is_a_fault(site: FilledSite, full: bool) -> None:
    """It is found, and the file is as it was."""
    damage_table(site.database, site.file, "films")
    before = site.file.read_bytes()

    found = examine(site.file, full=full)

    assert found.pages
    assert site.file.read_bytes() == before


def test_a_file_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    """As after a wrong copy."""
    (tmp_path / "broker.db").write_bytes(b"x" * 8192)

    assert examine(tmp_path / "broker.db").pages == ("file is not a database",)


def test_a_damaged_schema_is_a_fault_whatever_its_bytes_are(site: FilledSite) -> None:
    """SQLite's words quote what is damaged, and that need be no text."""
    site.database.checkpoint(cut=True)
    content = site.file.read_bytes()
    site.file.write_bytes(content.replace(b"CREATE TABLE films", b"CREATE \xff\xfe\xffLE films"))

    assert examine(site.file).pages
    assert check(site.file, site.data_dir / "spool").findings[0].kind is Kind.PAGES


def test_rows_without_their_job_are_faults(site: FilledSite) -> None:
    """As a program leaves them that does not keep references."""
    with closing(sqlite3.connect(site.file)) as other:
        other.execute("DELETE FROM jobs WHERE id = 1")
        other.commit()

    found = examine(site.file)

    assert not found.pages
    assert "films row 1 refers to a row of jobs that is missing" in found.references


def test_a_check_is_bounded_in_time(tmp_path: Path) -> None:
    """The rest is left out, and it says so; so it is when it is stopped."""
    file = tmp_path / "large.db"
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY, words TEXT)")
        made.executemany("INSERT INTO numbers VALUES (?, ?)", ((n, "x" * 50) for n in range(50000)))
        made.commit()

    assert not examine(file, full=True, within_s=0.0).complete
    assert not examine(file, full=True, stop=lambda: True).complete
    assert examine(file, full=True, within_s=60.0).complete


def test_a_check_beside_writers_takes_no_lock(site: FilledSite) -> None:
    """A film can be recorded while it runs."""
    numbers = []

    def write() -> bool:
        if not numbers:
            numbers.append(site.job("meanwhile"))
        return False

    for number in range(5, 60):
        site.job(number)
    examine(site.file, full=True, stop=write)

    assert site.jobs.queries.list()[-1].id == len(site.jobs.queries.list())


def test_the_database_remembers_damage_that_it_met(site: FilledSite) -> None:
    """Once met, it is known for the rest of this life, and told once."""
    told: list[str] = []
    other = Database.open(f"sqlite:///{site.file}")
    other.on_damage = told.append
    damage_table(site.database, site.file, "films")
    assert other.damage == ""

    for _ in range(2):
        with pytest.raises(DatabaseError) as caught, other.read() as connection:
            connection.execute(text("SELECT sum(length(content)) FROM films")).all()
    other.close()

    assert damage(caught.value)
    assert other.damage == "database disk image is malformed"
    assert told == [other.damage]


def test_other_errors_are_no_damage(site: FilledSite) -> None:
    """A mistake in a statement, for one."""
    with pytest.raises(DatabaseError) as caught, site.database.read() as connection:
        connection.execute(text("SELECT nothing FROM nowhere")).all()

    assert (damage(caught.value), damage(OSError()), site.database.damage) == ("", "", "")


def test_what_is_said_of_a_damaged_database_names_both_ways(site: FilledSite) -> None:
    """With a backup, and without one."""
    damage_table(site.database, site.file, "films")
    words = DatabaseDamaged(site.file, examine(site.file).pages).words
    assert "`broker restore DIR`" in words
    assert "`broker db salvage` reads what is left" in words
