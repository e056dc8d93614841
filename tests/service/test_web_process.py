"""The page's process beside the broker: it ends with it, however that ends."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.peers.broker_process import BrokerProcess
from tests.peers.processes import children

PATIENCE_S = 30.0
RESTARTS = int(os.environ.get("BROKER_PAGE_RESTARTS", "4"))
CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
[web]
port = {port}
"""


def free_port() -> int:
    """One that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def killed(config: Path) -> Iterator[tuple[BrokerProcess, int, int]]:
    """A broker with its page: the page's process, and a descriptor that can be read when that has
    ended. Both are killed at the end.
    """
    broker = BrokerProcess(config, web=True)
    broker.wait_for("page served")
    pid = children(broker.process.pid)[0]
    descriptor = os.pidfd_open(pid)
    try:
        yield broker, pid, descriptor
    finally:
        broker.process.kill()
        broker.process.wait(PATIENCE_S)
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)
        assert broker.process.stderr is not None
        broker.process.stderr.close()


def ended(descriptor: int) -> bool:
    """Whether it has, or does so at once."""
    return bool(select.select([descriptor], [], [], 0.5)[0])


def answers(port: int) -> None:
    """Return once the page answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as peer:
        peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert peer.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("trouble", ["none", "stopped", "held"])
def test_a_killed_broker_leaves_no_page(tmp_path: Path, trouble: str) -> None:
    """Its port is free for the next broker, each time: also while the page is stopped, or has a
    connection that is open in the midst of a request.
    """
    port = free_port()
    config = tmp_path / "broker.toml"
    config.write_text(CONFIGURATION.format(port=port))
    for _ in range(RESTARTS):
        with killed(config) as (broker, pid, page):
            answers(port)
            if trouble == "stopped":
                os.kill(pid, signal.SIGSTOP)
            with socket.create_connection(("127.0.0.1", port)) as peer:
                if trouble == "held":
                    peer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    assert peer.recv(15) == b"HTTP/1.1 200 OK"
                    peer.sendall(b"POST /sign-in HTTP/1.1\r\n")
                broker.process.kill()
                broker.process.wait(PATIENCE_S)
                assert ended(page), "the page lives on"
            assert not [line for line in broker.lines if line["event"] == "page not served"]


def test_a_page_that_has_just_begun_ends_too(tmp_path: Path) -> None:
    """The broker is killed while its page is starting."""
    config = tmp_path / "broker.toml"
    config.write_text(CONFIGURATION.format(port=free_port()))
    for _ in range(RESTARTS):
        with killed(config) as (broker, _, page):
            broker.process.kill()
            broker.process.wait(PATIENCE_S)
            assert ended(page), "the page lives on"


def test_a_stopped_page_keeps_no_film_waiting(tmp_path: Path) -> None:
    """A page's process that is stopped (SIGSTOP, a debugger's leftover) while it has the database's
    write lock would have films refused: it is killed within seconds, and another one begins."""
    config = tmp_path / "broker.toml"
    config.write_text(CONFIGURATION.format(port=(port := free_port())))
    with killed(config) as (broker, pid, descriptor):
        with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as peer:
            peer.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert peer.recv(100).startswith(b"HTTP/1.1 200")
        os.kill(pid, signal.SIGSTOP)
        readable, _, _ = select.select([descriptor], [], [], PATIENCE_S)
        assert readable
        assert "stopped" in broker.wait_for("page ended")["why"]
        assert children(broker.process.pid) != [pid]
