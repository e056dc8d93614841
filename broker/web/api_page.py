"""The API for a person's eyes: a page made of the same description that machines read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from broker.web.api_description import described
from broker.web.auth.signin import Person, person
from broker.web.pages import READ, Pages

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
    app: FastAPI = request.app
    if not hasattr(app.state, "api_document"):
        app.state.api_document = json.dumps(described(app)).encode()
    return Response(app.state.api_document, media_type="application/json")


@router.api_route("/api", methods=READ, response_class=HTMLResponse)
def api_page(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """All requests, with an example of each."""
    pages: Pages = request.app.state.pages
    document = described(request.app)
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
