"""uvicorn, with the page's own listener before it."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import time
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Sequence

import uvicorn
from starlette.types import ASGIApp

from broker.events import Event, Note
from broker.model.peers.trusted_proxies import NO_PROXIES, TrustedProxies
from broker.web.server.connection import TIME_LIMITS, Connection, TimeLimits
from broker.web.server.limits import CONNECTION_LIMITS, ConnectionLimits, admission, peer_of

BACKLOG = 256
"""Connections that the system keeps until they are accepted."""
AT_ONCE = 16
"""Connections that are accepted before other work has its turn."""
AGAIN_S = 1.0
"""After this the system is asked again where it had no room for a connection."""
TLS_BUFFER = 16 * 1024
"""Bytes that each TLS connection keeps for what comes, about one record of TLS. asyncio's own value
is 256 KiB, from the connection's first moment on; what a connection had is given back only when
Python next looks for cycles, so that connections which say nothing would take gigabytes."""
GARBAGE = 100
"""Failed TLS handshakes after which Python looks for cycles: each has left one, of some 50 KB."""
LOOK_S = 0.5
"""How often time limits are looked at."""

Make = Callable[[Callable[[], None]], Connection]
"""Makes a connection's protocol; its argument is called when the connection has ended."""


class AcceptedConnection:
    """The place of one connection, from the moment that it is accepted."""

    def __init__(self, accepted: socket.socket, address: str) -> None:
        self.address = address
        self.connection: Connection | None = None
        """None until TLS is agreed on."""
        self.task: asyncio.Task[None] | None = None
        self._socket = accepted
        self._since = time.monotonic()

    @property
    def idle_since(self) -> float | None:
        """Since when the page waits for the peer; None while the peer waits for the page."""
        return self._since if self.connection is None else self.connection.idle_since

    def end(self) -> None:
        """End it at once, in whatever state it is."""
        if self.connection is not None and self.connection.transport is not None:
            self.connection.transport.abort()
        elif self.task is not None:
            self.task.cancel()


class PageListener:
    """Accepts from listening sockets until `close`. In the loop's thread alone. The kernel watches
    for peers without power: an accepted socket inherits that from the listening one."""

    def __init__(
        self,
        listening: Sequence[socket.socket],
        make: Make,
        context: ssl.SSLContext | None,
        note: Note,
        *,
        limits: ConnectionLimits = CONNECTION_LIMITS,
        patience: TimeLimits = TIME_LIMITS,
        proxies: TrustedProxies = NO_PROXIES,
    ) -> None:
        self._listening = listening
        self._make = make
        self._context = context
        self._note = note
        self._limits = limits
        self._patience = patience
        self._proxies = proxies
        self._connections: set[AcceptedConnection] = set()
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self._broken_handshakes = 0
        """Since Python last looked for cycles."""

    def open(self) -> None:
        """Begin."""
        if self._context is not None:
            SSLProtocol.max_size = TLS_BUFFER  # of the whole process: it has no other TLS
        for each in self._listening:
            each.setblocking(False)
            each.listen(BACKLOG)
            self._loop.add_reader(each.fileno(), self._accept, each)
        self._sweeper = self._loop.create_task(self._sweep())

    def close(self) -> None:
        """Accept no more. Connections go on."""
        for each in self._listening:
            self._loop.remove_reader(each.fileno())
        for timer in self._waiting.values():
            timer.cancel()
        if self._sweeper is not None:
            self._sweeper.cancel()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # No descriptor or no memory: asking at once again would be all that is done.
                self._note(
                    Event.PAGE_CONNECTION_REFUSED, {"kind": error.strerror or "accept failed"}
                )
                self._loop.remove_reader(listening.fileno())
                self._waiting[listening.fileno()] = self._loop.call_later(
                    AGAIN_S, self._accept_again, listening
                )
                return
            self._admit(accepted, str(peer[0]))

    def _accept_again(self, listening: socket.socket) -> None:
        self._waiting.pop(listening.fileno(), None)
        self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _admit(self, accepted: socket.socket, host: str) -> None:
        address, proxy = peer_of(host), host in self._proxies
        found = admission(self._connections, address, self._limits, proxy=proxy)
        if not found.admitted:
            accepted.close()
            kind = "all places are taken"
            self._note(Event.PAGE_CONNECTION_REFUSED, {"kind": kind, "address": address})
            return
        if found.gives_way is not None:
            self._connections.discard(found.gives_way)
            found.gives_way.end()
            kind = "idle for the longest time, all places were taken"
            self._note(
                Event.PAGE_CONNECTION_ENDED, {"kind": kind, "address": found.gives_way.address}
            )
        accepted.setblocking(False)
        held = AcceptedConnection(accepted, address)
        self._connections.add(held)
        held.task = self._loop.create_task(self._begin(held, accepted))
        held.task.add_done_callback(lambda _: self._begun(held, accepted))

    async def _begin(self, held: AcceptedConnection, accepted: socket.socket) -> None:
        """Agree on TLS where the page has it, and hand the connection to its protocol."""
        made: list[Connection] = []

        def protocol() -> Connection:
            made.append(self._make(lambda: self._connections.discard(held)))
            return made[0]

        tls = self._context is not None
        try:
            await self._loop.connect_accepted_socket(
                protocol,
                accepted,
                ssl=self._context,
                ssl_handshake_timeout=self._patience.handshake_s if tls else None,
                ssl_shutdown_timeout=self._patience.end_s if tls else None,
            )
        except OSError:
            return  # no TLS, or not in time
        held.connection = made[0]

    def _begun(self, held: AcceptedConnection, accepted: socket.socket) -> None:
        """Where it came to nothing, or its place was given to another meanwhile, it is closed."""
        if held.connection is None:
            self._connections.discard(held)
            accepted.close()
            self._broken_handshakes += 1

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            if self._broken_handshakes >= GARBAGE:
                self._broken_handshakes = 0
                gc.collect()
            now = time.monotonic()
            for held in list(self._connections):
                if held.connection is None or not held.connection.overdue(now, self._patience):
                    continue
                facts = {"kind": held.connection.waits_for, "address": held.address}
                self._note(Event.PAGE_CONNECTION_TIMED_OUT, facts)
                held.connection.expire()


STOP_S = 1
"""Time after which streams that are open are closed."""


class PageServer(uvicorn.Server):
    """Serves until `should_exit`, SIGTERM or SIGINT; the last two are handled by uvicorn."""

    def __init__(
        self,
        app: ASGIApp,
        note: Note,
        *,
        certificate: str | None = None,
        key: str | None = None,
        limits: ConnectionLimits = CONNECTION_LIMITS,
        patience: TimeLimits = TIME_LIMITS,
        proxies: TrustedProxies = NO_PROXIES,
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
            proxy_headers=False,  # `Front` reads them, of proxies that are trusted
        )
        super().__init__(settings)
        self._note = note
        self._limits = limits
        self._patience = patience
        self._proxies = proxies
        self._listener: PageListener | None = None

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
            proxies=self._proxies,
        )
        self._listener.open()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and end what there is."""
        if self._listener is not None:
            self._listener.close()
        await super().shutdown(sockets)
