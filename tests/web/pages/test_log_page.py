"""The operator log as a page, with conditions."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.web.pages.log_page import ROWS
from tests.cli.conftest import Site, site
from tests.web.served_page import served_page, words

__all__ = ["site"]


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    """A browser on this machine."""
    with served_page(site.folder) as served, served.visitor() as visitor:
        yield visitor


def test_it_says_who_ordered_what(site: Site, client: httpx.Client) -> None:
    """The newest first, of jobs and printers, with the way to both; no command to type."""
    assert "Nothing was ordered yet." in words(client.get("/commands").text)
    site.job()
    site.broker("jobs", "hold", "1", "-r", "wrong size")
    site.broker("printers", "drain", "oki-1")
    page = client.get("/commands").text
    text = words(page)
    assert text.index("oki-1 drains") < text.index("job 1 is held")
    assert 'href="/jobs/1"' in page
    assert 'href="/printers/oki-1"' in page
    assert "broker jobs" not in text


def test_conditions_must_all_hold(site: Site, client: httpx.Client) -> None:
    """By person, job, printer and time; the form keeps them."""
    site.job(), site.job()
    site.broker("jobs", "hold", "1", "2")
    site.broker("printers", "drain", "oki-1")

    def found(**conditions: str) -> str:
        answer = client.get("/commands", params=conditions)
        assert answer.status_code == 200
        return words(answer.text)

    assert "job 2 is held" not in found(job="1")
    assert "job 1 is held" in found(job="1", since="1h")
    assert "is held" not in found(printer="oki-1")
    assert "Nothing was ordered that matches." in found(by="nobody")
    assert 'value="1h"' in client.get("/commands", params={"since": "1h"}).text


@pytest.mark.parametrize(
    ("conditions", "said"),
    [({"job": "x"}, "x is not a job's number"), ({"since": "soon"}, "since: ")],
)
def test_what_is_no_condition_is_named(
    client: httpx.Client, conditions: dict[str, str], said: str
) -> None:
    """In the page, beside the form."""
    answer = client.get("/commands", params=conditions)
    assert (answer.status_code, said in words(answer.text)) == (422, True)


def test_earlier_ones_are_on_further_pages(site: Site, client: httpx.Client) -> None:
    """With the same conditions."""
    site.job()
    for _ in range(ROWS // 2 + 1):
        site.broker("jobs", "hold", "1")
        site.broker("jobs", "release", "1")
    page = client.get("/commands?job=1").text
    assert page.count("<tbody>") == ROWS
    address = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "job=1" in address
    assert client.get(address).text.count("<tbody>") == 2
