"""The stream that waits for news of the overview, for a reader who may see it: an open page, or a
program that follows the API's events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from broker.operations.overview import LiveOverview, OverviewState
from broker.store.printers import NoSuchPrinter
from broker.store.reading.job_rows import NoSuchJob
from broker.web.auth.signin import Person
from broker.web.rendering.event_streams import EventStream, Regions, Streams
from broker.web.server.limits import peer_of

SIGNED_OUT = "event: signed-out\ndata: \n\n"
"""The last event of a reader who may not look any more."""
REMOVED = "event: removed\ndata: \n\n"
"""The last event where what is shown is there no longer."""


@dataclass(frozen=True)
class Followed:
    """What a stream tells, each time that it has changed."""

    shown: object
    """Equal for all readers who are told the same: it is drawn once for them."""
    draw: Callable[[OverviewState], Mapping[str, str]]
    """Everything by its name. Called in a thread.

    Raises: NoSuchJob, NoSuchPrinter: what it shows has been removed.
    """
    tell: Callable[[Regions, Regions, int, OverviewState], str]
    """The events for what was sent, what was found, and the version of the overview that this is;
    empty where there is nothing to tell."""
    still: str
    """The sign of life of a stream without news."""
    still_s: float
    """How often that is sent."""


def follow_news(request: Request, who: Person, followed: Followed) -> EventStream:
    """First everything, then what has changed, until the reader may not look any more, or leaves.

    Raises: RequestRefused: 429, there are too many streams.
    """
    streams: Streams = request.app.state.streams
    leave = streams.enter(_counted_with(request, who))
    return EventStream(_news(request, who, followed), leave)


async def _news(request: Request, who: Person, followed: Followed) -> AsyncIterator[str]:
    live: LiveOverview = request.app.state.overview
    streams: Streams = request.app.state.streams
    credentials = _credentials_of(request, who)
    sent: Regions = {}
    seen = -1
    while not live.over:
        version, state = await run_in_threadpool(live.current) if seen < 0 else live.latest()
        # While nothing has changed it is asked all the same: a session ends with time.
        if not await streams.allowed(version, credentials, partial(_still_allowed, request, who)):
            yield SIGNED_OUT
            return
        told = ""
        if version != seen:
            seen = version
            try:
                found = await streams.regions(
                    version, followed.shown, partial(followed.draw, state)
                )
            except (NoSuchJob, NoSuchPrinter):
                yield REMOVED
                return
            told = followed.tell(sent, found, version, state)
            sent = found
        yield told or followed.still
        await live.next(seen, followed.still_s)


def _still_allowed(request: Request, who: Person) -> bool:
    """Whether that person is still signed in, in the same role."""
    return bool(request.app.state.signin.still(request, who))


def _counted_with(request: Request, who: Person) -> str:
    """Whose streams are counted together."""
    if who.signed_in:
        return f"user {who.name}"
    return f"address {peer_of(request.client.host if request.client else '')}"


def _credentials_of(request: Request, who: Person) -> str:
    """What a reader is known by: the same for all streams of one sign-in in the same role."""
    headers = request.headers
    return f"{who.role} {headers.get('cookie')} {headers.get('authorization')}"
