"""On a terminal a person is asked before paper comes out, and the answer is for what was asked."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from broker.model.jobs.job import State
from tests.cli.conftest import Site
from tests.peers.broker_process import BROKER

QUESTION = "Do it? [y/N]: "


class Terminal:
    """A command that a person has begun on a terminal."""

    def __init__(self, site: Site, *arguments: str) -> None:
        self._our_end, its_end = pty.openpty()
        self._process = subprocess.Popen(
            [*BROKER, *arguments],
            stdin=its_end,
            stdout=its_end,
            stderr=its_end,
            env={**os.environ, "BROKER_CONFIG": str(site.file), "COLUMNS": "80"},
        )
        os.close(its_end)
        self.text = ""

    def read_until(self, words: str) -> None:
        """Until the command has written that."""
        while words not in self.text:
            self.text += os.read(self._our_end, 4096).decode()

    def type(self, keys: str) -> None:
        """Press these keys."""
        os.write(self._our_end, keys.encode())

    def end(self) -> int:
        """Its exit code, once it has ended; `text` is all that it has written."""
        while True:
            try:
                piece = os.read(self._our_end, 4096)
            except OSError:
                break  # the other end is closed
            if not piece:
                break
            self.text += piece.decode()
        return self._process.wait(60)

    def close(self) -> None:
        """End it."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._our_end)


@contextmanager
def terminal(site: Site, *arguments: str) -> Iterator[Terminal]:
    """The command, ended at last."""
    opened = Terminal(site, *arguments)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.parametrize(("key", "code", "jobs"), [("n", 1, 1), ("y", 0, 2)])
def test_a_reprint_is_asked_about(site: Site, key: str, code: int, jobs: int) -> None:
    """With number, modality and films; no is no."""
    site.sent(films=3)
    with terminal(site, "jobs", "reprint", "1") as person:
        person.read_until(QUESTION)
        assert "Print job 1 of CT1 again: 3 films?" in person.text
        person.type(f"{key}\n")
        assert person.end() == code
        assert ("Nothing was done." in person.text) is (key == "n")
    assert len(site.jobs.queries.list()) == jobs


def test_what_changes_before_the_answer_is_not_commanded(site: Site) -> None:
    """The person is told how it is now."""
    site.jobs.commands.hold(site.job())
    with terminal(site, "jobs", "release", "1") as person:
        person.read_until(QUESTION)
        site.jobs.commands.cancel(1)
        person.type("y\n")
        assert person.end() == 1
        assert "job 1 has changed since you looked: it is cancelled." in person.text
    assert site.jobs.queries.get(1).state is State.CANCELLED


def test_several_are_asked_about_at_once(site: Site) -> None:
    """One answer for all; what cannot be done is told beside what was."""
    site.job(), site.sent(), site.job()
    with terminal(site, "jobs", "cancel", "1", "2", "3") as person:
        person.read_until(QUESTION)
        assert "Cancel job 1 of CT1: 1 of 1 film will not be printed?" in person.text
        assert "Cancel job 3 of CT1" in person.text
        person.type("y\n")
        assert person.end() == 1
        assert person.text.count(QUESTION) == 1
        assert "job 2 is sent: " in person.text
    assert site.jobs.queries.get(3).state is State.CANCELLED


def test_yes_asks_nothing(site: Site) -> None:
    """Nor does a command that puts no paper out and can be undone."""
    site.sent()
    with terminal(site, "jobs", "reprint", "1", "--yes") as person:
        assert person.end() == 0
    with terminal(site, "jobs", "hold", "2") as person:
        assert person.end() == 0
    assert site.jobs.queries.get(2).state is State.HELD


def test_without_a_terminal_nothing_is_asked(site: Site) -> None:
    """A script names the job, and a second reprint within a minute says `--again`."""
    site.sent()
    assert site.broker("jobs", "reprint", "1").code == 0
    lately = site.broker("jobs", "reprint", "1")
    assert lately.code == 1
    assert "`broker jobs reprint 1 --again` prints it once more" in lately.err
    assert site.broker("jobs", "reprint", "1", "--again").code == 0
    assert len(site.jobs.queries.list()) == 3


def test_every_command_takes_several_jobs(site: Site) -> None:
    """The printer or the priority stands behind the numbers; a number may be a printer's name."""
    site.job(), site.job(), site.sent(), site.sent()
    assert site.broker("jobs", "move", "1", "2", "oki-2").out.count("oki-2 and no other") == 2
    assert site.broker("jobs", "move", "1", "2", "--any").out.count("any printer") == 2
    assert site.broker("jobs", "priority", "1", "2", "high").out.count("priority HIGH") == 2
    assert site.broker("jobs", "reprint", "3", "4").code == 0
    wrong = site.broker("jobs", "move", "1", "2")
    assert (wrong.code, "there is no printer 2" in wrong.err) == (1, True)
    for arguments, words in (
        (("move", "1", "oki-2", "--any"), "name one PRINTER behind the numbers, or give --any"),
        (("move", "x", "oki-2"), "x is not a job's number"),
        (("priority", "1", "soon"), "soon is not a priority; use HIGH, MED, LOW"),
    ):
        ended = site.broker("jobs", *arguments)
        assert (ended.code, words in " ".join(ended.err.split())) == (2, True), ended.err


def test_the_end_of_input_is_no_answer(site: Site) -> None:
    """Nothing is done, and one line says so."""
    site.sent()
    with terminal(site, "jobs", "reprint", "1") as asked:
        asked.read_until(QUESTION)
        asked.type("\x04")
        assert asked.end() == 1
        assert asked.text.endswith("Nothing was done: the question was not answered.\r\n")
        assert "Abort" not in asked.text
    assert len(site.jobs.queries.list()) == 1
