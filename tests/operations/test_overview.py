"""One look for all pages: what it sees, and when it is taken."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping

import pytest

from broker.config.file import load
from broker.model.jobs.job import Priority, State
from broker.operations.jobs.job_status import waiting
from broker.operations.opened import Store, store_of
from broker.operations.overview import LiveOverview, overview_state
from tests.cli.conftest import Site, site

__all__ = ["site"]


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """The site's, as the page opens it."""
    with store_of(load(site.file)) as opened:
        yield opened


def test_what_is_open_comes_first(site: Site, store: Store) -> None:
    """Held before printing before queued, then what has just finished, the newest first."""
    sent, later, printing = site.sent(), site.sent(), site.printing()
    held = site.uncertain()
    queued = site.job()
    found = overview_state(store, time.time())
    assert [each.job.id for each in found.jobs] == [held, printing, queued, later, sent]
    assert found.oldest is not None
    assert found.oldest.id == queued
    assert found.number(State.HELD) == 1
    assert "NO BROKER IS RUNNING" in found.alarms[0]


def test_it_is_read_again_only_after_a_change(site: Site, store: Store) -> None:
    """Another process's change is seen at once; without one the same overview serves all pages."""
    live = LiveOverview(store, lambda _event, _facts: None)
    first, seen = live.current()
    assert live.current() == (first, seen)
    job_id = site.job()
    second, now = live.current()
    assert second == first + 1
    assert [each.job.id for each in now.jobs] == [job_id]


def test_signs_of_life_read_nothing(site: Site, store: Store) -> None:
    """However often open pages stop waiting to say so, the overview is not read for it."""

    async def follow() -> int:
        live = LiveOverview(store, lambda _event, _facts: None)
        await live.start()
        try:
            seen, _ = await asyncio.to_thread(live.current)
            for _ in range(5):
                await asyncio.gather(*(live.next(seen, 0.3) for _ in range(128)))
            version, _ = live.latest()
            return version - seen
        finally:
            await live.stop()

    site.job()
    assert asyncio.run(follow()) == 0


def test_a_read_that_fails_ends_no_open_page(site: Site, store: Store) -> None:
    """It is noted, and when the database can be read again the page is renewed."""
    notes: list[tuple[str, Mapping[str, object]]] = []

    def rename(old: str, new: str) -> None:
        with contextlib.closing(sqlite3.connect(store.config.database_file)) as damaged:
            damaged.execute(f"ALTER TABLE {old} RENAME TO {new}")
            damaged.commit()

    async def follow() -> int:
        failed = asyncio.Event()

        def note(event: str, facts: Mapping[str, object]) -> None:
            notes.append((event, facts))
            failed.set()

        live = LiveOverview(store, note)
        await live.start()
        try:
            seen, _ = await asyncio.to_thread(live.current)
            rename("printers", "away")
            waits = asyncio.create_task(live.next(seen, 60))
            await asyncio.wait_for(failed.wait(), 20)
            assert not live.over
            rename("away", "printers")
            return await waits - seen
        finally:
            await live.stop()

    site.job()
    assert asyncio.run(follow()) == 1
    event, facts = notes[0]
    assert (event, facts["kind"]) == ("page look failed", "OperationalError")


def test_the_line_is_the_stores(site: Site) -> None:
    """Priorities, film sessions in order, printing and held ones: the page's queue of waiting jobs
    is the one that the dispatcher reads.
    """
    for number in range(12):
        site.job(session=f"session-{number % 5}")
    site.jobs.commands.priority(4, Priority.HIGH)
    site.jobs.commands.priority(7, Priority.LOW)
    site.jobs.commands.hold(2)
    assert site.jobs.claims.claim(1, "oki-1") is not None
    active = site.jobs.queries.list({State.QUEUED, State.PRINTING})
    assert waiting(active) == site.jobs.queries.waiting()
    assert waiting(active[::-1]) == site.jobs.queries.waiting()
