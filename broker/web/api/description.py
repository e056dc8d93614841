"""The API's description for machines (OpenAPI): what its routes say of themselves, and what holds
for all of them, such as who may ask and how errors look.

A route names the document of its answer with `answers`, and what else it may answer with `errors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from broker.web.api.documents import ErrorDocument, EventDocument, NotAllowedDocument, StaleDocument
from broker.web.auth.signin import COOKIE, CSRF_HEADER, REALM

PREFIX = "/api/"
JSON = "application/json"
_SCHEMAS = "#/components/schemas/"
_WORDS: Mapping[int, str] = {
    400: "The request cannot be read: its body, its path, or the Host that it names",
    401: "A user's name and password are needed, or are wrong",
    403: "The user is a viewer; a token is missing; or there are no users, and it came from "
    "another machine",
    404: "There is no such job, printer or film",
    405: "The method is not answered here",
    408: "The body was not complete in time",
    409: "The state does not allow it, or a question is to be answered first",
    412: "It has changed since it was read: `version` is that of now",
    413: "The body is too large",
    415: "The body's type is not read here",
    422: "A value is not known, or not allowed",
    429: "Too many failed sign-ins, or too much at one time; Retry-After says when to try again",
    500: "The broker's page has a fault, or its disk fails; the broker's log says more",
    503: "The page does as much as it may already; Retry-After says when to try again",
}
_ALWAYS = (400, 401, 403, 408, 413, 415, 429, 500, 503)
"""What may be answered before a request comes to its route, or whatever it asks."""
_MODELS: Mapping[int, str] = {409: NotAllowedDocument.__name__, 412: StaleDocument.__name__}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "how to sign in"},
    429: {"Retry-After": "seconds"},
    503: {"Retry-After": "seconds"},
}
_METHODS = ("get", "post")
TAGS: Mapping[str, str] = {
    "broker": "The broker as a whole",
    "printers": "Printers, and commands on them",
    "jobs": "Jobs, and commands on them",
    "day": "Films of the last 24 hours",
    "refusals": "What was refused to modalities",
    "commands": "The operator log: who ordered what",
    "events": "What changes, as it changes (server-sent events)",
    "test-print": "Test films",
    "token": "For programs without a user",
}


NEXT = {
    "Link": {
        "description": 'the address of further ones, with rel="next"; left out where there are '
        "none (RFC 8288)",
        "schema": {"type": "string"},
    }
}
"""For an answer that is one page of many."""


def answers(
    model: Any,
    words: str = "As asked",
    headers: Mapping[str, Any] | None = None,
    others: Sequence[str] = (),
) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route that answers 200 with that document; `others` are further types
    in which it may be answered as text."""
    more: dict[str, Any] = {"headers": dict(headers)} if headers else {}
    if others:
        more["content"] = {kind: {"schema": {"type": "string"}} for kind in others}
    return {200: {"model": model, "description": words, **more}}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses` of a route that may answer so, beside what every route may answer."""
    return {status: {"description": _WORDS[status]} for status in statuses}


def described(app: FastAPI) -> dict[str, Any]:
    """The whole description. It does not change while the process lives."""
    found = get_openapi(
        title=app.title,
        summary=app.summary,
        description=(
            "Errors are JSON objects with `error`: what is wrong, and what to do. Times are ISO "
            "8601, UTC. Fields are added in later versions; those that exist keep their names and "
            "meanings. With users, a request brings a name and password (HTTP Basic), or the "
            f"page's cookie; with the cookie, a POST needs {CSRF_HEADER}. Without users the page "
            f"answers this machine alone, and a POST needs {CSRF_HEADER}, which /api/token gives."
        ),
        version=version("dicom-print-broker"),
        routes=app.routes,
    )
    schemas = found["components"]["schemas"]
    for model in (ErrorDocument, NotAllowedDocument, StaleDocument, EventDocument):
        schemas[model.__name__] = model.model_json_schema(mode="serialization")
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    used = set()
    for path, method, operation in operations(found):
        tag = operation.setdefault("tags", [path.removeprefix(PREFIX).partition("/")[0]])[0]
        used.add(tag)
        operation["security"] = _security(method)
        _describe_errors(path, operation)
    found["tags"] = [
        {"name": name, "description": words} for name, words in TAGS.items() if name in used
    ]
    found["components"]["securitySchemes"] = {
        "user": {"type": "http", "scheme": "basic", "description": f"{REALM}'s users"},
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "token": {
            "type": "apiKey",
            "in": "header",
            "name": CSRF_HEADER,
            "description": "of a form of the page, or of /api/token; with the cookie of its answer",
        },
    }
    _lone_references(found)
    return found


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each request of an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield path, method, methods[method]


def _security(method: str) -> list[dict[str, list[str]]]:
    """What a request may bring; one of these."""
    if method == "get":
        return [{"user": []}, {"session": []}, {}]
    return [{"user": []}, {"session": [], "token": []}, {"token": []}]


def _describe_errors(path: str, operation: dict[str, Any]) -> None:
    said = operation["responses"]
    parameters = operation.get("parameters", [])
    statuses = {int(each) for each in said if each.isdigit() and int(each) >= 400} | set(_ALWAYS)
    if "{" in path:
        statuses.add(404)
    if parameters or "requestBody" in operation:
        statuses.add(422)
    if any(each["name"] == "if-match" for each in parameters):
        statuses |= {409, 412}
    for status in sorted(statuses):
        reference = {"$ref": _SCHEMAS + _MODELS.get(status, ErrorDocument.__name__)}
        answer = {"description": _WORDS[status], "content": {JSON: {"schema": reference}}}
        if its := _HEADERS.get(status):
            answer["headers"] = {
                name: {"description": words, "schema": {"type": "string"}}
                for name, words in its.items()
            }
        said[str(status)] = answer


def _lone_references(part: Any) -> None:
    """Where a schema is another one by reference, what stands beside that says nothing."""
    if isinstance(part, dict):
        if "$ref" in part:
            words = part.get("description")
            reference = part["$ref"]
            part.clear()
            part.update({"$ref": reference} | ({"description": words} if words else {}))
        for each in part.values():
            _lone_references(each)
    elif isinstance(part, list):
        for each in part:
            _lone_references(each)
