"""Bodies of requests: small, in memory, complete in bounded time, before anything parses them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from starlette.types import Message, Receive

from broker.web.server.request_refused import RequestRefused

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
