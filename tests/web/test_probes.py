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
from broker.model.room import Room
from broker.operations.readiness import Readiness
from broker.web import probes
from tests.web.front_door import FrontDoor, front_door, token

SOON_S = 3.0
"""Below 1 s on a machine that has nothing else to do."""
ORDERS = 80
"""More than are worked on, and wait, at one time."""


@pytest.fixture
def door(tmp_path: Path) -> Iterator[FrontDoor]:
    """Without users, and without a broker behind it."""
    with front_door(tmp_path) as opened:
        yield opened


def asked(door: FrontDoor, path: str) -> tuple[int, str, float]:
    """Status, text and seconds."""
    began = time.monotonic()
    answer = httpx.get(door.url + path, timeout=30)
    return answer.status_code, answer.text, time.monotonic() - began


def test_they_wait_for_no_page(door: FrontDoor) -> None:
    """While another program locks the database, and more orders than the page has turns for wait
    for it: alive, not ready and why, and the figures, each at once.
    """
    with door.visitor() as client:
        csrf = token(client.get("/"))
        cookies = dict(client.cookies)
    file = door.store.config.database_file
    begun = threading.Semaphore(0)

    def order(_: int) -> int:
        begun.release()
        data = {"verb": "drain", "csrf": csrf}
        url = f"{door.url}/printers/oki-1/orders"
        return httpx.post(url, data=data, cookies=cookies, timeout=60).status_code

    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with ThreadPoolExecutor(ORDERS) as pool:
            answers = pool.map(order, range(ORDERS))
            for _ in range(ORDERS):
                begun.acquire()
            alive, ready, figures = (asked(door, each) for each in probes.Probes().answers)
            other.execute("ROLLBACK")
            assert set(answers) <= {303, 500, 503}
    assert alive[:2] == (200, "ok\n")
    assert ready[0] == 503
    assert "the database is locked by another program" in ready[1]
    assert 'readable{part="database"} 1.0' in figures[1]
    assert max(alive[2], ready[2], figures[2]) < SOON_S


def test_what_hangs_is_said(door: FrontDoor, monkeypatch: pytest.MonkeyPatch) -> None:
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
        status, text, seconds = asked(door, "/readyz")
        assert status == 503
        assert "not known" in text
        assert seconds < SOON_S
    assert asked(door, "/healthz")[0] == 200
    assert len(hanging) == 1
    go.set()
    while (answer := asked(door, "/readyz"))[0] == 503:
        assert "not known" in answer[1]
    assert answer[:2] == (200, "ready\n")


def test_the_figures_name_what_hangs(door: FrontDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that does not answer in time is left out and named; the others are told."""
    go = threading.Event()
    config = type(door.store.config)
    room = config.room

    def hangs(self: Config) -> Room:
        go.wait(60)
        return room(self)

    monkeypatch.setattr(config, "room", hangs)
    try:
        status, text, seconds = asked(door, "/metrics")
    finally:
        go.set()
    assert status == 200
    assert 'readable{part="disk"} 0.0' in text
    assert 'readable{part="database"} 1.0' in text
    assert "disk_free_bytes" not in text
    assert seconds < SOON_S
