"""A command line of curl for each request of the API, which does as it is printed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from broker.web.auth.signin import CSRF_HEADER

COOKIES = "cookies.txt"
JSON = "application/json"


@dataclass(frozen=True)
class Shown:
    """What the examples name."""

    base: str
    """The page's own address, without a slash at its end."""
    user: str
    """Who signs in; empty without users."""
    job_id: int
    printer: str


def curl_line(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], shown: Shown
) -> str:
    """The line for one request of an OpenAPI document."""
    words = ["curl"]
    kinds = operation["responses"]["200"]["content"]
    if "text/event-stream" in kinds:
        words.append("-N")
    if "image/png" in kinds:
        words += ["-o", "film.png"]
    if shown.user:
        words += ["-u", shlex.quote(shown.user)]
    elif method != "get":
        token = f"curl -s -c {COOKIES} {shlex.quote(f'{shown.base}/api/token')}"
        words += ["-b", COOKIES, "-H", f'"{CSRF_HEADER}: $({token})"']
    if method != "get":
        body = _example(document, operation)
        if body is None:
            words += ["-X", "POST"]
        else:
            text = json.dumps(_named(body, shown))
            words += ["-H", shlex.quote(f"Content-Type: {JSON}"), "-d", shlex.quote(text)]
    words.append(shlex.quote(shown.base + _filled(path, operation, shown)))
    return " ".join(words)


def _filled(path: str, operation: Mapping[str, Any], shown: Shown) -> str:
    values = {"job_id": str(shown.job_id), "name": quote(shown.printer, safe="")}
    for each in operation.get("parameters", ()):
        if each["in"] == "path" and each["name"] not in values:
            known = each["schema"].get("enum") or each["schema"].get("examples") or ["1"]
            values[each["name"]] = str(known[0])
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def body_schema(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of its JSON body; empty where it has none."""
    content = operation.get("requestBody", {}).get("content", {}).get(JSON, {})
    schema: Mapping[str, Any] = content.get("schema", {})
    for option in (schema, *schema.get("anyOf", ())):
        if reference := option.get("$ref", ""):
            its: Mapping[str, Any] = document["components"]["schemas"][reference.rpartition("/")[2]]
            return its
    return {}


def _example(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    examples = body_schema(document, operation).get("examples")
    return examples[0] if examples else None


def _named(body: Any, shown: Shown) -> Any:
    """The same example for a job and a printer that there are."""
    named = dict(body)
    if "jobs" in named:
        named["jobs"] = [{"id": shown.job_id}]
    if "printers" in named:
        named["printers"] = [{"name": shown.printer}]
    return named
