"""The page's process beside the relay: started, started again when it ends, and ended with it.

It is a process of its own, so that pages and pictures do not take the relay's time. The two share
only the database and files of the data folder.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from broker.config.schema import Config
from broker.dicom.upper_layer.listening_sockets import CannotListen, listen, names_of_peer
from broker.dicom.upper_layer.peer_watch import watch
from broker.events import Event, Note
from broker.model.peers import hosts
from broker.model.peers.hosts import (
    EVERY,
    LOCALHOST,
    Hosts,
    at_ports,
    called_here,
    hosts_of,
    in_url,
)
from broker.relay.loop import Loop

PAUSE_S = 5.0
"""Before it is started again."""
STOP_S = 2.0
"""So long it may take to end."""
LOOK_S = 1.0
SPARING = {"MALLOC_ARENA_MAX": "2"}
"""For glibc (mallopt(3)): memory that one thread gives back serves the others, too."""


class Page:
    """The page of one configuration. What is wrong with it is noted, and stops no films."""

    def __init__(self, config: Config, note: Note, any_users: Callable[[], bool]) -> None:
        self._config = config
        self._any_users = any_users
        self._note = note
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._failure = ""
        """Why it could not be served at the last try."""
        self._loop = Loop("page", self._step)

    def start(self) -> None:
        """Begin, unless the configuration wants no page."""
        if self._config.web.on:
            self._loop.start()

    def reload(self, config: Config) -> None:
        """Begin anew with another configuration; where it listens needs a restart."""
        with self._lock:
            self._config = config.model_copy(update={"web": self._config.web})
        self._loop.wake()

    def stop(self) -> None:
        """End it."""
        self._loop.stop(STOP_S + LOOK_S)
        for each in self._sockets:
            each.close()

    def _step(self) -> float:
        ended = True
        try:
            words = self._refused()
            if not words:
                ended = self._serve(self._listen())
        except Exception as error:  # noqa: BLE001 - whatever it is, films go on
            words = self._trouble(error)
        if words and words != self._failure:
            self._note(Event.PAGE_NOT_SERVED, {"why": words})
        self._failure = words
        return PAUSE_S if ended else 0.0

    def _refused(self) -> str:
        return hosts.refused(self._config.web.host, any_users=self._any_users())

    def _listen(self) -> list[socket.socket]:
        """The page's sockets, kept over the lives of its process.

        Raises: CannotListen: when the port cannot be had.
        """
        if not self._sockets:
            web = self._config.web
            self._sockets = listen(web.host, web.port, backlog=64)
            for each in self._sockets:
                watch(each)  # a browser without power or network holds no connection
            port = self._sockets[0].getsockname()[1]
            scheme = "https" if web.tls else "http"
            addresses = [names_of_peer(each.getsockname())[1] for each in self._sockets]
            url = f"{scheme}://{_shown(web.host)}:{port}/"
            self._note(Event.PAGE_SERVED, {"url": url, "port": port, "addresses": addresses})
        return self._sockets

    def _serve(self, listening: list[socket.socket]) -> bool:
        """Run the process until it ends, or is to; whether it ended by itself.

        Raises: OSError: when it cannot be started.
        """
        with self._lock:
            config = self._config
        descriptors = [each.fileno() for each in listening]
        told = {"config": config.model_dump(mode="json"), "sockets": descriptors}
        process = subprocess.Popen(
            [sys.executable, "-m", "broker.web", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=descriptors,
            env={**os.environ, **SPARING, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
        )
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(told).encode() + b"\n")
            process.stdin.flush()
            while not self._loop.woken.wait(LOOK_S):
                if process.poll() is not None:
                    self._note(Event.PAGE_ENDED, {"code": process.returncode})
                    return True
                if _is_stopped(process.pid):
                    process.kill()
                    why = "it was stopped, and may have kept films from the database"
                    self._note(Event.PAGE_ENDED, {"code": process.wait(STOP_S), "why": why})
                    return True
            return False
        except BrokenPipeError:
            self._note(Event.PAGE_ENDED, {"code": process.wait(STOP_S)})
            return True
        finally:
            _end(process)

    def _trouble(self, error: Exception) -> str:
        web = self._config.web
        where = error.where if isinstance(error, CannotListen) else at_ports(web.host, web.port)
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            return f"{where}: the port is in use; set web.port to another. Films are not affected"
        words = (error.strerror if isinstance(error, OSError) else None) or error
        return f"{where}: {words}; check [web]. Films are not affected"


def _shown(host: Hosts) -> str:
    """The host of an address that works in a browser of this machine."""
    return LOCALHOST if EVERY in hosts_of(host) else in_url(called_here(host))


def _is_stopped(pid: int) -> bool:
    """Whether a signal has stopped the process (proc(5), state T); False where there is no /proc.

    It runs no more, and keeps the locks that it has.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[:1] == ["T"]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it: by its own code if it can, by SIGKILL after STOP_S."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):  # it has ended
        process.stdin.close()
    # It may not read yet, as it is still starting.
    process.terminate()
    end = time.monotonic() + STOP_S
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    if process.poll() is None:
        process.kill()
    process.wait()
