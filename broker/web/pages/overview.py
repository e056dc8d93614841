"""The System Overview: broker, printers and jobs, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from broker.model.peers.hosts import at_ports, hosts_of
from broker.model.user import Role
from broker.operations.condition.readiness import gives_no_sign, read_vitals
from broker.operations.opened import Store
from broker.operations.overview import OverviewState
from broker.web.auth.signin import Person, person
from broker.web.pages.job_query import csv_answer
from broker.web.pages.job_view import View, asked_view, filled, for_csv
from broker.web.rendering.live_view import LiveView, follow
from broker.web.rendering.page import READ, Pages
from broker.web.rendering.rows import arranged, printer_rows

REGIONS = {
    "broker": "broker.html",
    "printers": "printers.html",
    "tabs": "tabs.html",
    "jobs": "jobs.html",
}

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
    context["nicknames"] = store.nicknames
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
    """What follows on the page (server-sent events)."""

    def context(state: OverviewState) -> Mapping[str, object]:
        return _context(request, who, state, filled(request.app.state.store, state, view))

    shown = ("overview", view.key, who.role)
    return follow(request, who, LiveView(shown, REGIONS, context))


def _context(request: Request, who: Person, state: OverviewState, view: View) -> dict[str, object]:
    config = request.app.state.store.config
    # With port 0 the system chooses one, and the log says which.
    host, port = config.broker.host, config.broker.port
    where = at_ports(host, port) if port else f"{', '.join(hosts_of(host))}, a free port"
    rows = printer_rows(state.printers, state.at, running=state.running)
    shown, folded = arranged(rows, state.at)
    return {
        "overview": state,
        "view": view,
        "vitals": read_vitals(config.data_dir),
        "silent": state.running and gives_no_sign(config.data_dir, state.at),
        "place": f"{config.broker.ae_title} at {where}",
        "printers": rows,
        "shown": shown,
        "folded": folded,
        "operator": who.role is Role.OPERATOR,
        "several": True,
    }
