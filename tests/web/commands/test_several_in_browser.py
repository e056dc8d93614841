"""Several rows are ticked and get one command, in a real browser."""

from __future__ import annotations

import pytest

from tests.web.browser import Browser
from tests.web.print_room import PrintRoom


def drained(room: PrintRoom, films: int) -> None:
    """So many jobs that wait."""
    for name in room.printers:
        room.broker("printers", "drain", name)
    for gray in range(films):
        room.print(40 + gray)


def tick(browser: Browser, *selectors: str) -> None:
    """As a person does."""
    for each in selectors:
        browser.run(f"document.querySelector('{each}').click()")


def states(room: PrintRoom) -> list[str]:
    """Of all jobs, by number."""
    return [str(each["state"]) for each in room.jobs()]


@pytest.mark.parametrize("device", ["browser", "phone"])
def test_ticked_jobs_get_one_command(
    room: PrintRoom, device: str, request: pytest.FixtureRequest
) -> None:
    """The bar comes with the first tick and moves no row; what was refused is told beside what was
    done, with the version that was seen when the row was ticked."""
    browser: Browser = request.getfixturevalue(device)
    drained(room, 3)
    browser.go(room.url)
    browser.wait("#job-3 .queued", "queued")
    assert not browser.run("return document.getElementById('several-jobs').checkVisibility()")
    where = "return document.getElementById('job-1').getBoundingClientRect().top"
    before = browser.run(where)
    tick(browser, "#job-1 .tick", "#job-2 .tick", "#job-3 .tick")
    assert browser.run("return document.getElementById('several-jobs').checkVisibility()")
    assert browser.run(where) == before
    room.broker("jobs", "hold", "2")
    browser.wait("#job-2 .held", "held")
    browser.keep(f"several-{device}")
    assert not browser.complaints()
    browser.click("#several-jobs", "Cancel")
    assert "Cancel 3 jobs (CT1 3): 3 films?" in browser.wait("#confirm[open]", "Cancel 3 jobs")
    browser.answer()
    said = browser.wait("#said .wrong", "2 of 3 jobs done")
    assert "job 2 has changed since you looked" in said
    assert states(room) == ["cancelled", "held", "cancelled"]
    assert not browser.run("return document.querySelectorAll('.tick:checked').length")


def test_all_rows_are_ticked_by_one_box(room: PrintRoom, browser: Browser) -> None:
    """That of the heading."""
    drained(room, 2)
    browser.go(room.url)
    browser.wait("#job-2 .queued", "queued")
    tick(browser, "[data-ticks=job]")
    browser.click("#several-jobs", "Hold")
    browser.answer()
    browser.wait("#said", "hold: 2 of 2 jobs done")
    assert states(room) == ["held", "held"]


def test_all_that_match_are_asked_about_on_a_page(room: PrintRoom, browser: Browser) -> None:
    """Also those that are not shown: which they are is decided when the person asks."""
    drained(room, 3)
    room.broker("jobs", "hold", "1")
    browser.go(f"{room.url}/?state=queued")
    browser.wait("#job-3 .queued", "queued")
    browser.run("document.querySelector('#several-jobs details').open = true")
    tick(browser, "#several-jobs [name=matching]")
    browser.click("#several-jobs", "Cancel")
    browser.wait("main", "Cancel 2 jobs (CT1 2): 2 films?")
    browser.click("main", "Yes, do it")
    browser.wait("main", "Cancel: 2 of 2 jobs done")
    assert states(room) == ["held", "cancelled", "cancelled"]


def test_ticked_printers_get_one_command(room: PrintRoom, browser: Browser) -> None:
    """With one reason for all."""
    browser.go(room.url)
    tick(browser, "#printer-oki-1 .tick", "#printer-oki-2 .tick")
    browser.click("#several-printers", "Drain")
    browser.answer("moving house")
    browser.wait("#printer-oki-2 .drain", "drain")
    assert room.broker("printers").count("moving house") == 2
