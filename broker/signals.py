"""A service in the foreground: it runs until a signal ends it, and a hangup reads again."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

from broker.config import Config
from broker.page import Page
from broker.service import Service


def run(
    service: Service, read_again: Callable[[], Config | None], page: Page | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP calls `read_again` (None: it was not readable).

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
        if page is not None:
            page.start()
        while heard.recv(1)[0] == signal.SIGHUP:
            config = read_again()
            if config is not None:
                service.reload(config)
                if page is not None:
                    page.reload(config)
    finally:
        if page is not None:
            page.stop()
        service.stop()
        signal.set_wakeup_fd(-1)
        heard.close()
        told.close()
