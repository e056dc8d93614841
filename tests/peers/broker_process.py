"""The real `broker serve`, as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

BROKER = [sys.executable, "-m", "broker.cli.main"]
PATIENCE_S = 30.0


class BrokerProcess:
    """A running broker; its log, as JSON lines, is what tests wait for."""

    def __init__(
        self,
        config: Path,
        *options: str,
        web: bool = False,
        under: Sequence[str] = (),
        preexec: Callable[[], None] | None = None,
    ) -> None:
        """Start it and wait until it listens; `preexec` runs in its process before it begins, and
        `under` is a command that runs what is behind it in some surroundings.

        AssertionError when it ends before.
        """
        self.config = config
        self.lines: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [*under, *BROKER, "serve", "-c", str(config), *([] if web else ["--no-web"]), *options],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            preexec_fn=preexec,
        )
        listens = self.wait_for("broker listens")
        self.port = int(listens["port"])
        self.tls_port = int(listens.get("tls_port", 0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it, unless it has ended."""
        if self.process.poll() is None:
            self.end(signal.SIGKILL)

    def wait_for(self, event: str, **facts: Any) -> dict[str, Any]:
        """A log line of that event with those facts, once there is one.

        AssertionError when the log ends without.
        """
        for known in self.lines:
            if known["event"] == event and facts.items() <= known.items():
                return known
        assert self.process.stderr is not None
        for text in self.process.stderr:
            line: dict[str, Any] = json.loads(text)
            self.lines.append(line)
            if line["event"] == event and facts.items() <= line.items():
                return line
        raise AssertionError(f"no {event}; the log: {self.lines}")

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal; its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended; its exit code."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            self.lines.append(json.loads(text))
        self.process.stderr.close()
        return self.process.wait(PATIENCE_S)


def command(
    *arguments: str,
    config: Path | None = None,
    under: Sequence[str] = (),
    given: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a `broker` command to its end; `given` is what it reads from stdin."""
    chosen = ["--config", str(config)] if config else []
    return subprocess.run(
        [*under, *BROKER, *arguments, *chosen],
        capture_output=True,
        text=True,
        input=given,
        timeout=PATIENCE_S * 4,
        check=False,
    )
