"""The operator log: who ordered what, of which job or printer, and when; and, for operators, whose
sign-ins failed."""

from __future__ import annotations

import time
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from broker.model.recorded_command import CommandFilter
from broker.model.time_given import TimeNotUnderstood, time_given
from broker.model.user import Role
from broker.operations.opened import Store
from broker.web.auth.signin import Person, person
from broker.web.rendering.page import READ, Pages
from broker.web.rendering.times import zone_of

ROWS = 100
"""Commands of one page."""
FAILURES = 20
"""Users and addresses whose sign-ins failed that are shown."""
LONGEST = 64
"""Characters of a condition."""

router = APIRouter(include_in_schema=False)


@router.api_route("/commands", methods=READ, response_class=HTMLResponse)
def log_page(
    request: Request,
    who: Annotated[Person, Depends(person)],
    by: Annotated[str, Query(max_length=LONGEST)] = "",
    job: Annotated[str, Query(max_length=LONGEST)] = "",
    printer: Annotated[str, Query(max_length=LONGEST)] = "",
    since: Annotated[str, Query(max_length=LONGEST)] = "",
    zone: Annotated[str, Query(max_length=LONGEST)] = "",
    cursor: int | None = None,
) -> HTMLResponse:
    """The newest first. What cannot be understood of the conditions is said, with 422."""
    store: Store = request.app.state.store
    pages: Pages = request.app.state.pages
    given = {
        "by": by,
        "job": job,
        "printer": printer,
        "since": since,
        "zone": zone if since else "",
    }
    context = {
        "given": given,
        "filtered": any((by, job, printer, since)),
        "names": store.printers.list(),
        "operator": who.role == "operator",
        "found": (),
        "failures": (),
        "further": "",
        "wrong": "",
    }
    if job and not (job.isascii() and job.isdigit()):
        context["wrong"] = f"{job} is not a job's number"
        return pages.page(request, "log.html", who, context, 422)
    try:
        moment = time_given(since, time.time(), zone_of(zone)) if since else None
    except TimeNotUnderstood as error:
        context["wrong"] = f"since: {error.words}"
        return pages.page(request, "log.html", who, context, 422)
    if who.role is Role.OPERATOR and cursor is None and not context["filtered"]:
        context["failures"] = store.sign_in_failures.list()[:FAILURES]
    wanted = CommandFilter(by, int(job) if job else None, printer, moment)
    found = store.command_log.search(wanted, ROWS + 1, cursor)
    context["found"] = found[:ROWS]
    if len(found) > ROWS:
        query = {name: value for name, value in given.items() if value}
        context["further"] = f"/commands?{urlencode({**query, 'cursor': found[ROWS - 1].id})}"
    return pages.page(request, "log.html", who, context)
