"""`broker spool`: whose it is, what was set aside, and a person's word to go on."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from broker.model.jobs.job import State
from broker.spool import binding
from broker.spool.binding import FILE, read_mark
from broker.spool.files import Spool
from broker.store import identity, schema
from broker.store.occupancy import Occupancy
from tests.cli.conftest import Site
from tests.peers.earlier_version import back_to


def folder(site: Site) -> Path:
    """The spool's."""
    return site.folder / "broker-data" / "spool"


def bind(site: Site) -> None:
    """As a start does."""
    binding.bind(site.database, identity.count(site.database), folder(site)).close()


def put_aside(site: Site, *contents: bytes) -> None:
    """Pixels that no job refers to, and a sweep."""
    spool = Spool(folder(site))
    received = [spool.receive([content]) for content in contents]
    spool.keep(received)
    spool.drop(received)
    spool.sweep(site.jobs.references, now=time.time(), keep_s=86400)


def lose_database(site: Site) -> None:
    """Put it away, with its log."""
    site.database.close()
    data = site.folder / "broker-data"
    for path in data.glob("broker.db*"):
        path.rename(site.folder / path.name)


def test_it_shows_whose_the_spool_is(site: Site) -> None:
    """And how far both have come; for scripts, too."""
    site.job()
    (folder(site) / FILE).unlink()
    before = site.broker("spool")
    assert "the spool belongs to  no database yet" in before.out
    bind(site)
    own = identity.seen(site.database).progress
    assert own is not None

    said = site.broker("spool").out
    document = json.loads(site.broker("spool", "--json").out)

    assert f"the spool belongs to  database {own.identity[:8]}, at job 1, change " in said
    assert f"broker.db is          database {own.identity[:8]}, at job 1, change " in said
    assert "they fit" in said
    assert said.endswith("Nothing is set aside.\n")
    assert document["fits"] is True
    assert document["mark"]["identity"] == own.identity
    assert document["database_progress"]["changes"] == own.changes
    assert document["files"] == 1
    assert document["set_aside"] == []


def test_it_shows_what_was_set_aside(site: Site) -> None:
    """Each file with its size, since when, and when it is removed."""
    site.job()
    put_aside(site, b"x" * (1 << 20), b"y")

    said = site.broker("spool").out
    document = json.loads(site.broker("spool", "--json").out)

    assert "2 files set aside, 1.0 MB: no job refers to them, and it is not known why" in said
    assert "NAME" in said
    assert f"SET ASIDE {time.strftime('%Z')}" in said
    assert f"REMOVED {time.strftime('%Z')}" in said
    assert said.isascii()
    assert all(len(line) <= 80 for line in said.splitlines()[1:])
    first = document["set_aside"][0]
    assert {len(each["name"]) for each in document["set_aside"]} == {64}
    assert sorted(each["bytes"] for each in document["set_aside"]) == [1, 1 << 20]
    assert first["set_aside_at"][:4] == time.strftime("%Y")
    assert first["removed_at"] > first["set_aside_at"]


def test_a_lost_database_is_told_and_not_made_anew(site: Site) -> None:
    """By every command: a new file would hide the loss. Put back, all is as it was."""
    site.job()
    bind(site)
    lose_database(site)
    file = site.folder / "broker-data" / "broker.db"

    for command in (["jobs"], ["printers"], ["spool", "--json"], ["db", "upgrade"], ["purge"]):
        ended = site.broker(*command)
        said = ended.out + ended.err
        assert "there is no database here, or it is new; the spool " in said
        assert ended.code == (0 if command[0] == "spool" else 1)
        assert not file.exists()
    assert "there is no database here" in site.broker("config", "check").err

    for path in site.folder.glob("broker.db*"):
        path.rename(file.with_name(path.name))
    assert site.broker("jobs").code == 0


def test_adopting_goes_on_without_what_is_lost(site: Site) -> None:
    """Numbers go on, and what the lost database's films are made of is set aside, not removed."""
    for _ in range(3):
        site.job()
    bind(site)
    lose_database(site)

    asked = site.broker("spool", "adopt")
    assert asked.code == 1
    assert "films that waited in the lost one are not printed" in asked.err
    assert asked.err.endswith("nothing was changed: say --yes to go on without being asked\n")
    assert not (site.folder / "broker-data" / "broker.db").exists()

    done = site.broker("spool", "adopt", "--yes")

    assert done.code == 0
    assert "`broker serve` starts on them" in done.out
    document = json.loads(site.broker("spool", "--json").out)
    assert document["fits"] is True
    assert document["files"] == 1
    assert read_mark(folder(site)) is not None
    assert document["mark"]["jobs"] == 3
    assert site.broker("spool", "adopt").out.endswith("nothing to do\n")


def test_adopting_an_older_database_prints_nothing_by_itself(site: Site) -> None:
    """Its jobs are held, as they may have been printed since; a person is told how to go on."""
    site.job()
    site.job()
    bind(site)
    mark = read_mark(folder(site))
    assert mark is not None
    with site.database.write() as connection:
        connection.exec_driver_sql("UPDATE queue SET changes = changes - 2")

    done = site.broker("spool", "adopt", "--yes")

    assert "this database has lost what was written last, or is an older copy" in done.err
    assert "2 jobs held, which may be on paper: `broker jobs explain 1` says what to" in done.out
    assert [job.state for job in site.jobs.queries.list()] == [State.HELD, State.HELD]
    explained = site.broker("jobs", "explain", "1").out
    assert "may be on paper already: the spool was adopted on " in explained
    assert "Film 1 may have been printed before " in explained
    assert "Look in the tray of every printer." in " ".join(explained.split())
    assert "Look in the tray of every printer." in " ".join(
        site.broker("jobs", "show", "1").out.split()
    )


def test_nothing_is_adopted_beneath_a_broker(site: Site) -> None:
    """It says which process that is."""
    bind(site)
    with closing(Occupancy.take(site.folder / "broker-data")):
        ended = site.broker("spool", "adopt", "--yes")
    assert ended.code == 1
    assert "another broker (process " in ended.err


@pytest.mark.parametrize("days", ["0", "1e-9", "2.5"])
def test_the_time_is_the_sites(site: Site, days: str) -> None:
    """With 0 nothing is set aside. What is over is left to a broker that knows its clock."""
    text = site.file.read_text()
    site.file.write_text(f"{text}[retention]\norphans_days = {days}\n")
    site.job()
    put_aside(site, b"x")
    site.broker("purge")
    left = json.loads(site.broker("spool", "--json").out)["set_aside"]
    assert len(left) == (days != "0")


def set_back(site: Site, changes: int) -> None:
    """As an older copy that was put back is: its last `changes` changes are lost."""
    with site.database.write() as connection:
        connection.exec_driver_sql(f"UPDATE queue SET changes = changes - {changes}")


@pytest.mark.parametrize(
    "command",
    [
        ["jobs", "hold", "1"],
        ["printers", "drain", "oki-1"],
        ["purge", "--yes"],
    ],
)
def test_no_command_hides_that_the_database_was_set_back(site: Site, command: list[str]) -> None:
    """It is read, and not written: each change would bring its count up to the spool's."""
    job = site.job()
    site.jobs.commands.cancel(site.job())
    with site.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET updated_at = 1 WHERE state = 'cancelled'")
    bind(site)
    set_back(site, 2)
    site.file.write_text(
        site.file.read_text()
        + '[[printers]]\nname = "new-1"\nae_title = "N"\nhost = "127.0.0.1"\nport = 3\n'
    )
    before = identity.seen(site.database).progress

    listed = site.broker("jobs")
    ended = site.broker(*command)

    assert listed.code == 0
    assert f" {job} " in listed.out
    assert ended.code == 1
    assert "this database has lost what was written last, or is an older copy" in ended.err
    assert "Traceback" not in ended.err
    assert identity.seen(site.database).progress == before
    assert binding.mismatch(folder(site), site.database.file) is not None


@pytest.mark.parametrize("command", [["db", "upgrade"], ["jobs"]])
def test_a_database_of_an_earlier_version_is_not_upgraded_for_another_spool(
    site: Site, command: list[str]
) -> None:
    """The spool's own database is a newer one: this one stays as it is."""
    site.job()
    bind(site)
    site.database.close()
    with closing(sqlite3.connect(site.database.file)) as old, old:
        for statement in back_to("0005"):
            old.execute(statement)

    ended = site.broker(*command)

    assert ended.code == 1
    assert "this database is one of an earlier version" in ended.err
    assert schema.current(site.database) == "0005"


@pytest.mark.parametrize("empty", [False, True])
def test_adopting_keeps_what_a_lost_database_has_left(site: Site, empty: bool) -> None:
    """Its log has what it was told last: it gets another name, which is told."""
    site.job()
    bind(site)
    lose_database(site)
    file = site.folder / "broker-data" / "broker.db"
    if empty:
        file.touch(0o600)
    log = file.with_name("broker.db-wal")
    log.write_bytes(b"what was written last")

    done = site.broker("spool", "adopt", "--yes")

    assert done.code == 0
    (kept,) = file.parent.glob("broker.db-wal.before-*")
    assert kept.read_bytes() == b"what was written last"
    assert f"{kept}: kept of the lost database, under this name" in done.err


def test_a_spool_that_is_not_there_does_not_fit(site: Site) -> None:
    """No broker starts without it, and there is nothing to adopt."""
    site.job()
    bind(site)
    folder(site).rename(site.folder / "away")

    said = " ".join(site.broker("spool").out.split())
    adopted = site.broker("spool", "adopt", "--yes")

    assert "the spool is not there" in said
    assert "they fit" not in said
    assert json.loads(site.broker("spool", "--json").out)["fits"] is False
    assert (adopted.code, "the spool is not there" in adopted.err) == (1, True)
