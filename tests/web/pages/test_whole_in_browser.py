"""The state of the whole on the open page, and what to do beside each row, in a real browser."""

from __future__ import annotations

import os
import re
import signal

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web.browser import Browser
from tests.web.print_room import PrintRoom

pytestmark = pytest.mark.timeout(240)
COMMAND = re.compile(r"\bbroker (?:jobs|printers|serve|check|config|db|purge|restore|spool|user)\b")


def conditions(room: PrintRoom) -> dict[str, float]:
    """The metric of the state of the whole, by state."""
    text = httpx.get(f"{room.url}/metrics", timeout=30).text
    return {
        each.labels["condition"]: each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == "dicom_print_broker_condition"
    }


def test_the_page_shouts_when_nothing_prints_and_says_what_to_do(
    room: PrintRoom, browser: Browser
) -> None:
    """One printer is out, the other dies: the sentence at the top becomes red by itself, with since
    when, and with what to do in the words of the page; the API and the metric say the same; and it
    is green again when the printer is back."""
    browser.go(room.url)
    browser.wait("#whole.printing", "all 2 printers take films")
    room.broker("printers", "drain", "oki-2", "-r", "new drum")
    browser.wait("#whole.slower", "1 of 2 printers takes films; oki-2 is in drain")
    room.printers["oki-1"].die()
    said = browser.wait("#whole.kept", "NOTHING PRINTS")
    assert "oki-1 is down, oki-2 is in drain; films are kept" in said
    assert "“Ready” at oki-2 puts it back in service." in said
    assert browser.wait("#printer-oki-1 .remedy", "oki-1")
    assert not COMMAND.search(browser.text())
    room.print(40)
    browser.wait("#whole.kept", "1 job waits")
    browser.keep("nothing-prints-desktop")

    document = httpx.get(f"{room.url}/api/broker", timeout=30).json()
    assert document["condition"] == "nothing prints"
    assert document["sentence"].startswith("NOTHING PRINTS since ")
    assert "`broker printers ready oki-2`" in document["remedy"]
    assert document["nothing_prints_since"].endswith("Z")
    assert (document["printers_taking_films"], document["printers"]) == (0, 2)
    assert document["alarms"][0].startswith("NOTHING PRINTS")
    figures = conditions(room)
    assert figures["nothing prints"] == 1
    assert sum(figures.values()) == 1

    room.printers["oki-1"].revive()
    browser.wait("#job-1 .sent", "sent")
    browser.wait("#whole.slower", "1 of 2 printers takes films")
    room.broker("printers", "ready", "oki-2")
    browser.wait("#whole.printing", "all 2 printers take films")
    assert not browser.complaints()
    assert not browser.troubles()


def test_the_last_printer_is_named_before_it_is_drained(room: PrintRoom, browser: Browser) -> None:
    """In the question itself; not while another one takes films."""
    browser.go(room.url)
    browser.wait("#whole.printing", "all 2")
    asked = "return document.querySelector('#printer-oki-1 button[value=drain]').dataset.reason"
    assert "last printer" not in browser.run(asked)
    room.broker("printers", "halt", "oki-2")
    browser.wait("#whole.slower", "1 of 2")
    assert "oki-1 is the last printer that takes films (oki-2 is in maint): NOTHING PRINTS" in (
        browser.run(asked)
    )
    browser.press("#printer-oki-1", "Drain", answer="fire drill")
    browser.wait("#whole.kept", "NOTHING PRINTS")


def test_a_held_job_says_what_to_press(room: PrintRoom, browser: Browser) -> None:
    """In its row and on its page, and nowhere what to type: not in an answer that refuses a
    command, either."""
    for name in room.printers:
        room.broker("printers", "drain", name)
    room.print(40)
    room.broker("jobs", "hold", "1")
    browser.go(room.url)
    remedy = browser.wait("#job-1 .remedy", "Ask the person who held it")
    assert "“Release” prints what is left" in remedy
    browser.go(f"{room.url}/jobs/1")
    assert "“Release” prints what is left" in browser.wait("main", "Why")
    assert not COMMAND.search(browser.text())
    browser.click("form.commands", "Release")
    room.broker("jobs", "cancel", "1")
    browser.answer()
    said = browser.wait("#said .wrong", "cancelled")
    assert not COMMAND.search(said)


def test_it_fits_a_phone(room: PrintRoom, phone: Browser) -> None:
    """The sentence is the first thing on the screen, and nothing is wider than it."""
    for name in room.printers:
        room.broker("printers", "halt", name)
    phone.go(room.url)
    phone.wait("#whole.kept", "NOTHING PRINTS")
    phone.keep("nothing-prints-phone")
    assert phone.run("return document.documentElement.scrollWidth") <= 390
    assert phone.run("return document.getElementById('whole').getBoundingClientRect().top") < 300
    assert not phone.complaints()


def test_a_broker_that_hangs_is_not_called_running(room: PrintRoom, browser: Browser) -> None:
    """While films are refused as it gives no sign of life, that stands beside its name, in red."""
    browser.go(room.url)
    browser.wait(".broker .running", "running")
    relay = room.process.process.pid
    os.kill(relay, signal.SIGSTOP)
    try:
        browser.wait("#whole.refused", "no sign of life")
        browser.wait(".broker .silent", "no sign of life")
        assert not browser.has(".broker .running")
        assert not browser.complaints()
    finally:
        os.kill(relay, signal.SIGCONT)
    browser.wait(".broker .running", "running")
