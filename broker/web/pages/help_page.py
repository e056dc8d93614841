"""The operator's manual on the page, as `broker help` prints it."""

from __future__ import annotations

import re
from functools import cache
from itertools import count
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from broker.operations.words.manual import LINK, NoSuchTopic, topic, topics
from broker.web.auth.signin import Person, person
from broker.web.rendering.page import READ, Pages

router = APIRouter(include_in_schema=False)

_TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
_SCROLLS = '<div class="wide" role="region" aria-label="Table {number}" tabindex="0">{table}</div>'


@router.api_route("/help", methods=READ, response_class=HTMLResponse)
def contents(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """The topics."""
    pages: Pages = request.app.state.pages
    return pages.page(request, "help.html", who, {"topics": topics()})


@router.api_route("/help/{name}", methods=READ, response_class=HTMLResponse)
def one(name: str, request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """One topic."""
    pages: Pages = request.app.state.pages
    try:
        found = topic(name)
    except NoSuchTopic as missing:
        raise HTTPException(404, str(missing)) from missing
    context = {"topics": topics(), "topic": found, "body": body(name)}
    return pages.page(request, "help_topic.html", who, context)


@cache
def body(name: str) -> Markup:
    """A topic as HTML. What looks like HTML in it is text; the manual is ours, and needs none.

    Raises: NoSuchTopic: there is none.
    """
    linked = LINK.sub(r"[\1](/help/\2)", topic(name).text)
    html: str = MarkdownIt("commonmark", {"html": False}).enable("table").render(linked)
    # A wide table scrolls by itself, with a keyboard too, and has a name as every region.
    number = count(1)
    html = _TABLE.sub(lambda found: _SCROLLS.format(number=next(number), table=found[0]), html)
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))
