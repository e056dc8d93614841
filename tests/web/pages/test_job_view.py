"""Which jobs the page shows: its addresses, filters and pages, and who sees films in the list."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from broker.model.jobs.job import Level, PrintRequest
from broker.model.user import Role
from tests.cli.conftest import FILM, PATIENT
from tests.web.served_page import ServedPage, served_page, sign_in


@pytest.fixture
def page(tmp_path: Path) -> Iterator[ServedPage]:
    """120 jobs: every third of MR1, the others of CT1; the first one is cancelled."""
    with served_page(tmp_path) as served:
        for number in range(1, 121):
            served.store.submission.add(
                PrintRequest(
                    calling_ae="CT1" if number % 3 else "MR1",
                    called_ae="BROKER",
                    peer="10.0.0.9:4000",
                    film_session=f"session-{number}",
                    level=Level.FILM_BOX,
                    session={"FilmSessionLabel": (PATIENT,)},
                    films=(FILM,),
                )
            )
        served.store.commands.cancel(1)
        yield served


@pytest.fixture
def client(page: ServedPage) -> Iterator[httpx.Client]:
    """A browser without scripts."""
    with page.visitor() as visitor:
        yield visitor


def numbers(text: str) -> list[int]:
    """Of the jobs that are shown."""
    return [int(number) for number in re.findall(r'<tbody id="job-(\d+)"', text)]


def links(text: str, label: str) -> list[str]:
    """Where the links of that label lead."""
    return [unescape(each) for each in re.findall(rf'href="([^"]*)"[^>]*>{label}</a>', text)]


def test_further_rows_keep_the_filter(client: httpx.Client) -> None:
    """Each found job is on one page; the last page leads no further, and each back to the first."""
    address, pages = "/?modality=CT1&state=queued", []
    while address:
        shown = client.get(address).text
        pages.append(numbers(shown))
        address = next(iter(links(shown, "Further rows")), "")
    assert [len(each) for each in pages] == [50, 29]
    assert [*pages[0], *pages[1]] == [number for number in range(120, 1, -1) if number % 3]
    (newest,) = links(shown, "Newest rows")
    assert numbers(client.get(newest).text) == pages[0]
    assert "79 jobs in state queued from modality CT1, the newest first" in shown


def test_tabs_rows_and_csv_keep_the_filter(client: httpx.Client) -> None:
    """Only `Now` leaves it; a job's page leads back to the list."""
    shown = client.get("/?modality=MR1&text=broker&state=queued").text
    (sent,), (every,), (now,) = (links(shown, label) for label in ("Sent", "All", "Now"))
    assert sent == "/?modality=MR1&text=broker&state=sent#job-list"
    assert every == "/?modality=MR1&text=broker&state=all#job-list"
    assert now == "/#job-list"
    (row,) = links(shown, "120")
    (back,) = links(client.get(row).text, "Back to the list")
    assert numbers(client.get(back).text) == numbers(shown)
    (address,) = links(shown, "CSV")
    rows = list(csv.DictReader(io.StringIO(client.get(address).text)))
    assert [int(each["id"]) for each in rows] == numbers(shown)
    assert {each["calling_ae"] for each in rows} == {"MR1"}
    assert PATIENT not in client.get(address).text
    assert len(client.get("/jobs.csv").text.splitlines()) == 121
    assert len(client.get("/jobs.csv?state=cancelled").text.splitlines()) == 2


def test_a_filter_is_of_every_state_unless_one_is_chosen(client: httpx.Client) -> None:
    """Without a filter the first list is what is open or has finished lately: of many some of each
    kind, with the way to the others."""
    first = client.get("/").text
    assert len(numbers(first)) == 40
    assert "of finished ones those of the last hour, some of each kind" in first
    assert re.search(r'<a href="/\?state=queued#job-list">\d+ more</a>', first)
    found = numbers(client.get("/?modality=CT1&until=2099-01-01&printer=").text)
    assert (len(found), found[0]) == (50, 119)
    assert numbers(client.get("/?modality=CT1&state=cancelled").text) == [1]
    assert numbers(client.get("/?modality=MR1&state=cancelled").text) == []
    assert len(numbers(client.get("/?state=all").text)) == 50
    shown = client.get("/?modality=&printer=&since=&until=&text=").text
    assert 'aria-current="page">Now</a>' in shown


def test_times_of_the_form_are_of_the_browsers_zone(client: httpx.Client) -> None:
    """UTC where no script says which."""
    an_hour_ago = time.time() - 3600

    def found(zone: str, offset_h: int) -> int:
        since = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(an_hour_ago + offset_h * 3600))
        return len(numbers(client.get("/", params={"since": since, "zone": zone}).text))

    assert found("", 0) == found("Asia/Tokyo", 9) == found("Mars/Olympus", 0) == 50
    assert found("", 9) == found("America/New_York", 9) == 0


def test_what_is_no_condition_is_said_on_the_page(client: httpx.Client) -> None:
    """With the form as it was filled in; nothing of it is taken for a tag."""
    answer = client.get("/", params={"since": "<b>", "modality": '"><i>'})
    assert answer.status_code == 422
    assert "since: &lt;b&gt; is not a time; use 30m, 2h or 2d" in answer.text
    assert 'value="&#34;&gt;&lt;i&gt;"' in answer.text
    assert "<i>" not in answer.text + client.get("/jobs/1", params={"back": '"><i>'}).text
    assert client.get("/jobs.csv?since=soon").status_code == 422


def test_events_have_the_filter_of_the_page(client: httpx.Client) -> None:
    """The address that the page names for its news gives the same rows."""
    shown = client.get("/?modality=MR1&text=broker").text
    address = unescape(re.findall(r'data-events="([^"]*)"', shown)[0])
    with client.stream("GET", address) as answer:
        news = next(line for line in answer.iter_lines() if line.startswith("data:"))
    told = [int(number) for number in re.findall(r'tbody id=\\"job-(\d+)\\"', news)]
    assert told == numbers(shown)


def test_films_in_the_list_are_for_operators(page: ServedPage, client: httpx.Client) -> None:
    """A viewer gets neither the pictures nor their addresses."""
    assert '<img class="thumb" data-src="/jobs/2/films/1.png"' in client.get("/").text
    page.add("op")
    page.add("eva", Role.VIEWER)
    sign_in(client, "eva")
    shown = client.get("/?state=all").text
    assert 'class="thumb"' not in shown
    assert PATIENT not in shown
    assert client.get("/jobs/120/films/1.png").status_code == 403
    assert client.get("/jobs.csv").status_code == 200
