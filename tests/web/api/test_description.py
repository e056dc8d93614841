"""The API's description: every answer has a document, and the documents are true."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, TypeAdapter

from broker.events import Event
from broker.model.user import Role
from broker.relay.event_log import RefusalCounts
from broker.web.api import documents as api_documents
from broker.web.api import report_documents as api_report_documents
from broker.web.api.description import operations
from broker.web.api.documents import (
    BrokerDocument,
    ErrorDocument,
    ExplanationDocument,
    JobDocument,
    ListedJobDocument,
    ListedPrinterDocument,
    NotAllowedDocument,
    PrinterDocument,
    StaleDocument,
)
from broker.web.api.report_documents import DayDocument, RefusedKindDocument
from tests.cli.conftest import Site, site
from tests.web.served_page import PASSWORD, ServedPage, served_page

__all__ = ["site"]


@pytest.fixture
def served(site: Site) -> Iterator[ServedPage]:
    """The page of a site with jobs in every way, and an operator."""
    site.up("oki-1")
    site.job(), site.sent(films=2), site.uncertain(), site.printing()
    with served_page(site.folder) as page:
        page.add("anna")
        page.add("victor", Role.VIEWER)
        counts = RefusalCounts(lambda _event, _facts: None, page.store.refusals, time.time)
        counts(
            Event.ASSOCIATION_REJECTED,
            {
                "kind": "called AE",
                "calling_ae": "CT1",
                "called_ae": "BORKER",
                "address": "10.0.0.9:4000",
                "peer": "10.0.0.9:4000",
                "why": "no such AE title here",
            },
        )
        counts.write()
        yield page


@pytest.fixture
def api(served: ServedPage) -> Iterator[httpx.Client]:
    """A program that signs in."""
    with httpx.Client(base_url=served.url, auth=("anna", PASSWORD), timeout=30) as client:
        yield client


def holds(model: Any, found: object) -> None:
    """Whether a document has the model's fields, all of them and no other."""
    TypeAdapter(model).validate_python(found, extra="forbid")


def test_the_documents_are_true(api: httpx.Client) -> None:
    """Real answers have exactly the fields that the description names, with their types."""
    assert api.post("/api/jobs/1/hold").status_code == 200
    assert api.post("/api/printers/oki-1/drain").status_code == 200
    holds(BrokerDocument, api.get("/api/broker").json())
    holds(DayDocument, api.get("/api/day").json())
    refused = api.get("/api/refusals").json()
    holds(list[RefusedKindDocument], refused)
    assert refused[0]["callers"]
    holds(list[ListedPrinterDocument], api.get("/api/printers").json())
    holds(PrinterDocument, api.get("/api/printers/oki-1").json())
    holds(list[ListedJobDocument], api.get("/api/jobs").json())
    for number in range(1, 5):
        holds(JobDocument, api.get(f"/api/jobs/{number}").json())
        holds(ExplanationDocument, api.get(f"/api/jobs/{number}/explain").json())


def test_lists_and_whole_jobs_have_names_of_one_meaning(api: httpx.Client) -> None:
    """`film_count` is a number in both, and the arrays have names of their own; the old names
    stay."""
    (listed,) = [each for each in api.get("/api/jobs").json() if each["id"] == 2]
    whole = api.get("/api/jobs/2").json()
    assert (listed["films"], listed["film_count"], listed["attempt_count"]) == (2, 2, 1)
    assert (whole["film_count"], whole["attempt_count"]) == (2, 1)
    assert [each["number"] for each in whole["film_list"]] == [1, 2]
    assert whole["films"] == whole["film_list"]
    assert whole["attempts"] == whole["attempt_list"]
    assert len(whole["attempt_list"]) == 1


def test_errors_are_as_described(served: ServedPage, api: httpx.Client) -> None:
    """Each has the document of its status; 401 says how to sign in, 409 what is asked."""
    url = served.url
    unknown = httpx.get(f"{url}/api/jobs")
    holds(ErrorDocument, unknown.json())
    assert unknown.status_code == 401
    assert unknown.headers["WWW-Authenticate"].startswith("Basic realm=")
    page = httpx.get(f"{url}/api/jobs", cookies={"broker_session": "over"})
    assert page.headers["WWW-Authenticate"].startswith("Session realm=")
    viewer = httpx.post(f"{url}/api/jobs/1/hold", auth=("victor", PASSWORD))
    assert viewer.status_code == 403
    holds(ErrorDocument, viewer.json())
    stale = api.post("/api/jobs/1/hold", headers={"If-Match": '"other"'})
    assert stale.status_code == 412
    holds(StaleDocument, stale.json())
    refused = api.post("/api/jobs/2/hold")
    assert refused.status_code == 409
    holds(NotAllowedDocument, refused.json())
    assert api.post("/api/jobs/2/reprint").status_code == 200
    asked = api.post("/api/jobs/2/reprint")
    holds(NotAllowedDocument, asked.json())
    assert asked.json()["asks"].endswith("Print it once more?")
    for answer, status in (
        (api.get("/api/jobs/99"), 404),
        (api.get(f"/api/jobs/{2**64}"), 404),
        (api.get("/api/jobs/x"), 422),
        (api.post("/api/jobs/1/hold", content="x" * 70_000), 413),
        (api.post("/api/jobs/1/hold", content="x", headers={"Content-Type": "text/x"}), 415),
    ):
        assert answer.status_code == status, answer.text
        holds(ErrorDocument, answer.json())


def document(api: httpx.Client) -> dict[str, Any]:
    """The description."""
    found: dict[str, Any] = api.get("/api/openapi.json").json()
    return found


def test_every_answer_has_a_document(api: httpx.Client) -> None:
    """Each request has its id, tag, security and the documents of its answers and errors; nothing
    of a library's own is in it."""
    described = document(api)
    ids = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(ids) == len(set(ids)) >= 12
    assert described["info"]["version"][0].isdigit()
    for path, method, operation in operations(described):
        assert operation["tags"], path
        assert operation["security"], path
        assert {"400", "401", "403", "413", "415", "429", "500", "503"} <= set(
            operation["responses"]
        )
        for status, answer in operation["responses"].items():
            for kind, content in answer["content"].items():
                its = content.get("schema") if kind == "application/json" else {"$ref": ""}
                assert its, (method, path, status)
                assert "additionalProperties" not in its, (method, path, status)
    assert "ValidationError" not in str(described)
    assert {each["name"] for each in described["tags"]} >= {"jobs", "printers", "broker"}


def test_every_document_has_a_true_example() -> None:
    """What the description shows of a document is one."""
    shown = 0
    for model in (*vars(api_documents).values(), *vars(api_report_documents).values()):
        if isinstance(model, type) and issubclass(model, BaseModel) and model is not BaseModel:
            extra = model.model_config.get("json_schema_extra")
            assert extra is None or isinstance(extra, dict)
            for example in (extra or {}).get("examples", ()):  # type: ignore[union-attr]
                model.model_validate(example, extra="forbid")
                shown += 1
    assert shown >= 10


def test_times_have_their_format(api: httpx.Client) -> None:
    """`date-time`, as in RFC 3339."""
    schemas = document(api)["components"]["schemas"]
    fields = schemas["ListedJobDocument"]["properties"]
    assert fields["created_at"]["anyOf"][0]["format"] == "date-time"
