"""What a hostile peer does to the page, as a process of its own: one attack for a while.

`python -m tests.peers.page_attacker NAME PORT SECONDS` attacks 127.0.0.1 and ends by itself. A
line on stdout says that it begins.
"""

from __future__ import annotations

import contextlib
import resource
import selectors
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping

HOST = "127.0.0.1"
PIECE = b"x" * 65536
RECONNECT_S = 0.5
"""A page asks for its events again after a while, as a browser does."""
Attack = Callable[[int, float], None]
"""Attacks a port until a moment of the monotonic clock."""


def main() -> int:
    """Run one; the exit code."""
    name, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    ATTACKS[name](port, time.monotonic() + seconds)
    return 0


def endless_multipart(port: int, end: float) -> None:
    """A file without an end, to the form that needs no sign-in."""
    head = (
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    )
    begin = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
    _many(4, lambda: _send(port, end, head + _chunk(begin), _chunk(PIECE)))


def endless_form(port: int, end: float) -> None:
    """A form without an end, in chunks."""
    head = (
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    _many(4, lambda: _send(port, end, head + _chunk(b"name="), _chunk(PIECE)))


def large_json(port: int, end: float) -> None:
    """400 MB of JSON, announced."""
    head = (
        b"POST /api/printers/oki-1/ready HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: 400000000\r\n\r\n"
    )
    _many(4, lambda: _send(port, end, head + b'{"reason": "', PIECE))


def silent(port: int, end: float) -> None:
    """1,100 connections that say nothing, opened again when they are closed."""
    _hold(port, end, 1100, b"")


def half_sent(port: int, end: float) -> None:
    """300 requests of which a byte comes now and then."""
    _hold(port, end, 300, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", drip=b"x")


def half_bodies(port: int, end: float) -> None:
    """300 forms of which a byte comes now and then."""
    head = (
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    _hold(port, end, 300, head, drip=b"x")


def sign_ins(port: int, end: float) -> None:
    """300 sign-ins at once, again and again, each with a wrong password."""
    body = b"name=otto&password=a+wrong+guess"
    request = (
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
    ) % (len(body), body)

    def ask() -> None:
        while time.monotonic() < end:
            with contextlib.suppress(OSError), _connected(port) as peer:
                peer.sendall(request)
                while peer.recv(65536):
                    pass

    _many(300, ask)


def streams(port: int, end: float) -> None:
    """200 event streams of different lists, read as they come."""

    def read(number: int) -> None:
        states = ("", "held", "queued", "sent")
        path = f"/events?state={states[number % 4]}&page={1 + number // 4 % 9}"
        while time.monotonic() < end:
            with contextlib.suppress(OSError), _connected(port) as peer:
                peer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                while time.monotonic() < end and peer.recv(65536):
                    pass
            time.sleep(RECONNECT_S)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(200)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def slow_readers(port: int, end: float) -> None:
    """300 connections that ask for a large answer again and again, and read none of it."""
    request = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    _hold(port, end, 300, request * 50)


def no_requests(port: int, end: float) -> None:
    """Lines that are no HTTP, one connection after the other."""

    def ask() -> None:
        while time.monotonic() < end:
            with contextlib.suppress(OSError), _connected(port) as peer:
                peer.sendall(b"\x16\x03\x01 nothing\r\n\r\n")
                peer.recv(65536)

    _many(8, ask)


ATTACKS: Mapping[str, Attack] = {
    each.__name__.replace("_", "-"): each
    for each in (
        endless_multipart,
        endless_form,
        large_json,
        silent,
        half_sent,
        half_bodies,
        sign_ins,
        streams,
        slow_readers,
        no_requests,
    )
}


def _connected(port: int) -> socket.socket:
    return socket.create_connection((HOST, port), timeout=5)


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def _many(number: int, work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _send(port: int, end: float, first: bytes, further: bytes) -> None:
    """Send it, then the further part without an end; again when it is cut."""
    while time.monotonic() < end:
        with contextlib.suppress(OSError), _connected(port) as peer:
            peer.sendall(first)
            while time.monotonic() < end:
                peer.sendall(further)


def _hold(port: int, end: float, number: int, first: bytes, drip: bytes = b"") -> None:
    """Keep `number` connections open that have sent `first`; each sends `drip` each second."""
    held: set[socket.socket] = set()
    with selectors.DefaultSelector() as selector:
        while (now := time.monotonic()) < end:
            while len(held) < number and time.monotonic() < now + 1.0:
                try:
                    peer = _connected(port)
                    peer.sendall(first)
                except OSError:
                    break
                peer.setblocking(False)
                held.add(peer)
                # What is not read fills the buffers: only an end is looked for.
                selector.register(peer, selectors.EVENT_READ)
            while time.monotonic() < now + 1.0:
                ready = selector.select(max(0.0, now + 1.0 - time.monotonic()))
                for key, _ in ready:
                    peer = key.fileobj  # type: ignore[assignment]
                    with contextlib.suppress(OSError):
                        if drip and peer.recv(65536, socket.MSG_PEEK):
                            peer.recv(65536)
                            continue
                        if not drip and first and peer.recv(1, socket.MSG_PEEK):
                            selector.unregister(peer)
                            continue
                    selector.unregister(peer)
                    held.discard(peer)
                    peer.close()
            for peer in list(held):
                if drip:
                    with contextlib.suppress(OSError):
                        peer.send(drip)
    for peer in held:
        peer.close()


if __name__ == "__main__":
    raise SystemExit(main())
