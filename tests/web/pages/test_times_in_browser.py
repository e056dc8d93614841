"""Times and the search for films in a real browser, whose clock is in Vienna."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from broker.model.jobs.job import Level, PrintRequest
from tests.cli.conftest import FILM
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.served_page import ServedPage, served_page

pytestmark = pytest.mark.timeout(240)
VIENNA = ZoneInfo("Europe/Vienna")
WINTER = datetime(2026, 1, 31, 7, 15, 2, tzinfo=UTC).timestamp()
SUMMER = datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[ServedPage]:
    """Three jobs: of a winter's day, of the first second of summer time, and of now."""
    with served_page(tmp_path) as served:
        for number, caller in enumerate(("CT1", "MR1", "CT1"), start=1):
            add(served, caller)
            at = {1: WINTER, 2: SUMMER}.get(number)
            if at is not None:
                came(served, number, at)
        yield served


def troubles(browser: Browser) -> list[str]:
    """What the browser has complained of, but for pictures: the films of a page without a broker
    have no pixels."""
    return [each for each in browser.troubles() if ".png" not in each]


def came(served: ServedPage, number: int, at: float) -> None:
    """A job has come then."""
    file = served.store.config.database_file
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE jobs SET created_at = ? WHERE id = ?", (at, number))


def add(served: ServedPage, caller: str) -> None:
    """A job of that modality comes."""
    served.store.submission.add(
        PrintRequest(
            calling_ae=caller,
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=f"session-{time.monotonic_ns()}",
            level=Level.FILM_BOX,
            session={},
            films=(FILM,),
        )
    )


def test_lists_tell_the_time_of_arrival_in_the_browsers_zone(
    page: ServedPage, browser: Browser
) -> None:
    """With the day where it is not today, and the zone at the head; on the job's page, too."""
    browser.in_zone("Europe/Vienna")
    browser.go(f"{page.url}/?state=all")
    assert "2026-01-31 08:15" in browser.wait("#job-1", "2026-01-31")
    assert "2026-03-29 03:00" in browser.text("#job-2")
    now = datetime.fromtimestamp(page.store.jobs.get(3).created_at, VIENNA)
    assert re.search(rf"\d+[sm]\s+{now:%H:%M}\b", browser.text("#job-3"))
    assert re.search(r"arrived CES?T", browser.text("#jobs thead"))
    assert "UTC" not in browser.text("#jobs")

    browser.go(f"{page.url}/jobs/2")
    assert "2026-03-29 03:00 CEST" in browser.wait(".facts", "Created")
    browser.in_zone("America/New_York")
    browser.go(f"{page.url}/jobs/1")
    assert "2026-01-31 02:15 EST" in browser.wait(".facts", "Created")
    assert not troubles(browser)


def test_what_comes_later_is_told_in_the_same_zone(page: ServedPage, browser: Browser) -> None:
    """A row that the page gets by itself, and its sentences; rows that have not changed stay."""
    browser.in_zone("Europe/Vienna")
    browser.go(f"{page.url}/?state=all")
    browser.wait("#job-1", "2026-01-31 08:15")
    browser.run("document.getElementById('job-1').seen = 'yes'")
    page.store.commands.hold(2, "asked at 2026-03-29 00:59:59 UTC")
    said = browser.wait("#job-2 .why", "asked at")
    assert "asked at 2026-03-29 01:59 CET" in said
    assert "2026-03-29 03:00" in browser.text("#job-2")
    assert browser.run("return document.getElementById('job-1').seen") == "yes"


def test_without_scripts_times_are_utc(page: ServedPage) -> None:
    """And say so."""
    with page.visitor() as client:
        listed = client.get("/?state=all").text
        assert "Age, arrived <small data-zone>UTC</small>" in listed
        assert ">2026-01-31 07:15</time>" in listed
        assert ">2026-01-31 07:15:02 UTC</time>" in client.get("/jobs/1").text


def test_films_are_found_by_a_form(page: ServedPage, browser: Browser) -> None:
    """In the browser's zone; tabs and further rows keep the filter, and so do the live updates."""
    browser.in_zone("Europe/Vienna")
    browser.go(page.url)
    browser.fill(".filter input[name=modality]", "ct1")
    browser.fill(".filter input[name=since]", "2026-01-31T08:15")
    browser.press(".filter", "Find")
    browser.wait("#jobs .pages", "2 jobs from modality ct1 since 2026-01-31 08:15 CET")
    assert browser.has("#job-1")
    assert not browser.has("#job-2")
    assert browser.run("return document.querySelector('.filter [name=since]').value") == (
        "2026-01-31T08:15"
    )
    browser.keep("filter-desktop")
    assert not browser.complaints()

    add(page, "MR1")
    add(page, "CT1")
    browser.wait("#job-5", "CT1")
    assert not browser.has("#job-4")

    page.store.commands.hold(1, "wrong size")
    browser.run("[...document.querySelectorAll('.tabs a')].find((a) => a.text == 'Held').click()")
    browser.wait("#jobs .pages", "1 job in state held from modality ct1 since 2026-01-31 08:15 CET")
    browser.run("[...document.querySelectorAll('.filter a')][0].click()")
    browser.wait("#jobs .pages", "1 job held")
    assert not troubles(browser)
    browser.go(f"{page.url}/?since=soon")
    browser.wait("#jobs [role=alert]", "since: soon is not a time; use 30m, 2h or 2d")


def test_it_fits_a_phone(page: ServedPage, phone: Browser) -> None:
    """The form, too."""
    phone.go(f"{page.url}/?modality=CT1")
    phone.wait("#job-1", "CT1")
    phone.keep("filter-phone")
    assert phone.run("return document.documentElement.scrollWidth") <= 390
    assert not phone.complaints()


def test_a_list_shows_its_first_films(room: PrintRoom, browser: Browser) -> None:
    """To operators; small, two at a time so that commands have connections left, and again without
    another request when a row is drawn anew. No browser keeps one on a disk.
    """
    for gray in (40, 80, 120, 160, 200):
        room.print(gray)
    browser.go(room.url)
    shown = "return [...document.querySelectorAll('.thumb')].filter(i => i.naturalWidth).length"
    browser.wait_until(lambda: browser.run(shown) == 5)
    assert browser.run("return document.querySelector('#job-1 .thumb').offsetWidth") <= 40
    asked = browser.run(
        "return performance.getEntriesByType('resource').filter(e => e.name.endsWith('.png'))"
        ".map(e => [e.startTime, e.responseEnd])"
    )
    at_once = [sum(one <= began < end for one, end in asked) for began, _ in asked]
    assert (len(asked), max(at_once)) == (5, 2)

    room.broker("jobs", "reprint", "1")
    browser.wait("#job-6", "sent")
    room.broker("jobs", "reprint", "5")
    browser.wait("#job-7", "sent")
    browser.wait_until(lambda: browser.run(shown) == 7)
    browser.keep("thumbnails-desktop")
    assert not browser.complaints()
    assert not browser.troubles()
    answer = httpx.get(f"{room.url}/jobs/1/films/1.png")
    assert answer.headers["Cache-Control"] == "no-store"
