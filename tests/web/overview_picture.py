"""The picture of the page that the README shows: a print room at work, in a real browser.

    python -m tests.web.overview_picture samples/overview.png

Three emulated printers: two print, one has a film jam and was taken out. It needs Chromium and its
driver.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from PIL import Image

from broker.emulator.modality import Modality
from broker.emulator.printer import EmulatedPrinter
from tests.web.browser import Browser
from tests.web.print_room import PrintRoom, film

SIZE = (1280, 900)
COLORS = 64
"""Of the PNG: the page has few, and the file stays small."""
EARLIER, NOW = ("CT1", "MR1", "XA2"), ("CT2", "MR1", "US3", "CT1")
SLOW = "slow:60"


def picture(folder: Path) -> bytes:
    """A PNG of the System Overview."""
    with ExitStack() as stack:
        printers = {
            name: stack.enter_context(
                EmulatedPrinter(name, name.replace("-", "").upper(), folder / name, scenario=fault)
            )
            for name, fault in (("oki-1", "ok"), ("oki-2", "ok"), ("oki-3", "jam"))
        }
        room = PrintRoom(folder, printers)
        stack.callback(room.process.end)
        room.wait_for_page()
        browser = stack.enter_context(Browser(folder, SIZE))
        browser.go(room.url)
        browser.wait("#printer-oki-2 .up", "up")
        browser.wait("#printer-oki-3", "FILM JAM")
        room.broker("printers", "maint", "oki-3", "-r", "film jam, a technician is here")
        for number, modality in enumerate(EARLIER):
            _print(room, modality, number)
        for number, _ in enumerate(EARLIER, start=1):
            browser.wait(f"#job-{number}", "sent")
        for printer in (printers["oki-1"], printers["oki-2"]):
            printer.set_scenario(SLOW)
        for number, modality in enumerate(NOW, start=len(EARLIER)):
            _print(room, modality, number)
        room.broker("jobs", "hold", str(len(EARLIER + NOW)), "-r", "wrong film size")
        browser.wait("#jobs", "wrong film size")
        browser.wait("#jobs", "waits for the answer")
        browser.run("document.documentElement.style.overflow = 'hidden'")  # no scroll bar
        found = browser.screenshot()
        for printer in printers.values():
            printer.set_scenario("down")  # else the broker's stop waits for their films
        return found


def _print(room: PrintRoom, modality: str, number: int) -> None:
    made, pixels = film(60 + number, 180)  # each another: none is a duplicate
    Modality(modality).print("127.0.0.1", room.process.port, "BROKER", [made], pixels.__getitem__)


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        image = Image.open(io.BytesIO(picture(Path(folder))))
    image.convert("RGB").quantize(COLORS).save(file, optimize=True)
    sys.stdout.write(f"{file}: {file.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
