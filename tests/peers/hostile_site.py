"""A real broker with another modality that prints on it, watched from outside while somebody is
hostile to it.
"""

from __future__ import annotations

import json
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.peers.broker_process import BrokerProcess
from tests.peers.configuration import UNREACHABLE
from tests.peers.hostile_witness import Witness
from tests.peers.speaker import Speaker

CONFIG = """
[broker]
host = "127.0.0.1"
port = 0
[limits]
establish_s = {establish_s}
message_s = {message_s}
session_mb = {session_mb}
waiting_jobs = 1000000
film_boxes = 500
[log]
format = "json"
level = "info"
"""
ESTABLISH_S = 1.5
MESSAGE_S = 2.0
SESSION_MB = 24
"""Shorter and less than the defaults, so that no test waits for them."""
ASSOCIATIONS = 128
OF_ONE = 32
"""The defaults."""
QUIET_FILMS = 20
LOOK_S = 0.01
"""Between two looks at the broker's memory."""
PATIENCE_S = 15.0
DATABASE = 16
"""File descriptors that the broker's database opens when many ask at once, and keeps."""


@dataclass(frozen=True)
class Standing:
    """What the broker's process holds at a moment."""

    memory: int
    """RssAnon, in bytes: what is its own."""
    threads: int
    descriptors: int


@dataclass
class Toll:
    """What a case cost the others."""

    memory_mb: float = 0.0
    """The most that RssAnon grew over what it was just before."""
    slowest_s: float = 0.0
    """The slowest film of the other modality."""
    delay_s: float = 0.0
    """That, over its median while all was quiet."""
    lines: int = 0
    """In the broker's log, but for those of the films that it took."""


class Site:
    """The broker, and the other modality. Use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        config = folder / "broker.toml"
        config.write_text(
            CONFIG.format(establish_s=ESTABLISH_S, message_s=MESSAGE_S, session_mb=SESSION_MB)
            + UNREACHABLE
        )
        self._broker = BrokerProcess(config)
        self._heard = threading.Condition()
        self._log: list[Mapping[str, Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = self._broker.port
        self._witness = Witness(self.port)
        self._warm_up()
        since = time.monotonic()
        looks = []
        while len(self._witness.wait_for(1, since)) < QUIET_FILMS:
            looks.append(self.standing())
            self._witness.wait_for(1, time.monotonic())
        self.median_s = self._witness.median()
        self.quiet = Standing(
            max(each.memory for each in looks),
            max(each.threads for each in looks),
            max(each.descriptors for each in looks),
        )

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self._witness.close()
        self._broker.process.send_signal(signal.SIGTERM)
        self._reader.join()
        assert self._broker.process.wait(PATIENCE_S) == 0
        assert self._broker.process.stderr is not None
        self._broker.process.stderr.close()

    @property
    def pid(self) -> int:
        """Of the broker."""
        return self._broker.process.pid

    def standing(self) -> Standing:
        """As it is now."""
        proc = Path(f"/proc/{self.pid}")
        fields = dict(line.split(":", 1) for line in (proc / "status").read_text().splitlines())
        return Standing(
            int(fields["RssAnon"].split()[0]) * 1024,
            int(fields["Threads"]),
            len(list((proc / "fd").iterdir())),
        )

    @contextmanager
    def watched(self) -> Iterator[Toll]:
        """Watch what the block costs the others; the toll is complete when it is over."""
        toll = Toll()
        before, lines = self.standing().memory, self._lines()
        over = threading.Event()
        most = [before]

        def look() -> None:
            while not over.wait(LOOK_S):
                most[0] = max(most[0], self.standing().memory)

        looking = threading.Thread(target=look)
        looking.start()
        began = time.monotonic()
        try:
            yield toll
        finally:
            over.set()
            looking.join()
        # Until one is through that was begun afterwards: so all that were in hand are.
        self._witness.wait_for(1, time.monotonic())
        films = self._witness.wait_for(0, began)
        toll.slowest_s = max(each.took for each in films)
        toll.delay_s = toll.slowest_s - self.median_s
        toll.memory_mb = (most[0] - before) / (1 << 20)
        toll.lines = self._lines() - lines

    def settled(self) -> Standing:
        """Once it holds no more threads and file descriptors than when all was quiet."""
        pause = threading.Event()
        deadline = time.monotonic() + PATIENCE_S
        while True:
            now = self.standing()
            if (
                now.threads <= self.quiet.threads
                and now.descriptors <= self.quiet.descriptors + DATABASE
            ):
                return now
            assert time.monotonic() < deadline, f"{now} where {self.quiet} was enough"
            pause.wait(LOOK_S)

    def wait_for(self, what: Callable[[Mapping[str, Any]], bool]) -> Mapping[str, Any]:
        """The first line of the log that is so, once there is one."""
        found: list[Mapping[str, Any]] = []

        def there() -> bool:
            found[:] = filter(what, self._log)
            return bool(found)

        with self._heard:
            assert self._heard.wait_for(there, PATIENCE_S), self._log[-20:]
        return found[0]

    def faults(self) -> list[Mapping[str, Any]]:
        """Exceptions that reached the log."""
        with self._heard:
            return [line for line in self._log if "traceback" in line]

    @contextmanager
    def few_descriptors(self, more: int) -> Iterator[None]:
        """Let the broker have only `more` descriptors beyond those of now."""
        earlier = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        low = self.standing().descriptors + more
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (low, earlier[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, earlier)

    def _warm_up(self) -> None:
        """Have the broker open once what it keeps open for many modalities at once."""
        for _ in range(2):
            crowd = [threading.Thread(target=self._one_film) for _ in range(12)]
            for each in crowd:
                each.start()
            for each in crowd:
                each.join()

    def _one_film(self) -> None:
        modality = Speaker(self.port)
        modality.print_film()
        modality.release()

    def _lines(self) -> int:
        with self._heard:
            return sum(line["event"] != "films accepted" for line in self._log)

    def _read(self) -> None:
        assert self._broker.process.stderr is not None
        for text in self._broker.process.stderr:
            with self._heard:
                self._log.append(json.loads(text))
                self._heard.notify_all()
