"""Help on the page: the manual that `broker help` prints."""

from __future__ import annotations

import re

import httpx
import pytest
from markdown_it import MarkdownIt

from broker.operations.words.manual import TOPICS, topics
from broker.web.pages.help_page import body
from tests.peers.broker_process import command
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom

PASSWORD = "correct horse"
pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("name", TOPICS)
def test_a_topic_is_html_without_dead_links(name: str) -> None:
    """Links between topics lead to `/help/TOPIC`; nothing is loaded from elsewhere."""
    html = str(body(name))
    links = re.findall(r'<a href="([^"]+)"', html)
    assert set(links) <= {f"/help/{each}" for each in TOPICS}
    assert ".md" not in "".join(links)
    assert not re.findall(r"\bsrc=|<script|<img", html)
    assert html.count("<table") == html.count("</table></div>")


def test_html_in_the_manual_is_text() -> None:
    """Raw HTML is off, as on the page."""
    assert "&lt;b&gt;" in MarkdownIt("commonmark", {"html": False}).render("<b>x</b>")
    assert "<b>" not in "".join(str(body(name)) for name in TOPICS)


def test_every_page_leads_to_help(room: PrintRoom, browser: Browser) -> None:
    """From its head to the list, from there to a topic, and on to the next one."""
    browser.go(room.url)
    browser.run("document.querySelector('nav a[href=\"/help\"]').click()")
    assert all(each.title in browser.wait("#content", each.title) for each in topics())
    assert not browser.complaints()
    browser.run("document.querySelector('a[href=\"/help/when-something-fails\"]').click()")
    assert "uncertain" in browser.wait("article", "When something fails")
    browser.keep("help-desktop")
    assert not browser.complaints()
    assert not browser.troubles()


def test_a_topic_is_readable_on_a_phone(room: PrintRoom, phone: Browser) -> None:
    """Only tables scroll to the side."""
    phone.go(f"{room.url}/help/when-something-fails")
    phone.wait("article", "When something fails")
    width = phone.run("return document.documentElement.scrollWidth")
    phone.keep("help-phone")
    assert width <= 390
    assert not phone.complaints()


def test_help_needs_the_sign_in_of_other_pages(room: PrintRoom) -> None:
    """An unknown topic is 404; with users a person signs in first."""
    with httpx.Client(base_url=room.url, timeout=30) as page:
        assert page.get("/help").status_code == 200
        missing = page.get("/help/fax")
        assert (missing.status_code, "there is no such topic" in missing.text) == (404, True)
        assert page.get("/help/..%2Flimits").status_code == 404
        made = command(
            "user", "add", "ruth", "--password-stdin", config=room.config, given=f"{PASSWORD}\n"
        )
        assert made.returncode == 0, made.stderr
        answer = page.get("/help/limits", headers={"Accept": "text/html"})
        assert (answer.status_code, "/sign-in" in answer.headers["location"]) == (303, True)
        signed_in = page.get("/help/limits", auth=("ruth", PASSWORD))
        assert (signed_in.status_code, "Grayscale only" in signed_in.text) == (200, True)
