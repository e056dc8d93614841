"""Every request, before the pages: what its head says is checked before its body is read.

What came through a trusted proxy counts as what was sent to that. Then, in this order: the method,
the path, the body's announced length and type; without users the Host
and signs of a proxy; the Origin of a change; who asks. Only then the body is read, whole and in
bounded time, and the request goes to its page. What balancers and monitors ask for is answered
before all of this, apart from everything that can wait.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.events import Event, Note
from broker.model.peers.hosts import foreign_name, proxied, same_origin
from broker.model.peers.trusted_proxies import NO_PROXIES, RequestOrigin, TrustedProxies
from broker.web.server.limits import RequestSlot, RequestSlots
from broker.web.server.lines import place_of
from broker.web.server.responses import (
    LINGER_S,
    ROOM,
    SAFE,
    RequestRefused,
    ResponseWriter,
    UnsentResponses,
    busy,
    heads,
    wants_json,
)

MOST = 64 * 1024
"""Bytes of a body."""
TYPES = ("application/x-www-form-urlencoded", "application/json")
"""What the page reads. Files are not sent to it, so multipart/form-data is none of these."""
_LENGTH = re.compile(rb"[0-9]{1,18}")
TOO_LARGE = f"a request's body may have {MOST} bytes"


class Gone(ConnectionError):
    """The connection ended within a body: no answer is needed."""


def announced(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a body comes after this head.

    Raises: RequestRefused: its length (413) or its type (415) is none that the page takes; or it
        has two lengths (400): a proxy may take the other one for its end, and what follows for a
        request (RFC 9112 6.1).
    """
    length = headers.get(b"content-length", b"")
    if length and b"transfer-encoding" in headers:
        raise RequestRefused(
            400, "Content-Length and Transfer-Encoding exclude each other; send one"
        )
    if length and (not _LENGTH.fullmatch(length) or int(length) > MOST):
        raise RequestRefused(413, f"{TOO_LARGE}; this has {length[:18].decode('latin-1')}")
    comes = b"transfer-encoding" in headers or length.strip(b"0") != b""
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")
    if comes and kind and kind not in TYPES:
        raise RequestRefused(415, f"{kind[:100]} is not read here; send {' or '.join(TYPES)}")
    return comes


async def whole(receive: Receive, patience_s: float) -> bytes:
    """The whole body.

    Raises: RequestRefused: it is too large (413), or not complete in time (408).
            Gone: its sender has gone.
    """
    pieces: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(patience_s):
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Gone
                piece = message.get("body", b"")
                length += len(piece)
                if length > MOST:
                    raise RequestRefused(413, TOO_LARGE)
                pieces.append(piece)
                more = message.get("more_body", False)
    except TimeoutError:
        raise RequestRefused(408, f"the body was not complete after {patience_s:g} s") from None
    return b"".join(pieces)


def again(body: bytes, receive: Receive) -> Receive:
    """Gives an application a body that was read already, then what else comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


METHODS = ("GET", "HEAD", "POST")
AT_ONCE, WAITING = 8, 64
"""Requests that the pages work on at one time, and that wait for a slot: more at one time would
only wait for each other, and keep probes waiting. A request has its slot until its answer
begins, so that nothing waits for one who reads slowly."""
FAULT = "the page has a fault here; the broker's log has it. Films are not concerned"
OPEN = ("/static/", "/sign-in")
"""What needs no sign-in."""


Probe = Callable[[bool], Awaitable[Response]]
"""Answers a balancer or a monitor in less than a second, however busy the page is; its argument:
whether as JSON."""


class Sessions(Protocol):
    """What `Front` needs of sessions."""

    async def identify(self, request: Request) -> Response | None:
        """Note in `request.state` who asks; the answer for one who must sign in first.

        Raises: RequestRefused: too many sign-ins at once.
        """

    def needed(self) -> bool:
        """Whether there are users, so that signing in is needed. Reads the database."""

    def crowded(self, address: str) -> bool:
        """Whether a further sign-in of that address would be refused now."""

    def cookies(self, state: Mapping[str, object], *, https: bool) -> list[str]:
        """Set-Cookie headers of what came up while the request was answered."""

    def for_this_machine(self) -> bool:
        """Whether the page listens where only this machine reaches it."""


class Front:
    """An ASGI application before the pages' own."""

    def __init__(
        self,
        app: ASGIApp,
        sessions: Sessions,
        probes: Mapping[str, Probe],
        note: Note,
        *,
        patience_s: float,
        room: int = ROOM,
        methods: Callable[[str], Sequence[str]] = lambda _: METHODS,
        proxies: TrustedProxies = NO_PROXIES,
    ) -> None:
        """`patience_s`: time for a body. `room`: bytes of answers that are not read yet.
        `methods`: those of a path, of METHODS."""
        self._app = app
        self._sessions = sessions
        self._probes = probes
        self._note = note
        self._patience_s = patience_s
        self._methods = methods
        self._sending = UnsentResponses(room)
        self._slots = RequestSlots(AT_ONCE, WAITING)
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the application's life."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _from_origin(scope, self._proxies)
        state = scope.setdefault("state", {})

        def cookies() -> list[str]:
            return self._sessions.cookies(state, https=scope["scheme"] == "https")

        slot = state["slot"] = RequestSlot(self._slots)
        answer = ResponseWriter(scope, receive, send, self._sending, cookies, slot.release)
        reads = [False]
        try:
            await self._answer(scope, receive, answer, slot, reads)
        except Gone:
            return
        except RequestRefused as refused:
            if answer.begun:
                return  # uvicorn closes a connection whose answer is not complete
            self._note(
                Event.PAGE_REQUEST_REFUSED, {"kind": f"{refused.status}", "why": refused.words}
            )
            await answer.refuse(refused, reads=reads[0])
        except Exception as error:  # noqa: BLE001 - it is told, and the others go on
            if answer.cut:
                kind = "read too slowly: other answers need its memory"
                self._note(Event.PAGE_CONNECTION_ENDED, {"kind": kind, "address": _address(scope)})
                return
            # Not its words: they may quote what was sent, or a row (promise 10).
            facts = {"kind": type(error).__name__, "path": scope["path"][:200]}
            self._note(Event.PAGE_FAILED, {**facts, "place": place_of(error)})
            if not answer.begun:
                await answer.refuse(RequestRefused(500, FAULT), reads=reads[0])
        finally:
            slot.release()

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        answer: ResponseWriter,
        slot: RequestSlot,
        reads: list[bool],
    ) -> None:
        """`reads` is true while a body may come that was not read."""
        headers = heads(scope)
        path: str = scope["path"]
        method: str = scope["method"]
        reads[0] = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        allowed = self._methods(path)
        if method not in allowed:
            names = ", ".join(allowed)
            words = f"the method {method[:20]} is not answered here; use {names}"
            raise RequestRefused(405, words, {"Allow": names})
        if not path.startswith("/"):
            raise RequestRefused(400, "the path of a request begins with a slash")
        reads[0] = announced(headers)
        if (probe := self._probes.get(path)) is not None:
            if method == "POST":
                raise RequestRefused(
                    405, "only GET and HEAD are answered here", {"Allow": "GET, HEAD"}
                )
            json = wants_json(path, headers.get(b"accept", b"").decode("latin-1"))
            await (await probe(json))(scope, receive, answer.send)
            return
        signs_in = path == "/sign-in" and method == "POST"
        if signs_in and self._sessions.crowded(_address(scope)):
            raise busy("too many sign-ins at once", status=429)
        await slot.take()
        request = Request(scope)
        scope["state"]["needed"] = needed = await run_in_threadpool(self._sessions.needed)
        if not needed:
            self._only_here(headers)
        if method not in SAFE:
            self._from_here(request)
        if not path.startswith(OPEN):
            unknown = await self._sessions.identify(request)
            if unknown is not None:
                if reads[0]:
                    unknown.headers["Connection"] = "close"
                    slot.release()
                    with suppress(RequestRefused):  # discarded, so that the answer is not lost
                        await whole(receive, LINGER_S)
                await unknown(scope, receive, answer.send)
                return
        if reads[0]:
            slot.release()  # its sender may take a while
            body = await whole(receive, self._patience_s)
            reads[0] = False
            receive = again(body, receive)
            await slot.take()
        await self._app(scope, receive, answer.send)

    def _only_here(self, headers: Mapping[bytes, bytes]) -> None:
        """Without users the page is for this machine alone.

        Raises: RequestRefused: it is asked for from elsewhere, or may be.
        """
        if not self._sessions.for_this_machine():
            raise RequestRefused(403, "there are no users: `broker user add` makes one")
        if words := foreign_name(headers.get(b"host", b"").decode("latin-1")):
            raise RequestRefused(400, words)
        if words := proxied(name.decode("latin-1") for name in headers):
            raise RequestRefused(403, words)

    def _from_here(self, request: Request) -> None:
        """A browser names the page that a change was sent from; a program names none.

        Raises: RequestRefused: it is another site's page.
        """
        origin = request.headers.get("origin") or request.headers.get("referer") or ""
        host = request.headers.get("host", "")
        if origin and not same_origin(origin, request.url.scheme, host):
            words = "this was sent from another page; use the broker's own page"
            if proxied(request.headers.keys()):
                words += (
                    ". If that is what you use, a proxy is before it: it must pass on Host, and an "
                    "administrator of the broker names it in web.trusted_proxy"
                )
            raise RequestRefused(403, words)


def _from_origin(scope: Scope, proxies: TrustedProxies) -> Scope:
    """The request as it was sent to a proxy that is trusted: from whom, and by which scheme."""
    peer = RequestOrigin(_address(scope), scope["scheme"])
    if peer.address not in proxies:
        return scope
    sent: dict[bytes, list[str]] = {b"x-forwarded-for": [], b"x-forwarded-proto": []}
    for name, value in scope["headers"]:
        if name in sent:
            sent[name].append(value.decode("latin-1"))
    origin = proxies.origin(peer, *sent.values())
    return {**scope, "client": (origin.address, 0), "scheme": origin.scheme}


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""
