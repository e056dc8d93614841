"""The data folder is its owner's alone, or it is said that it is not."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from broker.operations.data_folder import exposed, make_private
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.required import cannot_run

NOBODY = 65534
FILES = (
    "broker.db",
    "broker.db-wal",
    "broker.db-shm",
    "broker.lock",
    "vitals.json",
    "notices.json",
    "web.key",
    "spool/keepers.lock",
    "spool/ab/" + "ab" * 32,
    "spool/incoming/x",
)


def mode(path: Path) -> int:
    """Its permission bits."""
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A data folder as a copy with a wrong umask leaves it: everything is open."""
    data_dir = tmp_path / "data"
    for name in FILES:
        path = data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"film")
        path.chmod(0o644)
    for path in (data_dir, *(each for each in data_dir.rglob("*") if each.is_dir())):
        path.chmod(0o755)
    yield data_dir
    data_dir.chmod(0o700)


def modes(data_dir: Path) -> set[int]:
    """The modes of the folder and all that is in it; a running broker replaces some files."""
    found = set()
    for each in (data_dir, *data_dir.rglob("*")):
        with suppress(FileNotFoundError):
            found.add(mode(each))
    return found


@pytest.mark.parametrize("open_mode", [0o755, 0o777, 0o750, 0o711, 0o2775])
def test_a_folder_that_others_may_read_is_made_private(folder: Path, open_mode: int) -> None:
    """With everything in it, whatever mode each had; and then there is nothing left to do."""
    folder.chmod(open_mode)
    (folder / "web.key").chmod(0o666)
    (folder / "broker.db").chmod(0o400 | 0o004)

    made, left = make_private(folder, folder / "broker.db")

    assert left == []
    assert (made[0].path, made[0].mode) == (folder, open_mode)
    assert {each & 0o077 for each in modes(folder)} == {0}
    assert mode(folder) & 0o777 == 0o700
    assert mode(folder / "broker.db") == 0o400, "the owner's own rights stay as they are"
    assert make_private(folder, folder / "broker.db") == ([], [])


def test_what_is_private_is_not_touched(folder: Path) -> None:
    """No other user gets to what is below a private folder."""
    folder.chmod(0o700)
    before = modes(folder)

    assert make_private(folder, folder / "broker.db") == ([], [])
    assert modes(folder) == before


def test_looking_changes_nothing(folder: Path) -> None:
    """As `broker config check` does; it says who will change it."""
    before = modes(folder)

    found = exposed(folder, folder / "broker.db")

    assert modes(folder) == before
    assert found[0].path == folder
    assert "mode 0755" in found[0].words
    assert "`broker serve` makes it private" in found[0].words
    assert {each.path for each in found} >= {folder / name for name in FILES}


def test_a_folder_that_is_shared_is_not_closed(folder: Path) -> None:
    """As /tmp would be: it holds what is not the broker's. The broker's own files are closed, and
    the rest is said."""
    (folder / "notes.txt").write_text("of another")
    (folder / "notes.txt").chmod(0o644)

    made, left = make_private(folder, folder / "queue.db")

    assert mode(folder) == 0o755
    assert mode(folder / "notes.txt") == 0o644
    assert mode(folder / "spool" / "ab") == 0o700
    assert [each.path for each in left] == [folder]
    assert "it holds notes.txt, which is not the broker's" in left[0].words
    assert folder not in [each.path for each in made]


def test_a_database_elsewhere_is_closed_too(folder: Path, tmp_path: Path) -> None:
    """The file and what SQLite keeps beside it, not the folder, which is not the broker's."""
    elsewhere = tmp_path / "databases"
    elsewhere.mkdir()
    elsewhere.chmod(0o755)
    for name in ("queue.db", "queue.db-wal", "queue.db.lock", "other.db"):
        (elsewhere / name).touch()
        (elsewhere / name).chmod(0o664)
    folder.chmod(0o700)

    made, left = make_private(folder, elsewhere / "queue.db")

    assert left == []
    assert {each.path.name for each in made} == {"queue.db", "queue.db-wal", "queue.db.lock"}
    assert mode(elsewhere / "queue.db-wal") == 0o600
    assert (mode(elsewhere), mode(elsewhere / "other.db")) == (0o755, 0o664)


def test_links_are_not_followed(folder: Path, tmp_path: Path) -> None:
    """What one leads to belongs to another user; only a spool that is a link is said to be open."""
    target, spool = tmp_path / "target", tmp_path / "spool"
    target.touch()
    target.chmod(0o644)
    spool.mkdir()
    spool.chmod(0o755)
    (folder / "broker.old").symlink_to(target)
    (folder / "spool").rename(tmp_path / "moved")
    (folder / "spool").symlink_to(spool)

    _, left = make_private(folder, folder / "broker.db")

    assert mode(target) == 0o644
    assert mode(spool) == 0o755
    assert [each.path for each in left] == [spool]
    assert f"chmod go= {spool}" in left[0].words


def test_what_belongs_to_another_user_is_said(folder: Path) -> None:
    """With the user's name and what to type; it cannot be changed, and is not."""
    if os.geteuid() != 0:
        cannot_run("only root can give a file to another user")
    os.chown(folder, NOBODY, NOBODY)

    made, left = make_private(folder, folder / "broker.db")

    assert [each.path for each in left] == [folder]
    assert "it belongs to nobody, who alone can change that: chmod go= " in left[0].words
    assert mode(folder) == 0o755
    assert mode(folder / "broker.db") == 0o600
    assert made


def test_an_access_control_list_is_left_as_it_is(folder: Path) -> None:
    """Another user was given rights on purpose, as a backup is: the group's bits are their mask."""
    entries = ((0x01, 7, 0xFFFFFFFF), (0x02, 5, NOBODY), (0x04, 0, 0xFFFFFFFF),
               (0x10, 5, 0xFFFFFFFF), (0x20, 0, 0xFFFFFFFF))  # fmt: skip
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
    try:
        os.setxattr(folder, "system.posix_acl_access", acl)
    except OSError as error:
        cannot_run(f"no access control lists here: {error}")

    _, left = make_private(folder, folder / "broker.db")

    assert [each.path for each in left] == [folder]
    assert "getfacl" in left[0].words
    assert os.getxattr(folder, "system.posix_acl_access") == acl


def test_no_lock_of_this_process_is_lost(folder: Path) -> None:
    """Closing a file ends the locks that the process has on it (POSIX); SQLite relies on them."""
    holds = """
import fcntl, sys
from pathlib import Path
from broker.operations.data_folder import make_private
folder = Path(sys.argv[1])
with open(folder / "broker.db", "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    made, _ = make_private(folder, folder / "broker.db")
    assert made
    print("holds", flush=True)
    sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holds, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "holds\n"
        with (folder / "broker.db").open("r+b") as file, pytest.raises(BlockingIOError):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        holder.communicate("")
    assert holder.returncode == 0


@pytest.mark.parametrize("open_mode", [0o755, 0o777])
def test_the_broker_says_what_it_made_private(tmp_path: Path, open_mode: int) -> None:
    """`broker config check` warns of it before, the log tells it, and afterwards all is correct."""
    config = tmp_path / "broker.toml"
    config.write_text('[broker]\nhost = "127.0.0.1"\nport = 0\n[web]\nport = 0\n')
    data_dir = tmp_path / "broker-data"
    with BrokerProcess(config) as broker:
        assert broker.end() == 0
    data_dir.chmod(open_mode)
    (data_dir / "broker.db").chmod(0o666)

    before = command("config", "check", config=config)
    assert f"{data_dir} is open to other users of this machine (mode {open_mode:04o})" in (
        before.stderr
    )
    with BrokerProcess(config, web=True) as broker:
        told = broker.wait_for("data made private")
        broker.wait_for("page served")
        assert mode(data_dir) == 0o700
        assert {each & 0o077 for each in modes(data_dir)} == {0}
        assert broker.end() == 0
    assert (told["level"], told["was"], told["number"]) == ("warning", f"{open_mode:04o}", 2)
    assert "open to other users" not in command("config", "check", config=config).stderr
