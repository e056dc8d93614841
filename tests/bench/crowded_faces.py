"""What the page and `broker jobs` cost in a large house with a bad night, and how long they are.

40 printers, of which 30 do not answer; 10,000 finished jobs and 500 that wait.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import httpx

from tests.bench.figure_table import show_figures
from tests.bench.found_jobs import get, median
from tests.bench.many_jobs import many_jobs
from tests.bench.servers import Log
from tests.peers.broker_process import BrokerProcess
from tests.peers.page_site import CONFIGURATION

SILENT_PORT = 1
"""A port that nothing listens on."""
PRINTERS, OFF = 40, 10
"""Printers in all, and those of them that a person has halted."""
FINISHED, WAITING = 10_000, 500


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    return show_figures("crowded_faces", __doc__ or "", measure, arguments)


def crowded(folder: Path) -> Path:
    """The house, without a broker that runs; its configuration."""
    config = folder / "broker.toml"
    kept = CONFIGURATION.replace("[retention]", "[retention]\npixels_hours = 87600")
    general = kept.format(port=SILENT_PORT).partition("[[printers]]")[0]
    printers = [
        f'[[printers]]\nname = "oki-{number}"\nae_title = "OKI{number}"\nhost = "127.0.0.1"\n'
        f"port = {SILENT_PORT}\n"
        for number in range(1, PRINTERS + 1)
    ]
    config.write_text(general + "".join(printers))
    file = many_jobs(folder, FINISHED, WAITING)
    connection = sqlite3.connect(file)
    with connection:  # each of a film session of its own: none waits for another
        connection.execute("UPDATE jobs SET film_session = 's' || id WHERE state = 'queued'")
    connection.close()
    for number in range(1, OFF + 1):
        _broker(config, "printers", "halt", f"oki-{number}")
    return config


def measure(folder: Path) -> dict[str, float]:
    """Figures by name: milliseconds, medians; lines; bytes."""
    config = crowded(folder)
    with BrokerProcess(config, web=True) as process:
        url = str(process.wait_for("page served")["url"]).rstrip("/")
        log = Log(process)
        with httpx.Client(base_url=url, timeout=60) as client:
            with client.stream("GET", "/events") as news:
                next(line for line in news.iter_lines() if "NOTHING PRINTS" in line)
            found = {
                "overview, ms": median(lambda: get(client, "/")),
                "overview, KB": len(client.get("/").content) / 1000,
                "queued jobs, ms": median(lambda: get(client, "/?state=queued")),
                "broker jobs, ms": median(lambda: _broker(config, "jobs")),
                "broker jobs, lines": _broker(config, "jobs").count("\n"),
                "broker printers, lines": _broker(config, "printers").count("\n"),
            }
        log.end()
    return found


def _broker(config: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "broker.cli.main", *arguments, "-c", str(config)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    raise SystemExit(main())
