"""The API for a person's eyes: a page made of the same description that machines read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from broker.operations.opened import Store
from broker.web.api.description import described, operations
from broker.web.api.examples import Shown, body_schema, curl_line
from broker.web.auth.signin import Person, person
from broker.web.rendering.page import READ, Pages

DOCUMENT = "/api/openapi.json"

router = APIRouter(include_in_schema=False)


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
    return Response(json.dumps(_described_once(request.app)), media_type="application/json")


def _described_once(app: FastAPI) -> dict[str, Any]:
    """What its routes say does not change while it runs."""
    if not hasattr(app.state, "api_described"):
        app.state.api_described = described(app)
    found: dict[str, Any] = app.state.api_described
    return found


@router.api_route("/api", methods=READ, response_class=HTMLResponse)
def api_page(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """All requests, with an example of each."""
    pages: Pages = request.app.state.pages
    store: Store = request.app.state.store
    newest = store.jobs.list(None, 1, newest_first=True)
    shown = Shown(
        str(request.base_url).rstrip("/"),
        who.name if who.signed_in else "",
        newest[0].id if newest else 1,
        next((each.name for each in store.config.printers), "oki-1"),
    )
    return pages.page(
        request, "api.html", who, {"paths": paths(_described_once(request.app), shown)}
    )


def paths(document: dict[str, Any], shown: Shown) -> list[Path]:
    """What an OpenAPI document describes, in its order."""
    found = []
    for path, method, its in operations(document):
        parameters = [
            Parameter(each["name"], each["in"], each.get("required", False), _words(each))
            for each in its.get("parameters", [])
        ]
        fields = body_schema(document, its)
        parameters += [
            Parameter(
                name, "JSON body", name in fields.get("required", ()), each.get("description", "")
            )
            for name, each in fields.get("properties", {}).items()
        ]
        line = curl_line(document, path, method, its, shown)
        found.append(Path(method.upper(), path, its["summary"], tuple(parameters), line))
    return found


def _words(parameter: dict[str, Any]) -> str:
    schema = parameter.get("schema", {})
    said = [parameter.get("description", ""), ", ".join(map(str, schema.get("enum", [])))]
    return "; ".join(filter(None, said))
