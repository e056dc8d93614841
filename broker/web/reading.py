"""What is read on the page: the operator's manual, as `broker help` prints it, and the API, made of
the same description that machines read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from markdown_it import MarkdownIt
from markupsafe import Markup

from broker.operations.manual import LINK, NoSuchTopic, topic, topics
from broker.web.auth.signin import Person, person
from broker.web.pages import READ, Pages

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


DOCUMENT = "/api/openapi.json"


@dataclass(frozen=True)
class Parameter:
    """One thing that a request may say."""

    name: str
    where: str
    required: bool
    description: str


@dataclass(frozen=True)
class Path:
    """One request."""

    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    example: str


@router.api_route(DOCUMENT, methods=READ)
def document(request: Request) -> Response:
    """The API for machines: an OpenAPI document."""
    app: FastAPI = request.app
    if not hasattr(app.state, "api_document"):
        app.state.api_document = json.dumps(app.openapi()).encode()
    return Response(app.state.api_document, media_type="application/json")


@router.api_route("/api", methods=READ, response_class=HTMLResponse)
def api_page(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """All requests, with an example of each."""
    pages: Pages = request.app.state.pages
    document = request.app.openapi()
    base = str(request.base_url).rstrip("/")
    context = {"paths": paths(document, base, signed_in=who.signed_in)}
    return pages.page(request, "api.html", who, context)


def paths(document: dict[str, Any], base: str, *, signed_in: bool) -> list[Path]:
    """What an OpenAPI document describes, in its order."""
    found = []
    for path, methods in document["paths"].items():
        for method, its in methods.items():
            parameters = [
                Parameter(each["name"], each["in"], each.get("required", False), _words(each))
                for each in its.get("parameters", [])
            ]
            parameters += _of_body(document, its)
            found.append(
                Path(
                    method.upper(),
                    path,
                    its.get("summary", ""),
                    tuple(parameters),
                    _example(method, base + path, signed_in),
                )
            )
    return found


def _words(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    said = [parameter.get("description", ""), ", ".join(map(str, schema.get("enum", [])))]
    return "; ".join(filter(None, said))


def _of_body(document: dict[str, Any], its: dict[str, Any]) -> list[Parameter]:
    """The fields of a JSON body."""
    content = its.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    for option in (schema, *schema.get("anyOf", [])):
        if reference := option.get("$ref", ""):
            fields = document["components"]["schemas"][reference.rpartition("/")[2]]
            return [
                Parameter(name, "JSON body", False, field.get("description", ""))
                for name, field in fields["properties"].items()
            ]
    return []


def _example(method: str, url: str, signed_in: bool) -> str:
    who = " -u NAME" if signed_in else ""
    if method == "get":
        return f"curl{who} {url}"
    return f"curl{who} -X POST {url}"
