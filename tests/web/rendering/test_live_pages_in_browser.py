"""Job and printer pages follow what happens, and every live page says when it cannot."""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.rendering.test_rows_in_browser import queued

pytestmark = pytest.mark.timeout(240)
NOTICED_S = 10.0
PICTURES = """return performance.getEntriesByType('resource')
.filter((each) => each.name.includes('.png')).length"""


def test_the_page_of_a_job_follows_it(room: PrintRoom, browser: Browser) -> None:
    """Its state, buttons, films and attempts change on the open page; its pictures are fetched
    once, and what was unfolded stays so.
    """
    queued(room, 1)
    browser.go(f"{room.url}/jobs/1")
    browser.wait("h1", "queued")
    browser.picture(".film img")
    browser.run("document.querySelector('.film details').open = true")
    fetched = browser.run(PICTURES)
    assert fetched

    room.broker("jobs", "hold", "1", "-r", "wrong film")

    browser.wait("h1", "held")
    browser.wait("#job form button[value=release]", "Release")
    browser.wait("#commands", "hold")
    room.broker("jobs", "release", "1")
    room.broker("printers", "ready", "oki-1")
    browser.wait("h1", "sent")
    browser.wait("#film-1", "oki-1 accepted it")
    browser.wait("#attempts", "accepted")
    browser.wait("#job form button[value=reprint]", "Reprint")
    assert browser.run(PICTURES) == fetched
    assert browser.run("return document.querySelector('.film details').open")
    assert not browser.troubles()


def test_the_page_of_a_printer_follows_it(room: PrintRoom, browser: Browser) -> None:
    """Its row, its facts and the commands recorded for it."""
    browser.go(f"{room.url}/printers/oki-1")
    browser.wait("#printer-oki-1 .up", "up")
    room.broker("printers", "drain", "oki-1", "-r", "new drum")
    browser.wait("#printer-oki-1.off .drain", "drain")
    browser.wait("#printer", "new drum")
    browser.wait("#commands", "new drum")
    browser.wait("#printers button[value=ready]", "Ready")


@pytest.mark.parametrize("path", ["/", "/jobs/1", "/printers/oki-1"])
def test_a_page_that_stands_still_is_noticed(room: PrintRoom, browser: Browser, path: str) -> None:
    """The connection stays open and nothing comes: the page says so within 10 s, and takes it back
    when it goes on.
    """
    queued(room, 1)
    browser.go(room.url + path)
    browser.wait("#live[data-version]")
    room.broker("printers", "maint", "oki-1", "-r", "new drum")
    browser.wait("#live", "new drum" if path != "/jobs/1" else "waits")
    with room.frozen():
        began = time.monotonic()
        browser.wait("#lost", "Reconnecting")
        assert time.monotonic() - began <= NOTICED_S
        browser.run("scrollTo(0, document.body.scrollHeight)")
        box = "const { top, bottom } = document.getElementById('lost').getBoundingClientRect();"
        assert browser.run(f"{box} return top > 0 && bottom <= innerHeight")
    browser.wait_gone("#lost")


def test_many_open_pages_leave_room_for_another(room: PrintRoom, browser: Browser) -> None:
    """A browser has six connections to one server: a page that is not seen gives its own back, and
    is up to date when it is seen again.
    """
    queued(room, 1)
    browser.go(f"{room.url}/jobs/1")
    browser.wait("h1", "queued")
    for _ in range(8):
        browser.tab(f"{room.url}/jobs/1")
        browser.wait("h1", "queued")
    room.broker("jobs", "hold", "1")
    browser.wait("h1", "held")
    browser.tab_before()
    browser.wait("h1", "held")
    browser.wait_gone(".stale")


def test_a_network_that_is_gone_is_said_at_once(room: PrintRoom, browser: Browser) -> None:
    """The browser knows before the page can. The page says where to look; of a command that is
    given meanwhile it is said that it is not known, not that it was not done."""
    queued(room, 1)
    browser.in_zone("UTC")
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.network(works=False)
    began = time.monotonic()
    assert "look at this computer's network" in browser.wait("#lost", "Reconnecting")
    assert time.monotonic() - began < 3
    browser.click("#job-1", "Hold")
    told = browser.wait("#said .wrong", "it is not known whether the command was carried out")
    assert re.match(r"Not known \d\d:\d\d:\d\d UTC\n", told)
    browser.network(works=True)
    browser.wait_gone("#lost")


def test_a_printer_that_is_gone_ends_its_page(room: PrintRoom, browser: Browser) -> None:
    """A printer that left the configuration has no page any more: the open one says so."""
    browser.go(f"{room.url}/printers/oki-2")
    browser.wait("#printer-oki-2 .up", "up")
    told = room.config.read_text()
    before, _, rest = told.partition('[[printers]]\nname = "oki-2"')
    room.config.write_text(before + rest.partition("\n\n")[2])
    room.process.process.send_signal(signal.SIGHUP)
    browser.wait("h1", "Not there")
