"""`broker top`, driven by its keys over a real store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from broker.cli.top.listing import Listing
from broker.cli.top.screen import Top
from broker.config import load
from broker.desk.opened import Store, store_of
from broker.model.job import State
from broker.model.printer import Duty
from tests.cli.conftest import PATIENT, Site

PATIENCE_S = 20.0
Story = Callable[[Top, "Pilot[None]"], Awaitable[None]]


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """The site's."""
    with store_of(load(site.file)) as opened:
        yield opened


def play(store: Store, story: Story, size: tuple[int, int] = (80, 24)) -> None:
    """Open the screen and do as the story says."""

    async def run() -> None:
        app = Top(store, "ruth")
        async with app.run_test(size=size) as pilot:
            await story(app, pilot)

    asyncio.run(run())


def text(app: Top, name: str) -> str:
    """What a part of the screen says."""
    return str(app.query_one(f"#{name}", Static).render())


def table(app: Top, name: str) -> list[list[str]]:
    """Its rows."""
    return [list(line.cells) for line in app.query_one(f"#{name}", Listing).lines]


async def until(pilot: Pilot[None], holds: Callable[[], bool]) -> None:
    """Let the screen work until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        await pilot.pause(0.02)


def test_it_shows_printers_and_jobs(site: Site, store: Store) -> None:
    """Held first, with why; nothing of the patient; and it fits 80 columns."""
    site.up("oki-1")
    sent, held = site.sent(), site.uncertain()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 2)
        assert [row[:2] for row in table(app, "jobs")] == [[str(held), "held"], [str(sent), "sent"]]
        assert table(app, "printers")[0][:3] == ["oki-1", "up", "ready"]
        assert "DOES NOT RUN" in text(app, "broker")
        assert "1 held" in text(app, "broker")
        assert "look in its tray" in text(app, "about")
        shown = "\n".join(str(strip.text) for strip in app.screen._compositor.render_strips())
        assert "oki-1" in shown
        assert PATIENT not in shown
        assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80

    play(store, story)


def test_keys_are_orders(site: Site, store: Store) -> None:
    """Hold with a reason, release, priority, cancel: carried out, told, and recorded."""
    job_id = site.job()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        await pilot.press("h", *"wrong", "enter")
        await until(pilot, lambda: site.jobs.get(job_id).state is State.HELD)
        await until(pilot, lambda: table(app, "jobs")[0][1] == "held")
        assert "is held" in text(app, "said")
        await pilot.press("r")
        await until(pilot, lambda: site.jobs.get(job_id).state is State.QUEUED)
        await pilot.press("y", "enter")
        await until(pilot, lambda: site.jobs.get(job_id).priority == "HIGH")
        await pilot.press("m", "down", "enter")
        await until(pilot, lambda: site.jobs.get(job_id).pinned == "oki-2")
        await pilot.press("c", "n")
        await pilot.press("c", "y")
        await until(pilot, lambda: site.jobs.get(job_id).state is State.CANCELLED)
        await until(pilot, lambda: table(app, "jobs")[0][1] == "cancelled")
        await pilot.press("h", "enter")
        await until(pilot, lambda: f"job {job_id} is cancelled: " in text(app, "said"))

    play(store, story)
    orders = store.orders.of_job(job_id)
    assert [each.verb for each in orders] == ["hold", "release", "priority", "move", "cancel"]
    assert {each.who for each in orders} == {"ruth"}


def test_films_in_doubt_are_asked_about(site: Site, store: Store) -> None:
    """Released as printed: a person has looked into the tray."""
    job_id = site.uncertain()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        await pilot.press("r", "down", "enter")
        await until(pilot, lambda: site.jobs.get(job_id).state is State.SENT)

    play(store, story)


def test_printers_have_keys_of_their_own(site: Site, store: Store) -> None:
    """On the selected printer, whichever table is in use."""
    site.up("oki-1", "oki-2")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "printers")) == 2)
        await pilot.press("shift+tab", "down", "d", *"drum", "enter")
        await until(pilot, lambda: site.printers.get("oki-2").duty is Duty.DRAIN)
        await until(pilot, lambda: "drum" in text(app, "about"))
        await pilot.press("a", "enter")
        await until(pilot, lambda: site.printers.get("oki-2").duty is Duty.MAINT)
        await pilot.press("e")
        await until(pilot, lambda: site.printers.get("oki-2").duty is Duty.READY)
        await pilot.press("t", "y")
        await until(pilot, lambda: bool(site.jobs.list()))
        assert site.jobs.list()[0].pinned == "oki-2"

    play(store, story)


def test_the_selection_stays_where_it_is(site: Site, store: Store) -> None:
    """Another process adds an urgent row above: the same job is still the selected one."""
    first = [site.job() for _ in range(5)]

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 5)
        await pilot.press("down", "down")
        await until(pilot, lambda: f"job {first[2]}:" in text(app, "about"))
        held = site.job()
        site.jobs.hold(held)
        await until(pilot, lambda: len(table(app, "jobs")) == 6)
        assert table(app, "jobs")[0][:2] == [str(held), "held"]
        assert f"job {first[2]}:" in text(app, "about")
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("escape")

    play(store, story)


def test_it_needs_a_terminal(site: Site) -> None:
    """In a pipe it says what to use instead."""
    ended = site.broker("top")
    assert ended.code == 2
    assert "it needs a terminal" in ended.err
