"""One broker for one data directory and one database: the lock is a process's, by whatever path,
and looking at it harms no broker."""

from __future__ import annotations

import fcntl
import os
import struct
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.store import occupancy, schema
from broker.store import occupancy as mounts
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


def flock_of_a_network_file_system(descriptor: int, how: int) -> None:
    """As NFS and SMB do it (flock(2)): a byte-range lock of the whole file, its descriptor's."""
    kind = fcntl.F_RDLCK if how & fcntl.LOCK_SH else fcntl.F_WRLCK
    whole = struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0)
    fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, whole)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is said to lie on NFS, and whose `flock` is as there."""
    table = tmp_path / "mountinfo"
    table.write_text("1 1 0:23 / / rw - nfs4 nas.example:/films rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    monkeypatch.setattr(fcntl, "flock", flock_of_a_network_file_system)
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_on_a_network_file_system_the_lock_meets_none_of_sqlites(network: Path) -> None:
    """The database that a process has taken is read and written by it and by others; the lock is
    on the file beside it, and names the process also by a link."""
    file = network / "broker.db"
    file.touch()
    taken = Occupancy.take_database(file)

    with closing(Database.open(f"sqlite:///{file}", busy_s=0.5)) as database:
        schema.upgrade(database)
        with OtherProcess(WRITES, str(file)) as other:
            assert other.hear() == "written"

    (network / "link.db").symlink_to(file)
    assert Occupancy.database_taken(network / "link.db")
    assert (network / "broker.db.lock").read_text() == f"{os.getpid()}\n"
    assert not (network / "link.db.lock").exists()
    taken.close()
    assert not Occupancy.database_taken(file)


def test_on_a_network_file_system_a_second_broker_is_kept_away(network: Path) -> None:
    """Another process has the lock of the file beside the database."""
    file = network / "broker.db"
    file.touch()
    with OtherProcess(HAS_LOCKED, str(network / "broker.db.lock")) as other:
        assert other.hear() == "locked"
        assert Occupancy.database_taken(file)
        with pytest.raises(Occupied, match=r"another broker \(process 4711\) runs on it"):
            Occupancy.take_database(file)
    Occupancy.take_database(file).close()


WRITES = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], timeout=0.5)
    connection.execute("CREATE TABLE other (content)")
    connection.close()
    print("written")
    sys.stdin.readline()
"""
HAS_LOCKED = """
    import fcntl, sys
    file = open(sys.argv[1], "w")
    file.write("4711\\n")
    file.flush()
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("locked")
    sys.stdin.readline()
"""


@pytest.mark.parametrize(
    ("kind", "beside"), [("ext4", False), ("btrfs", False), ("nfs", True), ("cifs", True)]
)
def test_the_lock_is_beside_the_database_only_where_it_must(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, beside: bool
) -> None:
    """On a local disk the database itself is locked, which no removed file takes away; so it is
    where the system does not tell what it is."""
    table = tmp_path / "mountinfo"
    table.write_text(f"1 1 0:23 / / rw - {kind} there rw\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    file = tmp_path / "broker.db"
    assert occupancy.lock_of(file) == (tmp_path / "broker.db.lock" if beside else file)
    monkeypatch.setattr(mounts, "MOUNTS", tmp_path / "none")
    assert occupancy.lock_of(file) == file
