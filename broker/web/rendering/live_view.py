"""A page that stays true while it is open: its regions are sent again when they have changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import Request

from broker.operations.overview import OverviewState
from broker.web.auth.signin import Person, csrf_token
from broker.web.rendering.event_streams import TOKEN, EventStream, Regions
from broker.web.rendering.news_stream import Followed, follow_news
from broker.web.rendering.page import Pages

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


def follow(request: Request, who: Person, view: LiveView) -> EventStream:
    """The page's regions, each time that one of them has changed (server-sent events).

    Raises: RequestRefused: 429, there are too many streams.
    """
    pages: Pages = request.app.state.pages
    csrf = csrf_token(request)  # one for the whole stream: another would make every row another

    def draw(state: OverviewState) -> Mapping[str, str]:
        context = {**view.context(state), "csrf": TOKEN}
        return {name: pages.part(each, context) for name, each in view.templates.items()}

    def tell(sent: Regions, found: Regions, version: int, _state: OverviewState) -> str:
        changed = {name: text for name, text in found.items() if sent.get(name) != text}
        parts = "".join(f', "{name}": {text}' for name, text in changed.items())
        news = f'{{"version": {version}, "now": {time.time()}{parts}}}'
        return f"event: news\ndata: {news.replace(TOKEN, csrf)}\n\n"

    still = "event: still\ndata: \n\n"
    return follow_news(request, who, Followed(view.shown, draw, tell, still, SIGN_S))
