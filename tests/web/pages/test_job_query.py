"""Finding jobs by the API and by the page's addresses."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from broker.model.jobs.job import Level, PrintRequest
from broker.operations.jobs.csv_lines import COLUMNS
from tests.cli.conftest import FILM, PATIENT
from tests.web.served_page import ServedPage, served_page


@pytest.fixture
def page(tmp_path: Path) -> Iterator[ServedPage]:
    """Nine queued jobs of CT1, MR1 and XA1 in turn."""
    with served_page(tmp_path) as served:
        for number in range(9):
            served.store.submission.add(
                PrintRequest(
                    calling_ae=("CT1", "MR1", "XA1")[number % 3],
                    called_ae="BROKER",
                    peer="10.0.0.9:4000",
                    film_session=f"session-{number}",
                    level=Level.FILM_BOX,
                    session={"FilmSessionLabel": (PATIENT,)},
                    films=(FILM,),
                )
            )
        yield served


@pytest.fixture
def api(page: ServedPage) -> Iterator[httpx.Client]:
    """A program."""
    with page.visitor() as client:
        yield client


def numbers(answer: httpx.Response) -> list[int]:
    """Of the jobs in an answer."""
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()]


def test_the_api_has_the_filters_of_the_command_line(page: ServedPage, api: httpx.Client) -> None:
    """Each alone and together, with the same meaning."""
    page.store.commands.hold(4, "wrong size")
    page.store.commands.cancel(7)
    page.store.commands.move(5, "oki-2")

    def found(**query: object) -> list[int]:
        return numbers(api.get("/api/jobs", params=query))

    assert found() == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert found(modality="ct1") == [7, 4, 1]
    assert found(modality="CT1", state="held") == [4]
    assert found(state=["held", "cancelled"]) == [7, 4]
    assert found(printer="oki-2") == [5]
    assert found(text="wrong") == [4]
    assert found(text="4", modality="MR1") == []
    assert found(since="1h", limit=2) == [9, 8]
    assert found(until="1h") == found(since="2099-01-01T00:00Z") == []
    assert found(text=PATIENT) == []


def test_pages_are_followed_by_their_links(api: httpx.Client) -> None:
    """A link keeps the conditions; the last page has none; each job comes once."""
    address, found = "/api/jobs?modality=CT1&state=queued&limit=2", []
    while address:
        answer = api.get(address)
        found.append(numbers(answer))
        address = answer.links.get("next", {}).get("url", "")
    assert found == [[7, 4], [1]]
    assert numbers(api.get("/api/jobs", params={"cursor": 3})) == [2, 1]
    assert "Link" not in api.get("/api/jobs").headers


@pytest.mark.parametrize(
    ("address", "accept"),
    [("/api/jobs?format=csv&modality=MR1", "*/*"), ("/api/jobs?modality=MR1", "text/csv")],
)
def test_the_same_list_comes_as_csv(api: httpx.Client, address: str, accept: str) -> None:
    """By a name in the address or by a header; the next page is CSV as well."""
    answer = api.get(f"{address}&limit=2", headers={"Accept": accept})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert tuple(rows[0]) == COLUMNS
    assert [(each["id"], each["calling_ae"]) for each in rows] == [("8", "MR1"), ("5", "MR1")]
    after = api.get(answer.links["next"]["url"], headers={"Accept": accept}).text.splitlines()
    assert [line.split(",")[0] for line in after] == ["id", "2"]
    assert api.get("/api/jobs?format=json", headers={"Accept": "text/csv"}).json()
    assert PATIENT not in answer.text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=soon", "since: soon is not a time; use 30m, 2h or 2d"),
        ("until=2026-13-01", "until: 2026-13-01 is not a time"),
        ("modality=%1b%5b2J", "modality has a control character"),
        ("text=" + "x" * 65, "text: "),
        ("state=lost", "state"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("cursor=x", "cursor"),
        ("format=xml", "format"),
    ],
)
def test_what_is_no_condition_is_422(api: httpx.Client, query: str, words: str) -> None:
    """The words name the condition."""
    answer = api.get(f"/api/jobs?{query}")
    assert answer.status_code == 422
    assert words in answer.json()["error"]


def test_a_viewer_is_told_what_the_list_says(page: ServedPage, api: httpx.Client) -> None:
    """Times in JSON and CSV are ISO 8601, UTC, whatever zone the machine is in."""
    stamp = api.get("/api/jobs?limit=1").json()[0]["created_at"]
    assert stamp.endswith("Z")
    assert stamp[:10] == time.strftime("%Y-%m-%d", time.gmtime(page.store.jobs.get(9).created_at))
    assert stamp in api.get("/api/jobs?limit=1&format=csv").text
