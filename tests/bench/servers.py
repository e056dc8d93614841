"""Print SCPs to compare, each a process of its own, on 127.0.0.1."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.bench import plain_scp, sink
from tests.bench.printers import CHECKOUT, PoweredPrinter
from tests.peers.broker_process import BrokerProcess
from tests.peers.configuration import UNREACHABLE
from tests.peers.dcmtk import CONFIG, PROFILES

PATIENCE_S = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


class Log:
    """A broker's log, taken as it comes, and read when it is asked for: the modality that is timed
    lives in the same process, and must not wait for what is no work of a modality's.
    """

    def __init__(self, process: BrokerProcess) -> None:
        self._process = process
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._heard: Counter[str] = Counter()
        self._waiting = False
        self._thread = threading.Thread(target=self._read, name="broker log")
        self._thread.start()

    def wait_for(self, event: str, number: int) -> None:
        """Return once there were `number` events of that name. Raises: TimeoutError: when late."""
        with self._changed:
            self._waiting = True
            came = self._changed.wait_for(lambda: self._count(event) >= number, PATIENCE_S)
            self._waiting = False
        if not came:
            raise TimeoutError(f"{number} times {event}; there were: {dict(self._heard)}")

    def end(self) -> None:
        """Return when the broker has ended."""
        self._process.send(signal.SIGTERM)
        self._thread.join()
        self._process.process.wait(PATIENCE_S)
        assert self._process.process.stderr is not None
        self._process.process.stderr.close()

    def _read(self) -> None:
        assert self._process.process.stderr is not None
        for text in self._process.process.stderr:
            self._lines.append(text)
            if self._waiting:
                with self._changed:
                    self._changed.notify_all()

    def _count(self, event: str) -> int:
        while self._lines:
            self._heard[json.loads(self._lines.pop(0))["event"]] += 1
        return self._heard[event]


@dataclass(frozen=True)
class Server:
    """A running Print SCP."""

    port: int
    ae_title: str
    pid: int
    log: Log | None = None
    """The broker's."""
    tls_port: int = 0
    """The broker's, where it has one."""

    def cpu_s(self) -> float:
        """Processor time that it and its ended children have taken so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(fields[index]) for index in (11, 12, 13, 14)) / TICKS

    def memory(self, which: str = "VmRSS") -> int:
        """Bytes that it holds now, or with `VmHWM` has held at most."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == which:
                return int(value.split()[0]) * 1024
        raise ValueError(f"/proc tells no {which}")

    def forget_peak(self) -> None:
        """Let `VmHWM` begin anew."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def written(self) -> int:
        """Bytes that it has written to disks, or tried to."""
        for line in Path(f"/proc/{self.pid}/io").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "write_bytes":
                return int(value)
        raise ValueError("/proc tells no write_bytes")


class Opener(Protocol):
    """Starts a server in an empty folder; it ends with the context."""

    def __call__(self, folder: Path) -> AbstractContextManager[Server]: ...


@contextmanager
def broker(
    folder: Path, more: str = "", printers: Sequence[PoweredPrinter] = ()
) -> Iterator[Server]:
    """`broker serve`; without printers it has one that cannot be reached: films are kept."""
    config = folder / "broker.toml"
    text = f'[broker]\nhost = "127.0.0.1"\nport = 0\n[retention]\nfloor_mb = 64\n{more}'
    config.write_text(text + ("".join(section(each) for each in printers) or UNREACHABLE))
    with BrokerProcess(config) as process:
        for printer in printers:
            process.wait_for("printer changed", printer=printer.name, health="up")
        log = Log(process)
        try:
            yield Server(process.port, "BROKER", process.process.pid, log, process.tls_port)
        finally:
            log.end()


def section(printer: PoweredPrinter) -> str:
    """A printer as broker.toml names it."""
    return (
        f'[[printers]]\nname = "{printer.name}"\nae_title = "{printer.ae_title}"\n'
        f'host = "127.0.0.1"\nport = {printer.port}\n'
    )


@contextmanager
def dcmprscp(folder: Path) -> Iterator[Server]:
    """DCMTK's, which keeps what it prints as files and does not fsync them."""
    for name in ("log", "spool", "database", "lut"):
        (folder / name).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "dcmpstat.cfg"
    text = CONFIG.format(folder=folder, port=port, profile="IHEFULL", ae_title="DCMPRSCP")
    config.write_text(text + PROFILES["IHEFULL"])
    with subprocess.Popen(
        ["dcmprscp", "--quiet", "--config", str(config), "--printer", "IHEFULL"],
        env={**os.environ, "TCP_NODELAY": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _listens(port)
            yield Server(port, "DCMPRSCP", process.pid)
        finally:
            process.kill()


@contextmanager
def plain(folder: Path, *, printer: PoweredPrinter | None = None) -> Iterator[Server]:
    """pynetdicom as its documentation shows it; it stores nothing."""
    del folder
    onward = [] if printer is None else [str(printer.port), printer.ae_title]
    with _module("tests.bench.plain_scp", *onward) as (port, pid):
        yield Server(port, plain_scp.AE_TITLE, pid)


@contextmanager
def plain_tls(certificate: Path, key: Path) -> Iterator[Server]:
    """The same over TLS."""
    with _module("tests.bench.plain_scp", "tls", str(certificate), str(key)) as (port, pid):
        yield Server(port, plain_scp.AE_TITLE, pid)


@contextmanager
def limit(folder: Path) -> Iterator[Server]:
    """The bare socket, and an fsync of the same bytes."""
    with _module("tests.bench.sink", str(folder)) as (port, pid):
        yield Server(port, sink.AE_TITLE, pid)


OPENERS: Mapping[str, Opener] = {
    "limit": limit,
    "broker": broker,
    "dcmprscp": dcmprscp,
    "pynetdicom": plain,
}


def missing() -> list[str]:
    """Which of them cannot be started here, with the Debian package."""
    return [] if shutil.which("dcmprscp") else ["dcmprscp (apt-get install dcmtk)"]


@contextmanager
def _module(*arguments: str) -> Iterator[tuple[int, int]]:
    """A module as a process that says its port; the port and its pid."""
    with subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
    ) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def _listens(port: int) -> None:
    """It says nothing when it is ready, so it is asked until it answers."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            continue
        return
    raise RuntimeError("dcmprscp does not listen")
