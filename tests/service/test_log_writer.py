"""A thread that logs does not wait for the program that takes the log lines."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from broker.service import logs
from broker.service.logs import MOST


class Terminal(logging.Handler):
    """Takes lines, unless it is stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.goes = threading.Event()
        self.goes.set()
        self.stuck = threading.Event()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Wait while it is stopped."""
        if not self.goes.is_set():
            self.stuck.set()
        self.goes.wait()
        self.lines.append(record.getMessage())


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    """What all log lines go to, at last."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    terminal = Terminal()
    root.handlers[:] = [terminal]
    root.setLevel(logging.INFO)
    yield terminal
    terminal.goes.set()
    root.handlers[:] = handlers
    root.setLevel(level)


def test_lines_come_in_their_order_and_all_by_the_end(terminal: Terminal) -> None:
    """What was said before the end is written when it has ended, and later lines directly."""
    with logs.log_writer():
        for number in range(100):
            logging.info("line %d", number)
    logging.info("afterwards")

    assert terminal.lines == [*(f"line {number}" for number in range(100)), "afterwards"]


def test_a_terminal_that_is_stopped_stops_no_thread(terminal: Terminal) -> None:
    """Lines wait in a bounded number, the rest are lost, and their number is told."""
    with logs.log_writer():
        terminal.goes.clear()
        logging.info("the first")
        assert terminal.stuck.wait(10)
        for number in range(MOST + 5):
            logging.info("line %d", number)
        assert terminal.lines == []
        terminal.goes.set()

    assert terminal.lines[:2] == ["the first", "5 log lines were lost: they were not taken in time"]
    assert terminal.lines[-1] == f"line {MOST - 1}"
    assert len(terminal.lines) == MOST + 2


def test_a_terminal_that_stays_stopped_does_not_keep_the_broker_from_ending(
    terminal: Terminal,
) -> None:
    """The end comes after the grace, whatever was not taken by then."""
    terminal.goes.clear()
    with logs.log_writer(grace_s=0.01):
        logging.info("never taken")

    assert terminal.lines == []


PRINTS_MUCH = """
import logging, sys
from broker.service.logs import log_writer
logging.basicConfig(stream=sys.stderr, level=logging.INFO)
with log_writer():
    for _ in range(1000):
        logging.info("x" * 200)
"""


def test_a_pipe_that_is_not_read_does_not_keep_a_process_from_ending() -> None:
    """The pipe is full and its lock is held; the process ends all the same, and in good order."""
    with subprocess.Popen([sys.executable, "-c", PRINTS_MUCH], stderr=subprocess.PIPE) as process:
        assert process.wait(30) == 0
        assert process.stderr is not None
        process.stderr.close()
