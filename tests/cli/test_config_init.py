"""No configuration file: `broker serve` does not begin on defaults, and `broker config init` writes
a file to fill in."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from broker.config.file import parse, warnings
from broker.config.first_file import first_file
from tests.peers.broker_process import BROKER, PATIENCE_S, command

EMPTY = ("ae_title", "host")
"""Keys of a printer that only the site knows."""


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working folder, without a file and without BROKER_CONFIG."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BROKER_CONFIG", raising=False)


def filled(text: str) -> str:
    """The file as a site fills it in."""
    for key in EMPTY:
        text = text.replace(f'{key} = ""  ', f'{key} = "OKI1"', 1)
    return text


@pytest.mark.parametrize("arguments", [("serve",), ("config", "check")], ids=" ".join)
def test_without_a_file_it_is_said_what_to_do(arguments: tuple[str, ...], tmp_path: Path) -> None:
    """Exit 2 and one sentence with the remedy; nothing is made, and nothing listens."""
    ended = command(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert f"there is no broker.toml in {tmp_path}" in line
    assert "`broker config init` writes one" in line
    assert "-c FILE" in line
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_written_and_checked(tmp_path: Path) -> None:
    """Others cannot read it. `config check` names what is to be filled in and nothing else; `serve`
    does not start before. Filled in, it is correct."""
    file = tmp_path / "broker.toml"
    ended = command("config", "init")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("broker.toml is written.")
    assert "broker serve -c broker.toml" in ended.stdout
    assert not stat.S_IMODE(file.stat().st_mode) & 0o137

    for arguments in (("config", "check"), ("serve",)):
        ended = command(*arguments)
        assert ended.returncode == 2
        assert [line.split(": ")[1] for line in ended.stderr.splitlines()] == [
            f"printers[1].{key}" for key in EMPTY
        ]
    assert list(tmp_path.iterdir()) == [file]

    file.write_text(filled(file.read_text()))
    ended = command("config", "check")
    assert ended.returncode == 0
    assert "1 printer" in ended.stdout


@pytest.mark.parametrize("way", ["argument", "option", "option above", "variable"])
def test_the_file_can_be_named(tmp_path: Path, way: str) -> None:
    """As an argument, or as every other command has it."""
    file = tmp_path / "site.toml"
    arguments = {
        "argument": ["config", "init", str(file)],
        "option": ["config", "init", "-c", str(file)],
        "option above": ["-c", str(file), "config", "init"],
        "variable": ["config", "init"],
    }[way]
    variable = {"BROKER_CONFIG": str(file)} if way == "variable" else {}
    subprocess.run(
        [*BROKER, *arguments], env={**os.environ, **variable}, check=True, timeout=PATIENCE_S
    )
    assert file.exists()


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    """Exit 1; not one byte of it changes, and the remedy is said. So for a folder that is not."""
    file = tmp_path / "broker.toml"
    file.write_text("# mine\n")
    ended = command("config", "init")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "is there already and was not changed; name another file" in ended.stderr
    assert file.read_text() == "# mine\n"
    ended = command("config", "init", "none/broker.toml")
    assert (ended.returncode, ended.stderr) == (1, "none: there is no such folder; make it first\n")


@pytest.mark.parametrize(
    ("file", "data_dir"),
    [
        ("/etc/broker/broker.toml", "/var/lib/broker"),
        ("/srv/print/a.toml", "/srv/print/broker-data"),
    ],
)
def test_what_is_written_is_right_once_filled_in(file: str, data_dir: str) -> None:
    """Without a warning; the data of a service are not kept below /etc."""
    path = Path(file)
    config = parse(filled(first_file(path)), folder=path.parent)
    assert warnings(config) == []
    assert [each.name for each in config.printers] == ["oki-1"]
    assert str(config.data_dir) == data_dir
    assert (config.broker.ae_title, config.web.host) == ("BROKER", "127.0.0.1")


def test_a_file_that_is_gone_at_a_reload_changes_nothing(tmp_path: Path) -> None:
    """./broker.toml, which no option names: without it there are no defaults to take over."""
    file = tmp_path / "broker.toml"
    file.write_text('[broker]\nhost = "127.0.0.1"\nport = 0\n[log]\nformat = "json"\n')
    with subprocess.Popen(
        [*BROKER, "serve", "--no-web"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        events = (json.loads(line) for line in process.stderr)
        assert any(each["event"] == "broker listens" for each in events)
        file.unlink()
        process.send_signal(signal.SIGHUP)
        told = next(each for each in events if each["event"].startswith("configuration"))
        assert told["event"] == "configuration not readable, the old one stays"
        assert "broker.toml: no such file or directory" in told["problems"][0]
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
