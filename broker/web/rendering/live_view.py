"""A page that stays true while it is open: its regions are sent again when they have changed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from broker.operations.overview import LiveOverview, OverviewState
from broker.store.printers import NoSuchPrinter
from broker.store.reading.job_rows import NoSuchJob
from broker.web.auth.signin import Person, csrf_token
from broker.web.rendering.event_streams import TOKEN, EventStream, Regions, Streams
from broker.web.rendering.page import Pages
from broker.web.server.limits import peer_of

SIGN_S = 3.0
"""How often a stream without news sends a sign of life. A page that hears none for 8 s says that it
may be out of date (PATIENCE_MS in static/live.js), so that a person knows within 10 s."""


@dataclass(frozen=True)
class LiveView:
    """What one page shows, and goes on to show."""

    shown: object
    """Equal for all readers who are shown the same: it is drawn once for them. It has the role of
    the reader where that decides what is shown."""
    templates: Mapping[str, str]
    """The template of each region, by the ID of its element."""
    context: Callable[[OverviewState], Mapping[str, object]]
    """What the templates are given. Called in a thread; forms get the reader's token later.

    Raises: NoSuchJob, NoSuchPrinter: what it shows has been removed.
    """


def follow(request: Request, who: Person, view: LiveView) -> StreamingResponse:
    """The page's regions, each time that one of them has changed (server-sent events).

    Raises: RequestRefused: 429, there are too many streams.
    """
    streams: Streams = request.app.state.streams
    leave = streams.enter(counted_with(request, who))
    return EventStream(_news(request, who, view), leave)


def still(request: Request, who: Person) -> bool:
    """Whether that person is still signed in, in the same role."""
    return bool(request.app.state.signin.still(request, who))


def counted_with(request: Request, who: Person) -> str:
    """Whose streams are counted together."""
    if who.signed_in:
        return f"user {who.name}"
    return f"address {peer_of(request.client.host if request.client else '')}"


def credentials_of(request: Request) -> str:
    """What a reader is known by: the same for all streams of one who signed in once."""
    return f"{request.headers.get('cookie')} {request.headers.get('authorization')}"


async def _news(request: Request, who: Person, view: LiveView) -> AsyncIterator[str]:
    live: LiveOverview = request.app.state.overview
    streams: Streams = request.app.state.streams
    csrf = csrf_token(request)  # one for the whole stream: another would make every row another
    credentials = credentials_of(request)
    pages: Pages = request.app.state.pages
    sent: Regions = {}
    seen = -1
    while not live.over:
        version, state = await run_in_threadpool(live.current) if seen < 0 else live.latest()
        # While nothing has changed it is asked all the same: a session ends with time.
        if not await streams.allowed(version, credentials, lambda: still(request, who)):
            yield "event: signed-out\ndata: \n\n"
            return
        if version != seen:
            seen = version

            def draw(state: OverviewState = state) -> Mapping[str, str]:
                context = {**view.context(state), "csrf": TOKEN}
                return {name: pages.part(each, context) for name, each in view.templates.items()}

            try:
                regions = await streams.regions(version, view.shown, draw)
            except (NoSuchJob, NoSuchPrinter):
                yield "event: removed\ndata: \n\n"
                return
            changed = {name: text for name, text in regions.items() if sent.get(name) != text}
            sent = regions
            parts = "".join(f', "{name}": {text}' for name, text in changed.items())
            news = f'{{"version": {version}, "now": {time.time()}{parts}}}'
            yield f"event: news\ndata: {news.replace(TOKEN, csrf)}\n\n"
        else:
            yield "event: still\ndata: \n\n"
        await live.next(seen, SIGN_S)
