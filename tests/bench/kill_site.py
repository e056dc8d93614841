"""A site whose printers fail now and then, and whose broker lives from kill to kill."""

from __future__ import annotations

import json
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from broker.emulator.printer import EmulatedPrinter
from tests.bench.fates import Pixels
from tests.peers.broker_process import BROKER

PATIENCE_S = 60.0
PRINTERS = 3
SECONDS_PER_FILM = 0.02
FAULTS = (
    "down",
    "busy",
    "slow:0.2",
    "dies-in-set:2",
    "prints-and-dies",
    "refuse-action:0x0110",
)
ALARMS = frozenset(
    {
        "association fault",
        "attempt broke",
        "dispatcher failed",
        "monitor failed",
        "storage failed",
        "upkeep failed",
    }
)
"""What no broker may say here, where neither disk nor database is at fault."""

CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
[health]
interval_s = 0.1
rise = 1
timeout_s = 2
[retry]
tries = 1000
first_delay_s = 0.02
max_delay_s = 0.1
[log]
format = "json"
"""


class Life:
    """One life of the broker, from its start to a kill."""

    def __init__(self, config: Path) -> None:
        self.alarms: list[str] = []
        self._changed = threading.Condition()
        self._port = 0
        self._ended = False
        self._process = subprocess.Popen(
            [*BROKER, "serve", "--no-web", "--config", str(config)],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, name="broker-log")
        self._reader.start()

    def wait_for_port(self) -> int:
        """What it listens on; AssertionError when it never does."""
        self.wait_for(lambda: bool(self._port), "it does not listen")
        return self._port

    def wait_for(self, what: Callable[[], bool], why: str) -> None:
        """Return when it is so, looked at after every line of its log; else AssertionError."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or what(), PATIENCE_S)
        if not what():
            ended = f"it ended: {self.alarms}" if self._ended else "it lives"
            raise AssertionError(f"{why}; {ended}")

    def last(self, seconds: float) -> None:
        """Let it live for so long; AssertionError when it ends by itself."""
        with self._changed:
            if self._changed.wait_for(lambda: self._ended, seconds):
                raise AssertionError(f"the broker ended by itself: {self.alarms}")

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for text in self._process.stderr:
            self._hear(text)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _hear(self, text: str) -> None:
        try:
            line: dict[str, Any] = json.loads(text)
        except ValueError:
            line = {"event": text, "level": "error"}
        with self._changed:
            if line["event"] == "broker listens":
                self._port = int(line["port"])
            if line["event"] in ALARMS or line["level"] == "error":
                self.alarms.append(text.strip())
            self._changed.notify_all()


class Site:
    """Printers on loopback, and the configuration of a broker for them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.data_dir = folder / "broker-data"
        self.config = folder / "broker.toml"
        self.printers = [
            EmulatedPrinter(
                f"oki-{number}",
                f"OKI{number}",
                folder / f"oki-{number}",
                seconds_per_film=SECONDS_PER_FILM,
                dpi=10,
            )
            for number in range(1, PRINTERS + 1)
        ]
        self._random = random.Random(f"{seed} printers")
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        text = CONFIGURATION
        for printer in self.printers:
            self._stack.enter_context(printer)
            text += (
                f'[[printers]]\nname = "{printer.name}"\nae_title = "{printer.ae_title}"\n'
                f'host = "127.0.0.1"\nport = {printer.port}\n'
            )
        self.config.write_text(text)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def begin(self) -> Life:
        """Start the broker."""
        return Life(self.config)

    def trouble(self) -> None:
        """Something happens to a printer: a fault, or its repair."""
        printer = self._random.choice(self.printers)
        well = printer.alive and printer.scenario.text == "ok"
        printer.set_scenario(self._random.choice(FAULTS) if well else "ok")

    def repair(self) -> None:
        """All printers are well."""
        for printer in self.printers:
            printer.set_scenario("ok")

    def sheets(self) -> Counter[Pixels]:
        """What came out, film by film."""
        return Counter(sheet.pixels for printer in self.printers for sheet in printer.sheets)


def moments(source: random.Random, number: int, seconds: float) -> list[float]:
    """`number` random moments, as pauses between them, and the pause to the end."""
    times = sorted(source.uniform(0, seconds) for _ in range(number))
    return [after - before for before, after in zip([0.0, *times], [*times, seconds], strict=True)]


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
