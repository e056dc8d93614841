"""The operator's manual on the page, as `broker help` prints it."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt
from markupsafe import Markup

from broker.operations.manual import LINK, NoSuchTopic, topic, topics
from broker.web.auth.signin import Person, person
from broker.web.pages import READ, Pages

router = APIRouter(include_in_schema=False)


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
    # A wide table, and only the table, scrolls on a phone; a keyboard reaches it.
    table = '<div class="wide" role="region" aria-label="Table" tabindex="0"><table class="list">'
    html = html.replace("<table>", table).replace("</table>", "</table></div>")
    return Markup(html.replace("<pre>", '<pre tabindex="0">'))
