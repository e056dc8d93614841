"""The page's process: told its configuration and its socket by the broker that started it.

Its argument is the number of the broker's process, with which it ends. One line of JSON comes on
stdin: `config`, the whole configuration, and `sockets`, the numbers of the listening sockets. When
stdin ends, the broker has gone or wants no page any more, and this ends, too.
"""

from __future__ import annotations

import sys

from broker.relay.parent import end_with, give_way_to_the_relay

if __name__ == "__main__":
    # Both come before what takes long to import.
    end_with(int(sys.argv[1]))
    give_way_to_the_relay()

import gc
import json
import os
import signal
import socket
import threading
import time

from broker.config.schema import Config
from broker.events import Event, Facts, Note
from broker.model.peers.trusted_proxies import TrustedProxies
from broker.operations.opened import store_of
from broker.operations.words.failures import explained
from broker.service import process_start
from broker.service.process_start import left_out
from broker.web.app import create
from broker.web.server.lines import bounded
from broker.web.server.page_server import STOP_S, PageServer

with left_out("rich"):
    import structlog

    from broker.service import logs
    from broker.service.logs import log_writer


def main() -> int:
    """Serve; the exit code."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the broker reads the configuration again
    line = sys.stdin.readline()
    if not line:
        return 0  # the broker has gone already
    process_start.lossy_stderr()
    told = json.loads(line)
    config = Config.model_validate(told["config"])
    logs.configure(config.log.level, config.log.format)
    log = structlog.get_logger("page")

    def tell(event: Event, facts: Facts) -> None:
        getattr(log, event.level_of(facts))(str(event), **facts)

    with log_writer(), bounded(tell) as note:
        try:
            _serve(config, [socket.socket(fileno=each) for each in told["sockets"]], note)
        except Exception as error:
            if (known := explained(error)) is None:
                raise
            log.error("page not served", why=" ".join(known[1]))
            return 1
    return 0


def _serve(config: Config, listening: list[socket.socket], note: Note) -> None:
    with store_of(config) as store:
        tls = config.web.tls
        server = PageServer(
            create(store, note),
            note,
            certificate=config.tls.certificate if tls else None,
            key=(config.tls.key or None) if tls else None,
            proxies=TrustedProxies.of(config.web.trusted_proxy),
        )
        # What is there now stays: Python need not look at it when it looks for cycles.
        gc.collect()
        gc.freeze()
        threading.Thread(target=_until_alone, args=(server,), daemon=True).start()
        server.run(sockets=listening)


def _until_alone(server: PageServer) -> None:
    """End when the broker has gone, or closes its end."""
    sys.stdin.read()
    server.should_exit = True
    time.sleep(10 * STOP_S)
    os._exit(1)  # a request hangs: nothing waits for it any more


if __name__ == "__main__":
    raise SystemExit(main())
