"""What an operator sees first on a phone, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.broker_process import command
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.rendering.test_rows_in_browser import queued

pytestmark = pytest.mark.timeout(240)
HEIGHT = "return document.querySelector(arguments[0]).offsetHeight"
TOP = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
BOTTOM = "return document.querySelector(arguments[0]).getBoundingClientRect().bottom"
WIDE = "return document.documentElement.scrollWidth - innerWidth"
LINES = """const figures = "#job-1 :is([data-label=Films], [data-label=Copies])";
const cells = [...document.querySelectorAll(figures)];
return cells.map((each) => {
  const words = document.createRange();
  words.selectNodeContents(document.createTreeWalker(each, NodeFilter.SHOW_TEXT).nextNode());
  return Math.round(words.getBoundingClientRect().bottom);
})"""
BESIDE = """return ['.tick', '.queued'].map((each) => document.querySelector(`#job-1 ${each}`))
.map((each) => each.getBoundingClientRect()).map((each) => (each.top + each.bottom) / 2)"""
PASSWORD = "correct horse battery"
LONGEST = "otto.von.der.nachtschicht.radiologie.erdgeschoss.haus.eins"


def order(phone: Browser, row: str, *parts: str) -> bool:
    """Whether these parts of a row stand below each other, or side by side, in this order."""
    tops = [phone.run(TOP, f"{row} {each}") for each in parts]
    return tops == sorted(tops)


def test_cause_and_remedy_come_before_figures(room: PrintRoom, phone: Browser) -> None:
    """In the card of a printer that is down, and of a job that is held: name and state, then why
    and what to do, then the rest; a printer's figures take two lines."""
    queued(room, 1)
    room.broker("printers", "ready", "oki-1")
    room.process.wait_for("job sent")
    room.printers["oki-1"].die()
    room.print(20)
    room.broker("jobs", "hold", "2", "-r", "wrong film size")
    phone.go(room.url)
    phone.wait("#printer-oki-1 .down", "down")
    phone.wait("#job-2 .held", "held")
    figures = ("[data-label=Load]", "[data-label='Last check']", "[data-label=Commands]")
    assert order(phone, "#printer-oki-1", "th", "[data-label=Health]", ".remedy", *figures)
    words, buttons = "#printer-oki-1 .why", "#printer-oki-1 [data-label=Commands]"
    assert 0 <= phone.run(TOP, buttons) - phone.run(BOTTOM, f"{words} td") < 80
    jobs = ("[data-label=Modality]", "[data-label=Age]", "[data-label=Commands]")
    assert order(phone, "#job-2", "th", "[data-label=State]", ".remedy", *jobs)
    phone.keep("trouble-phone")
    assert phone.run(WIDE) <= 0
    assert not phone.complaints()
    phone.prefer("dark")
    phone.keep("trouble-phone-dark")
    assert not phone.complaints()


def test_what_stands_beside_each_other_is_on_one_line(room: PrintRoom, phone: Browser) -> None:
    """In a job's card its number and its state, and its figures, also beside a picture."""
    queued(room, 1)
    phone.go(room.url)
    phone.wait("#job-1", "queued")
    films, copies = phone.run(LINES)
    assert films == copies
    number, state = phone.run(BESIDE)
    assert abs(number - state) < 10


def test_no_command_stands_outside_the_window(room: PrintRoom, tmp_path: Path) -> None:
    """Where the window is narrower than a desk and wider than a phone."""
    queued(room, 1)
    for width in (780, 900, 1000):
        with Browser(tmp_path / str(width), (width, 900)) as window:
            window.go(room.url)
            window.wait("#job-1", "queued")
            assert window.run(WIDE) <= 0, width


@pytest.mark.parametrize("name", ["ruth", LONGEST])
def test_the_head_takes_two_rows_at_most(room: PrintRoom, phone: Browser, name: str) -> None:
    """With who is signed in, and with the button to sign out, however long the name is."""
    options = (name, "--role", "operator", "--password-stdin")
    done = command("user", "add", *options, config=room.config, given=f"{PASSWORD}\n")
    assert done.returncode == 0, done.stderr
    phone.go(f"{room.url}/sign-in")
    phone.fill("[name=name]", name)
    phone.fill("[name=password]", PASSWORD)
    phone.click("main", "Sign in")
    assert name in phone.wait(".top .who", name)
    phone.keep("head-phone")
    assert phone.run(HEIGHT, ".top") <= 100
    assert phone.run(WIDE) <= 0
    assert not phone.complaints()
    phone.click(".top", "Sign out")
    phone.wait("h1", "Sign in")


@pytest.mark.parametrize("size", ["browser", "phone"])
def test_a_lost_connection_covers_neither_head_nor_heading(
    room: PrintRoom, size: str, request: pytest.FixtureRequest
) -> None:
    """It is said where it can be seen wherever the page stands, and moves no row; what may be of
    the past is still easy to read."""
    window: Browser = request.getfixturevalue(size)
    queued(room, 1)
    window.go(room.url)
    window.wait("#job-1", "queued")
    before = window.run(TOP, "#printers")
    window.network(works=False)
    window.wait("#lost", "Reconnecting")
    window.keep(f"lost-{size}")
    assert not window.complaints()
    assert window.run(TOP, "#printers") == before
    seen = "return innerHeight"
    for place in ("0", "document.body.scrollHeight"):
        window.run(f"scrollTo(0, {place})")
        assert 0 <= window.run(TOP, "#lost") < window.run(BOTTOM, "#lost") <= window.run(seen)
    window.run("scrollTo(0, 0)")
    assert window.run(TOP, "#lost") > window.run(BOTTOM, "#whole")
    assert window.run(WIDE) <= 0
    window.network(works=True)
    window.wait_gone("#lost")
