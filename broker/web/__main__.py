"""The page's process: told its configuration and its socket by the broker that started it.

One line of JSON comes on stdin: `config`, the whole configuration, and `sockets`, the numbers of
the listening sockets. When stdin ends, the broker has gone, and so does this.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import structlog
import uvicorn

from broker import logs
from broker.config import Config
from broker.desk import streams
from broker.desk.failures import explained
from broker.desk.opened import store_of
from broker.web.app import create

STOP_S = 1
"""Streams that are open are cut after so long."""
NICE = 5
"""The relay goes first."""
OOM_SCORE = 500
"""Of -1000 to 1000, added to its share of the memory in thousandths."""


class Server(uvicorn.Server):
    """Serves until it is told to end; signals are the broker's affair."""

    def install_signal_handlers(self) -> None:
        """None of its own."""


def main() -> int:
    """Serve; the exit code."""
    # Ctrl-C at the terminal reaches this process, too; the broker ends it in its turn.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.nice(NICE)
    _end_first()
    line = sys.stdin.readline()
    if not line:
        return 0  # the broker has gone already
    streams.lossy_stderr()
    told = json.loads(line)
    config = Config.model_validate(told["config"])
    logs.configure(config.log.level, config.log.format)
    log = structlog.get_logger("page")
    try:
        _serve(config, [socket.socket(fileno=each) for each in told["sockets"]], log)
    except Exception as error:
        if (known := explained(error)) is None:
            raise
        log.error("page not served", why=" ".join(known[1]))
        return 1
    return 0


def _end_first() -> None:
    """When memory runs out, the system is to end this process, and not the relay."""
    with contextlib.suppress(OSError):  # a system that has no such file
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE))


def _serve(config: Config, listening: list[socket.socket], log: Any) -> None:
    with store_of(config) as store:
        app = create(store, lambda event, facts: log.warning(event, **facts))
        settings = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=STOP_S,
            ssl_certfile=config.tls.certificate if config.web.tls else None,
            ssl_keyfile=(config.tls.key or None) if config.web.tls else None,
            server_header=False,
            proxy_headers=False,
        )
        server = Server(settings)
        threading.Thread(target=_until_alone, args=(server,), daemon=True).start()
        server.run(sockets=listening)


def _until_alone(server: uvicorn.Server) -> None:
    """End when the broker has gone, or closes its end."""
    sys.stdin.read()
    server.should_exit = True
    time.sleep(10 * STOP_S)
    os._exit(1)  # a request hangs: nobody waits for it any more


if __name__ == "__main__":
    raise SystemExit(main())
