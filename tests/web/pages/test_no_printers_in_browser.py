"""The page of a broker without printers, in a real browser."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.emulator.printer import EmulatedPrinter
from tests.peers.broker_process import BrokerProcess
from tests.peers.required import cannot_run
from tests.peers.speaker import Speaker
from tests.web.browser import PHONE, Browser, missing
from tests.web.pages.test_looks_in_browser import DARK, LIGHT, PAPER, SMALL
from tests.web.pages.test_looks_in_browser import WIDE as WIDER

pytestmark = pytest.mark.timeout(240)

BROKER = '[broker]\nhost = "127.0.0.1"\nport = 0\n[web]\nport = 0\n[health]\ninterval_s = 0.2\n'
REFUSED = "FILMS ARE REFUSED: no printer is configured"
WIDE = (1400, 900)


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1400", "390"])
def test_the_first_screen_says_that_films_are_refused(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    """And what to do, above everything else, readable in both themes, as is the page of refusals
    that names the modality; once a printer is configured, it goes by itself."""
    if absent := missing():
        cannot_run(f"{absent} is not installed")
    config = tmp_path / "broker.toml"
    config.write_text(f"printers = []\n{BROKER}")
    with (
        EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as printer,
        BrokerProcess(config, web=True) as broker,
        Browser(tmp_path, size) as browser,
    ):
        url = str(broker.wait_for("page served")["url"])
        browser.go(url)
        said = browser.wait("#whole", REFUSED)
        assert "add [[printers]] to the configuration file" in said
        shown = "document.getElementById('whole').getBoundingClientRect()"
        assert browser.run(f"return {shown}.bottom") < size[1]
        assert "New films are refused" in browser.text("#no-printers")
        console = Speaker(broker.port)
        assert console.open_session().status == statuses.RESOURCE_LIMITATION
        console.release()
        browser.wait(".refused-lately", "no printer is configured")
        for scheme, paper in (("dark", DARK), ("light", LIGHT)):
            browser.prefer(scheme)
            for path, words in (("", REFUSED), ("refusals", "No printer is configured")):
                browser.go(url + path)
                browser.wait("main" if path else "#whole", words)
                assert browser.run(PAPER) == paper
                browser.keep(f"no-printers-{path or 'overview'}-{size[0]}-{scheme}")
                assert not browser.complaints(), (path, scheme)
                assert browser.run(WIDER) <= 0
                assert size != PHONE or not browser.run(SMALL), path
        assert not browser.troubles()
        browser.go(url)

        config.write_text(
            f'{BROKER}[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
            f"port = {printer.port}\n"
        )
        broker.send(signal.SIGHUP)
        browser.wait("#printer-oki-1 .up", "up")
        browser.wait("#whole.printing", "Printing")
        assert not browser.complaints()
        broker.end()
