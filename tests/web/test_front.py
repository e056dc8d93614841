"""What a request may cost before anything looks at it, over real sockets."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.web.server.connection import TimeLimits
from broker.web.server.limits import ConnectionLimits
from tests.web.served_page import ServedPage, served_page

PATIENCE = TimeLimits(head_s=1.0, body_s=1.0, reading_s=1.0, end_s=1.0, rest_s=1, handshake_s=1.0)
SECURITY = ("content-security-policy", "x-content-type-options", "referrer-policy")
FORM = "Content-Type: application/x-www-form-urlencoded\r\n"
JSON = "Content-Type: application/json\r\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    """Without users, and without much patience."""
    with served_page(tmp_path, patience=PATIENCE) as opened:
        yield opened


def connected(served: ServedPage) -> socket.socket:
    """A connection, on which nothing takes longer than half a minute."""
    port = int(served.url.rpartition(":")[2])
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def answered(peer: socket.socket) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of the one answer on a connection that is closed then; 0 where it is
    closed without one.
    """
    said = b""
    try:
        while piece := peer.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    if not said:
        return 0, {}, ""
    head, _, body = said.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(first.split()[1]), headers, body


def ask(served: ServedPage, request: str, further: bytes = b"") -> tuple[int, dict[str, str], str]:
    """Send it as it stands; the answer."""
    with closing(connected(served)) as peer:
        peer.sendall(request.encode() + further)
        return answered(peer)


def post(path: str, *headers: str, host: str = "localhost") -> str:
    """The head of a POST that closes its connection."""
    lines = "".join(f"{each}\r\n" for each in headers if each)
    return f"POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}\r\n"


@pytest.mark.parametrize("path", ["/sign-in", "/api/jobs/1/hold", "/printers/oki-1/commands", "/x"])
@pytest.mark.parametrize("kind", [FORM, JSON])
def test_a_body_that_is_too_large_is_refused_by_its_head(
    served: ServedPage, path: str, kind: str
) -> None:
    """413 while nothing of it was sent: 400 MB are not waited for, on any path."""
    status, headers, body = ask(served, post(path, kind.strip(), "Content-Length: 400000000"))
    assert status == 413
    assert "65536 bytes" in body
    assert headers["connection"] == "close"
    assert all(name in headers for name in SECURITY)


def test_a_body_without_a_length_is_counted_while_it_comes(served: ServedPage) -> None:
    """413 after 64 KiB of chunks, though its end never comes."""
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    head = post("/sign-in", FORM.strip(), "Transfer-Encoding: chunked")
    assert ask(served, head, chunk + chunk)[0] == 413


def test_files_are_not_taken(served: ServedPage, tmp_path: Path) -> None:
    """A form with files is refused by its head; nothing of it is written anywhere."""
    kind = "Content-Type: multipart/form-data; boundary=b"
    status, _, body = ask(served, post("/sign-in", kind, "Transfer-Encoding: chunked"))
    assert status == 415
    assert "multipart/form-data is not read here" in body
    assert not [each for each in tmp_path.rglob("*") if "form" in each.name]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("", 408),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", 408),
        (post("/sign-in", FORM.strip(), "Content-Length: 100") + "name=", 408),
        (post("/sign-in", FORM.strip(), "Transfer-Encoding: chunked") + "5\r\nna", 408),
    ],
)
def test_half_a_request_is_not_waited_for(served: ServedPage, sent: str, status: int) -> None:
    """No head, half a head, half a body: after the time for it the connection ends, in words; a
    byte now and then does not make it longer.
    """
    began = time.monotonic()
    with closing(connected(served)) as peer:
        peer.sendall(sent.encode())
        assert answered(peer)[0] == status
    assert 0.9 <= time.monotonic() - began < 10


def test_a_byte_now_and_then_is_no_progress(served: ServedPage) -> None:
    """The time is that of the whole head."""
    began = time.monotonic()
    with closing(connected(served)) as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        peer.settimeout(0.1)
        said = b""
        while not said:
            peer.sendall(b"x")
            try:
                said = peer.recv(100)
            except TimeoutError:
                continue
    assert said.startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 10


def test_an_answer_that_is_not_read_is_given_up(served: ServedPage) -> None:
    """The connection ends, and so does what it keeps in memory."""
    with closing(connected(served)) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        # Several times what the system keeps of what was sent (tcp_wmem).
        peer.sendall(b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1500)
        assert served.wait_for_kind("its peer to read the answer")


@pytest.mark.parametrize("path", ["/readyz", "/healthz", "/metrics", "/", "/static/page.css"])
def test_one_who_sends_no_more_is_answered(served: ServedPage, path: str) -> None:
    """A monitor that closes its sending half behind its request, as `nc -N` does, still reads: each
    of its requests is answered, then the connection ends."""
    with closing(connected(served)) as peer:
        peer.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() * 3)
        peer.shutdown(socket.SHUT_WR)
        came = b""
        while piece := peer.recv(65536):
            came += piece
    assert came.count(b"HTTP/1.1 ") == 3


def test_a_stream_ends_with_its_browser(served: ServedPage) -> None:
    """A page that is closed holds no place among the streams."""
    with closing(connected(served)) as peer:
        peer.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert peer.recv(100).startswith(b"HTTP/1.1 200")
        while b"event: news" not in peer.recv(65536):
            pass
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(65536):
            pass


def test_a_body_of_two_lengths_is_refused(served: ServedPage) -> None:
    """Content-Length beside Transfer-Encoding: a proxy may read another end of the request than
    we do, and take what comes next for a request (RFC 9112 6.1). 400, and the connection ends."""
    hidden = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\n"
    for second in (b"", b"0\r\n\r\n"):
        sent = f"{head}{FORM}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        with closing(connected(served)) as peer:
            peer.sendall(sent + second + hidden.encode())
            came = b""
            while piece := peer.recv(65536):
                came += piece
        assert came.startswith(b"HTTP/1.1 400")
        assert came.count(b"HTTP/1.1 ") == 1
    assert b"Content-Length and Transfer-Encoding" in came


def test_a_broken_body_is_no_fault_of_the_page(
    served: ServedPage, caplog: pytest.LogCaptureFixture
) -> None:
    """400 where a chunk's length is none; what works on the request already says nothing more, and
    no exception is logged."""
    chunked = "Transfer-Encoding: chunked"
    for kind in (FORM.strip(), "Content-Type: multipart/form-data"):
        assert ask(served, post("/sign-in", kind, chunked) + "zz\r\n")[0] == 400
    assert ask(served, "GET /healthz HTTP/1.0\r\n\r\n")[0] == 200
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_programs_hear_of_it_as_json(served: ServedPage) -> None:
    """As of every other error: under /api, and where JSON is asked for."""
    for path, accept in (("/api/jobs/1/hold", ""), ("/sign-in", "Accept: application/json")):
        _, headers, body = ask(served, post(path, "Content-Length: 400000000", accept))
        assert headers["content-type"] == "application/json"
        assert "65536 bytes" in json.loads(body)["error"]


@pytest.mark.parametrize(
    "method", ["TRACE", "PUT", "PROPFIND", "get", "DELETE", "OPTIONS", "PATCH", "CONNECT"]
)
@pytest.mark.parametrize("path", ["/", "/jobs/1", "/static/page.css", "/healthz"])
def test_odd_methods_are_refused_in_words(served: ServedPage, method: str, path: str) -> None:
    """405 with what there is, and with the headers of every answer."""
    target = "localhost:80" if method == "CONNECT" else path
    request = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, headers, body = ask(served, request)
    assert status == 405
    pages = path in ("/", "/jobs/1") and method != "CONNECT"
    assert headers["allow"] == ("get, head" if pages else "get, head, post")
    assert method in body
    assert all(name in headers for name in SECURITY)


@pytest.mark.parametrize(
    "path",
    [
        "/jobs/9223372036854775807",
        "/jobs/9223372036854775808",
        "/jobs/99999999999999999999999999",
        "/jobs/-1",
        "/api/jobs/9223372036854775808",
        "/api/jobs/9223372036854775808/explain",
        "/api/jobs/9223372036854775808/films/1.png",
        "/jobs/9223372036854775808/films/1.png",
        "/jobs/",
        "/jobs/1/",
        "/api/",
        "/api/jobs/",
        "/static",
        "/static/",
        "/static/%00",
        "/static/../app.py",
        "//elsewhere.example/",
        "/%2f%2felsewhere.example",
        "/\\elsewhere.example",
    ],
)
def test_odd_paths_are_not_there(served: ServedPage, path: str) -> None:
    """404 with the headers of every answer: no fault inside, and no way to another host."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    status, headers, _ = ask(served, request)
    assert status == 404
    assert "location" not in headers
    assert all(name in headers for name in SECURITY)
    assert not [note for note in served.notes if note[0] == "page failed"]


@pytest.mark.parametrize("path", ["/sign-in", "/", "/api", "/static/page.css"])
def test_the_head_of_a_page_may_be_asked_for(served: ServedPage, path: str) -> None:
    """As monitors do: the answer of GET, without its body."""
    lines = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    asked, of_head, body = ask(served, f"HEAD {path} {lines}")
    shown, of_get, _ = ask(served, f"GET {path} {lines}")
    assert (asked, body) == (shown, "")
    assert of_head.keys() == of_get.keys()


def test_a_page_that_fails_is_noted_without_the_words_of_the_error(served: ServedPage) -> None:
    """They may quote what was sent, or a row: its type and its place are told (promise 10)."""
    lines = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert ask(served, f"GET /api/jobs/17 {lines}")[0] == 404
    with closing(sqlite3.connect(served.store.config.database_file)) as damaged:
        damaged.execute("ALTER TABLE jobs RENAME TO away")
    assert ask(served, f"GET /api/jobs/17 {lines}")[0] == 500
    (facts,) = [facts for event, facts in served.notes if event == "page failed"]
    assert facts.keys() == {"kind", "path", "place"}
    assert facts["kind"] == "OperationalError"


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-For: 10.0.0.4",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: broker.example",
        "Forwarded: for=10.0.0.4",
        "Via: 1.1 proxy",
        "X-Real-IP: 10.0.0.4",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/jobs", "/static/page.css"])
def test_without_users_a_proxy_is_refused(served: ServedPage, header: str, path: str) -> None:
    """What comes through one may come from anywhere, though its address is this machine's. With
    users it is as good as any other.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
    status, _, body = ask(served, request)
    assert status == 403
    assert "broker user add" in body
    served.add("otto")
    assert ask(served, request)[0] in (200, 303, 401)


def test_a_change_from_elsewhere_is_refused_by_its_head(served: ServedPage) -> None:
    """Another origin, another host: before its body has come."""
    length = "Content-Length: 100"
    origin = "Origin: http://elsewhere.example"
    assert ask(served, post("/sign-in", FORM.strip(), length, origin))[0] == 403
    head = post("/printers/oki-1/commands", FORM.strip(), length, host="evil.example")
    assert ask(served, head)[0] == 400
    served.add("otto")
    for path in ("/printers/oki-1/commands", "/api/test-print", "/sign-out"):
        assert ask(served, post(path, FORM.strip(), length))[0] in (303, 401)


def test_what_is_no_http_is_answered_and_counted(served: ServedPage) -> None:
    """400 with the headers of every answer."""
    status, headers, _ = ask(served, "\x16\x03\x01 nothing\r\n\r\n")
    assert status == 400
    assert all(name in headers for name in SECURITY)


def test_idle_connections_give_way(tmp_path: Path) -> None:
    """When all places are taken, the one that has been idle for the longest time ends for the next;
    the page answers all the while.
    """
    limits = ConnectionLimits(all=8, by_address=8, for_this_machine=8)
    with served_page(tmp_path, limits=limits) as served:
        silent = [connected(served) for _ in range(40)]
        assert (
            ask(served, "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")[0] == 200
        )
        silent[0].settimeout(10)
        assert silent[0].recv(1) == b""
        for each in silent:
            each.close()


@pytest.mark.parametrize("path", ["/static/page.js", "/static/page.css", "/static/theme.js"])
def test_scripts_of_two_versions_do_not_meet(served: ServedPage, path: str) -> None:
    """A browser asks each time whether a file has changed, and is told when it has not."""
    with served.visitor() as client:
        first = client.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304


def test_event_streams_are_counted(served: ServedPage) -> None:
    """One user, or one address where there are none, has a limited number, and is told so; an end
    gives the place back.
    """
    request = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    opened = []
    for _ in range(16):
        peer = connected(served)
        peer.sendall(request)
        assert peer.recv(15) == b"HTTP/1.1 200 OK"
        opened.append(peer)
    with closing(connected(served)) as peer:
        peer.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        status, headers, _ = answered(peer)
    assert (status, headers["retry-after"]) == (429, "30")
    opened.pop().close()
    first = b""
    while first != b"HTTP/1.1 200 OK":
        with closing(connected(served)) as peer:
            peer.sendall(request)
            first = peer.recv(15)
    for each in opened:
        each.close()


def test_a_small_answer_waits_for_nothing_that_reads_slowly(served: ServedPage) -> None:
    """More connections than the page works for at one time read nothing: it answers others."""
    slow = []
    for _ in range(20):
        peer = connected(served)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
        slow.append(peer)
    for path in ("/healthz", "/readyz", "/sign-in", "/"):
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert ask(served, request)[0] in (200, 303, 503)
    for each in slow:
        each.close()
