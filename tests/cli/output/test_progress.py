"""Long commands show how far they are: on a terminal a bar, elsewhere lines, with JSON nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.cli.output.progress import ProgressLine
from broker.config.file import load
from broker.emulator.printer import EmulatedPrinter
from broker.service.service import Service
from broker.spool.files import Spool
from broker.store import schema
from tests.cli.conftest import Site

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


class Terminal:
    """A terminal that a command's stderr is, and all that it has shown."""

    def __init__(self, site: Site, *arguments: str, stdout: int | None = None) -> None:
        """With stdout there as well, unless that is to go elsewhere."""
        self._main, child = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "broker.cli.main", *arguments, "-c", str(site.file)],
            stdin=subprocess.DEVNULL,
            stdout=child if stdout is None else stdout,
            stderr=child,
            env=os.environ | {"COLUMNS": "80", "TERM": "xterm", "NO_COLOR": "1"},
            text=True,
        )
        os.close(child)
        self.shown = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while read := os.read(self._main, 4096):
                self.shown += read.decode(errors="replace")
        except OSError:
            return  # no process has it open any more

    def end(self) -> tuple[int, str]:
        """Exit code, and what was shown, without movements of the cursor."""
        self.out, _ = self.process.communicate(timeout=60)
        code = self.process.returncode
        self._reader.join(60)
        os.close(self._main)
        return code, ESCAPES.sub("", self.shown)


@pytest.fixture
def printer(site: Site) -> Iterator[EmulatedPrinter]:
    """The only printer of the site, oki-1, and a broker that prints on it."""
    with EmulatedPrinter("oki-1", "OKI1", site.folder / "tray", dpi=20) as started:
        site.file.write_text(
            '[broker]\nhost = "127.0.0.1"\nport = 0\n[health]\ninterval_s = 0.1\n'
            '[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
            f"port = {started.port}\n"
        )
        service = Service(load(site.file), lambda _event, _facts: None)
        service.start()
        yield started
        service.stop()


@pytest.mark.usefixtures("printer")
def test_a_test_film_shows_its_state_and_for_how_long(site: Site) -> None:
    """The line goes in the end, and what is said on stdout stands above it, each in its line."""
    code, shown = Terminal(site, "test-print").end()
    assert code == 0
    assert re.search(r"0:00:0\d job 1 is \w+.*; waits 300 s at most", shown)
    lines = [line.strip() for line in re.split(r"[\r\n]+", shown)]
    assert "job 1 is sent: oki-1 accepted it" in lines


@pytest.mark.usefixtures("printer")
def test_what_a_script_reads_goes_where_it_reads(site: Site) -> None:
    """With stderr on a terminal and stdout in a pipe, no line of stdout is lost to the screen."""
    terminal = Terminal(site, "test-print", stdout=subprocess.PIPE)
    code, shown = terminal.end()
    assert code == 0
    assert terminal.out.splitlines()[-1] == "job 1 is sent: oki-1 accepted it"
    assert "accepted it\n" not in shown
    assert "waits 300 s at most" in shown


def test_an_upgrade_names_each_step(site: Site) -> None:
    """What is done now stands in the bar, what is done above it."""
    site.begin_anew()
    code, shown = Terminal(site, "db", "upgrade").end()
    assert code == 0
    steps = len(list((Path(__file__).parents[3] / "migrations" / "versions").glob("*.py")))
    assert re.search(rf"0/{steps} 0:00:0\d 0001: ", shown)
    assert re.search(rf"1/{steps} 0:00:0\d 0002: ", shown)
    assert re.search(r"^\S+broker\.db: 0001: ", shown.replace("\r", "\n"), re.MULTILINE)
    assert f"now at {schema.head()}, the newest" in shown


def test_a_purge_counts_on_stderr_and_not_with_json(site: Site) -> None:
    """A bar on the terminal; with JSON nothing but the document."""
    Spool(site.folder / "broker-data" / "spool")
    for _ in range(3):
        site.sent()
    terminal = Terminal(site, "purge", "--pixels-hours", "0", "--json", stdout=subprocess.PIPE)
    assert terminal.end() == (0, "")
    assert '"pixels_of": 3' in terminal.out
    site.sent()
    code, shown = Terminal(site, "purge", "--pixels-hours", "0").end()
    assert code == 0
    assert re.search(r"1/1 0:00:0\d ", shown)
    assert "pixels of 1 job, ended more than 0 h ago: removed" in shown


def test_off_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Not too many: one when some time has passed; and none of a quiet command."""
    with ProgressLine("letting jobs go", 400, line_s=3600.0) as bar:
        bar.count(200)
        bar.line_s = 0.0
        bar.count(100)
        bar.tell("removing files")
    with ProgressLine("letting jobs go", 400, quiet=True) as bar:
        bar.count(200)
    with ProgressLine("waiting") as bar:
        bar.tell("still waiting")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "letting jobs go: 300 of 400\n")


def test_a_bar_is_not_drawn_for_each_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is reached is drawn when a moment has passed since the last time; lines count all."""
    with ProgressLine("copying pixels", 1000, shown_s=3600.0) as bar:
        drawn: list[float] = []
        monkeypatch.setattr(
            bar._bar, "update", lambda _task, **shown: drawn.append(shown["completed"])
        )
        for number in range(1, 1001):
            bar.reached(number)
        assert drawn == [1]
        bar.count()
        assert drawn == [1, 1001]


@pytest.mark.parametrize("command", [["spool"], ["db", "check"], ["backup", "copies"]])
def test_sentences_are_folded_on_a_terminal(site: Site, command: list[str]) -> None:
    """No line is wider than the terminal but for a path or a command, which stay whole; where a
    program reads, each sentence is one line."""
    site.job()
    if command[-1] == "copies":
        command = ["backup", str(site.folder / "copies")]
    shown = ESCAPES.sub("", Terminal(site, *command).end()[1])
    lines = [line for line in re.split(r"[\r\n]+", shown) if str(site.folder) not in line]
    assert lines
    assert [line for line in lines if len(line) > 80] == []

    read = Terminal(site, *command, stdout=subprocess.PIPE)
    read.end()
    assert any(len(line) > 80 for line in read.out.splitlines())
