"""The System Overview: broker, printers and jobs, live."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from broker.model.hosts import at_ports, hosts_of
from broker.model.user import Role
from broker.operations.opened import Store
from broker.operations.overview import LiveOverview, OverviewState
from broker.operations.readiness import read_vitals
from broker.web.auth.signin import Person, csrf_token, person
from broker.web.event_streams import TOKEN, EventStream, Regions, Streams
from broker.web.job_query import csv_answer
from broker.web.job_view import View, asked_view, filled, for_csv
from broker.web.pages import READ, Pages, printer_rows
from broker.web.server.limits import peer_of

STILL_S = 15.0
"""How often a stream without news sends a sign of life."""
REGIONS = {"broker": "broker.html", "printers": "printers.html", "jobs": "jobs.html"}

router = APIRouter(include_in_schema=False)


@router.api_route("/", methods=READ, response_class=HTMLResponse)
def overview(
    request: Request,
    who: Annotated[Person, Depends(person)],
    view: Annotated[View, Depends(asked_view)],
) -> HTMLResponse:
    """The page."""
    pages: Pages = request.app.state.pages
    version, seen = request.app.state.overview.current()
    store: Store = request.app.state.store
    shown = filled(store, seen, view)
    context = _context(request, who, seen, shown)
    context |= {"version": version, "callers": store.search.callers()}
    status = 422 if shown.wrong else 200
    return pages.page(request, "overview.html", who, context, status)


@router.api_route("/jobs.csv", methods=READ)
def jobs_csv(
    request: Request,
    _: Annotated[Person, Depends(person)],
    view: Annotated[View, Depends(asked_view)],
) -> Response:
    """The jobs of the page, for a spreadsheet."""
    _version, seen = request.app.state.overview.current()
    return csv_answer(for_csv(request.app.state.store, seen, view))


@router.get("/events")
async def events(
    request: Request,
    who: Annotated[Person, Depends(person)],
    view: Annotated[View, Depends(asked_view)],
) -> StreamingResponse:
    """The page's regions, each time that one of them has changed (server-sent events)."""
    streams: Streams = request.app.state.streams
    leave = streams.enter(_key(request, who))
    return EventStream(_news(request, who, view), leave)


def _key(request: Request, who: Person) -> str:
    """Whose streams are counted together."""
    if who.signed_in:
        return f"user {who.name}"
    return f"address {peer_of(request.client.host if request.client else '')}"


async def _news(request: Request, who: Person, view: View) -> AsyncIterator[str]:
    live: LiveOverview = request.app.state.overview
    streams: Streams = request.app.state.streams
    csrf = csrf_token(request)  # one for the whole stream: another would make every row another
    shown = (view.key, who.role)
    credentials = f"{request.headers.get('cookie')} {request.headers.get('authorization')}"
    sent: Regions = {}
    seen = -1
    while not live.over:
        version, state = await run_in_threadpool(live.current) if seen < 0 else live.latest()
        # While nothing has changed it is asked all the same: a session ends with time.
        asked = version if version != seen else -1
        if not await streams.allowed(asked, credentials, lambda: still(request, who)):
            yield "event: signed-out\ndata: \n\n"
            return
        if version != seen:
            seen = version
            regions = await streams.regions(
                version, shown, partial(_regions, request, who, state, view)
            )
            changed = {name: text for name, text in regions.items() if sent.get(name) != text}
            sent = regions
            parts = "".join(f', "{name}": {text}' for name, text in changed.items())
            news = f'{{"version": {version}, "now": {time.time()}{parts}}}'
            yield f"event: overview\ndata: {news.replace(TOKEN, csrf)}\n\n"
        else:
            yield "event: still\ndata: \n\n"
        await live.next(seen, STILL_S)


def still(request: Request, who: Person) -> bool:
    """Whether that person is still signed in, in the same role."""
    return bool(request.app.state.signin.still(request, who))


def _regions(request: Request, who: Person, state: OverviewState, view: View) -> dict[str, str]:
    context = _context(request, who, state, filled(request.app.state.store, state, view))
    context |= {"csrf": TOKEN}
    pages: Pages = request.app.state.pages
    return {name: pages.part(template, context) for name, template in REGIONS.items()}


def _context(request: Request, who: Person, state: OverviewState, view: View) -> dict[str, object]:
    config = request.app.state.store.config
    # With port 0 the system chooses one, and the log says which.
    host, port = config.broker.host, config.broker.port
    where = at_ports(host, port) if port else f"{', '.join(hosts_of(host))}, a free port"
    return {
        "overview": state,
        "view": view,
        "vitals": read_vitals(config.data_dir),
        "place": f"{config.broker.ae_title} at {where}",
        "printers": printer_rows(state.printers, state.at, running=state.running),
        "operator": who.role is Role.OPERATOR,
    }
