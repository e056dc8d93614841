"""Emulated printers that can lose their power: each is a process of its own.

Run as `python -m tests.bench.printers NAME AE_TITLE TRAY SECONDS`, it is such a process: it says
`ready`, obeys lines, and ends when its stdin is closed.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from broker.emulator.printer import EmulatedPrinter

HOST = "127.0.0.1"
CHECKOUT = Path(__file__).parents[2]
ASSOCIATIONS = 32
"""At once: enough for all modalities, lest a balancer be blamed for a limit."""
DPI = 10
"""Sheets are counted, not looked at."""


@dataclass
class PoweredPrinter:
    """A printer as modalities and brokers meet it; `pull_the_plug` ends it in mid-sentence."""

    name: str
    ae_title: str
    tray: Path
    seconds_per_film: float
    port: int = 0
    """Chosen by the system when it is first switched on, and kept."""
    _processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Switch it on."""
        self._processes.append(self._spawn())
        self.switch_on()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.communicate()

    def prepare_another(self) -> None:
        """Have a process wait for `switch_on`, so that it does not take Python's time to start."""
        self._processes.append(self._spawn())

    def switch_on(self) -> None:
        """Listen. Its tray still holds what came out before."""
        self.port = int(self._tell(f"listen {self.port}"))

    def pull_the_plug(self) -> None:
        """SIGKILL: connections are cut, the port refuses, the sheet in the rollers is lost."""
        process = self._processes.pop(0)
        process.kill()
        process.communicate()

    def suffer(self, scenario: str) -> None:
        """Change what is wrong with it: words of `broker.emulator.scenario`."""
        self._tell(f"suffer {scenario}")

    def wait_until_still(self, seconds: float) -> None:
        """Return when it has laid down no sheet for so long."""
        self._tell(f"still {seconds}")

    def sheets(self) -> list[tuple[str, ...]]:
        """The pixels on each sheet in its tray."""
        return [
            tuple(image["pixels"] for image in json.loads(slip.read_text())["images"])
            for slip in self._slips()
        ]

    def last_sheet_at(self) -> float:
        """When its last sheet came out, by the system's clock; 0 when none did."""
        return max((slip.stat().st_mtime for slip in self._slips()), default=0.0)

    def _slips(self) -> list[Path]:
        return sorted(self.tray.glob("[0-9]*.json"))

    def _spawn(self) -> subprocess.Popen[str]:
        said = [self.name, self.ae_title, str(self.tray), str(self.seconds_per_film)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.printers", *said],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        _hear(process, "starts")
        return process

    def _tell(self, line: str) -> str:
        process = self._processes[0]
        assert process.stdin is not None
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return _hear(process, line)


def _hear(process: subprocess.Popen[str], what: str) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a printer's process ended with {process.wait()}: {what}")
    return line.strip()


def _serve(name: str, ae_title: str, tray: str, seconds_per_film: str) -> None:
    # Ctrl-C is for the bench, whose end closes our input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _say("ready")
    printer: EmulatedPrinter | None = None
    try:
        for line in sys.stdin:
            order, value = line.split()
            if order == "listen":
                # Made only now: its tray goes on from the last sheet of the process before.
                printer = EmulatedPrinter(
                    name,
                    ae_title,
                    Path(tray),
                    host=HOST,
                    port=int(value),
                    seconds_per_film=float(seconds_per_film),
                    dpi=DPI,
                    associations=ASSOCIATIONS,
                )
                printer.start()
                _say(str(printer.port))
                continue
            assert printer is not None
            if order == "suffer":
                printer.set_scenario(value)
            else:
                _wait_until_still(printer, float(value))
            _say("done")
    finally:
        if printer is not None:
            printer.kill()


def _wait_until_still(printer: EmulatedPrinter, seconds: float) -> None:
    while True:
        try:
            printer.wait_for_sheets(len(printer.sheets) + 1, seconds)
        except TimeoutError:
            return


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
