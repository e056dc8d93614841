"""Both themes at both widths: contrast, targets, and the choice that is remembered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import broker.web
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.rendering.test_rows_in_browser import queued

pytestmark = pytest.mark.timeout(240)
PAPER = "return getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(244, 246, 248)", "rgb(18, 22, 27)"
WIDE = "return document.documentElement.scrollWidth - innerWidth"
SMALL = """const all = 'a, button, summary, select, input:not([type=hidden])';
return [...document.querySelectorAll(all)]
.filter((each) => each.checkVisibility() && !each.closest('p, .skip'))
.filter((each) => each.getBoundingClientRect().height < 44)
.map((each) => each.outerHTML)"""
FIRST = """new MutationObserver(() => {
  if (document.body && window.first === undefined) {
    window.first = document.documentElement.dataset.theme || 'system';
  }
}).observe(document, { childList: true, subtree: true });"""


def test_every_color_is_a_property() -> None:
    """A color stands in the first rule of the style sheet alone, once for each theme."""
    sheet = (Path(broker.web.__file__).parent / "static" / "page.css").read_text()
    rule, _, rest = sheet.partition("}")
    assert rule.count("light-dark(") > 20
    assert not re.findall(r"#[0-9a-fA-F]{3,8}\b|rgba?\(|hsla?\(", rest)


def all_tones(room: PrintRoom) -> None:
    """Rows of every color: a printer that is out, jobs that are held, cancelled and done."""
    room.print(200)
    room.process.wait_for("job sent")
    queued(room, 1, 2, 3)
    room.broker("jobs", "hold", "2", "-r", "wrong film size")
    room.broker("jobs", "cancel", "3")
    room.broker("printers", "ready", "oki-2")
    room.process.wait_for("job sent")
    room.broker("printers", "drain", "oki-1", "-r", "new drum")


@pytest.mark.parametrize("size", ["browser", "phone"])
def test_it_is_readable_in_both_themes(
    room: PrintRoom, size: str, request: pytest.FixtureRequest
) -> None:
    """The accessibility checker finds nothing on any page, with the dialog and with answers; at the
    width of a phone nothing is wider than the screen, and every target has 44 px.
    """
    window: Browser = request.getfixturevalue(size)
    all_tones(room)
    for scheme, duty, reason in (("dark", "Drain", "new drum"), ("light", "Ready", None)):
        window.prefer(scheme)
        for path in ("/", "/jobs/2", "/printers/oki-1", "/help", "/api"):
            window.go(room.url + path)
            window.wait("h1")
            assert window.run(PAPER) == (DARK if scheme == "dark" else LIGHT)
            window.keep(f"{path.strip('/').replace('/', '-') or 'overview'}-{size}-{scheme}")
            assert not window.complaints(), (path, scheme)
            if size == "phone" and path not in ("/help", "/api"):
                assert window.run(WIDE) <= 0, path
                assert not window.run(SMALL), path
                assert window.run("return document.querySelector('.top').offsetHeight") <= 100
        window.go(room.url)
        window.press("#printer-oki-2", duty, answer=reason)
        window.wait("#said .toast", "oki-2")
        window.click("#printer-oki-1", "Test film")
        window.wait("#confirm[open]")
        window.keep(f"dialog-{size}-{scheme}")
        assert not window.complaints(), scheme
        if size == "phone":
            assert window.run(WIDE) <= 0
            assert not window.run(SMALL)
        assert not window.troubles()


def test_the_theme_is_chosen_and_remembered(room: PrintRoom, browser: Browser) -> None:
    """The system's theme until another is chosen; the choice holds on every page, and before
    anything is drawn.
    """
    browser.first(FIRST)
    browser.prefer("dark")
    browser.go(room.url)
    assert browser.run(PAPER) == DARK
    assert browser.run("return window.first") == "system"
    browser.choose("#theme", "light")
    assert browser.run(PAPER) == LIGHT
    browser.go(f"{room.url}/help")
    assert browser.run("return window.first") == "light"
    assert browser.run(PAPER) == LIGHT
    browser.prefer("light")
    browser.choose("#theme", "dark")
    browser.reload()
    assert browser.run(PAPER) == DARK
    browser.choose("#theme", "system")
    assert browser.run(PAPER) == LIGHT
    assert not browser.troubles()
