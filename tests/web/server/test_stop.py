"""The page ends, as it does for each reload: who has asked is answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from broker.web.server.page_server import PageServer

PATIENCE_S = 30.0


async def page(scope: Scope, receive: Receive, send: Send) -> None:
    """Says which path was asked for."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    answer: Response = PlainTextResponse(Request(scope).url.path)
    await answer(scope, receive, send)


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    """To the page."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as sock:
        yield sock


def head(path: str) -> bytes:
    """A request for that path."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def answer(sock: socket.socket, path: bytes) -> bytes:
    """What comes, up to the path, which is the body: it may come in pieces."""
    came = b""
    while not came.endswith(b"\r\n\r\n" + path):
        piece = sock.recv(4096)
        assert piece, came
        came += piece
    return came


@contextmanager
def served(listening: socket.socket) -> Iterator[PageServer]:
    """The page, ended at last."""
    server = PageServer(page, lambda *_: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()


def test_a_request_on_its_way_is_answered_when_the_page_ends() -> None:
    """Connections that the page accepted before it was told to end, one with half a request, and
    one with none yet, each have their answer; one that was answered already is closed."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        served(listening) as server,
        connected(port := int(listening.getsockname()[1])) as half,
        connected(port) as silent,
        connected(port) as answered,
    ):
        half.sendall(head("/half")[:10])
        answered.sendall(head("/first"))
        answer(answered, b"/first")  # accepted in order: so both others were, too
        server.should_exit = True
        assert answered.recv(4096) == b""  # the page ends now
        half.sendall(head("/half")[10:])
        silent.sendall(head("/silent"))
        for sock, path in ((half, b"/half"), (silent, b"/silent")):
            assert answer(sock, path).startswith(b"HTTP/1.1 200")
            assert sock.recv(4096) == b""
