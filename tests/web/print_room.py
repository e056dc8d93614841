"""A print room: a real broker with its page, two emulated printers, and a modality."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from broker.emulator.modality import Modality
from broker.emulator.printer import EmulatedPrinter
from broker.model.films.film import Film, Image, ImageBox
from broker.spool.stored import name_of
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.processes import children_now

PATIENT = "Doe^Synthetic"
SIDE = 64
CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
grace_s = 3
[health]
interval_s = 0.3
[web]
port = 0
"""


def film(*grays: int | None) -> tuple[Film, dict[str, bytes]]:
    """A film of one column with an image of each gray, 8 bits; None stays empty."""
    pixels: dict[str, bytes] = {}
    boxes = []
    for position, gray in enumerate(grays, start=1):
        if gray is None:
            boxes.append(ImageBox(position))
            continue
        content = np.full((SIDE, SIDE), gray, np.uint8).tobytes()
        name = name_of(content)
        pixels[name] = content
        image = Image(name, len(content), SIDE, SIDE, 8, 8, "MONOCHROME2")
        boxes.append(ImageBox(position, image=image))
    attributes = {
        "ImageDisplayFormat": (f"STANDARD\\1,{len(grays)}",),
        "FilmSizeID": ("8INX10IN",),
        "FilmOrientation": ("PORTRAIT",),
        "EmptyImageDensity": ("WHITE",),
        "BorderDensity": ("WHITE",),
    }
    return Film(attributes, tuple(boxes)), pixels


class PrintRoom:
    """One site. `restart_page` and the printers' `die` and `revive` are its troubles."""

    def __init__(self, folder: Path, printers: dict[str, EmulatedPrinter], more: str = "") -> None:
        self.folder = folder
        self.printers = printers
        self.config = folder / "broker.toml"
        sections = [
            f'[[printers]]\nname = "{name}"\nae_title = "{name.replace("-", "").upper()}"\n'
            f'host = "127.0.0.1"\nport = {printer.port}\n'
            for name, printer in printers.items()
        ]
        self.config.write_text(CONFIGURATION + "\n".join(sections) + more)
        self.process = BrokerProcess(self.config, web=True)
        self.url = str(self.process.wait_for("page served")["url"]).rstrip("/")

    def wait_for_page(self) -> None:
        """Return once the page answers: its process takes a moment longer than the relay."""
        transport = httpx.HTTPTransport(retries=3)
        with httpx.Client(transport=transport, timeout=30) as client:
            assert client.get(f"{self.url}/static/page.css").status_code == 200

    def broker(self, *arguments: str) -> str:
        """What a command answers; it must be carried out."""
        done = command(*arguments, config=self.config)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def jobs(self) -> list[dict[str, Any]]:
        """`broker jobs --all --json`."""
        found: list[dict[str, Any]] = json.loads(self.broker("jobs", "--all", "--json"))
        return found

    def print(self, *grays: int | None) -> None:
        """A modality prints a film, for a patient, and hears success."""
        made, pixels = film(*grays)
        label = {"FilmSessionLabel": (PATIENT,)}
        (answered,) = Modality("CT1").print(
            "127.0.0.1", self.process.port, "BROKER", [made], pixels.__getitem__, session=label
        )
        assert answered.printed

    def page_processes(self) -> list[int]:
        """The page's process, while there is one."""
        return children_now(self.process.process.pid)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Relay and page stand still, as on a machine that hangs: connections stay open. The relay
        first, as it ends a page that stands still."""
        processes = [self.process.process.pid, *self.page_processes()]
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(processes):
                os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def print_room(folder: Path, more: str = "", seconds: float = 0.05) -> Iterator[PrintRoom]:
    """Open it, with the page ready, and close everything at the end."""
    with contextlib.ExitStack() as stack:
        printers = {
            name: stack.enter_context(
                EmulatedPrinter(
                    name, name.replace("-", "").upper(), folder / name, seconds_per_film=seconds
                )
            )
            for name in ("oki-1", "oki-2")
        }
        room = PrintRoom(folder, printers, more)
        stack.callback(
            lambda: room.process.process.poll() is not None or room.process.end(signal.SIGTERM)
        )
        room.wait_for_page()
        yield room
