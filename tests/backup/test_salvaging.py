"""What is left of a damaged database, read into one that a broker can start on."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from broker.backup.checking import check
from broker.backup.salvaging import Salvaged, SalvageRefused, _row_numbers, salvage
from broker.config.file import load
from broker.model.jobs.job import State
from broker.service.data_folder import DataFolder
from broker.spool.binding import mismatch
from broker.store import identity, schema
from broker.store.database import Database
from broker.store.occupancy import Occupancy, Occupied
from broker.store.queue.commands import NotAllowed
from broker.store.queue.jobs import Jobs
from broker.store.sqlite import examine
from tests.peers.damage import damage_table
from tests.peers.earlier_version import back_to
from tests.peers.filled_site import FilledSite


class Quiet:
    """Is told how far it is."""

    def begin(self, words: str, total: int) -> None:
        """Nothing to do."""

    def reached(self, done: int) -> None:
        """Nothing to do."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """A broker's folder with some jobs."""
    with FilledSite(tmp_path / "site") as made:
        for number in range(40):
            made.job(number)
        yield made


def salvaged(site: FilledSite) -> tuple[Salvaged, Jobs, Database]:
    """What comes of it, and the jobs that are there then."""
    site.database.close()
    found = salvage(site.data_dir, site.file, Quiet(), time.time)
    database = Database.open(f"sqlite:///{site.file}")
    return found, Jobs(database, time.time), database


def leaves(file: Path, table: str) -> list[int]:
    """The pages of a table that have rows."""
    content = file.read_bytes()
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()

    def below(page: int) -> list[int]:
        begin = (page - 1) * size
        kind, cells = content[begin], int.from_bytes(content[begin + 3 : begin + 5], "big")
        if kind == 13:
            return [page]
        found = []
        for cell in range(cells):
            at = begin + 12 + 2 * cell
            start = begin + int.from_bytes(content[at : at + 2], "big")
            found.append(int.from_bytes(content[start : start + 4], "big"))
        found.append(int.from_bytes(content[begin + 8 : begin + 12], "big"))
        return [leaf for each in found for leaf in below(each)]

    return below(root)


def damage_page(site: FilledSite, table: str, which: int) -> None:
    """Overwrite one page with rows of the table."""
    assert site.database.checkpoint(cut=True, busy_s=5.0).complete
    site.database.close()
    pages = leaves(site.file, table)
    assert len(pages) > 2
    with site.file.open("r+b") as raw:
        raw.seek((pages[which] - 1) * 4096)
        raw.write(b"\xff" * 4096)


@pytest.mark.parametrize("which", [0, 1, -1], ids=["first", "inner", "last"])
def test_rows_around_a_page_that_is_damaged_are_kept(site: FilledSite, which: int) -> None:
    """Films that were on it are lost, and their jobs held; all others are as they were, and the
    database is in order, and the spool's: a broker opens it."""
    with site.database.read() as connection:
        before = dict(connection.execute(text("SELECT job_id, content FROM films")).all())
    damage_page(site, "films", which)
    found, jobs, database = salvaged(site)

    assert found.damaged == ("films",)
    assert examine(site.file, full=True).faults == ()
    assert mismatch(site.data_dir / "spool", site.file) is None
    with database.read() as connection:
        after = dict(connection.execute(text("SELECT job_id, content FROM films")).all())
    assert after.items() <= before.items()
    assert set(found.held) == before.keys() - after.keys()
    assert 0 < len(found.held) < 30
    held = jobs.queries.list([State.HELD])
    assert [job.id for job in held] == sorted(found.held)
    assert all(job.reason.endswith("print it again at the modality") for job in held)
    assert len(jobs.queries.waiting()) == 40 - len(found.held)
    with pytest.raises(NotAllowed, match="cannot be printed; `broker jobs cancel"):
        jobs.commands.release(held[0].id)
    jobs.commands.cancel(held[0].id)
    assert (found.kept / "broker.db").is_file()
    database.close()
    DataFolder(load(site.config), lambda _event, _facts: None, time.time).close()


def test_jobs_that_are_lost_take_their_rows_along(site: FilledSite) -> None:
    """Their numbers are not given again, and their pixels stay in the spool."""
    names = set(site.jobs.references.spooled())
    damage_page(site, "jobs", 1)
    found, jobs, database = salvaged(site)

    assert found.damaged == ("jobs",)
    assert found.jobs == len(jobs.queries.list()) < 40
    assert found.dropped
    assert examine(site.file, full=True).faults == ()
    assert all(site.place(name).is_file() for name in names)
    assert identity.seen(database).jobs == 40
    database.close()


def test_a_table_that_is_lost_whole_leaves_the_others(site: FilledSite) -> None:
    """Its first page says where all its rows are."""
    damage_table(site.database, site.file, "films")
    found, jobs, database = salvaged(site)
    assert found.held == tuple(range(1, 41))
    assert len(jobs.queries.list([State.HELD])) == 40
    database.close()


def test_rows_between_a_damaged_begin_and_a_damaged_end_are_found(tmp_path: Path) -> None:
    """However many there are, and wherever else a page is damaged: all but those on these pages."""
    file, rows = tmp_path / "many.db", 120_000
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE many (id INTEGER PRIMARY KEY, words TEXT)")
        made.executemany("INSERT INTO many VALUES (?, 'x')", ((n,) for n in range(1, rows + 1)))
        made.commit()
    pages = leaves(file, "many")
    with file.open("r+b") as raw:
        for page in (pages[0], pages[len(pages) * 9 // 10], pages[-1]):
            raw.seek((page - 1) * 4096)
            raw.write(b"\xff" * 4096)
    with closing(sqlite3.connect(":memory:")) as to:
        to.execute("ATTACH ? AS old", (str(file),))
        found, whole = _row_numbers(to, "many")
    assert not whole
    assert rows - 3 * 600 < len(found) < rows
    assert found == sorted(found)


def test_a_database_in_order_is_left_alone(site: FilledSite) -> None:
    """And so is one that a broker has, and one of which not even the tables can be read."""
    with pytest.raises(SalvageRefused, match="nothing to salvage"):
        salvage(site.data_dir, site.file, Quiet(), time.time)
    taken = Occupancy.take(site.data_dir)
    with pytest.raises(Occupied):
        salvage(site.data_dir, site.file, Quiet(), time.time)
    taken.close()
    site.database.close()
    before = random.Random(1).randbytes(40960)
    site.file.write_bytes(before)
    with pytest.raises(SalvageRefused, match="`broker restore DIR`"):
        salvage(site.data_dir, site.file, Quiet(), time.time)
    assert site.file.read_bytes() == before
    assert not [each for each in site.data_dir.iterdir() if "salvaging" in each.name]


def test_references_to_pixels_are_made_again_from_the_films(site: FilledSite) -> None:
    """No whole job is held for them, and a check finds all in order before any start."""
    names = site.jobs.references.spooled()
    damage_table(site.database, site.file, "spooled")
    found, jobs, database = salvaged(site)
    assert (found.damaged, found.held) == (("spooled",), ())
    assert jobs.references.spooled() == names
    assert check(site.file, site.data_dir / "spool").findings == ()
    database.close()


def test_a_version_that_is_lost_is_known_by_the_tables(site: FilledSite) -> None:
    """Nothing else of the database is lost with it."""
    damage_table(site.database, site.file, "alembic_version")
    found, jobs, database = salvaged(site)
    assert (found.damaged, found.held, found.jobs) == (("alembic_version",), (), 40)
    assert schema.current(database) == schema.head()
    assert len(jobs.queries.waiting()) == 40
    database.close()


def test_tables_of_an_earlier_version_are_brought_up_to_date(site: FilledSite) -> None:
    """Where the version is lost, too."""
    with closing(sqlite3.connect(site.file)) as connection:
        for each in back_to("0014"):
            connection.execute(each)
        connection.commit()
    damage_table(site.database, site.file, "alembic_version")
    found, _, database = salvaged(site)
    assert (found.held, found.jobs) == ((), 40)
    assert schema.current(database) == schema.head()
    database.close()


def test_tables_that_no_version_has_are_refused_by_the_name_of_the_file(site: FilledSite) -> None:
    """As where a later version made them; each way on is said, and the file stays as it was."""
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("CREATE TABLE later (id INTEGER PRIMARY KEY)")
    damage_table(site.database, site.file, "alembic_version")
    site.database.close()
    before = site.file.read_bytes()
    with pytest.raises(SalvageRefused) as refused:
        salvage(site.data_dir, site.file, Quiet(), time.time)
    assert refused.value.words.startswith(f"{site.file}: ")
    assert "`broker restore DIR`" in refused.value.words
    assert "`broker spool` says" in refused.value.words
    assert site.file.read_bytes() == before
