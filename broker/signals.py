"""A service in the foreground: it runs until a signal ends it, and a hangup reads again."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable, Sequence
from typing import Protocol

from broker.config import Config
from broker.service import Service


class Companion(Protocol):
    """What runs beside the relay, and must never stop it."""

    def start(self) -> None:
        """Begin."""

    def reload(self, config: Config) -> None:
        """Go on with another configuration."""

    def stop(self) -> None:
        """End."""


def run(
    service: Service, read_again: Callable[[], Config | None], beside: Sequence[Companion] = ()
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP calls `read_again` (None: it was not readable).

    What runs `beside` the relay begins after it, and ends before.

    Raises what `Service.start` does.
    """
    heard, told = socket.socketpair()
    told.setblocking(False)
    # Told by number through a socket: a handler that takes a lock may interrupt whoever has it.
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
        for each in beside:
            each.stop()
        service.stop()
        signal.set_wakeup_fd(-1)
        heard.close()
        told.close()
