"""uvicorn, with the page's own listener before it."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from broker.events import Note
from broker.web.server.connection import TIME_LIMITS, Connection, TimeLimits
from broker.web.server.connection_limits import CONNECTION_LIMITS, ConnectionLimits
from broker.web.server.page_listener import PageListener

STOP_S = 1
"""Streams that are open are cut after so long."""


class PageServer(uvicorn.Server):
    """Serves until it is told to end; signals are the broker's affair."""

    def __init__(
        self,
        app: ASGIApp,
        note: Note,
        *,
        certificate: str | None = None,
        key: str | None = None,
        limits: ConnectionLimits = CONNECTION_LIMITS,
        patience: TimeLimits = TIME_LIMITS,
    ) -> None:
        """`certificate` and `key` name PEM files; without them it is HTTP."""
        settings = uvicorn.Config(
            app,
            loop="asyncio",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=STOP_S,
            timeout_keep_alive=patience.rest_s,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            server_header=False,
            proxy_headers=False,
        )
        super().__init__(settings)
        self._note = note
        self._limits = limits
        self._patience = patience
        self._listener: PageListener | None = None

    def install_signal_handlers(self) -> None:
        """None of its own."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin the application, then accept from these sockets, which listen already."""
        await super().startup(sockets=[])  # accepted from here, not by uvicorn: in bounded numbers

        def make(lost: Callable[[], None]) -> Connection:
            return Connection(self.config, self.server_state, self.lifespan.state, lost)

        self._listener = PageListener(
            sockets or [],
            make,
            self.config.ssl,
            self._note,
            limits=self._limits,
            patience=self._patience,
        )
        self._listener.open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end what there is."""
        if self._listener is not None:
            self._listener.close()
        await super().shutdown(sockets)
