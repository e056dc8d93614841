"""Event streams of open pages: how many there are, and what they send, rendered once for all."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from broker.operations.overview import LiveOverview
from broker.web.server.responses import busy

Key = TypeVar("Key")
T = TypeVar("T")
ALL, BY_KEY = 128, 16
"""Streams in all, and of one user; of one address where there are no users."""
ASK_S = 15.0
"""How often it is asked whether a reader may still look, while nothing has changed."""
TOKEN = "TOKEN-OF-THE-READER"
"""Stands for the token of a stream's forms: all else is the same for every reader of a view."""

Regions = Mapping[str, str]
"""Name of a region of the page, and its HTML as JSON has it."""


@dataclass
class _Round:
    """What was rendered of one version of the overview."""

    version: int
    drawn: dict[object, asyncio.Future[Regions]] = field(default_factory=dict)
    allowed: dict[tuple[str, int], asyncio.Future[bool]] = field(default_factory=dict)
    """By credentials, and by the number of the ASK_S in which it was asked."""


class EventStream(StreamingResponse):
    """Server-sent events; `leave` is called when they have ended, however."""

    def __init__(self, news: AsyncIterator[str], leave: Callable[[], None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(news, media_type="text/event-stream", headers=headers)
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


class Streams:
    """Of one page. In the loop's thread, but for what is drawn."""

    def __init__(self, live: LiveOverview) -> None:
        self._live = live
        self._open: Counter[str] = Counter()
        self._round = _Round(-1)
        self._lock = threading.Lock()
        self._cost_s = 0.0

    def enter(self, key: str) -> Callable[[], None]:
        """One more stream, until what this returns is called.

        Raises: RequestRefused: 429, there are too many.
        """
        if self._open[key] >= BY_KEY:
            raise busy(f"{BY_KEY} pages are open already: close one", 30, status=429)
        if self._open.total() >= ALL:
            raise busy(f"{ALL} pages are open already, by all users", 30, status=429)
        self._open[key] += 1

        def leave() -> None:
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

        return leave

    async def regions(
        self, version: int, view: object, draw: Callable[[], Mapping[str, str]]
    ) -> Regions:
        """The regions of a view at that version: rendered once, in a thread. One that fails is
        raised to those that wait for it; the next one who asks has it rendered again."""
        drawn = self._of(version).drawn
        if view not in drawn:
            drawn[view] = asyncio.ensure_future(asyncio.to_thread(self._drawn, draw))
            drawn[view].add_done_callback(partial(_forget_failed, drawn, view))
        return await asyncio.shield(drawn[view])

    async def allowed(self, version: int, credentials: str, ask: Callable[[], bool]) -> bool:
        """Whether these credentials are good at that version: asked once for all streams that have
        them, as both change with the database; and each ASK_S, as sessions end with time."""
        allowed = self._of(version).allowed
        asked = (credentials, int(time.monotonic() / ASK_S))
        if asked not in allowed:
            allowed[asked] = asyncio.ensure_future(asyncio.to_thread(ask))
            allowed[asked].add_done_callback(partial(_forget_failed, allowed, asked))
        return await asyncio.shield(allowed[asked])

    def _of(self, version: int) -> _Round:
        if self._round.version < version:
            self._round = _Round(version)
            with self._lock:
                self._cost_s = 0.0
        return self._round if self._round.version == version else _Round(version)

    def _drawn(self, draw: Callable[[], Mapping[str, str]]) -> Regions:
        began = time.thread_time()
        found = {name: json.dumps(html) for name, html in draw().items()}
        with self._lock:
            self._cost_s += time.thread_time() - began
            self._live.rendering_took(self._cost_s)
        return found


def _forget_failed(found: dict[Key, asyncio.Future[T]], key: Key, done: asyncio.Future[T]) -> None:
    """As when the database was locked for a moment: it may not be any more."""
    if done.cancelled() or done.exception() is not None:
        found.pop(key, None)
