"""Answers whose readers are slow: they take bounded memory, and are never sent in part."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator, Mapping

import pytest
from fastapi import Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from broker.web.rendering.event_streams import EventStream
from broker.web.server.front import Front
from broker.web.server.page_server import PageServer

EVENT = 200_000
"""Bytes of one event: more than a connection is handed at one time."""
ROOM = 300_000
"""Bytes of answers that are kept: one event, and not another."""
PATIENCE_S = 30.0


class NoSessions:
    """Sessions of a page without users."""

    async def identify(self, request: Request) -> Response | None:
        """No request needs a sign-in."""
        del request
        return None

    def needed(self) -> bool:
        """No."""
        return False

    def crowded(self, address: str) -> bool:
        """No."""
        del address
        return False

    def cookies(self, state: Mapping[str, object], *, https: bool) -> list[str]:
        """None."""
        del state, https
        return []

    def for_this_machine(self) -> bool:
        """Yes."""
        return True


class Events:
    """A page with a stream of large events, and one large answer."""

    def __init__(self) -> None:
        self.drawn = 0
        """Events that were asked for."""
        self.ended = threading.Event()
        """The stream is over."""
        self.notes: list[tuple[str, Mapping[str, object]]] = []

    async def stream(self, _: Request) -> Response:
        """Events without an end, each as soon as the one before was taken."""

        async def news() -> AsyncIterator[str]:
            while True:
                self.drawn += 1
                yield f"data: {str(self.drawn) * EVENT}\n\n"
                await asyncio.sleep(0)

        return EventStream(news(), self.ended.set)

    async def large(self, _: Request) -> Response:
        """As large as an event."""
        return PlainTextResponse("x" * EVENT)


@pytest.fixture
def events() -> Iterator[tuple[Events, int]]:
    """The page, and its port."""
    page = Events()
    app = Starlette(routes=[Route("/events", page.stream), Route("/large", page.large)])

    def note(event: str, facts: Mapping[str, object]) -> None:
        page.notes.append((event, dict(facts)))

    front = Front(app, NoSessions(), {}, note, patience_s=PATIENCE_S, room=ROOM)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Of every accepted socket, too: the system keeps a small part of an event for a reader.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        server = PageServer(front, note)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield page, int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()


def asking(port: int, path: str) -> socket.socket:
    """One who has asked, and whose own buffer is small."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE_S)
    sock.connect(("127.0.0.1", port))
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    return sock


def whole(sock: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


def test_a_stream_that_is_cut_for_room_is_closed_at_once(events: tuple[Events, int]) -> None:
    """An event stream that is not read loses its place in memory to another answer: it ends there,
    in the middle of an event, and nothing is sent behind that, so that the browser, which discards
    the unfinished event, connects again."""
    page, port = events
    with asking(port, "/events") as slow:
        first = slow.recv(1)  # it is being sent, and nothing more of it is read
        with asking(port, "/large") as quick:
            head = quick.recv(4096)
            assert head.startswith(b"HTTP/1.1 200")
            assert page.ended.wait(PATIENCE_S)
        came = first + whole(slow)
    assert page.drawn == 1
    assert not came.endswith(b"0\r\n\r\n")  # the end of a whole answer (RFC 9112 7.1)
    assert came.count(b"data: ") == 1
    assert len(came) < EVENT
    cut = [facts for event, facts in page.notes if event == "page connection ended"]
    assert [each["kind"] for each in cut] == ["read too slowly: other answers need its memory"]
    assert [event for event, _ in page.notes if event == "page failed"] == []
