"""One printer: its row, what is known of it, and the commands recorded for it, live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from broker.model.user import Role
from broker.operations.condition.whole import standing_printer
from broker.operations.jobs.job_status import identity_facts, learned
from broker.operations.opened import Store
from broker.operations.overview import OverviewState
from broker.web.auth.signin import Person, person
from broker.web.pages.day_page import printer_day
from broker.web.rendering.live_view import LiveView, follow
from broker.web.rendering.page import READ, Pages
from broker.web.rendering.rows import printer_rows

REGIONS = {
    "printers": "printers.html",
    "printer": "printer_facts.html",
    "commands": "recorded_commands.html",
}

TROUBLES = 10
"""Attempts that are shown."""

router = APIRouter(include_in_schema=False)


@router.api_route("/printers/{name}", methods=READ, response_class=HTMLResponse)
def printer_page(
    request: Request, name: str, who: Annotated[Person, Depends(person)]
) -> HTMLResponse:
    """One printer, with the commands recorded for it."""
    pages: Pages = request.app.state.pages
    version, seen = request.app.state.overview.current()
    context = {**_context(request, who, name, seen), "version": version}
    return pages.page(request, "printer.html", who, context)


@router.get("/printers/{name}/events")
async def printer_events(
    request: Request, name: str, who: Annotated[Person, Depends(person)]
) -> StreamingResponse:
    """What follows on its page (server-sent events)."""

    def context(state: OverviewState) -> Mapping[str, object]:
        return _context(request, who, name, state)

    return follow(request, who, LiveView(("printer", name, who.role), REGIONS, context))


def _context(
    request: Request, who: Person, name: str, state: OverviewState
) -> Mapping[str, object]:
    store: Store = request.app.state.store
    it = standing_printer(store, name)
    rows = printer_rows(state.printers, state.at, running=state.running)
    return {
        "name": name,
        "it": it,
        "printers": [each for each in rows if each.printer.name == name],
        "operator": who.role is Role.OPERATOR,
        "day": printer_day(store, name, state.at),
        "troubles": store.day.troubles(name, TROUBLES),
        "identity": identity_facts(it),
        "learned": learned(store.capabilities.of(name)),
        "commands": store.command_log.of_printer(name),
    }
