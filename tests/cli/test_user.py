"""`broker user`: who may sign in to the page."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import time

import pytest
from typer.testing import CliRunner

from broker.cli.main import app
from broker.config.file import load
from broker.model.user import FailedSignInCount, PageSession, session_mark
from broker.operations.opened import store_of
from broker.operations.passwords import verified
from tests.cli.conftest import Ended, Site
from tests.peers.broker_process import BROKER

PASSWORD = "correct horse"


def add(site: Site, name: str, *more: str, password: str = PASSWORD) -> Ended:
    """`broker user add` with the password on stdin."""
    done = CliRunner().invoke(
        app,
        ["user", "add", name, "--password-stdin", *more],
        input=f"{password}\n",
        env={"BROKER_CONFIG": str(site.file), "COLUMNS": "80"},
    )
    return Ended(done.exit_code, done.stdout, done.stderr)


def stored(site: Site) -> bytes:
    """The database as it is on the disk."""
    folder = site.folder / "broker-data"
    return b"".join(path.read_bytes() for path in folder.glob("broker.db*"))


def test_users_come_change_and_go(site: Site) -> None:
    """Each answer says what holds now, and what is missing then."""
    assert "for this machine alone" in site.broker("user").out
    assert "there is no operator" in add(site, "vera").out
    assert add(site, "otto", "--role", "operator").out == "otto may sign in as operator\n"
    listed = site.broker("user", "list").out
    assert "vera" in listed
    assert max(map(len, listed.splitlines())) <= 80
    roles = {each["name"]: each["role"] for each in json.loads(site.broker("user", "--json").out)}
    assert roles == {"otto": "operator", "vera": "viewer"}
    assert "vera is operator now" in site.broker("user", "role", "vera", "operator").out
    site.broker("user", "remove", "vera")
    assert "there is no user now" in site.broker("user", "remove", "otto").out


def test_a_user_is_made_before_the_first_start(site: Site) -> None:
    """As the page asks for one before it is opened to others: the folder is made as `serve` makes
    it, and it is told; a second one adds no more to it."""
    shutil.rmtree(site.folder / "broker-data")
    ended = add(site, "otto", "--role", "operator")
    assert (ended.code, ended.out) == (0, "otto may sign in as operator\n"), ended.err
    assert f"{site.folder / 'broker-data'}: made for a new queue" in ended.err
    assert not stat.S_IMODE((site.folder / "broker-data").stat().st_mode) & 0o077
    assert add(site, "vera").err == ""
    assert "otto" in site.broker("user").out


def test_a_queue_that_was_moved_is_not_begun_anew_for_a_user(site: Site) -> None:
    """Where its database is elsewhere, its films are in the folder that is missing."""
    elsewhere = site.folder / "db"
    elsewhere.mkdir()
    (site.folder / "broker-data" / "broker.db").rename(elsewhere / "broker.db")
    shutil.rmtree(site.folder / "broker-data")
    with site.file.open("a") as file:
        file.write(f'[database]\nurl = "sqlite:///{elsewhere}/broker.db"\n')
    ended = add(site, "otto")
    assert ended.code == 1
    assert "there is no such folder" in ended.err
    assert not (site.folder / "broker-data").exists()


def test_a_password_is_kept_as_a_hash_alone(site: Site) -> None:
    """It opens with the right password only, and cannot be read in the database."""
    from broker.store.accounts import Users

    add(site, "otto")
    users = Users(site.database, lambda: 0.0)
    found = verified(users, "otto", PASSWORD)
    assert found is not None
    assert found[0].name == "otto"
    assert verified(users, "otto", "wrong horse") is None
    assert verified(users, "nobody", PASSWORD) is None
    assert PASSWORD.encode() not in stored(site)


def test_a_password_ends_with_its_line(site: Site) -> None:
    """However the line ends; spaces are the password's own. Bytes of another encoding are refused
    in one line that does not show them.
    """
    from broker.store.accounts import Users

    add(site, "otto", password=f" {PASSWORD} \r")
    users = Users(site.database, lambda: 0.0)
    assert verified(users, "otto", f" {PASSWORD} ") is not None
    for locale in ("C", "C.UTF-8"):
        ended = subprocess.run(
            [*BROKER, "user", "add", "vera", "--password-stdin"],
            input="Schlüssel lang\n".encode("latin-1"),
            capture_output=True,
            env=os.environ | {"BROKER_CONFIG": str(site.file), "LC_ALL": locale},
            timeout=60,
            check=False,
        )
        assert ended.returncode == 1
        assert ended.stderr == b"the password is not UTF-8; send it in that encoding\n"
    assert [each.name for each in users.list()] == ["otto"]


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("otto", "short", "a password has 8 to 200 characters; this has 5"),
        ("o t", PASSWORD, "is no name for a user"),
        ("-otto", PASSWORD, "-o is no option of"),
    ],
)
def test_what_cannot_be_is_said(site: Site, name: str, password: str, words: str) -> None:
    """And no user is added."""
    ended = add(site, name, password=password)
    said = str(ended.err)
    if not said:
        done = CliRunner().invoke(app, ["user", "add", name, "--password-stdin"], input=password)
        said = str(getattr(done.exception, "words", done.exception))
    assert words in said
    assert "No users" in site.broker("user").out


def test_names_that_are_there_or_not(site: Site) -> None:
    """Each error names the remedy."""
    add(site, "otto")
    for arguments, words in (
        (("add", "otto", "--password-stdin"), "`broker user password otto` changes it"),
        (("remove", "ruth"), "there is no user ruth; there are: otto"),
        (("role", "ruth", "viewer"), "there is no user ruth"),
        (("password", "ruth"), "there is no user ruth"),
    ):
        done = CliRunner().invoke(
            app, ["user", *arguments], env={"BROKER_CONFIG": str(site.file)}, input=PASSWORD
        )
        assert words in str(getattr(done.exception, "words", done.stderr))


def test_sessions_are_listed_and_ended(site: Site) -> None:
    """Of all users or of one, as the page notes them; signed out, a user has none."""
    add(site, "otto")
    add(site, "vera")
    assert site.broker("user", "sessions").out == "No browser is signed in.\n"
    now = time.time()
    with store_of(load(site.file)) as store:
        for name, address in (("otto", "10.0.0.9"), ("vera", "10.0.0.8")):
            found = store.users.password(name)
            assert found is not None
            session = PageSession(name, name, session_mark(*found), now - 60, now, address)
            store.sessions.note([session], idle_since=0, begun_before=0)
    lines = site.broker("user", "sessions").out.splitlines()
    assert lines[0].split() == ["NAME", "BEGUN", "(UTC)", "LAST", "USED", "(UTC)", "ADDRESS"]
    assert [line.split()[0] for line in lines[1:]] == ["otto", "vera"]
    assert max(map(len, lines)) <= 80
    (document,) = json.loads(site.broker("user", "sessions", "vera", "--json").out)
    assert document.keys() == {"user", "began_at", "used_at", "address"}
    assert (document["user"], document["address"]) == ("vera", "10.0.0.8")

    assert "otto is signed out everywhere" in site.broker("user", "sign-out", "otto").out
    assert "otto" not in site.broker("user", "sessions").out
    for command in (["sessions", "ruth"], ["sign-out", "ruth"]):
        ended = site.broker("user", *command)
        assert (ended.code, "there is no user ruth" in ended.err) == (1, True)


def test_failed_sign_ins_are_listed(site: Site) -> None:
    """Of all users or of one, the last one first; a name that is no user's is not there."""
    add(site, "otto")
    assert site.broker("user", "failures").out == "No sign-in has failed.\n"
    now = time.time()
    with store_of(load(site.file)) as store:
        store.sign_in_failures.add(
            [
                FailedSignInCount("otto", "10.0.0.9", 3, now - 60, now - 30),
                FailedSignInCount("", f"2001:db8{':1234' * 6}", 7, now - 86400, now),
            ]
        )
    said = site.broker("user", "failures").out
    assert "at most five minutes" in said
    assert "`broker user password NAME`" in said
    heading, nameless, address, otto, *_ = said.splitlines()
    assert max(map(len, (heading, nameless, address, otto))) <= 80
    assert heading.split()[:2] == ["NAME", "NUMBER"]
    assert nameless.startswith("(no such user)  ")
    assert nameless.split()[3] == "7"
    assert address.strip() == f"2001:db8{':1234' * 6}"
    assert otto.split()[:2] == ["otto", "3"]
    (document,) = json.loads(site.broker("user", "failures", "otto", "--json").out)
    assert document.keys() == {"user", "address", "number", "first_at", "last_at"}
    assert (document["user"], document["number"]) == ("otto", 3)
    ended = site.broker("user", "failures", "ruth")
    assert (ended.code, "there is no user ruth" in ended.err) == (1, True)
