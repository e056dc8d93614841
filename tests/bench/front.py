"""What modalities call on a bad morning: the broker here, and what any other must offer."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

from tests.bench.figures import Listed
from tests.bench.printers import HOST, PoweredPrinter
from tests.peers.broker_process import BrokerProcess, command

PATIENCE_S = 60.0
FALL, RISE = 3, 2
"""Checks in a row; both the broker's and HAProxy's own defaults."""


class Front(Protocol):
    """Stands between modalities and printers; open while it is entered."""

    port: int
    ae_title: str

    def __enter__(self) -> Self:
        """Begin, and return when the first film may come."""

    def __exit__(self, *_: object) -> None:
        """End, and leave no process behind."""

    def settle(self, accepted: int) -> None:
        """Return when no film comes out any more unless a person acts.

        `accepted` is how many films the modalities were told success for.
        """

    def jobs(self) -> Sequence[Listed]:
        """All jobs that it lists for a person, oldest first."""


class BrokerFront:
    """The real `broker serve`, a process of its own.

    Everything is at its default but where it listens, how often it looks at printers, and how many
    `associations` it opens with each of them at once.
    """

    ae_title = "BROKER"

    def __init__(
        self,
        folder: Path,
        printers: Sequence[PoweredPrinter],
        interval_s: float,
        associations: int = 1,
    ) -> None:
        self._config = folder / "broker.toml"
        text = (
            f'[broker]\nhost = "127.0.0.1"\nport = 0\nae_title = "{self.ae_title}"\n'
            f"[health]\ninterval_s = {interval_s}\nfall = {FALL}\nrise = {RISE}\n"
        )
        for printer in printers:
            text += (
                f'[[printers]]\nname = "{printer.name}"\nae_title = "{printer.ae_title}"\n'
                f'host = "{HOST}"\nport = {printer.port}\nassociations = {associations}\n'
            )
        self._config.write_text(text)
        self._printers = printers
        self._changed = threading.Condition()
        self._taken: set[int] = set()
        self._ended: set[int] = set()

    def __enter__(self) -> Self:
        self._broker = BrokerProcess(self._config)
        self.port = self._broker.port
        try:
            for printer in self._printers:
                self._broker.wait_for("printer changed", printer=printer.name, health="up")
        except BaseException:
            self._broker.end(signal.SIGKILL)
            raise
        self._listener = threading.Thread(target=self._listen, name="broker log")
        self._listener.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Its log ends with it, and with its log the listener.
        self._broker.send(signal.SIGTERM)
        try:
            self._broker.process.wait(PATIENCE_S)
        finally:
            self._broker.process.kill()
            self._broker.process.wait()
            self._listener.join()
            assert self._broker.process.stderr is not None
            self._broker.process.stderr.close()

    def settle(self, accepted: int) -> None:
        """Every job is sent or held, or a minute is over."""

        def quiet() -> bool:
            return len(self._taken) >= accepted and self._taken <= self._ended

        with self._changed:
            self._changed.wait_for(quiet, PATIENCE_S)

    def jobs(self) -> list[Listed]:
        """As the command lists them to an operator: `broker jobs`, and `--all` for the rest."""
        open_jobs = {job["id"]: job for job in self._list()}
        return [
            Listed(
                job["calling_ae"],
                uncertain=job["id"] in open_jobs
                and job["state"] == "held"
                and job["reason"].startswith("uncertain"),
            )
            for job in self._list("--all")
        ]

    def _list(self, *options: str) -> list[dict[str, str]]:
        done = command("jobs", "--json", *options, config=self._config)
        if done.returncode:
            raise RuntimeError(f"broker jobs: {done.stderr}")
        found: list[dict[str, str]] = json.loads(done.stdout)
        return found

    def _listen(self) -> None:
        """Read the log to its end, so that the broker never waits for a reader."""
        assert self._broker.process.stderr is not None
        for text in self._broker.process.stderr:
            line = json.loads(text)
            with self._changed:
                match line["event"]:
                    case "films accepted":
                        self._taken.add(line["job"])
                    case "job sent":
                        self._ended.add(line["job"])
                    case "attempt failed" if line["state"] == "held":
                        self._ended.add(line["job"])
                self._changed.notify_all()
