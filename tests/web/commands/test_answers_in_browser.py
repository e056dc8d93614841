"""The dialog before a command and the answer after it, in a real browser."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.web.browser import Browser
from tests.web.print_room import PrintRoom
from tests.web.rendering.test_rows_in_browser import queued

pytestmark = pytest.mark.timeout(240)
IN_VIEW = """const { top, bottom } = document.querySelector('.toast').getBoundingClientRect();
return top >= 0 && bottom <= innerHeight"""
RECORD = """window.bodies = [];
const sent = window.fetch;
window.fetch = (address, init) => {
  window.bodies.push(String(init.body));
  return sent(address, init);
};"""


def test_answers_stay_until_they_are_closed(room: PrintRoom, browser: Browser) -> None:
    """Several stand in view wherever the page is scrolled, also after it was loaded again; the
    closed one does not come back.
    """
    queued(room, *range(1, 13))
    browser.go(room.url)
    browser.wait("#job-12", "queued")
    browser.press("#job-12", "Hold")
    browser.wait("#said .toast", "job 12")
    assert browser.run("return scrollY") > 0
    assert browser.run(IN_VIEW)
    assert "job 12" in browser.run("return document.getElementById('announced').textContent")
    room.broker("jobs", "cancel", "11")
    browser.run(
        "document.querySelector('#job-11 form').requestSubmit"
        "(document.querySelector('#job-11 button[value=hold]'))"
    )
    browser.wait("#said .wrong", "job 11 has changed")
    assert "job 11" in browser.run("return document.getElementById('announced-now').textContent")

    browser.reload()

    browser.wait("#said .wrong", "job 11 has changed")
    browser.wait("#said", "job 12")
    browser.keep("toasts-desktop")
    assert not browser.complaints()
    browser.press("#said .wrong", "Close")
    browser.wait_gone("#said .wrong")
    assert browser.focused == "Close"
    browser.reload()
    browser.wait("#said", "job 12")
    assert not browser.has("#said .wrong")
    browser.keys(Keys.TAB)
    browser.run("document.querySelector('#said button').focus()")
    browser.keys(Keys.ENTER)
    browser.wait_gone("#said")
    assert browser.focused == "Skip to content"  # where it came from


@pytest.mark.parametrize("device", ["browser", "phone"])
def test_earlier_answers_take_a_line_each(
    room: PrintRoom, device: str, request: pytest.FixtureRequest
) -> None:
    """The last one is whole, and so is each that says that something was not done: what is pressed
    next is not covered by what was done before. A press shows the whole of it."""
    window: Browser = request.getfixturevalue(device)
    queued(room, 1)
    window.go(room.url)
    window.wait("#job-1", "queued")
    long = "what was done is told at length, with the printer and the reason. " * 3
    kept = [
        {"words": f"{number}: {long}", "wrong": number == 2, "number": number, "clock": "08:00"}
        for number in range(1, 6)
    ]
    window.run("sessionStorage.setItem('toasts', JSON.stringify(arguments[0]))", kept)
    window.reload()
    window.wait("#said .toast", "5: what was done")
    each = "return [...document.querySelectorAll('.toast')].map((e) => e.offsetHeight)"
    line = 40 if device == "browser" else 52
    folded = [height <= line for height in window.run(each)]
    assert folded == [False, True, True, False, True]
    window.keep(f"toasts-folded-{device}")
    assert not window.complaints()
    window.press_at("#said .toast:nth-child(3) p")
    shown = "return document.querySelector('.toast:nth-child(3)').offsetHeight"
    window.wait_until(lambda: window.run(shown) > line)


def test_the_dialog_is_answered_by_keyboard(room: PrintRoom, browser: Browser) -> None:
    """It begins on the answer that does nothing and keeps the focus; Escape sends nothing, and the
    focus is back on the button.
    """
    queued(room, 1)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    browser.run(RECORD)
    browser.keys(Keys.TAB)
    browser.run("document.querySelector('#job-1 button[value=cancel]').focus()")
    browser.keys(Keys.ENTER)
    browser.wait("#confirm", "Cancel job 1")
    assert browser.focused == "Do nothing"
    browser.keep("dialog-desktop")
    assert not browser.complaints()
    for _ in range(5):
        browser.keys(Keys.TAB)
        inside = "return document.getElementById('confirm').contains(document.activeElement)"
        assert browser.run(f"{inside} || document.activeElement === document.body")
    browser.keys(Keys.ESCAPE)
    browser.wait_gone("#confirm")
    assert browser.focused == "Cancel"
    browser.keys(Keys.ENTER)
    browser.wait("#confirm", "Cancel job 1")
    browser.keys(Keys.ENTER)
    browser.wait_gone("#confirm")
    assert browser.run("return window.bodies") == []

    browser.keys(Keys.ENTER)
    browser.answer()

    browser.wait("#said", "job 1")
    assert "confirmed=1" in browser.run("return window.bodies[0]")
    assert [each["state"] for each in room.jobs()] == ["cancelled"]


def test_a_reason_is_typed_and_sent(room: PrintRoom, browser: Browser) -> None:
    """Enter in the field sends it."""
    browser.go(room.url)
    browser.wait("#printer-oki-1 .up", "up")
    browser.click("#printer-oki-1", "Drain")
    browser.wait("#confirm", "Why do you drain oki-1?")
    assert browser.focused == "Do nothing"
    browser.wait_pressable()
    browser.fill("#confirm-reason", f"new drum{Keys.ENTER}")
    browser.rest()
    browser.wait("#printer-oki-1", "new drum")


def test_a_second_reprint_is_asked_about(room: PrintRoom, browser: Browser) -> None:
    """What the broker asks, as the same was printed again just now, is shown in the dialog; the
    command is sent once more, saying so, when the person says yes, and not when they say no.
    """
    room.print(40)
    browser.go(room.url)
    browser.wait("#job-1", "sent")
    browser.run(RECORD)
    browser.press("#job-1", "Reprint", answer="")
    browser.wait("#job-2", "sent")
    browser.click("#job-1", "Reprint")
    browser.answer()
    browser.wait("#confirm[open][data-ready]")
    browser.keys(Keys.ESCAPE)
    browser.wait_gone("#confirm")
    assert len(browser.run("return window.bodies")) == 2
    browser.click("#job-1", "Reprint")
    browser.answer()
    browser.answer()
    browser.rest()
    browser.wait("#job-3", "sent")
    bodies = browser.run("return window.bodies")
    assert ["again=1" in each for each in bodies] == [False, False, False, True]
    assert len(room.jobs()) == 3


def test_a_form_without_scripts_is_answered(room: PrintRoom, browser: Browser) -> None:
    """A form that the browser sends by itself is answered on the next page, which says whether it
    was carried out; with scripts that answer stays, as every other.
    """
    queued(room, 1)
    browser.go(room.url)
    browser.wait("#job-1", "queued")
    sends = """const button = document.querySelector('#job-1 button[value=hold]');
    const field = document.createElement('input');
    [field.name, field.value] = [button.name, button.value];
    button.form.append(field);
    HTMLFormElement.prototype.submit.call(button.form);"""
    browser.run(sends)
    browser.wait("#said .toast:not(.wrong)", "job 1 is held")
    browser.go(f"{room.url}/?state=held")
    browser.wait("#job-1", "held")
    # In one script: news of the page would take the value back.
    wrong = "document.querySelector('#job-1 button').value = 'hold';"
    browser.run(wrong + sends.replace("button[value=hold]", "button"))
    browser.wait("#said .toast.wrong", "job 1")
    assert "Not done" in browser.text("#said .wrong")
    assert browser.has("#said .toast:not(.wrong)")


def test_two_tabs_print_a_job_again_once(room: PrintRoom, browser: Browser) -> None:
    """The dialog that was open first is answered last: nothing is done, and it says what the other
    one did. Where that row is looked at again, a further reprint is asked about twice."""
    room.print(40)
    room.process.wait_for("job sent", job=1)
    browser.go(room.url)
    browser.click("#job-1", "Reprint")
    browser.wait("#confirm[open]", "Print job 1 of CT1 again: 1 film?")
    browser.tab(room.url)
    browser.press("#job-1", "Reprint", answer="")
    browser.wait("#said", "job 2 is queued")
    browser.tab_before()
    browser.answer()
    said = browser.wait("#said .wrong", "job 1 has changed since you looked")
    assert "printed again as job 2" in said
    assert [each["id"] for each in room.jobs()] == [1, 2]

    browser.rest()
    browser.wait("#job-1", "printed again as job 2")
    browser.click("#job-1", "Reprint")
    browser.wait("#confirm[open]", "It was printed again as job 2.")
    browser.answer()
    browser.wait("#confirm[open]", "Print it once more?")
    browser.run("document.getElementById('confirm-no').click()")
    browser.wait_gone("#confirm[open]")
    assert len(room.jobs()) == 2
