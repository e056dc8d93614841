"""What is under a pointer, a finger or the focus keeps its place, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from selenium.webdriver.common.keys import Keys

from tests.web.browser import Browser
from tests.web.print_room import PrintRoom

pytestmark = pytest.mark.timeout(240)
PLACES = """const each = [...document.querySelectorAll('#jobs tbody button, #jobs summary')];
return each.map((e) => e.getBoundingClientRect()).flatMap((e) => [e.x, e.y, e.width, e.height])"""

SHOWN_PLACES = """const shown = '#jobs :is(tbody, td, summary)';
const each = [...document.querySelectorAll(shown)];
return each.map((e) => e.getBoundingClientRect()).flatMap((e) => [e.x, e.y, e.width, e.height])"""
FILM_LINES = """const each = [...document.querySelectorAll('#jobs .one-line')];
return each.map((e) => e.getClientRects().length)"""
LATER = """const now = performance.now.bind(performance);
performance.now = () => now() + (window.later || 0);"""


def queued(room: PrintRoom, *numbers: int) -> None:
    """Jobs that wait, as every printer drains."""
    for name in room.printers:
        room.broker("printers", "drain", name)
    for number in numbers:
        room.print(10 * number)


def ids(browser: Browser) -> Sequence[str]:
    """The rows of the jobs, from the top."""
    found = browser.run("return [...document.querySelectorAll('#jobs tbody')].map((e) => e.id)")
    return list(found)


def stands(browser: Browser, places: Sequence[float]) -> bool:
    """Whether every button is where it was; a window scrolls by whole pixels."""
    now = browser.run(PLACES)
    return len(now) == len(places) and all(
        abs(one - other) < 1 for one, other in zip(now, places, strict=True)
    )


def test_rows_wait_for_the_pointer_to_leave(room: PrintRoom, browser: Browser) -> None:
    """While the pointer is on the jobs a new one waits, one that would move to the top stays and
    says its new state, and no button moves; all is shown when the pointer leaves.
    """
    queued(room, 1, 2)
    browser.go(room.url)
    browser.wait("#job-2", "queued")
    browser.hover("#job-1 button[value=cancel]")
    browser.wait("html.holding")
    places = browser.run(PLACES)

    room.broker("jobs", "hold", "2")
    browser.wait("#job-2 .held", "held")
    browser.wait("#waiting", "1 change waits")
    room.print(30)

    assert "pointer leaves" in browser.wait("#waiting", "2 changes wait")
    assert ids(browser) == ["job-1", "job-2"]
    assert stands(browser, places)
    browser.keep("waiting-desktop")
    assert not browser.complaints()

    browser.rest()
    browser.wait_gone("#waiting")
    browser.wait("#job-3", "queued")
    assert ids(browser) == ["job-2", "job-1", "job-3"]


def test_what_grows_above_moves_nothing_under_the_pointer(
    room: PrintRoom, browser: Browser
) -> None:
    """A printer's new words, and a new alarm, stand above the jobs; the jobs stay where they are in
    the window.
    """
    queued(room, 1)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.hover("#job-1 button[value=cancel]")
    browser.wait("html.holding")
    places = browser.run(PLACES)
    height = browser.run("return document.getElementById('printers').offsetHeight")

    for number in range(2, 6):
        room.broker("printers", "maint", "oki-1", "-r", f"{number} new drums " * 9 * number)
        browser.wait("#printer-oki-1", f"{number} new drums")
        assert browser.run("return document.getElementById('printers').offsetHeight") > height
        assert stands(browser, places)
    room.broker("printers", "drain", "oki-1")
    browser.wait("#printer-oki-1 .drain", "drain")
    assert stands(browser, places)


def test_a_state_under_the_pointer_says_since_when(room: PrintRoom, browser: Browser) -> None:
    """Where the rest of a printer's row waits, its new health is told with its duration."""
    browser.go(room.url)
    browser.wait("#printer-oki-1 .up", "up")
    browser.hover("#printer-oki-1 button[value=test-print]")
    browser.wait("html.holding")
    room.printers["oki-1"].die()
    browser.wait("#printer-oki-1 .down", "down")
    browser.wait("#waiting", "wait")
    assert re.search(r"for \d+s$", browser.text("#printer-oki-1 [data-label=Health]"))


def test_what_opens_in_a_row_moves_no_other(room: PrintRoom, browser: Browser) -> None:
    """It lies over the rows below until the next press elsewhere."""
    queued(room, 1, 2, 3)
    browser.go(room.url)
    browser.wait("#job-3", "queued")
    browser.hover("#job-1 summary")
    browser.wait("html.holding")
    places = browser.run(SHOWN_PLACES)
    assert len(set(browser.run(FILM_LINES))) == 1

    browser.press_at("#job-1 summary")

    browser.wait("#job-1 .more", "Priority")
    assert browser.run(SHOWN_PLACES) == places
    browser.keep("more-desktop")
    assert not browser.complaints()
    browser.press_at("#job-3 [data-label=Modality] small, #job-3 [data-label=Copies]")
    browser.wait_gone("#job-1 .more")


def test_a_row_that_leaves_its_list_stays_marked(room: PrintRoom, browser: Browser) -> None:
    """It cannot be pressed any more, and goes when the pointer does."""
    queued(room, 1, 2)
    browser.go(f"{room.url}/?state=queued")
    browser.wait("#job-1", "queued")
    browser.hover("#job-2 button[value=cancel]")
    browser.wait("html.holding")

    room.broker("jobs", "hold", "1")

    browser.wait("#job-1.gone")
    assert ids(browser) == ["job-1", "job-2"]
    assert browser.run(
        "return [...document.querySelectorAll('#job-1 button')]"
        ".every((each) => each.getAttribute('aria-disabled') === 'true')"
    )
    browser.keep("gone-desktop")
    room.broker("jobs", "release", "1")
    browser.wait("#job-1:not(.gone) button:not([aria-disabled])", "Hold")
    room.broker("jobs", "hold", "1")
    browser.wait("#job-1.gone")
    browser.rest()
    browser.wait_gone("#job-1")
    assert ids(browser) == ["job-2"]


def test_rows_wait_for_the_focus_to_leave(room: PrintRoom, browser: Browser) -> None:
    """A person at the keyboard, or with a screen reader, is told once that changes wait, and shows
    them with Escape; the focus stays on its button.
    """
    queued(room, 1)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.keys(Keys.TAB)
    browser.run("document.querySelector('#job-1 button[value=hold]').focus()")
    browser.wait("html.holding")

    room.print(20)

    assert "Escape" in browser.wait("#waiting", "1 change waits")
    assert "1 change waits" in browser.run(
        "return document.getElementById('announced').textContent"
    )
    assert ids(browser) == ["job-1"]
    browser.keys(Keys.ESCAPE)
    browser.wait("#job-2", "queued")
    assert browser.focused == "Hold"


def test_rows_wait_for_a_finger(room: PrintRoom, phone: Browser) -> None:
    """For two seconds after the last touch; then they show by themselves."""
    queued(room, 1)
    phone.go(room.url)
    phone.wait("#job-1", "queued")
    phone.run("document.getElementById('job-1').scrollIntoView()")
    with phone.finger("#job-1 [data-label=Modality]"):
        phone.wait("html.holding")
        room.print(20)
        phone.wait("#waiting", "1 change waits")
        assert ids(phone) == ["job-1"]
    phone.wait("#job-2", "queued")
    phone.wait_gone("#waiting")


def test_a_pointer_that_was_left_there_keeps_nothing(room: PrintRoom, browser: Browser) -> None:
    """After a minute without a move the page is up to date again; a press just after the rows have
    moved was meant for what stood there before, and sends nothing.
    """
    queued(room, 1)
    browser.first(LATER)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.hover("#job-1 button[value=hold]")
    browser.wait("html.holding")
    room.broker("jobs", "hold", "1")
    browser.wait("#waiting", "1 change waits")

    browser.run("window.later = 60000")

    browser.wait("#job-1 button[value=release]", "Release")
    browser.run(
        "document.querySelector('#job-1 form').requestSubmit"
        "(document.querySelector('#job-1 button[value=release]'))"
    )
    browser.wait("#said .wrong", "The rows have just moved: nothing was sent.")
    assert [each["state"] for each in room.jobs()] == ["held"]


def test_a_double_click_is_one_command(room: PrintRoom, browser: Browser) -> None:
    """The second press of a double click sends nothing, and answers no dialog."""
    queued(room, 1)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.double_click("#job-1 button[value=hold]")
    browser.wait("#said", "job 1")
    browser.rest()
    browser.wait("#job-1 .held", "held")
    sent = (
        "return performance.getEntriesByType('resource')"
        ".filter((each) => each.name.endsWith('/commands')).length"
    )
    assert browser.run(sent) == 1

    browser.double_click("#printer-oki-1 button[value=test-print]")

    browser.wait("#confirm[open]", "Print a test film on oki-1?")
    assert browser.run("return String(getSelection())") == ""
    browser.wait_pressable()
    browser.double_click("#confirm-words")
    assert browser.run("return String(getSelection())") != ""
    assert browser.run(sent) == 1
    browser.answer()
    browser.wait("#said", "one A4 test film")
    assert browser.run(sent) == 2
    assert [each["id"] for each in room.jobs()] == [1, 2]
