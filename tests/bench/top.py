"""What `broker top` costs with a full queue: its first screen, and an open one that is watched."""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from broker.config.file import load
from broker.model.jobs.job import State
from broker.operations.opened import Store, store_of
from broker.store.occupancy import Occupancy
from tests.bench.crowd import crowd
from tests.bench.page import FINISHED, WAITING, cpu_percent, tell
from tests.bench.servers import Server
from tests.peers.page_site import CONFIGURATION

SETTLED_S = 2.0
"""After this long, what it took to begin is not counted."""
SIZES = ((80, 24), (200, 60))
"""Columns and lines."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.top",
        description=(
            f"`broker top` on a terminal, with {FINISHED} finished and {WAITING} waiting jobs: "
            "seconds until they are on the screen, and percent of a core while nothing and while a "
            "job a second changes."
        ),
        epilog="Example: python -m tests.bench.top --json",
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="top-") as folder:
        found = measure(Path(folder))
    tell(found, for_machines=chosen.json)
    return 0


def measure(folder: Path) -> dict[str, float]:
    """Figures by name: seconds, percent of a core."""
    crowd(folder, FINISHED, WAITING)
    config = folder / "broker.toml"
    config.write_text(CONFIGURATION.format(port=1))
    occupancy = Occupancy.take(folder / "broker-data")
    found: dict[str, float] = {}
    with store_of(load(config)) as store:
        store.printers.sync(store.config.addresses())
        for columns, lines in SIZES:
            name = f"{columns}x{lines}"
            screen = Screen(config, columns, lines)
            found[f"{name}: first screen, s"] = screen.until(b"queued")
            found[f"{name}: idle, % of a core"] = screen.cpu(lambda: None)
            found[f"{name}: a job a second, % of a core"] = screen.cpu(lambda: _change(store))
            screen.close()
    occupancy.close()
    return found


def _change(store: Store) -> None:
    """The oldest waiting job is held, or the held one released."""
    held = store.jobs.list({State.HELD}, limit=1)
    if held:
        store.commands.release(held[0].id)
    else:
        store.commands.hold(store.jobs.list({State.QUEUED}, limit=1)[0].id)


class Screen:
    """The command on a terminal of its own."""

    def __init__(self, config: Path, columns: int, lines: int) -> None:
        self._main, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "broker.cli.main", "top", "-c", str(config)],
            stdin=child,
            stdout=child,
            stderr=child,
            env=environment | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(child)

    def until(self, words: bytes) -> float:
        """Seconds from its start until it has written them; then all is read, whatever comes."""
        said = b""
        while words not in said:
            said += os.read(self._main, 65536)
        taken = time.monotonic() - self._began
        threading.Thread(target=self._read, daemon=True).start()
        return taken

    def _read(self) -> None:
        try:
            while os.read(self._main, 65536):
                continue
        except OSError:
            return  # it has ended

    def cpu(self, change: Callable[[], None]) -> float:
        """Percent of a core that it takes while a change comes each second."""
        threading.Event().wait(SETTLED_S)
        return cpu_percent(Server(0, "", self._process.pid), change)

    def close(self) -> None:
        """Leave it, as a person does."""
        os.write(self._main, b"q")
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.wait()


if __name__ == "__main__":
    raise SystemExit(main())
