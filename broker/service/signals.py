"""A service in the foreground: SIGTERM and SIGINT stop it, SIGHUP reloads its configuration."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from broker.config.file import ConfigError
from broker.config.schema import Config
from broker.events import Note
from broker.service.alerts import Notices
from broker.service.service import Service
from broker.service.web_process import Page

SAME_S = 0.05
"""A signal this soon after the first is the same request: `timeout`, and what forwards Ctrl-C to a
process that has got it from the terminal, send it twice."""
_STOPPED = b"\0"
"""Comes through the socket where a signal's number would: there is no signal 0."""


class Companion(Protocol):
    """What runs beside the relay, and must never stop it."""

    def start(self) -> None:
        """Begin."""

    def reload(self, config: Config) -> None:
        """Go on with another configuration."""

    def stop(self) -> None:
        """End."""


def serve(
    settings: Config, read: Callable[[], Config], note: Note, *, new_spool: bool, web: bool
) -> None:
    """The relay, with notices and the page beside it, until SIGTERM or SIGINT. `read` reads the
    configuration again.

    Raises: what Service raises when it cannot begin. CannotListen: when a port cannot be had.
    """
    service = Service(settings, note, new_spool=new_spool)

    def read_again() -> Config | None:
        try:
            return read()
        except ConfigError as error:
            service.not_readable(error.problems)
        except Exception as error:  # noqa: BLE001 - no file may end the relay
            service.not_readable([repr(error)])
        return None

    beside: list[Companion] = [Notices(settings, service.database, note)]
    if web:
        beside.append(Page(settings, note, service.users.any))
    run(service, read_again, beside)


def run(
    service: Service, read_again: Callable[[], Config | None], beside: Sequence[Companion] = ()
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP calls `read_again` (None: it was not readable).

    What runs `beside` the relay begins after it, and ends with it.

    A second SIGTERM or SIGINT, not before SAME_S, ends a stop at once.

    Raises: CannotListen: when a port cannot be had.
    """
    heard, told = socket.socketpair()
    told.setblocking(False)
    # The number comes through a socket: a handler that takes a lock may interrupt its holder.
    signal.set_wakeup_fd(told.fileno())
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    try:
        service.start()
        for each in beside:
            each.start()
        while heard.recv(1)[0] == signal.SIGHUP:
            config = read_again()
            taken = None if config is None else service.reload(config)
            if taken is not None:
                for each in beside:
                    each.reload(taken)
    finally:
        _stop(service, beside, heard, told)
        signal.set_wakeup_fd(-1)
        heard.close()
        told.close()


def _stop(
    service: Service, beside: Sequence[Companion], heard: socket.socket, told: socket.socket
) -> None:
    """Stop everything; another SIGTERM or SIGINT meanwhile ends it sooner."""
    failed: list[BaseException] = []

    def stop() -> None:
        try:
            service.stop({type(each).__name__.lower(): each.stop for each in beside})
        except BaseException as error:  # noqa: BLE001 - it is raised below, on the main thread
            failed.append(error)
        told.send(_STOPPED)

    began = time.monotonic()
    threading.Thread(target=stop, name="stop", daemon=True).start()
    while (number := heard.recv(1)) != _STOPPED:
        again = time.monotonic() - began >= SAME_S
        if again and number[0] in (signal.SIGTERM, signal.SIGINT):
            service.hurry()
    if failed:
        raise failed[0]
