"""The System Overview: broker, printers and jobs, live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, StreamingResponse

from broker.model.hosts import at_ports, hosts_of
from broker.model.job import State
from broker.model.user import Role
from broker.operations.job_status import JobStatus, job_statuses
from broker.operations.opened import Store
from broker.operations.overview import OverviewState
from broker.operations.readiness import read_vitals
from broker.operations.text import count
from broker.web.auth.signin import Person, person
from broker.web.live_view import LiveView, follow
from broker.web.pages import READ, JobRow, Pages, job_row, printer_row

ROWS = 50
"""Jobs of one page."""
OPEN = ""
"""The tab of what is not finished, and what has finished lately."""
REGIONS = {"broker": "broker.html", "printers": "printers.html", "jobs": "jobs.html"}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class View:
    """Which jobs one page shows."""

    state: str
    page: int
    rows: Sequence[JobRow] = ()
    more: bool = False
    words: str = ""

    @property
    def tabs(self) -> Sequence[tuple[str, str]]:
        """State and label of each list of jobs."""
        return ((OPEN, "Now"), *((str(each), each.capitalize()) for each in State))

    def link(self, page: int) -> str:
        """The address of another page of the same list."""
        return f"/?state={self.state}&page={page}"

    @property
    def events(self) -> str:
        """Where its news come from."""
        return f"/events?state={self.state}&page={self.page}"


def asked_view(state: str = OPEN, page: int = 1) -> View:
    """What the address names; another state than those that there are is the first list."""
    return View(state if state in tuple(State) else OPEN, min(max(page, 1), 100_000))


@router.api_route("/", methods=READ, response_class=HTMLResponse)
def overview(
    request: Request,
    who: Annotated[Person, Depends(person)],
    view: Annotated[View, Depends(asked_view)],
) -> HTMLResponse:
    """The page."""
    pages: Pages = request.app.state.pages
    version, seen = request.app.state.overview.current()
    context = _context(request, who, seen, _filled(request.app.state.store, seen, view))
    return pages.page(request, "overview.html", who, context | {"version": version})


@router.get("/events")
async def events(
    request: Request,
    who: Annotated[Person, Depends(person)],
    view: Annotated[View, Depends(asked_view)],
) -> StreamingResponse:
    """What follows on the page (server-sent events)."""

    def context(state: OverviewState) -> Mapping[str, object]:
        return _context(request, who, state, _filled(request.app.state.store, state, view))

    shown = ("overview", view.state, view.page, who.role)
    return follow(request, who, LiveView(shown, REGIONS, context))


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
        "printers": [printer_row(each, state.at, running=state.running) for each in state.printers],
        "operator": who.role is Role.OPERATOR,
    }


def _filled(store: Store, state: OverviewState, view: View) -> View:
    """The same view with its rows."""
    first = (view.page - 1) * ROWS
    found: Sequence[JobStatus]
    if view.state in (OPEN, State.HELD, State.PRINTING, State.QUEUED):
        listed = [each for each in state.jobs if view.state in (OPEN, each.job.state)]
        found, total = listed[first : first + ROWS], len(listed)
        words = f"{count(total, 'job')}, of finished ones those of the last hour"
        if view.state:
            words = f"{count(total, 'job')} {view.state}"
        more = total > first + ROWS
    else:
        listed_jobs = store.jobs.list({State(view.state)}, first + ROWS + 1, newest_first=True)
        found = job_statuses(store, listed_jobs[first : first + ROWS])
        more = len(listed_jobs) > first + ROWS
        words = f"{view.state}, the newest first"
    if view.page > 1 or more:
        words += f"; rows {first + 1} to {first + len(found)}"
    rows = [job_row(each, state.at) for each in found]
    return View(view.state, view.page, rows, more, words)
