"""One connection to the page: what it waits for, since when, and for how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from broker.web.server.responses import HEADERS


class Phase(Enum):
    """What a connection waits for."""

    HEAD = "the head of a request"
    BODY = "the body of a request"
    ANSWER = "the page's answer"
    READING = "its peer to read the answer"
    REST = "the next request"
    END = "its peer to read the last bytes"


@dataclass(frozen=True)
class TimeLimits:
    """How long a peer may take, in seconds."""

    head_s: float = 10.0
    """From the connection, or the first byte of a further request, to the end of its head."""
    body_s: float = 10.0
    """From the end of the head to the end of the body."""
    reading_s: float = 15.0
    """While an answer is too large for the buffers and nothing of it is read."""
    end_s: float = 5.0
    """To read the last bytes of a connection that is closed."""
    rest_s: int = 15
    """Between two requests."""
    handshake_s: float = 10.0
    """For TLS."""

    def of(self, phase: Phase) -> float:
        """Seconds for that phase."""
        return {
            Phase.HEAD: self.head_s,
            # The request's own limit answers in words first.
            Phase.BODY: self.body_s + 1.0,
            Phase.READING: self.reading_s,
            Phase.END: self.end_s,
            Phase.REST: self.rest_s + 1.0,
        }.get(phase, float("inf"))


TIME_LIMITS = TimeLimits()


class Connection(H11Protocol):
    """uvicorn's protocol, which knows what it waits for. In the loop's thread alone."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        lost: Callable[[], None],
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._lost = lost
        self._phase = Phase.HEAD
        self._since = time.monotonic()
        self._begun = True
        """Whether a head is due: the first one is, from the start."""
        self._sends_no_more = False
        """Whether its peer has closed its sending half."""
        self._last = False
        """Whether the page ends, so that no request comes after this one."""

    @property
    def idle_since(self) -> float | None:
        """Since when the page waits for the peer; None while the peer waits for the page."""
        self._look()
        return None if self._phase is Phase.ANSWER else self._since

    @property
    def waits_for(self) -> str:
        """What it waits for, in words, for a log line."""
        return self._phase.value

    def overdue(self, now: float, patience: TimeLimits) -> bool:
        """Whether its peer has taken too long."""
        self._look()
        return now - self._since > patience.of(self._phase)

    def expire(self) -> None:
        """End it: in words where a request has begun, at once otherwise."""
        if self._phase is Phase.HEAD and self.conn.our_state is h11.IDLE:
            self._answer(408, "the request took too long")
        else:
            self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The page waits for the first request."""
        super().connection_made(transport)
        self._since = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """A further piece."""
        if self.transport.is_closing():
            return  # what comes after the last answer is not read
        if not self._begun and self.conn.their_state is h11.IDLE:
            self._begun = True
            self._since = time.monotonic()
            self._phase = Phase.HEAD
        super().data_received(data)
        if self._last and self.cycle is not None:
            self.cycle.keep_alive = False
        self._look()

    def eof_received(self) -> bool:  # type: ignore[override]
        """The peer sends no more; whether the connection stays open.

        It may still read what it has asked for (`nc -N`, some monitors). One that reads a stream is
        a browser whose page was closed. asyncio keeps no TLS connection open after this.
        """
        self._sends_no_more = True
        return self.scheme == "http" and self._answer_begins_or_is_read()

    def _answer_begins_or_is_read(self) -> bool:
        cycle = self.cycle
        if cycle is None or cycle.response_complete or self.conn.their_state is h11.SEND_BODY:
            return False
        return not cycle.response_started or bool(self.flow.write_paused)

    def on_response_complete(self) -> None:
        """A request has its answer; the next may have come already."""
        self._begun = bool(self.conn.trailing_data[0])
        super().on_response_complete()
        if self._sends_no_more and self.cycle.response_complete:
            self.transport.close()
        self._look()

    def pause_writing(self) -> None:
        """The answer is larger than the buffers."""
        super().pause_writing()
        self._look()

    def resume_writing(self) -> None:
        """There is room for more of it."""
        super().resume_writing()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        super().connection_lost(exc)
        self._lost()

    def shutdown(self) -> None:
        """The page ends: so does this, after the answer that it works on, or to the request that
        may be on its way. Closing while bytes are unread resets the connection (RFC 9112 9.6), and
        one who asks during a reload would see an error; the page's end cuts one that stays silent.
        """
        self._look()
        self._last = True
        if self._phase is not Phase.HEAD and not self.transport.is_closing():
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """What is no request at all."""
        self._answer(400, msg)

    def _answer(self, status: int, words: str) -> None:
        """Answer outside of the application, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is not None:
            # What the application says of this request from now on goes nowhere.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.transport.abort()
            return
        body = f"{words}\n".encode()
        headers = [
            *HEADERS,
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        events = (
            h11.Response(status_code=status, headers=headers),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._look()

    def _look(self) -> None:
        """Note what it waits for now, and since when where that has changed."""
        phase = self._now()
        if phase is not self._phase:
            self._phase = phase
            self._since = time.monotonic()

    def _now(self) -> Phase:
        if self.transport.is_closing():
            return Phase.END
        if self.flow.write_paused:
            return Phase.READING
        if self.conn.their_state is h11.SEND_BODY:
            return Phase.BODY
        if self.cycle is not None and not self.cycle.response_complete:
            return Phase.ANSWER
        return Phase.HEAD if self._begun else Phase.REST
