"""What finding films costs among the finished jobs of months: commands, API and page."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from tests.bench.figure_table import show_figures
from tests.bench.many_jobs import many_jobs
from tests.bench.rounds import Rounds
from tests.bench.servers import Log
from tests.peers.broker_process import BrokerProcess
from tests.peers.page_site import CONFIGURATION

FINISHED = 300_000
ASKS = 9
COMMANDS = {
    "jobs --limit 50 --all": ("--limit", "50", "--all"),
    "jobs --modality, all that there are": ("--modality", "MOD3"),
    "jobs --text of none": ("--text", "nothing has this"),
}
QUERIES = {
    "one modality": "modality=MOD3",
    "one printer, and tried there": "printer=oki-1",
    "a rare state": "state=cancelled",
    "a day": "since=2d&until=1d",
    "text of a reason": "text=0xC605",
    "text of none": "text=nothing",
    "all conditions, none found": "state=sent&modality=MOD3&printer=oki-4&since=9000d&text=none",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit code."""
    return show_figures(
        "found_jobs",
        f"A broker with {FINISHED:,} finished jobs: how long lists of some take.",
        measure,
        arguments,
    )


def measure(folder: Path) -> dict[str, float]:
    """Figures by name: milliseconds, medians; megabytes."""
    config = folder / "broker.toml"
    # What is finished stays as it is meanwhile.
    kept = CONFIGURATION.replace("[retention]", "[retention]\npixels_hours = 87600")
    config.write_text(kept.format(port=1))
    many_jobs(folder, FINISHED)
    found: dict[str, float] = {}
    with Rounds(len(COMMANDS) + len(QUERIES) + 1) as bar:
        for number, (name, options) in enumerate(COMMANDS.items(), start=1):
            found[f"{name}, ms"] = median(lambda given=options: _command(config, *given))
            bar.done(number, name)
        found["jobs --all --csv, MB of memory"] = _memory(config)
        with BrokerProcess(config, web=True) as process:
            url = str(process.wait_for("page served")["url"]).rstrip("/")
            log = Log(process)  # one that is not read would stop the broker
            client = httpx.Client(base_url=url, timeout=60)
            found["overview, ms"] = median(lambda: get(client, "/"))
            for number, (name, query) in enumerate(QUERIES.items(), start=len(COMMANDS) + 2):
                address = f"/api/jobs?limit=50&{query}"
                found[f"API: {name}, ms"] = median(lambda at=address: get(client, at))
                address = f"/?{query}"
                found[f"page: {name}, ms"] = median(lambda at=address: get(client, at))
                bar.done(number, name)
            client.close()
            log.end()
    return found


def median(do: Callable[[], object]) -> float:
    took = []
    do()
    for _ in range(ASKS):
        began = time.perf_counter()
        do()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def get(client: httpx.Client, address: str) -> None:
    assert client.get(address).status_code == 200


def _command(config: Path, *options: str) -> None:
    arguments = [sys.executable, "-m", "broker.cli.main", "jobs", *options, "-c", str(config)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, env=os.environ)


def _memory(config: Path) -> float:
    """Of the list of all, at most."""
    _command(config, "--all", "--csv")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
