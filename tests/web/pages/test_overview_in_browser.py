"""The System Overview in a real browser, over a real broker with two emulated printers."""

from __future__ import annotations

import os
import re
import signal

import pytest
from selenium.webdriver.common.keys import Keys

from tests.web.browser import Browser
from tests.web.print_room import PATIENT, PrintRoom

pytestmark = pytest.mark.timeout(240)
NAMES = """return [...document.querySelectorAll('#printers button, #jobs button, .several button')]
.map((each) => [each.textContent.trim(), each.getAttribute('aria-label')])"""


def drained(room: PrintRoom) -> None:
    """Nothing prints until a test releases it."""
    for name in room.printers:
        room.broker("printers", "drain", name)


def test_a_film_appears_by_itself(room: PrintRoom, browser: Browser) -> None:
    """What a modality prints stands on the open page a moment later, with its printer, and nothing
    of the patient does.
    """
    browser.go(room.url)
    browser.wait("#printer-oki-1 .up", "up")
    assert "No jobs here" in browser.text("#jobs")

    room.print(40, 200)

    assert "CT1" in browser.wait("#job-1", "sent")
    assert "1/1" in browser.text("#job-1")
    assert PATIENT not in browser.run("return document.documentElement.outerHTML")
    browser.keep("overview-desktop")
    assert not browser.complaints()
    assert not browser.troubles()


def test_a_printer_is_drained_halted_and_ready_again(room: PrintRoom, browser: Browser) -> None:
    """Each button asks why, says what it means, shows at once, and is recorded with who did it."""
    browser.go(room.url)
    browser.press("#printer-oki-1", "Drain", answer="new drum")
    assert "oki-1 drains" in browser.wait("#said", "oki-1")
    assert "new drum" in browser.wait("#printer-oki-1", "drain for")
    browser.press("#printer-oki-1", "Halt", answer="technician")
    browser.wait("#printer-oki-1 .maint", "maint")
    browser.press("#printer-oki-1", "Ready")
    browser.wait("#printer-oki-1 .ready", "ready")

    browser.go(f"{room.url}/printers/oki-1")
    told = browser.wait("table[aria-label='Commands']", "new drum")
    assert "local" in told
    assert told.index("ready") < told.index("maint") < told.index("drain")
    assert '"duty": "ready"' in room.broker("printers", "--json")
    browser.keep("printer-desktop")
    assert not browser.complaints()


def test_a_job_is_held_released_and_printed_again(room: PrintRoom, browser: Browser) -> None:
    """The buttons are those that its state allows, and do what the commands do."""
    drained(room)
    room.print(40)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.press("#job-1", "Hold", answer=None)
    browser.wait("#job-1", "held by the operator")
    told = browser.text(".broker")
    assert re.search(r"Jobs waiting\s+0\s.*Held\s+1 waits for a person", told, re.DOTALL)
    assert "/?state=held" in browser.run("return document.querySelector('.broker .held').href")
    browser.keep("held-desktop")
    browser.press("#job-1", "Release", answer="")
    browser.wait("#job-1 .queued", "queued")
    assert re.search(r"Jobs waiting\s+1\s.*Held\s+0\b", browser.text(".broker"), re.DOTALL)
    room.broker("printers", "ready", "oki-1")
    browser.wait("#job-1 .sent", "sent")

    browser.press("#job-1", "Reprint", answer="")

    assert "reprint of job 1" in browser.wait("#job-2", "sent")
    assert len(room.printers["oki-1"].sheets) == 2
    assert [each["state"] for each in room.jobs()] == ["sent", "sent"]


def test_a_job_is_moved_made_urgent_and_cancelled(room: PrintRoom, browser: Browser) -> None:
    """What needs a choice is behind `More`; cancelling asks first."""
    drained(room)
    room.print(40)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.run("document.querySelector('#job-1 details').open = true")
    browser.run("document.querySelector('#job-1 select[name=printer]').value = 'oki-2'")
    browser.press("#job-1", "Move")
    browser.wait("#job-1", "for oki-2 only")
    browser.run("document.querySelector('#job-1 details').open = true")
    browser.run("document.querySelector('#job-1 select[name=priority]').value = 'HIGH'")
    browser.press("#job-1", "Set priority")
    browser.wait("#job-1 [data-label=Priority]", "HIGH")
    browser.press("#job-1", "Cancel", answer="")
    browser.wait("#job-1 .cancelled", "cancelled")
    (job,) = room.jobs()
    assert (job["state"], job["pinned"], job["priority"]) == ("cancelled", "oki-2", "HIGH")


def test_a_refused_order_says_why(room: PrintRoom, browser: Browser) -> None:
    """A row that another person has changed meanwhile: the store decides, and says what to do."""
    drained(room)
    room.print(40)
    browser.go(f"{room.url}/jobs/1")
    browser.click("form.commands", "Cancel")
    room.broker("jobs", "cancel", "1")
    browser.answer()
    assert "it is cancelled" in browser.wait("#said .wrong", "cancelled")


def test_a_lost_connection_is_said_and_mended(room: PrintRoom, browser: Browser) -> None:
    """While the page's process is gone, the page says that it is old; then it is right again. The
    relay takes films all the while.
    """
    browser.go(room.url)
    browser.wait("#printer-oki-1 .up", "up")
    room.broker("printers", "drain", "oki-2", "-r", "new drum")
    browser.wait("#printer-oki-2", "new drum")  # so the page follows events before they end
    (page,) = room.page_processes()
    os.kill(page, signal.SIGKILL)
    browser.wait("#lost", "Reconnecting")
    browser.keep("lost-desktop")

    room.print(40)

    browser.wait("#job-1", "sent")
    browser.wait_gone("#lost")


def test_it_works_on_a_phone(room: PrintRoom, phone: Browser) -> None:
    """Nothing is wider than the screen, and what can be pressed is large enough."""
    room.print(40)
    phone.go(room.url)
    phone.wait("#job-1", "sent")
    phone.keep("overview-phone")
    assert phone.run("return document.documentElement.scrollWidth") <= 390
    heights = phone.run(
        "return [...document.querySelectorAll('main button')].filter(b => b.offsetHeight)"
        ".map(b => b.offsetHeight)"
    )
    assert heights
    assert min(heights) >= 40
    assert not phone.complaints()
    phone.go(f"{room.url}/jobs/1")
    phone.wait(".film img")
    phone.keep("job-phone")
    assert phone.run("return document.documentElement.scrollWidth") <= 390
    assert not phone.complaints()


def test_it_works_by_keyboard(room: PrintRoom, browser: Browser) -> None:
    """The first key leads past the navigation, and a focused button stays focused while the rows
    around it change.
    """
    browser.go(room.url)
    browser.wait("#printer-oki-1 .up", "up")
    browser.keys(Keys.TAB)
    assert browser.focused == "Skip to content"
    browser.keys(Keys.TAB)
    assert browser.focused == "Skip to jobs"
    browser.keys(Keys.ENTER)
    assert browser.focused == "Jobs"
    browser.run("document.querySelector('#printer-oki-1 button[value=test-print]').focus()")
    room.print(40)
    browser.wait("#job-1", "sent")
    assert browser.focused == "Test film"


def test_no_two_buttons_sound_alike(room: PrintRoom, browser: Browser) -> None:
    """A screen reader lists them without their rows: each is named with what it is for, after the
    words that are shown."""
    drained(room)
    for gray in (40, 50):
        room.print(gray)
    room.broker("jobs", "hold", "2")
    browser.go(room.url)
    browser.wait("#job-2", "held")
    found = browser.run(NAMES)
    assert len({name for _, name in found}) == len(found) > 20
    assert all(name.startswith(f"{words} for ") for words, name in found)
    heads = browser.run(
        "return [...document.querySelectorAll('[data-ticks]')].map((each) => each.ariaLabel)"
    )
    assert heads == ["Tick all printers shown", "Tick all jobs shown"]


def test_a_list_that_was_asked_for_is_in_sight(room: PrintRoom, phone: Browser) -> None:
    """On a phone the page that comes begins at the jobs, as nothing would seem to have happened."""
    drained(room)
    for gray in range(6):
        room.print(40 + gray)
    room.broker("jobs", "hold", "1")
    phone.go(room.url)
    phone.wait("#job-1", "held")
    top = "return document.getElementById('job-list').getBoundingClientRect().top"
    for link in (".broker .held", ".tabs a:nth-child(2)", "#job-2 [data-label=Modality] a"):
        assert phone.run("return scrollY") == 0
        phone.run("document.querySelector(arguments[0]).click()", link)
        phone.wait_until(lambda: 0 <= phone.run(top) < 60)
        phone.go(f"{room.url}/?state=all")
        phone.wait("#job-2", "queued")
