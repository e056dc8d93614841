"""`broker demo` as a process of its own: what a test waits for is what it says."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.peers.broker_process import BROKER, PATIENCE_S

UP = "stays up until Ctrl-C"
"""Its last line with `--keep-running`."""


class DemoProcess:
    """A demo that runs in a folder. Use it as a context manager."""

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        self.folder = folder
        self.file = folder / "broker.toml"
        self._process = subprocess.Popen(
            [*BROKER, "demo", "--folder", str(folder), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "COLUMNS": "200", **variables},
            # A shell that runs tests in the background hands down that it is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(PATIENCE_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def line(self) -> str:
        """The next line that it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def until(self, words: str) -> str:
        """What it says, up to and with the line that has these words. AssertionError without."""
        said = ""
        while line := self.line():
            said += line
            if words in line:
                return said
        raise AssertionError(f"no {words!r} in {said}")

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def rest(self) -> tuple[int, str]:
        """Its exit code, and what it said until it ended."""
        assert self._process.stdout is not None
        said = self._process.stdout.read()
        return self._process.wait(PATIENCE_S), said


def page_in(said: str) -> str:
    """The page's address in what was said. AssertionError without one."""
    found = re.search(r"http://127\.0\.0\.1:\d+/", said)
    assert found, said
    return found.group()
