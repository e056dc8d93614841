"""A real browser on the page: Debian's Chromium, driven by its own driver."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import axe_core_python
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver import ActionChains, Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
PATIENCE_S = 30.0
DESKTOP, PHONE = (1400, 900), (390, 844)
"""Width and height of the window, in pixels."""
QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = Path(axe_core_python.__file__).with_name("axe.min.js")


def missing() -> str:
    """Which program is not there; empty when all are."""
    return next((each for each in (CHROMIUM, DRIVER) if shutil.which(each) is None), "")


class Browser:
    """One window. What a person sees and does; each waits until it is there."""

    def __init__(self, folder: Path, size: tuple[int, int] = DESKTOP) -> None:
        options = ChromeOptions()
        options.binary_location = CHROMIUM
        for each in (*QUIET, f"--user-data-dir={folder / 'chromium'}"):
            options.add_argument(each)
        self._driver = Chrome(options=options, service=Service(DRIVER))
        width, height = size
        self._driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        self._pictures = Path(os.environ.get("BROKER_SCREENSHOTS") or folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.quit()

    def in_zone(self, name: str) -> None:
        """From now on the window's clock is of that time zone."""
        self._driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": name})

    def go(self, url: str) -> None:
        """Open a page."""
        self._driver.get(url)

    @property
    def address(self) -> str:
        """Of the page that is shown."""
        return self._driver.current_url

    def reload(self) -> None:
        """Load the page again."""
        self._driver.refresh()

    def text(self, selector: str = "body") -> str:
        """What can be read there."""
        return self._until(lambda: self._driver.find_element(By.CSS_SELECTOR, selector).text)

    def has(self, selector: str) -> bool:
        """Whether there is such an element that can be seen."""
        found = self._driver.find_elements(By.CSS_SELECTOR, selector)
        return any(each.is_displayed() for each in found)

    def wait(self, selector: str, words: str = "") -> str:
        """The text of the element, once it can be seen and has these words."""

        def found() -> str | None:
            for each in self._driver.find_elements(By.CSS_SELECTOR, selector):
                if each.is_displayed() and words in each.text:
                    return each.text or " "
            return None

        return str(self._until(found, f"{selector} with {words!r}"))

    def wait_gone(self, selector: str) -> None:
        """Return once no such element can be seen."""
        self._until(lambda: not self.has(selector), f"no {selector}")

    def wait_until(self, look: Callable[[], bool]) -> None:
        """Return once that holds."""
        self._until(look, "end of that")

    def press(self, selector: str, label: str, *, answer: str | None = None) -> None:
        """Press the button of that label, and take the pointer away; `answer` what is asked then,
        empty where only yes or no is asked."""
        self.click(selector, label)
        if answer is not None:
            self.answer(answer)
        self.rest()

    def click(self, selector: str, label: str) -> None:
        """Press the button of that label, once it can be pressed; the pointer stays on it."""
        can = ":not([aria-disabled=true], [aria-busy=true] button)"

        def button() -> WebElement | None:
            for each in self._driver.find_elements(By.CSS_SELECTOR, f"{selector} button{can}"):
                if each.is_displayed() and each.text == label:
                    # Out from behind the answers, as a person scrolls.
                    self.run("arguments[0].scrollIntoView({ block: 'nearest' })", each)
                    each.click()
                    return each
            return None

        self._until(button, f"button {label} in {selector}")

    def answer(self, words: str = "") -> None:
        """Say yes to what the dialog asks, with these words where it asks for a reason."""
        self.wait("#confirm[open]")
        if words:
            self.fill("#confirm-reason", words)
        self.wait_pressable()
        self._driver.find_element(By.CSS_SELECTOR, "#confirm-go").click()
        # It may be open again already: what comes next is asked in the same dialog.
        self.wait_gone("#confirm[open][data-ready]")

    def double_click(self, selector: str) -> None:
        """Two presses at one place, as fast as a finger."""
        found = self._driver.find_element(By.CSS_SELECTOR, selector)
        ActionChains(self._driver).double_click(found).perform()

    def press_at(self, selector: str) -> None:
        """One press on what is no button; the pointer stays on it."""
        found = self._driver.find_element(By.CSS_SELECTOR, selector)
        ActionChains(self._driver).click(found).perform()

    def hover(self, selector: str) -> None:
        """Put the pointer there."""
        found = self._driver.find_element(By.CSS_SELECTOR, selector)
        ActionChains(self._driver).move_to_element(found).perform()

    def rest(self) -> None:
        """Take the pointer to the corner of the window, where nothing is."""
        actions = ActionBuilder(self._driver)
        actions.pointer_action.move_to_location(1, 1)
        actions.perform()

    def wait_pressable(self) -> None:
        """Return once the open dialog takes an answer."""
        self._until(lambda: self.has("#confirm[open][data-ready]"), "a dialog that takes an answer")

    @contextlib.contextmanager
    def finger(self, selector: str) -> Iterator[None]:
        """Keep a finger on it."""
        box = "const { x, y } = document.querySelector(arguments[0]).getBoundingClientRect();"
        x, y = self.run(f"{box} return [x + 8, y + 4]", selector)
        touch = "Input.dispatchTouchEvent"
        self._driver.execute_cdp_cmd(
            touch, {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
        )
        yield
        self._driver.execute_cdp_cmd(touch, {"type": "touchEnd", "touchPoints": []})

    def tab(self, url: str) -> None:
        """Open a page before the others."""
        self._driver.switch_to.new_window("tab")
        self._driver.get(url)

    def tab_before(self) -> None:
        """Close this page, and go back to the first one."""
        self._driver.close()
        self._driver.switch_to.window(self._driver.window_handles[0])

    def choose(self, selector: str, label: str) -> None:
        """Choose one of a list."""
        Select(self._driver.find_element(By.CSS_SELECTOR, selector)).select_by_visible_text(label)

    def first(self, script: str) -> None:
        """Run a script in each page before anything of it is read."""
        self._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": script})

    def network(self, *, works: bool) -> None:
        """Whether the machine has a network."""
        self._driver.execute_cdp_cmd("Network.enable", {})
        self._driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": not works, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )

    def prefer(self, scheme: str) -> None:
        """Let the system ask for that theme: light or dark."""
        self._driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia",
            {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
        )

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        field = self._driver.find_element(By.CSS_SELECTOR, selector)
        field.clear()
        field.send_keys(text)

    def keys(self, *keys: str) -> None:
        """Type on the page, as a person without a mouse."""
        self._driver.switch_to.active_element.send_keys(*keys)

    @property
    def focused(self) -> str:
        """The text of what has the focus."""
        return self._driver.switch_to.active_element.text

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a script."""
        return self._driver.execute_script(script, *arguments)

    def picture(self, selector: str) -> bytes:
        """The element as it is shown, as PNG."""
        found = self._driver.find_element(By.CSS_SELECTOR, selector)
        self._until(lambda: self.run("return arguments[0].complete", found), "a whole picture")
        return bytes(found.screenshot_as_png)

    def screenshot(self) -> bytes:
        """What the window shows, as PNG."""
        return bytes(self._driver.get_screenshot_as_png())

    def keep(self, name: str) -> None:
        """A screenshot for a person who looks at the run."""
        self._pictures.mkdir(parents=True, exist_ok=True)
        self._driver.save_screenshot(str(self._pictures / f"{name}.png"))

    def complaints(self) -> Sequence[str]:
        """What the accessibility checker finds wrong with the page."""
        self.run(AXE.read_text())
        script = "const done = arguments[0]; axe.run().then(done, (e) => done({error: String(e)}))"
        found = self._driver.execute_async_script(script)
        assert "error" not in found, found
        return [
            f"{each['id']}: {node['html'][:120]}: {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]

    def troubles(self) -> Sequence[str]:
        """What the browser has complained of: scripts, blocked content."""
        return [str(each) for each in self._driver.get_log("browser")]

    def _until(self, look: Callable[[], Any], what: str = "") -> Any:
        ignored = [StaleElementReferenceException]
        wait = WebDriverWait(self._driver, PATIENCE_S, 0.05, ignored_exceptions=ignored)
        try:
            return wait.until(lambda _: look())
        except TimeoutException:
            shown = self.run("return document.body.innerText")
            raise AssertionError(f"no {what} on {self.address}, which shows:\n{shown}") from None
