"""The picture of the page that the README shows: `broker demo`, in a real browser.

    python -m tests.web.overview_picture samples/overview.png

What it shows is what the demo leaves in the end: a printer with a film jam, and a film that waits
for a person. It needs Chromium and its driver.
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.peers.demo_process import UP, DemoProcess, page_in
from tests.web.browser import Browser

SIZE = (1280, 1120)
DRAWN = """return [...document.querySelectorAll('#jobs img')]
.filter((each) => each.getBoundingClientRect().top < innerHeight)
.every((each) => each.naturalWidth > 0)"""
COLORS = 64
"""Of the PNG: the page has few, and the file stays small."""


def picture(folder: Path) -> bytes:
    """A PNG of the System Overview."""
    with DemoProcess(folder / "demo", "--keep-running") as demo, Browser(folder, SIZE) as browser:
        url = page_in(demo.line())
        demo.until(UP)
        browser.go(url)
        browser.wait("#jobs", "may be on paper")
        browser.wait("body", "FILM JAM")
        browser.run("document.documentElement.style.overflow = 'hidden'")  # no scroll bar
        browser.wait_until(lambda: bool(browser.run(DRAWN)))
        found = browser.screenshot()
        demo.interrupt()
        demo.rest()
        return found


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
