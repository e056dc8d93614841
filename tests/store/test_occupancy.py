"""One broker for one data directory and one database: the lock is a process's, by whatever path,
and looking at it harms no broker."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.store import occupancy, schema
from broker.store.database import Database
from broker.store.occupancy import Occupancy, Occupied
from tests.peers.other_process import OtherProcess


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    """The number of the process, and what to do; when the first has gone, there is room."""
    first = Occupancy.take(tmp_path)
    with pytest.raises(Occupied, match=rf"another broker \(process {os.getpid()}\) runs on it"):
        Occupancy.take(tmp_path)
    assert Occupancy.taken(tmp_path)

    first.close()
    assert not Occupancy.taken(tmp_path)
    Occupancy.take(tmp_path).close()


def test_a_look_at_the_lock_refuses_no_start(tmp_path: Path) -> None:
    """`broker jobs` looks whether a broker runs at the very moment that one starts."""
    Occupancy.take(tmp_path).close()
    looking = os.open(tmp_path / occupancy.FILE, os.O_RDWR)
    fcntl.flock(looking, fcntl.LOCK_SH)
    begun = threading.Event()
    taken: list[Occupancy] = []

    def start() -> None:
        begun.set()
        taken.append(Occupancy.take(tmp_path))

    starting = threading.Thread(target=start)
    starting.start()
    assert begun.wait(10)
    os.close(looking)
    starting.join(10)

    assert len(taken) == 1
    taken[0].close()


def test_a_full_disk_refuses_no_start(tmp_path: Path) -> None:
    """Where its number cannot be written, a broker starts all the same."""
    (tmp_path / occupancy.FILE).symlink_to("/dev/full")

    taken = Occupancy.take(tmp_path)

    with pytest.raises(Occupied, match=f"process {os.getpid()}"):
        Occupancy.take(tmp_path)  # as the kernel lists it
    taken.close()


HOLDS = """
    import sys
    from pathlib import Path
    from broker.store.occupancy import Occupancy
    taken = getattr(Occupancy, sys.argv[1])(Path(sys.argv[2]))
    print("taken")
    sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """What another process has taken: `take` a directory, or `take_database` a file."""
    path = tmp_path / "data"
    path.mkdir()
    if request.param == "take_database":
        path = path / "broker.db"
        path.touch()
    with OtherProcess(HOLDS, request.param, str(path)) as other:
        assert other.hear() == "taken"
        yield path


@pytest.mark.parametrize("held", ["take"], indirect=True)
def test_a_removed_lock_file_lets_no_second_one_in(held: Path) -> None:
    """The directory itself is locked; the process is named all the same."""
    (held / occupancy.FILE).unlink()
    assert Occupancy.taken(held)
    with pytest.raises(Occupied, match=r"process [0-9]+\)"):
        Occupancy.take(held)
    assert Occupancy.taken(held)


@pytest.mark.parametrize("held", ["take", "take_database"], indirect=True)
@pytest.mark.parametrize("way", ["symbolic link", "hard link", "relative path", "linked folder"])
def test_no_path_leads_past_the_lock(
    held: Path, way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A caller that reaches what another process has is told which process that is."""
    other = tmp_path / "other"
    match way:
        case "symbolic link":
            other.symlink_to(held)
        case "hard link":
            if held.is_dir():
                return  # there are none of folders
            other.hardlink_to(held)
        case "relative path":
            monkeypatch.chdir(held.parent)
            other = Path(held.name)
        case "linked folder":
            other.symlink_to(held.parent)
            other /= held.name
    take = Occupancy.take if held.is_dir() else Occupancy.take_database
    with pytest.raises(Occupied, match=r"another broker \(process [0-9]+\) runs on it"):
        take(other)


@pytest.mark.parametrize("held", ["take_database"], indirect=True)
def test_a_command_sees_a_broker_on_its_database(held: Path) -> None:
    """Which has another data directory."""
    assert Occupancy.database_taken(held)
    assert not Occupancy.database_taken(held.parent / "none.db")


def test_a_process_takes_a_database_once(tmp_path: Path) -> None:
    """And never opens it a second time: that would end SQLite's locks on it when it is closed."""
    file = tmp_path / "broker.db"
    database = Database.open(f"sqlite:///{file}")
    taken = Occupancy.take_database(file)
    (tmp_path / "link.db").hardlink_to(file)
    with pytest.raises(Occupied, match=f"process {os.getpid()}"):
        Occupancy.take_database(tmp_path / "link.db")
    assert Occupancy.database_taken(file)
    database.close()
    taken.close()
    taken.close()
    assert not Occupancy.database_taken(file)
    Occupancy.take_database(file).close()


def test_the_lock_is_none_of_sqlites(tmp_path: Path) -> None:
    """Other processes read and write the database that a broker has taken."""
    file = tmp_path / "broker.db"
    Database.open(f"sqlite:///{file}").close()
    with OtherProcess(HOLDS, "take_database", str(file)) as other:
        assert other.hear() == "taken"
        database = Database.open(f"sqlite:///{file}", busy_s=0.5)
        schema.upgrade(database)
        database.close()
