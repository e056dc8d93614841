"""Answers as they leave: refusals, security headers, and limits to what is kept of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from broker.model.storage.disk import MB


class RequestRefused(Exception):
    """It is not carried out. `words` says why, and what to do; nothing more of it is read."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.headers = dict(headers or {})


def busy(words: str, retry_s: int = 2, status: int = 503) -> RequestRefused:
    """Not now: the page does as much as it may already."""
    return RequestRefused(
        status, f"{words}; try again in {retry_s} s", {"Retry-After": str(retry_s)}
    )


SAFE = frozenset({"GET", "HEAD"})
"""Methods that change nothing (RFC 9110 9.2.1)."""
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
"""Nothing from elsewhere is loaded, and no other page frames this one."""
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797: a browser that came over HTTPS once comes over HTTPS for a year. Said over HTTPS alone
(7.2: never over HTTP)."""


PIECE = 64 * 1024
"""Bytes that a connection is handed at one time; it takes no more until these are on the way."""
ROOM = 48 * MB
"""Bytes of all answers that are larger than a piece and not yet sent."""
LINGER_S, LINGER_BYTES = 1.0, 64 * 1024
"""Time that a connection stays open after its request was refused, and bytes of what its peer still
sends that are read and discarded: if it were closed at once, the answer would be lost."""


class CutOff(ConnectionError):
    """The rest of an answer is not sent: its reader was slow, and others need the memory."""


class UnsentResponses:
    """The memory that answers take which their readers have not taken yet. In the loop's thread."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._taken: dict[int, tuple[int, asyncio.Timeout]] = {}
        """By number, the oldest first: bytes, and what ends it."""
        self._number = 0

    def take(self, length: int, ends: asyncio.Timeout) -> int:
        """Make room for `length` bytes: the oldest answers are cut off for it, as their readers are
        the slowest. The number to give it back by.

        Raises: RequestRefused: when it is more than all the room.
        """
        if length > self._room:
            raise busy("this answer is too large")
        while sum(each for each, _ in self._taken.values()) + length > self._room:
            oldest = next(iter(self._taken))
            _, cut = self._taken.pop(oldest)
            cut.reschedule(asyncio.get_running_loop().time())
        self._number += 1
        self._taken[self._number] = (length, ends)
        return self._number

    def give(self, number: int) -> None:
        """It was sent, or given up."""
        self._taken.pop(number, None)


class ResponseWriter:
    """One answer: what an application sends, with what every answer has."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        sending: UnsentResponses,
        cookies: Callable[[], list[str]],
        begins: Callable[[], None],
    ) -> None:
        """`begins` is called when the application has its answer, and only sending is left."""
        self._scope = scope
        self._receive = receive
        self._send = send
        self._sending = sending
        self._cookies = cookies
        self._begins = begins
        self._start: Message | None = None
        self.begun = False
        """Whether anything was sent."""
        self.cut = False
        """Whether it ends without its rest: nothing more of it is sent."""

    async def send(self, message: Message) -> None:
        """As ASGI has it.

        Raises: CutOff: others need the memory of this answer. uvicorn closes a connection whose
            answer is not complete; a browser connects again for the next events of a stream.
        """
        if self.cut:
            raise CutOff
        if message["type"] == "http.response.start":
            self._start = message  # kept until it is known that the rest has room
            return
        body = message.get("body", b"")
        if len(body) <= PIECE:
            await self._begin()
            await self._send(message)
            return
        try:
            async with asyncio.timeout(None) as ends:
                number = self._sending.take(len(body), ends)
                try:
                    await self._begin()
                    await self._in_pieces(memoryview(body), message.get("more_body", False))
                finally:
                    self._sending.give(number)
        except TimeoutError:
            self.cut = True
            raise CutOff from None

    async def refuse(self, refused: RequestRefused, *, reads: bool) -> None:
        """Refuse it in words, and end the connection: what came behind it is not looked at. Where
        `reads`, its body was not read: what comes of it is thrown away for a moment before."""
        if wants_json(
            self._scope["path"], heads(self._scope).get(b"accept", b"").decode("latin-1")
        ):
            kind, body = b"application/json", json.dumps({"error": refused.words}).encode()
        else:
            kind, body = b"text/plain; charset=utf-8", f"{refused.words}\n".encode()
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
            *((name.lower().encode(), value.encode()) for name, value in refused.headers.items()),
        ]
        self._start = {
            "type": "http.response.start",
            "status": refused.status,
            "headers": headers,
        }
        await self._begin()
        await self._send({"type": "http.response.body", "body": body, "more_body": reads})
        if reads:
            await self._linger()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _linger(self) -> None:
        length, more = 0, True
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while more and length < LINGER_BYTES:
                    message = await self._receive()
                    length += len(message.get("body", b""))
                    more = message.get("more_body", False)
                if more:  # one who sends without an end waits, rather than to come again at once
                    await asyncio.sleep(LINGER_S)

    async def _begin(self) -> None:
        if self._start is None:
            return
        start, self._start = self._start, None
        headers = MutableHeaders(raw=list(start.get("headers", [])))
        fixed = (*HEADERS, HTTPS_ONLY) if self._scope["scheme"] == "https" else HEADERS
        for name, value in fixed:
            headers[name.decode()] = value.decode()
        for cookie in self._cookies():
            headers.append("set-cookie", cookie)
        self.begun = True
        self._begins()
        await self._send({**start, "headers": headers.raw})

    async def _in_pieces(self, body: memoryview, more: bool) -> None:
        for at in range(0, len(body), PIECE):
            last = at + PIECE >= len(body)
            await self._send(
                {
                    "type": "http.response.body",
                    "body": bytes(body[at : at + PIECE]),
                    "more_body": more or not last,
                }
            )


def wants_json(path: str, accept: str) -> bool:
    """Whether a program asks, rather than a browser that shows what it gets."""
    return path.startswith("/api/") or "application/json" in accept


def heads(scope: Scope) -> Mapping[bytes, bytes]:
    """A request's headers by their names in lower case; of several of one name the last."""
    return dict(scope["headers"])
