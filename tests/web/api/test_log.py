"""The operator log by the API."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.model.user import Role
from broker.web.api.documents import LoggedCommandDocument
from tests.cli.conftest import Site, site
from tests.web.api.test_description import holds
from tests.web.served_page import PASSWORD, ServedPage, served_page

__all__ = ["site"]


@pytest.fixture
def served(site: Site) -> Iterator[ServedPage]:
    """Two operators and a viewer."""
    with served_page(site.folder) as page:
        page.add("anna")
        page.add("otto")
        page.add("victor", Role.VIEWER)
        yield page


def order(served: ServedPage, who: str, path: str) -> None:
    """One command of that user."""
    assert httpx.post(f"{served.url}/api/{path}", auth=(who, PASSWORD), timeout=30).is_success


def test_who_ordered_what_is_found(site: Site, served: ServedPage) -> None:
    """The newest first; by user, job, printer and time; also for a viewer."""
    site.job(), site.job()
    order(served, "anna", "jobs/1/hold")
    order(served, "otto", "jobs/2/hold")
    order(served, "anna", "printers/oki-1/drain")
    with httpx.Client(base_url=served.url, auth=("victor", PASSWORD), timeout=30) as client:

        def ids(query: str) -> list[int]:
            answer = client.get(f"/api/commands?{query}")
            assert answer.status_code == 200, answer.text
            holds(list[LoggedCommandDocument], answer.json())
            return [each["id"] for each in answer.json()]

        newest = client.get("/api/commands").json()[0]
        assert (newest["who"], newest["verb"]) == ("anna", "drain")
        assert (newest["printer"], newest["job"]) == ("oki-1", None)
        assert ids("") == [3, 2, 1]
        assert ids("who=anna") == [3, 1]
        assert ids("job=2") == [2]
        assert ids("printer=oki-1") == [3]
        assert ids("since=1h") == [3, 2, 1]
        assert ids("since=2099-01-01T00:00Z") == []
        assert ids("who=anna&job=2") == ids(f"job={2**70}") == []
        wrong = client.get("/api/commands?since=soon")
        assert wrong.status_code == 422
        assert wrong.json()["error"].startswith("since: soon is not a time; use")


def test_pages_follow_each_other(site: Site, served: ServedPage) -> None:
    """The header `Link` names the next one with the same conditions, and the last has none."""
    site.job()
    for verb in ("hold", "release", "hold", "release", "hold"):
        order(served, "anna", f"jobs/1/{verb}")
    with httpx.Client(base_url=served.url, auth=("anna", PASSWORD), timeout=30) as client:
        found: list[int] = []
        answer = client.get("/api/commands?who=anna&limit=2")
        while True:
            found += [each["id"] for each in answer.json()]
            if "next" not in answer.links:
                break
            answer = client.get(answer.links["next"]["url"])
    assert found == [5, 4, 3, 2, 1]
