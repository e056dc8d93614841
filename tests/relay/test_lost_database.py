"""A broker whose database is not the one that its spool knows."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import State
from broker.spool.binding import FILE, read_mark
from tests.bench.damage_site import (
    PRINTER,
    DamageSite,
    name_of_film,
    print_films,
    wait_until,
)
from tests.peers.broker_process import command
from tests.peers.earlier_version import back_to

PATIENCE_S = 20.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[DamageSite]:
    """A printer that is off: films wait."""
    with EmulatedPrinter(PRINTER, "OKI1", tmp_path / "tray", scenario="down") as printer:
        yield DamageSite(tmp_path / "site", printer)


def settled(site: DamageSite) -> int:
    """How many jobs neither wait nor print."""
    jobs = json.loads(command("jobs", "--all", "--json", config=site.config).stdout)
    return sum(job["state"] in ("sent", "held") for job in jobs)


def refused(site: DamageSite, *options: str) -> str:
    """What a broker says that does not start."""
    ended = command("serve", "--no-web", *options, config=site.config)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def take_films(site: DamageSite, *films: int) -> None:
    """A broker takes them, one job each, and is killed."""
    with site.begin() as broker:
        for film in films:
            print_films(broker.port, (film,))
        broker.end(signal.SIGKILL)


def put_away(site: DamageSite) -> Path:
    """The database with its log; where it is then."""
    away = site.folder / "away"
    away.mkdir()
    for path in site.data_dir.glob("broker.db*"):
        path.rename(away / path.name)
    return away


def printed(site: DamageSite, *films: int) -> bool:
    """Whether exactly these come out, once each."""
    wait_until(lambda: len(site.printer.sheets) >= len(films), PATIENCE_S)
    found = sorted(sheet.pixels for sheet in site.printer.sheets)
    return found == sorted((name_of_film(film),) for film in films)


def test_a_lost_database_is_put_back_and_all_films_print(site: DamageSite) -> None:
    """Until then no broker starts, and no pixels go."""
    take_films(site, 1, 2)
    away = put_away(site)

    said = refused(site)
    assert "there is no database here, or it is new" in said
    assert "that came to job 2, change " in said
    assert refused(site, "--new-spool") == said, "that is not what is lost"
    assert site.spool_file(name_of_film(1)).exists()

    for path in away.iterdir():
        path.rename(site.data_dir / path.name)
    with site.begin():
        site.printer.set_scenario("ok")
        assert printed(site, 1, 2)


def name_another(site: DamageSite) -> None:
    """The configuration names another file, which is not there yet."""
    take_films(site, 1, 2)
    site.configure(database=f"sqlite:///{site.folder}/other.db")


def put_back_older(site: DamageSite) -> None:
    """A copy of the database from before film 2 is put in its place."""
    copy = site.folder / "copy.db"
    for film in (1, 2):
        with site.begin() as broker:
            print_films(broker.port, (film,))
            assert broker.end() == 0
        if film == 1:
            shutil.copy(site.database_file, copy)
    shutil.rmtree(put_away(site))
    shutil.copy(copy, site.database_file)


def lose_log(site: DamageSite) -> None:
    """The log beside the database is gone, with all that was not yet in the file."""
    take_films(site, 1, 2)
    for suffix in ("-wal", "-shm"):
        Path(f"{site.database_file}{suffix}").unlink()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("lose", [name_another, put_back_older, lose_log])
def test_beside_what_is_not_its_database_the_spool_is_left_alone(
    site: DamageSite, lose: Callable[[DamageSite], None]
) -> None:
    """No broker starts, each way on is said, and no file of an accepted film goes."""
    lose(site)
    before = sorted(site.data_dir.glob("spool/*/*"))

    said = refused(site)

    assert "No broker starts on these two" in said
    assert "`broker spool adopt`" in said
    assert sorted(site.data_dir.glob("spool/*/*")) == before
    assert all(site.spool_file(name_of_film(film)).exists() for film in (1, 2))


def test_adopted_and_put_back_after_all_the_films_are_there(site: DamageSite) -> None:
    """What the new database did not refer to was set aside: the old one, adopted again, finds it,
    and a person says what is printed."""
    take_films(site, 1, 2)
    away = put_away(site)
    assert command("spool", "adopt", "--yes", config=site.config).returncode == 0
    with site.begin() as broker:
        told = broker.wait_for("orphans set aside")
        assert told["files"] == told["set_aside"] == 2
        print_films(broker.port, (3,))
        broker.end()
    first = json.loads(command("jobs", "--all", "--json", config=site.config).stdout)
    assert [job["id"] for job in first] == [3], "a number that was read is not given again"
    shutil.rmtree(put_away_again(site))
    for path in away.iterdir():
        path.rename(site.data_dir / path.name)

    assert "this database is database " in refused(site)
    assert command("spool", "adopt", "--yes", config=site.config).returncode == 0
    site.printer.set_scenario("ok")
    with site.begin() as broker:
        assert broker.wait_for("orphans brought back")["files"] == 2
        database, jobs, _ = site.open()
        assert [job.state for job in jobs.queries.list()] == [State.HELD, State.HELD]
        jobs.commands.release(1)
        jobs.commands.release(2, printed=True)
        assert printed(site, 1)
        database.close()
        assert broker.end() == 0


def put_away_again(site: DamageSite) -> Path:
    """Another one."""
    away = site.folder / "away again"
    away.mkdir()
    for path in site.data_dir.glob("broker.db*"):
        path.rename(away / path.name)
    return away


def test_the_mark_is_never_ahead_of_a_killed_broker(site: DamageSite) -> None:
    """However often, and wherever it is killed: the next one starts."""
    site.printer.set_scenario("ok")
    for film in range(1, 5):
        take_films(site, film)
        mark = read_mark(site.data_dir / "spool")
        assert mark is not None
        assert mark.jobs == film
    with site.begin():
        # A film that was asked for when its broker was killed is uncertain, printed or not.
        assert wait_until(lambda: settled(site) == 4, PATIENCE_S)


def test_commands_and_a_stop_leave_the_mark_in_step(site: DamageSite) -> None:
    """What is ordered while no broker runs makes the database come further, and is no loss."""
    take_films(site, 1)
    for name in ("hold", "release"):
        assert command("jobs", name, "1", config=site.config).returncode == 0
    with site.begin() as broker:
        assert command("jobs", "hold", "1", config=site.config).returncode == 0
        assert broker.end() == 0
    site.printer.set_scenario("ok")
    with site.begin():
        assert command("jobs", "release", "1", config=site.config).returncode == 0
        assert printed(site, 1)


def test_data_of_an_earlier_version_starts_once_without_a_word(site: DamageSite) -> None:
    """Neither database nor spool knows of the other; from then on both do."""
    take_films(site, 1)
    database, _, _ = site.open()
    with database.write() as connection:
        for statement in back_to("0005"):
            connection.exec_driver_sql(statement)
    database.close()
    mark = site.data_dir / "spool" / FILE
    mark.unlink()
    site.printer.set_scenario("ok")
    with site.begin() as broker:
        assert printed(site, 1)
        assert broker.end() == 0
    assert mark.exists()
    mark.unlink()
    assert f"{mark.parent}: the file {FILE} is missing" in refused(site)


def test_two_brokers_never_share_a_database(site: DamageSite, tmp_path: Path) -> None:
    """Also where the second has a data directory of its own, and another path to the file."""
    with site.begin() as first:
        other = DamageSite(tmp_path / "other", site.printer)
        other.data_dir.mkdir()
        link = tmp_path / "link.db"
        hard = tmp_path / "hard.db"
        link.symlink_to(site.database_file)
        hard.hardlink_to(site.database_file)
        for file in (site.database_file, link, hard):
            other.configure(database=f"sqlite:///{file}")
            said = refused(other)
            assert f"another broker (process {first.process.pid}) runs on it" in said
            assert "database.url" in said
        (site.data_dir / "broker.lock").unlink()
        assert f"another broker (process {first.process.pid}) runs on it" in refused(site)
        assert command("jobs", config=site.config).returncode == 0
        beneath = command("db", "upgrade", config=other.config)
        # By its hard link, SQLite finds no log: what is only there may look like an old version.
        assert (
            "nothing to do" in beneath.stdout
            or "a broker is running on it; stop it" in beneath.stderr
        )


def test_a_damaged_database_is_told_without_a_traceback(site: DamageSite) -> None:
    """Whatever is wrong with it; it is not touched."""
    take_films(site, 1)
    for suffix in ("-wal", "-shm"):
        Path(f"{site.database_file}{suffix}").unlink(missing_ok=True)
    content = os.urandom(1 << 16)
    site.database_file.write_bytes(content)
    said = refused(site)
    why = "the database is damaged (file is not a database)"
    assert said.startswith(f"{site.database_file}: {why}")
    assert site.database_file.read_bytes() == content
