"""How long a picture of a large film takes, and what it leaves behind in the page's process."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from broker.cli.output.tables import Column, Row, as_json, lay_out, show, terminal
from broker.emulator.modality import Modality
from broker.model.films.film import Film, ImageBox
from tests.bench.film_times import picture
from tests.bench.machine import machine
from tests.bench.servers import Log, Server
from tests.peers.broker_process import BrokerProcess
from tests.peers.configuration import UNREACHABLE
from tests.peers.processes import children

SIDE = 4096
FILMS = {"1 image on STANDARD\\1,1": (1, 1), "1 image on STANDARD\\4,5": (1, 20)}
FULL = {"20 images on STANDARD\\4,5": (20, 20)}
WIDTHS = {"thumbnail": 160, "full size": 1400}
MB = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.previews",
        description=(
            f"Pictures of films with images of {SIDE}x{SIDE}, 12 bits, by the page of a broker: "
            "seconds from request to answer, and the memory of the page's process before and after."
        ),
        epilog="Example: python -m tests.bench.previews",
    )
    parser.add_argument("--json", action="store_true", help="figures for machines")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="previews-") as folder:
        found = measure(Path(folder))
    if chosen.json:
        sys.stdout.write(as_json({"machine": machine(), "films": found}) + "\n")
        return 0
    columns = tuple(
        Column(each, right=each != "FILM")
        for each in ("FILM", "WIDTH", "SECONDS", "MB BEFORE", "MB AFTER", "PEAK MB")
    )
    rows = [Row(tuple(str(value) for value in each.values())) for each in found]
    console = terminal()
    sys.stdout.write(machine() + "\n\n")
    show(lay_out(columns, rows, console.width), console)
    return 0


def measure(folder: Path) -> list[dict[str, object]]:
    """A row for each film and width."""
    config = folder / "broker.toml"
    config.write_text(f'[broker]\nhost = "127.0.0.1"\nport = 0\n[web]\nport = 0\n{UNREACHABLE}')
    found: list[dict[str, object]] = []
    with BrokerProcess(config, web=True) as process:
        url = process.wait_for("page served")["url"]
        log = Log(process)
        client = httpx.Client(base_url=url, timeout=60)
        client.get("/")
        page = Server(0, "", children(process.process.pid)[0])
        for number, (name, (images, places)) in enumerate((FILMS | FULL).items(), start=1):
            _print(process.port, images, places)
            client.get(f"/jobs/{number}")
            for width, pixels in WIDTHS.items():
                before = page.memory()
                began = time.perf_counter()
                answer = client.get(f"/jobs/{number}/films/1.png?width={pixels}")
                seconds = time.perf_counter() - began
                assert answer.status_code == 200, answer.text
                found.append(
                    {
                        "film": name,
                        "width": width,
                        "seconds": round(seconds, 2),
                        "before": round(before / MB, 1),
                        "after": round(page.memory() / MB, 1),
                        "peak": round(page.memory("VmHWM") / MB, 1),
                    }
                )
        client.close()
        log.end()
    return found


def _print(port: int, images: int, places: int) -> None:
    """A film with `images` images, each with pixels of its own."""
    made, pixels, boxes = None, {}, []
    for position in range(1, places + 1):
        if position > images:
            boxes.append(ImageBox(position))
            continue
        made, content = picture(SIDE, position)
        image = made.image_boxes[0].image
        assert image is not None
        pixels[image.pixels] = content
        boxes.append(ImageBox(position, image=image))
    display = r"STANDARD\1,1" if places == 1 else r"STANDARD\4,5"
    attributes = {"ImageDisplayFormat": (display,), "FilmSizeID": ("14INX17IN",)}
    film = Film(attributes, tuple(boxes))
    (answered,) = Modality("BENCH").print("127.0.0.1", port, "BROKER", [film], pixels.__getitem__)
    assert answered.printed


if __name__ == "__main__":
    raise SystemExit(main())
