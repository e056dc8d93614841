"""What balancers and monitors ask is answered apart from everything that can wait."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from broker.config.schema import Config
from broker.model.row_version import of_printer
from broker.model.storage.disk import Room
from broker.operations.condition.readiness import Readiness
from broker.web import probes
from tests.web.served_page import ServedPage, served_page, token

SOON_S = 3.0
"""Below 1 s on a machine that has nothing else to do."""
COMMANDS = 80
"""More than are worked on, and wait, at one time."""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedPage]:
    """Without users, and without a broker behind it."""
    with served_page(tmp_path) as opened:
        yield opened


def asked(served: ServedPage, path: str) -> tuple[int, str, float]:
    """Status, text and seconds."""
    began = time.monotonic()
    answer = httpx.get(served.url + path, timeout=30)
    return answer.status_code, answer.text, time.monotonic() - began


def test_they_wait_for_no_page(served: ServedPage) -> None:
    """While another program locks the database, and more commands than the page has slots wait
    for it: alive, not ready and why, and the figures, each at once.
    """
    with served.visitor() as client:
        csrf = token(client.get("/"))
        cookies = dict(client.cookies)
    seen = of_printer(served.store.printers.get("oki-1"))
    file = served.store.config.database_file
    begun = threading.Semaphore(0)

    def give(_: int) -> int:
        begun.release()
        data = {"command": "drain", "csrf": csrf, "seen": seen}
        url = f"{served.url}/printers/oki-1/commands"
        return httpx.post(url, data=data, cookies=cookies, timeout=60).status_code

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(COMMANDS) as pool:
            answers = pool.map(give, range(COMMANDS))
            for _ in range(COMMANDS):
                begun.acquire()
            alive, ready, figures = (asked(served, each) for each in probes.Probes().answers)
            other.execute("ROLLBACK")
            assert set(answers) <= {303, 500, 503}
    assert alive[:2] == (200, "ok\n")
    assert ready[0] == 503
    assert "the database is locked by another program" in ready[1]
    assert 'readable{part="database"} 1.0' in figures[1]
    assert max(alive[2], ready[2], figures[2]) < SOON_S


def test_what_hangs_is_said(served: ServedPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that does not answer: not ready, and that is why, in time; one question to it hangs,
    not one for each that is asked. Once it answers, what it says is told.
    """
    go = threading.Event()
    hanging: list[bool] = []

    def hangs(_: object, *, committing: bool) -> Readiness:
        hanging.append(committing)
        go.wait(60)
        return Readiness()

    monkeypatch.setattr(probes, "look", hangs)
    for _ in range(3):
        status, text, seconds = asked(served, "/readyz")
        assert status == 503
        assert "not known" in text
        assert seconds < SOON_S
    assert asked(served, "/healthz")[0] == 200
    assert len(hanging) == 1
    go.set()
    while (answer := asked(served, "/readyz"))[0] == 503:
        assert "not known" in answer[1]
    assert answer[:2] == (200, "ready\n")


def test_the_figures_name_what_hangs(served: ServedPage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that does not answer in time is left out and named; the others are told."""
    go = threading.Event()
    config = type(served.store.config)
    room = config.room

    def hangs(self: Config) -> Room:
        go.wait(60)
        return room(self)

    monkeypatch.setattr(config, "room", hangs)
    try:
        status, text, seconds = asked(served, "/metrics")
    finally:
        go.set()
    assert status == 200
    assert 'readable{part="disk"} 0.0' in text
    assert 'readable{part="database"} 1.0' in text
    assert "disk_free_bytes" not in text
    assert seconds < SOON_S
