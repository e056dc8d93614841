"""What was refused, by kind and caller, each with what to do."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from broker.operations.condition.refusals import (
    in_short,
    keeps_from_printing,
    refused_kinds,
    remedy_on_page,
    title_of,
)
from broker.operations.opened import Store
from broker.web.auth.signin import Person, person
from broker.web.rendering.page import READ, Pages

SHOWN = 20
"""Callers of each kind."""

router = APIRouter(include_in_schema=False)


@router.api_route("/refusals", methods=READ, response_class=HTMLResponse)
def refusals(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """All kinds, as they are read now: the page is not live, and says when it was read."""
    pages: Pages = request.app.state.pages
    store: Store = request.app.state.store
    called = store.config.broker
    context = {
        "ae_titles": (called.ae_title, *called.ae_titles),
        "in_short": in_short,
        "kinds": refused_kinds(store),
        "read_at": time.time(),
        "remedy": remedy_on_page,
        "keeps_from_printing": keeps_from_printing,
        "title_of": title_of,
        "shown": SHOWN,
    }
    return pages.page(request, "refusals.html", who, context)
