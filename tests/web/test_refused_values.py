"""What a request is told whose values were refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.cli.conftest import Site, site
from tests.web.served_page import form, served_page

__all__ = ["site"]

LIBRARY = re.compile(
    r"Input should|Field required|Value error|Extra inputs|valid (integer|string|list|dictionary)"
    r"|Unprocessable|Method Not Allowed|Not Found|parsing the body|unable to parse"
)
"""Words of the libraries that check a request."""


@pytest.fixture
def api(site: Site) -> Iterator[httpx.Client]:
    """A program on this machine, with one job."""
    site.job()
    with served_page(site.folder) as served, served.visitor() as client:
        its = form(client.get("/").text, "/printers/oki-1/commands")
        client.headers["X-CSRF-Token"] = its["csrf"]
        yield client


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/api/jobs/abc", None, 422, "job_id: abc is not a whole number"),
        ("GET", "/api/jobs?limit=0", None, 422, "limit: 0 is too small; the least is 1"),
        ("GET", "/api/jobs?limit=x", None, 422, "limit: x is not a whole number"),
        ("GET", "/api/jobs?state=gone", None, 422,
         "state: gone is not one of queued, printing, sent, printed, held, cancelled"),
        ("POST", "/api/jobs/1/burn", None, 422,
         "command: burn is not one of hold, release, cancel, move, reprint, priority"),
        ("POST", "/api/jobs/1/hold", {"reson": "x"}, 422, "reson: is not known here; use reason,"),
        ("POST", "/api/jobs/1/hold", {"reason": 5}, 422, "reason: 5 is not text"),
        ("POST", "/api/jobs/1/hold", {"reason": "x" * 301}, 422,
         "reason: has 301 characters; the most are 300"),
        ("POST", "/api/jobs/1/release", {"printed": "maybe"}, 422,
         "printed: maybe is not true or false"),
        ("POST", "/api/jobs/1/priority", {"priority": "SOON"}, 422,
         "priority: SOON is not one of HIGH, MED, LOW"),
        ("POST", "/api/jobs/commands", {"command": "hold", "jobs": []}, 422,
         "jobs: has 0 entries; the least are 1"),
        ("POST", "/api/jobs/commands", {"command": "hold"}, 422, "jobs: is missing"),
        ("POST", "/api/jobs/commands", {"command": "hold", "jobs": [{"id": 1, "sen": ""}]}, 422,
         "jobs[0].sen: is not known here; use id, seen"),
        ("POST", "/api/jobs/commands", {"command": "hold", "jobs": "1"}, 422,
         "jobs: 1 is not a list"),
        ("POST", "/api/jobs/commands", None, 422, "the body is missing; send a JSON object"),
        ("POST", "/api/jobs/commands", [1], 422, "the body: a list is not an object"),
        ("POST", "/api/jobs", None, 405, "the method POST is not answered here; use GET"),
        ("GET", "/api/none", None, 404, "there is no page /api/none"),
    ],
)  # fmt: skip
def test_a_refused_value_is_named_in_our_words(
    api: httpx.Client, method: str, path: str, body: object, status: int, words: str
) -> None:
    """The value, what is wrong, what there is; nothing in the words of a library."""
    answer = api.request(method, path, json=body)
    said = answer.json()["error"]
    assert answer.status_code == status, said
    assert words in said
    assert not LIBRARY.search(said)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "the body is not JSON: expecting property name"),
        (b'{"reason": "\xff"}', "the body cannot be read"),
    ],
)
def test_a_body_that_is_no_json_is_said(api: httpx.Client, body: bytes, words: str) -> None:
    """An error of the sender, in our words."""
    headers = {"Content-Type": "application/json"}
    answer = api.post("/api/jobs/1/hold", content=body, headers=headers)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"].startswith(words)
    assert not LIBRARY.search(answer.text)


def test_many_mistakes_are_told_in_bounds(api: httpx.Client) -> None:
    """A few of them, and how many more there are."""
    body = {"command": "hold", "jobs": [{"id": "x"} for _ in range(200)]}
    said = api.post("/api/jobs/commands", json=body).json()["error"]
    assert said.endswith("; and 192 more")
    assert len(said) < 600


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/jobs", "GET"),
        ("OPTIONS", "/api/jobs/commands", "POST"),
        ("GET", "/api/jobs/commands", "POST"),
        ("POST", "/api/jobs/1/explain", "GET"),
        ("DELETE", "/", "GET, HEAD"),
    ],
)
def test_the_methods_that_are_answered_are_named(
    api: httpx.Client, method: str, path: str, allowed: str
) -> None:
    """Those of the path (RFC 9110 10.2.1), and no other."""
    answer = api.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == allowed
