"""Commands act as the owner of the data folder; others are refused with the remedy."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.cli.owner import Ruling, program, ruling
from tests.peers.processes import children
from tests.peers.users import CONFIGURATION, OWNER, THIRD, Users, until, users

PASSWORD = "a-long-password-for-tests"
OPENING = (
    ("db", "upgrade"),
    ("db", "current"),
    ("config", "check"),
    ("jobs",),
    ("printers", "drain", "oki-1"),
    ("test-print", "--no-wait"),
    ("jobs", "hold", "1"),
    ("purge",),
    ("refusals",),
    ("user", "add", "ruth", "--password-stdin"),
    ("check",),
)
"""Commands that open the data folder, in an order in which each has something to do."""


@pytest.fixture(name="site")
def _site() -> Iterator[Users]:
    with users() as made:
        yield made


@pytest.mark.parametrize(
    ("uid", "owner", "expected"),
    [
        (0, None, Ruling.GO_ON),
        (0, 0, Ruling.GO_ON),
        (0, 5, Ruling.BECOME),
        (5, 5, Ruling.GO_ON),
        (5, None, Ruling.GO_ON),
        (5, 0, Ruling.REFUSE),
        (5, 6, Ruling.REFUSE),
    ],
)
def test_root_becomes_the_owner_and_others_are_refused(
    uid: int, owner: int | None, expected: Ruling
) -> None:
    """A folder that is not there yet is the user's own."""
    assert ruling(uid, owner) is expected


def test_commands_of_root_leave_nothing_of_roots(site: Users) -> None:
    """After each of them every file in the data folder is its owner's."""
    site.make_data(OWNER)
    for command in OPENING:
        ended = site.run(*command, text=f"{PASSWORD}\n")
        assert ended.returncode == (1 if command == ("check",) else 0), (command, ended.stderr)
        assert set(site.owners().values()) == {OWNER}, command


def test_an_order_of_roots_is_still_known_as_roots(site: Users) -> None:
    """The job's commands name the person, not the account that the command acted as."""
    site.make_data(OWNER)
    site.run("test-print", "--no-wait")
    assert site.run("jobs", "hold", "1").returncode == 0
    with sqlite3.connect(site.data / "broker.db") as database:
        found = database.execute("SELECT DISTINCT who FROM orders").fetchall()
    database.close()
    assert found == [("root",)]


def test_serve_by_root_runs_as_the_owner(site: Users) -> None:
    """The relay and the page's process have no right of root's, and all files are the owner's."""
    site.make_data(OWNER)
    process = site.start("serve", stdout=subprocess.DEVNULL)
    try:
        line = until(process, "acting as the owner of the data folder")
        assert line["uid"] == OWNER
        until(process, "page served")
        status = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        assert f"Uid:\t{OWNER}\t{OWNER}\t{OWNER}\t{OWNER}" in status
        assert f"Gid:\t{OWNER}\t{OWNER}\t{OWNER}\t{OWNER}" in status
        assert "CapEff:\t0000000000000000" in status
        (page,) = children(process.pid)
        assert Path(f"/proc/{page}").stat().st_uid == OWNER
        assert site.run("test-print", "--no-wait").returncode == 0
        assert set(site.owners().values()) == {OWNER}
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_low_port_is_said_before_it_fails(site: Users) -> None:
    """The owner has no right to ports that root could take; the log names the port and remedy."""
    site.make_data(OWNER)
    site.file.write_text(CONFIGURATION.replace("port = 0\n[web]", "port = 104\n[web]"))
    process = site.start("serve", "--no-web", stdout=subprocess.DEVNULL)
    line = until(process, "acting as the owner of the data folder")
    process.kill()
    process.communicate(timeout=60)
    assert "ports below 1024 (104): AmbientCapabilities=CAP_NET_BIND_SERVICE" in line["words"]


@pytest.mark.parametrize("command", [*OPENING[:2], *OPENING[3:-1], ("serve",)], ids=" ".join)
def test_another_user_is_told_the_account_and_what_to_type(
    site: Users, command: tuple[str, ...]
) -> None:
    """One line on stderr, exit 1, and nothing is made."""
    site.make_data(OWNER)
    ended = site.run(*command, uid=THIRD, text=f"{PASSWORD}\n")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert len(ended.stderr.splitlines()) == 1
    assert f"belongs to user {OWNER}, and this is user {THIRD}" in ended.stderr
    typed = re.search(
        rf"`sudo -u '#{OWNER}' (/\S+)( -m broker.cli.main)? -c {site.file} (.*?)`", ended.stderr
    )
    assert typed is not None, ended.stderr
    # By its path: the PATH that sudo sets has no environment of Python's.
    assert Path(typed[1]).is_file()
    assert Path(typed[1]).name == "broker" or typed[2]
    assert typed[3] == shlex.join(command)
    assert set(site.owners()) == {str(site.data)}


@pytest.mark.parametrize("started", ["by its path", "by python -m", "without a program beside"])
def test_what_to_type_has_the_path_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str
) -> None:
    """However this process was started; a path with a space is quoted."""
    folder = tmp_path / "an environment"
    folder.mkdir()
    for name in ("broker", "python3"):
        (folder / name).touch()
    monkeypatch.setattr(sys, "executable", str(folder / "python3"))
    expected = f"'{folder}/broker'"
    match started:
        case "by its path":
            monkeypatch.chdir(folder)
            monkeypatch.setattr(sys, "argv", ["./broker", "jobs"])
        case "by python -m":
            monkeypatch.setattr(sys, "argv", [str(tmp_path / "main.py"), "jobs"])
        case _:
            (folder / "broker").unlink()
            monkeypatch.setattr(sys, "argv", [str(tmp_path / "main.py"), "jobs"])
            expected = f"'{folder}/python3' -m broker.cli.main"
    assert program() == expected


def test_a_folder_that_root_made_is_given_to_the_broker(site: Users) -> None:
    """The sentence names both ways: as root, or with the folder given away."""
    site.make_data(0)
    ended = site.run("serve", uid=OWNER)
    assert ended.returncode == 1
    assert f"`sudo chown -R {OWNER}: {site.data}`" in ended.stderr


def test_the_owner_needs_no_other_user(site: Users) -> None:
    """Commands of the owner work as they stand."""
    site.make_data(OWNER)
    assert site.run("jobs", uid=OWNER).returncode == 0
    assert set(site.owners().values()) == {OWNER}


def test_a_new_data_folder_belongs_to_who_makes_it(site: Users) -> None:
    """Root's stays root's."""
    assert site.run("db", "upgrade").returncode == 0
    assert set(site.owners().values()) == {0}
    assert site.run("jobs").returncode == 0
    assert set(site.owners().values()) == {0}


def test_what_opens_no_data_is_open_to_all(site: Users) -> None:
    """A balancer checks as a user of its own; the file can be checked and shown by anybody."""
    site.make_data(OWNER)
    assert site.run("config", "show", uid=THIRD).returncode == 0
    checked = site.run("config", "check", uid=THIRD)
    assert checked.returncode == 0
    assert "the data folder was not looked at" in checked.stderr
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = str(deaf.getsockname()[1])
    ended = site.run("check", "127.0.0.1", port, uid=THIRD)
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "refused the connection" in " ".join(ended.stdout.split())
    of_rows = site.run("check", uid=THIRD)
    assert "what the broker has seen is not known" in of_rows.stderr
    assert set(site.owners()) == {str(site.data)}


def test_a_configuration_that_only_root_reads_is_named(site: Users) -> None:
    """The broker itself could not read it, either."""
    site.make_data(OWNER)
    site.file.chmod(0o600)
    ended = site.run("jobs")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"{site.file}: user {OWNER} cannot read it")
    assert set(site.owners()) == {str(site.data)}


def test_files_of_another_user_are_told(site: Users) -> None:
    """Earlier versions left them: the check and the start name them with the remedy."""
    site.make_data(OWNER)
    site.run("test-print", "--no-wait")
    (pixels,) = (site.data / "spool").glob("??/*")
    os.chown(pixels, 0, 0)
    words = f"{pixels}: not the property of the folder's owner (uid {OWNER})"
    ended = site.run("config", "check")
    assert words in ended.stderr
    assert f"`sudo chown -R {OWNER} {site.data}`" in ended.stderr
    process = site.start("serve", "--no-web", stdout=subprocess.DEVNULL)
    line = until(process, "configuration")
    process.kill()
    process.communicate(timeout=60)
    assert words in line["words"]


def test_a_picture_goes_where_the_owner_can_write(site: Users) -> None:
    """Root's own folder is not: one line says who writes, and what to name instead."""
    site.make_data(OWNER)
    site.run("test-print", "--no-wait")
    ended = site.run("jobs", "show", "1", "--preview", str(site.folder / "film.png"))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"{site.folder}: user {OWNER} cannot write there" in ended.stderr
    ended = site.run("jobs", "show", "1", "--preview", str(site.data / "film.png"))
    assert ended.returncode == 0


def test_a_backup_goes_where_the_owner_can_write(site: Users) -> None:
    """Else one line names the user and the folder, and how to make it; nothing is written."""
    site.make_data(OWNER)
    site.run("test-print", "--no-wait")
    folder = site.folder / "backup"
    ended = site.run("backup", str(folder))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"{folder}: user {OWNER} has no permission" in ended.stderr
    assert f"`sudo install -d -m 700 -o {OWNER} {folder}`" in ended.stderr
    assert not folder.exists()
