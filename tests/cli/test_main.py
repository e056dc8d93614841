"""The `broker` command: help at once, and one line instead of a traceback."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import text

from broker.cli.main import app
from broker.cli.serve import _cause
from broker.config.file import parse
from broker.dicom.upper_layer.listening_sockets import CannotListen
from broker.store.database import Database
from broker.store.occupancy import Occupancy
from tests.cli.conftest import Site


def run(site: Site, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real command, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "broker.cli.main", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"BROKER_CONFIG": str(site.file), "COLUMNS": "80"} | environment,
        timeout=60,
    )


ROOT: Any = typer.main.get_command(app)


def commands() -> Iterator[list[str]]:
    """Every command and subcommand there is."""
    for name, command in ROOT.commands.items():
        yield [name]
        yield from ([name, below] for below in getattr(command, "commands", ()))


GROUPS = [name for name, command in ROOT.commands.items() if hasattr(command, "commands")]


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_has_help_with_an_example(site: Site, command: list[str]) -> None:
    """A person finds out by example."""
    ended = site.broker(*command, "--help")
    assert ended.code == 0
    assert "Example: broker " in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_help_names_every_command(site: Site) -> None:
    """The first thing that a person types lists them all, within 80 columns."""
    ended = site.broker("--help")
    assert ended.code == 0
    listed = [line.split()[0] for line in ended.out.splitlines() if line.startswith("  ")]
    assert {name for name, *_ in commands()} <= set(listed)
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize("group", ["", *GROUPS])
def test_help_cuts_no_sentence_off(site: Site, group: str) -> None:
    """The line that says what a command does fits beside its name."""
    said = run(site, *filter(None, [group]), "--help").stdout.splitlines()
    assert "Commands:" in said
    assert [line for line in said if line.startswith("  ") and line.endswith("...")] == []


LISTING = ("alembic", "fastapi", "numpy", "PIL", "pydicom", "pynetdicom", "structlog", "textual")


@pytest.mark.parametrize(
    ("command", "heavy"),
    [
        ("--help", ("sqlalchemy", "rich", *LISTING)),
        ("jobs", LISTING),
        ("jobs --json", LISTING),
        ("jobs explain 1", LISTING),
        ("printers", LISTING),
        ("check oki-1", ("alembic", "fastapi", "numpy", "PIL", "structlog", "textual")),
        ("check 127.0.0.1 1", ("sqlalchemy", "alembic", "numpy", "PIL", "structlog", "textual")),
    ],
)
def test_a_command_imports_what_it_needs(site: Site, command: str, heavy: Sequence[str]) -> None:
    """Most of a short command's time is imports: what only others need is not imported."""
    site.job()
    program = (
        "import sys\n"
        "from broker.cli.main import main\n"
        "try:\n    main()\n"
        f"finally:\n    print([name for name in {heavy!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *command.split()],
        capture_output=True,
        text=True,
        env=os.environ | {"BROKER_CONFIG": str(site.file)},
    )
    assert ended.returncode in (0, 1), ended.stderr
    assert ended.stdout.splitlines()[-1:] == ["[]"], ended.stderr


def test_version_is_said(site: Site) -> None:
    """One line: name and version."""
    ended = site.broker("--version")
    assert ended.code == 0
    assert ended.out.startswith("broker 0.")


def test_an_unknown_command_is_wrong_usage(site: Site) -> None:
    """Exit 2."""
    assert site.broker("print").code == 2
    assert site.broker("jobs", "nonsense").code == 2
    assert site.broker("jobs", "--nonsense").code == 2


@pytest.mark.parametrize(
    "command", [["jobs"], ["printers"], ["db", "current"], ["config", "check"], ["check"]]
)
def test_a_wrong_configuration_is_every_mistake_and_exit_2(site: Site, command: list[str]) -> None:
    """Each mistake in a line of its own on stderr, nothing on stdout."""
    site.file.write_text("[broker]\nport = 99999\n[heatlh]\n")
    ended = site.broker(*command)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        f"{site.file}: broker.port: 99999 is not a port; use 0 to 65535",
        f"{site.file}: heatlh: is not a section that the broker knows; did you mean health?",
    ]


def test_the_configuration_may_be_named_at_every_level(site: Site) -> None:
    """The nearest --config counts: command, group, broker."""
    other = site.folder / "other.toml"
    other.write_text("[broker\n")
    wrong = ("--config", str(other))
    for arguments in (
        [*wrong, "jobs", "list"],
        ["jobs", *wrong, "list"],
        ["jobs", "list", *wrong],
        ["jobs", *wrong],
    ):
        assert site.broker(*arguments).code == 2
    assert site.broker(*wrong, "jobs", "-c", str(site.file)).code == 0


def test_the_data_directory_is_made_for_its_owner_alone(site: Site) -> None:
    """Films of patients will lie there."""
    site.file.write_text('[broker]\ndata_dir = "new/place"\n')
    assert site.broker("db", "upgrade").code == 0
    assert (site.folder / "new" / "place").stat().st_mode & 0o777 == 0o700
    assert (site.folder / "new" / "place" / "broker.db").stat().st_mode & 0o777 == 0o600


def test_a_newer_database_is_refused_with_the_remedy(site: Site) -> None:
    """One line, exit 1; the database stays as it is."""
    with sqlite3.connect(site.folder / "broker-data" / "broker.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    for command in (["jobs"], ["db", "upgrade"]):
        ended = site.broker(*command)
        assert (ended.code, ended.out) == (1, "")
        assert "9999" in ended.err
        assert "install the version of the broker" in ended.err
        assert len(ended.err.splitlines()) == 1


def test_a_damaged_database_is_one_line(site: Site) -> None:
    """Named, with the remedy, and without a traceback."""
    site.file.write_text('[broker]\ndata_dir = "damaged"\n')
    (site.folder / "damaged").mkdir()
    file = site.folder / "damaged" / "broker.db"
    file.write_bytes(b"not a database at all" * 1000)
    ended = site.broker("jobs")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"{file}: is not a database, or damaged: `broker db check` lists the damage, `broker "
        "restore DIR` brings a backup back. Nothing was removed\n"
    )


def test_a_locked_database_is_one_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that waits too long says who it mostly is; and that the broker is another user."""
    monkeypatch.setattr("broker.store.database.BUSY_S", 0.1)
    file = site.folder / "broker-data" / "broker.db"
    site.job()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ended = site.broker("jobs", "hold", "1")
    other.close()
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"{file}: locked by another program for too long; mostly a backup that copies it, or an "
        "sqlite3 shell with a transaction open: end that, then try again. The running broker uses "
        "the file, too, and locks it for moments only\n"
    )


def test_a_lock_is_told_above_the_tables(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program locks the database nothing can be taken: every table says so."""
    monkeypatch.setattr("broker.operations.condition.alarms.LOCKED_S", 0.1)
    file = site.folder / "broker-data" / "broker.db"
    site.job()
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for table in ("jobs", "printers"):
        assert "database is locked by another program" in " ".join(site.broker(table).out.split())
    other.close()
    assert "LOCKED" not in site.broker("jobs").out


def test_a_data_directory_in_the_way_is_one_line(site: Site) -> None:
    """A file where the folder should be is named with the remedy."""
    site.file.write_text('[broker]\ndata_dir = "broker.toml/data"\n')
    ended = site.broker("db", "upgrade")
    assert (ended.code, ended.out) == (1, "")
    assert "a file is in the way of this folder" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_no_permission_is_one_line(site: Site) -> None:
    """A folder that not even root may write is named, with the remedy."""
    site.file.write_text('[broker]\ndata_dir = "/sys/broker-data"\n')
    ended = site.broker("db", "upgrade")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("/sys/broker-data: ")
    assert "no permission" in ended.err or "read-only" in ended.err


@pytest.mark.parametrize(
    "command", ["config show", "--version", "--help", "jobs", "jobs --json", "jobs --help", "help"]
)
def test_an_output_that_is_full_is_one_line(site: Site, command: str) -> None:
    """Nothing that could not be written is success: it is named, without a traceback, and the
    person looks before the command is given again."""
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "broker.cli.main", *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"BROKER_CONFIG": str(site.file)},
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("standard output: the disk is full; not all that this")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["jobs --all", "jobs --json --all", "--version"])
def test_a_reader_that_has_gone_is_no_matter(site: Site, command: str) -> None:
    """As `head` does: nothing is said of it, and it is not success."""
    site.job()
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "broker.cli.main", *command.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"BROKER_CONFIG": str(site.file)},
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, "")


BROKEN = '[retry]\ntries = "x"\n[[printers]]\nname = "oki-9"\n'


@pytest.mark.parametrize(
    "command", ["jobs", "jobs show 1", "jobs explain 1", "jobs hold 1", "printers", "refusals"]
)
def test_mistakes_elsewhere_in_the_configuration_hide_no_queue(site: Site, command: str) -> None:
    """Commands on the queue tell them, and show it: they need no more of the file than its place.
    No printer is taken from such a file."""
    site.job()
    with site.file.open("a") as file:
        file.write(BROKEN)
    ended = site.broker(*command.split())
    assert ended.code == 0
    assert 'retry.tries: "x" is not a number' in ended.err
    assert "no broker starts with it" in ended.err
    assert ended.out
    assert "oki-9" not in ended.out


@pytest.mark.parametrize(
    "broken",
    [
        '[broker]\ndata_dir = "{}"\n[[',
        '[broker]\ndatadir = "{}"\n',
        '[brokr]\ndata_dir = "{}"\n',
        '[broker]\ndata_dir = 7\nport = "x"\n',
        '[broker]\ndata_dir = "elsewhere"\nport = "x"\n',
    ],
)
def test_where_no_queue_is_named_for_certain_none_is_shown(site: Site, broken: str) -> None:
    """A mistake may stand where the data folder is meant: exit 2, and nothing but the mistakes."""
    site.job()
    site.file.write_text(broken.replace("{}", str(site.file.parent / "data")))
    ended = site.broker("jobs")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{site.file}: ")


def test_a_certificate_that_is_missing_hides_no_queue(site: Site) -> None:
    """Only what listens or checks reads it."""
    site.job()
    with site.file.open("a") as file:
        file.write('[tls]\ncertificate = "missing.pem"\nkey = "missing.key"\n')
    ended = site.broker("jobs")
    assert (ended.code, ended.err) == (0, "")
    assert "queued" in ended.out


def test_a_port_in_use_is_said(site: Site) -> None:
    """`broker serve` names the address and leaves with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        site.file.write_text(f'[broker]\nhost = "127.0.0.1"\nport = {port}\n')
        ended = run(site, "serve")
    assert ended.returncode == 1
    assert f"127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("number", "port", "words"),
    [
        (errno.EACCES, 104, "0.0.0.0:104: ports below 1024 need a right of their own"),
        (errno.EADDRINUSE, 104, "0.0.0.0:104: the port is in use"),
        (errno.ENOSPC, 104, "/data: the disk is full"),
        (errno.EACCES, 11112, "0.0.0.0:11112: no permission"),
    ],
)
def test_what_cannot_be_started_is_named(number: int, port: int, words: str) -> None:
    """The port where it is the port, the folder where it is the disk."""
    settings = parse(f'[broker]\nport = {port}\ndata_dir = "/data"\n', folder=Path("/"))
    error = OSError(number, "no")
    if number != errno.ENOSPC:
        error = CannotListen(error, "0.0.0.0", port)
    assert _cause(error, settings).startswith(words)


def test_output_that_the_stream_cannot_encode_is_replaced(site: Site) -> None:
    """A terminal that knows only ASCII gets question marks instead of a traceback."""
    site.jobs.commands.hold(site.job(), "Rückfrage")
    ended = run(site, "jobs", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "R?ckfrage" in ended.stdout


def test_a_reader_that_goes_away_is_no_error_worth_words(site: Site) -> None:
    """`broker jobs --json | head -1` ends quietly."""
    for _ in range(200):
        site.job()
    shell = shutil.which("sh")
    assert shell is not None
    ended = subprocess.run(
        [shell, "-c", f"{sys.executable} -m broker.cli.main jobs --json | head -1"],
        capture_output=True,
        text=True,
        env=os.environ | {"BROKER_CONFIG": str(site.file)},
    )
    assert (ended.stdout, ended.stderr) == ("[\n", "")


def test_an_older_database_beneath_a_running_broker_is_left_alone(site: Site) -> None:
    """A command brings an older file up to date, but never while a broker works on it."""
    file = site.folder / "broker-data" / "broker.db"
    site.begin_anew()
    assert site.broker("db", "current").out.startswith(f"{file}: at none yet; `broker db upgrade`")
    with closing(Database.open(f"sqlite:///{file}")) as made, made.write() as connection:
        connection.execute(text("CREATE TABLE of_an_earlier_version (id INTEGER)"))
    occupancy = Occupancy.take(site.folder / "broker-data")
    assert site.broker("db", "upgrade").err == (
        f"{file}: a broker is running on it; stop it, then do this again\n"
    )
    occupancy.close()
    ended = site.broker("db", "upgrade")
    assert ended.code == 0
    assert ended.out.splitlines()[-1].endswith("the newest")
    assert len(ended.out.splitlines()) >= 2
    assert "nothing to do" in site.broker("db", "upgrade").out
    assert site.broker("db", "current", "--json").out.startswith("{")


def test_no_command_makes_a_database_beside_one_that_is_made(site: Site) -> None:
    """A broker starts, or a restore goes on: a command waits for its end, and makes no file."""
    site.begin_anew()
    file = site.folder / "broker-data" / "broker.db"
    with closing(Occupancy.take(site.folder / "broker-data")):
        for command in (["jobs"], ["printers"], ["db", "upgrade"], ["purge"]):
            ended = site.broker(*command)
            assert (ended.code, ended.out) == (1, "")
            assert ended.err.startswith(f"{file}: there is no database yet, and another process")
            assert not file.exists()
    assert site.broker("jobs").code == 0


def test_a_wrong_folder_is_said_and_nothing_is_made_there(tmp_path: Path) -> None:
    """Without a file and without data, commands do not pretend that all is empty."""
    ended = subprocess.run(
        [sys.executable, "-m", "broker.cli.main", "jobs"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "BROKER_CONFIG"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "export BROKER_CONFIG=FILE" in ended.stderr
    assert list(tmp_path.iterdir()) == []
