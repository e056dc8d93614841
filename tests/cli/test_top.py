"""`broker top`, driven by its keys over a real store."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from broker.cli.top.commands import ReadDialog
from broker.cli.top.listing import Listing
from broker.cli.top.screen import Top
from broker.config.file import load
from broker.model.jobs.job import State
from broker.model.printers.health import Observation
from broker.model.printers.printer import Duty, Health
from broker.operations.commands.recorded import JobCommands
from broker.operations.opened import Store, store_of
from tests.cli.conftest import PATIENT, Site, running, site

__all__ = ["running", "site"]

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


def dialog(app: Top) -> str:
    """What the question on the screen says."""
    return str(app.screen.query_one(Static).render())


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
        assert "Look in the tray of oki-1." in text(app, "about")
        shown = "\n".join(str(strip.text) for strip in app.screen._compositor.render_strips())
        assert "oki-1" in shown
        assert PATIENT not in shown
        assert max(len(line.rstrip()) for line in shown.splitlines()) <= 80

    play(store, story)


def test_a_filter_shows_jobs_with_a_text(site: Site, store: Store) -> None:
    """Whatever its case; it is said how many there are beside, and the empty one ends it."""
    site.sent(), site.uncertain(), site.job()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 3)
        await pilot.press("slash", *"HELD", "enter")
        await until(pilot, lambda: [row[1] for row in table(app, "jobs")] == ["held"])
        assert "1 job of 3 with 'HELD'" in text(app, "more")
        await pilot.press("slash", "enter")
        await until(pilot, lambda: len(table(app, "jobs")) == 3)

    play(store, story)


def test_the_selected_row_keeps_its_colors(site: Site, store: Store) -> None:
    """A held job is red under the mark, too."""
    site.uncertain()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        listing = app.query_one("#jobs", Listing)
        held = [each for each in listing.render_line(1) if each.text.strip() == "held"]
        assert [str(each.style.color.name) for each in held if each.style and each.style.color] == [
            "red"
        ]
        assert all(each.style and each.style.reverse for each in held)

    play(store, story)


def test_without_jobs_the_printer_is_told_of(site: Site, store: Store) -> None:
    """What to do about it stands below, and Enter shows all of it, though the focus is on the empty
    table of jobs."""
    jammed = Observation(Health.DOWN, "FAILURE: FILM JAM", 0, 3, time.time())
    site.printers.observe("oki-1", lambda _: jammed)

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "Take the jammed film out of oki-1" in text(app, "about"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ReadDialog))
        assert "FILM JAM" in dialog(app)

    play(store, story)


def test_keys_are_commands(site: Site, store: Store) -> None:
    """Hold with a reason, release, priority, cancel: carried out, told, and recorded."""
    job_id = site.job()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        await pilot.press("h", *"wrong", "enter")
        await until(pilot, lambda: site.jobs.queries.get(job_id).state is State.HELD)
        await until(pilot, lambda: table(app, "jobs")[0][1] == "held")
        assert "is held" in text(app, "said")
        await pilot.press("r")
        assert "Release job 1 of CT1: print 1 of 1 film?" in dialog(app)
        await pilot.press("y")
        await until(pilot, lambda: table(app, "jobs")[0][1] == "queued")
        await pilot.press("y", "enter")
        await until(pilot, lambda: table(app, "jobs")[0][6] == "HIGH")
        await pilot.press("y", "end", "enter")
        await until(pilot, lambda: "before all others" in text(app, "about"))
        await pilot.press("m", "down", "enter")
        await until(pilot, lambda: site.jobs.queries.get(job_id).pinned == "oki-2")
        await until(pilot, lambda: "for oki-2 only" in text(app, "about"))
        await pilot.press("c", "n")
        await pilot.press("c", "y")
        await until(pilot, lambda: site.jobs.queries.get(job_id).state is State.CANCELLED)
        await until(pilot, lambda: table(app, "jobs")[0][1] == "cancelled")
        await pilot.press("h", "enter")
        await until(pilot, lambda: f"job {job_id} is cancelled: " in text(app, "said"))

    play(store, story)
    orders = store.command_log.of_job(job_id)
    assert [each.command for each in orders] == [
        "hold", "release", "priority", "priority", "move", "cancel",
    ]  # fmt: skip
    assert {each.who for each in orders} == {"ruth"}


def test_what_uses_film_or_loses_it_is_asked_first(site: Site, store: Store) -> None:
    """Reprint and test film; n and Escape leave everything as it is."""
    job_id = site.sent(2)

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        for key in ("p", "t"):
            for answer in ("n", "escape"):
                await pilot.press(key)
                await until(pilot, lambda: len(app.screen_stack) == 2)
                await pilot.press(answer)
                await until(pilot, lambda: len(app.screen_stack) == 1)
        assert [job.id for job in site.jobs.queries.list()] == [job_id]
        await pilot.press("p", "y")
        await until(pilot, lambda: "2 films of job 1 again" in text(app, "said"))
        assert site.jobs.queries.list()[1].reprint_of == job_id

    play(store, story)


def test_films_in_doubt_are_asked_about(site: Site, store: Store) -> None:
    """Released as printed: a person has looked into the tray."""
    job_id = site.uncertain()

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        await pilot.press("r", "down", "enter")
        await until(pilot, lambda: site.jobs.queries.get(job_id).state is State.SENT)

    play(store, story)


def test_a_command_on_what_has_changed_is_refused(site: Site, store: Store) -> None:
    """Between the question and the answer: nothing is done, and it is said how it is now
    (promise 12)."""
    site.jobs.commands.hold(site.job(), "held by the operator: wrong size")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        await pilot.press("r")
        assert "Release job 1 of CT1" in dialog(app)
        site.jobs.commands.release(1)
        site.jobs.commands.hold(1, "held by the operator: the patient's name is wrong")
        await pilot.press("y")
        await until(pilot, lambda: "job 1 has changed since you looked" in text(app, "said"))
        assert site.jobs.queries.get(1).state is State.HELD

        await pilot.press("tab")
        printer = store.printers.get("oki-1")
        await pilot.press("d")
        store.printers.set_duty(printer.name, Duty.MAINT, "new drum")
        await pilot.press("enter")
        await until(pilot, lambda: "oki-1 has changed since you looked" in text(app, "said"))
        assert store.printers.get("oki-1").duty is Duty.MAINT

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
        await until(pilot, lambda: bool(site.jobs.queries.list()))
        assert site.jobs.queries.list()[0].pinned == "oki-2"

    play(store, story)


def test_the_state_of_the_whole_stands_at_the_top(site: Site, store: Store, running: None) -> None:
    """It changes by itself, in red when nothing prints, with what to type; and before the last
    printer is drained, the question says that nothing prints then."""
    del running
    site.up("oki-1")
    site.printers.set_duty("oki-2", Duty.MAINT)

    async def story(app: Top, pilot: Pilot[None]) -> None:
        whole = app.query_one("#whole", Static)
        await until(pilot, lambda: "1 of 2 printers takes films" in text(app, "whole"))
        assert whole.has_class("slower")
        await until(pilot, lambda: len(table(app, "printers")) == 2)
        await pilot.press("shift+tab", "d")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        asked = str(app.screen.query(Static).first().render())
        assert "oki-1 is the last printer that takes films" in asked
        await pilot.press("enter")
        await until(pilot, lambda: "NOTHING PRINTS since" in text(app, "whole"))
        assert whole.has_class("kept")
        assert "`broker printers ready NAME`" in text(app, "whole")

    play(store, story)


def test_the_selection_stays_where_it_is(site: Site, store: Store) -> None:
    """Another process adds an urgent row above: the same job is still the selected one."""
    first = [site.job() for _ in range(5)]

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 5)
        await pilot.press("down", "down")
        await until(pilot, lambda: f"job {first[2]}:" in text(app, "about"))
        held = site.job()
        site.jobs.commands.hold(held)
        await until(pilot, lambda: len(table(app, "jobs")) == 6)
        assert table(app, "jobs")[0][:2] == [str(held), "held"]
        assert f"job {first[2]}:" in text(app, "about")
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("escape")

    play(store, story)


def test_rows_in_sight_stay_in_sight(site: Site, store: Store) -> None:
    """In a long list that was paged down, what comes above moves nothing under a person's eyes."""
    jobs = [site.job() for _ in range(40)]

    async def story(app: Top, pilot: Pilot[None]) -> None:
        listing = app.query_one("#jobs", Listing)
        await until(pilot, lambda: len(listing.lines) == 40)
        await pilot.press("pagedown", "pagedown", "up")
        first, last = listing.sight
        assert first > 1
        assert f"rows {first} to {last} of 40" in text(app, "more")
        chosen = listing.chosen
        site.jobs.commands.hold(jobs[-1])
        await until(pilot, lambda: listing.lines[0].key == str(jobs[-1]))
        assert listing.sight == (first + 1, last + 1)
        assert listing.chosen == chosen
        await pilot.press("home")
        assert listing.sight[0] == 1
        await pilot.press("end")
        assert listing.sight[1] == 40

    play(store, story)


def test_enter_shows_all_of_a_job(site: Site, store: Store) -> None:
    """Why it is where it is, films and attempts, what was ordered; nothing of the patient."""
    job_id = site.uncertain(2)
    JobCommands(store, "ruth").move(site.job(), "oki-2")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        def said() -> str:
            return str(app.screen.query_one(Static).content)

        await until(pilot, lambda: len(table(app, "jobs")) == 2)
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert f"broker jobs release {job_id} --printed" in said()
        assert "14INX17IN" in said()
        assert PATIENT not in said()
        await pilot.press("q", "down", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "ruth, move: job 2 is queued for oki-2" in said()
        await pilot.press("escape", "shift+tab", "enter")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "oki-1: OKI1@127.0.0.1:1" in said()
        assert "ready for" in said()
        await pilot.press("escape", "?")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        assert "c  cancel" in said()

    play(store, story)


def test_what_a_peer_calls_itself_is_shown_as_it_is(site: Site, store: Store) -> None:
    """Neither markup nor control characters of a name or a reason do anything to the screen."""
    request = site.jobs.queries.request(site.job())
    site.jobs.submission.add(replace(request, calling_ae="[bold]X[/]", film_session="another"))
    site.jobs.commands.hold(2, "\x1b[2J[link=x]jam")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 2)
        await until(pilot, lambda: "?[2J[link=x]jam" in text(app, "about"))
        shown = "\n".join(str(strip.text) for strip in app.screen._compositor.render_strips())
        assert "[bold]X[/]" in shown

    play(store, story)


def test_a_lock_is_an_alarm_until_it_ends(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be read is shown; an order is told why it could not be done, and can be repeated."""
    monkeypatch.setattr("broker.operations.condition.alarms.LOCKED_S", 0.1)
    monkeypatch.setattr("broker.cli.top.store_watch.RENEW_S", 1.0)
    monkeypatch.setattr("broker.store.database.BUSY_S", 0.5)
    site.job()
    other = sqlite3.connect(
        site.folder / "broker-data" / "broker.db", isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "database is locked by another" in text(app, "alarms"))
        assert table(app, "jobs")[0][1] == "queued"
        await pilot.press("h", "enter")
        await until(pilot, lambda: "locked by another program" in text(app, "said"))
        other.execute("ROLLBACK")
        await until(pilot, lambda: "locked" not in text(app, "alarms"))
        await pilot.press("h", "enter")
        await until(pilot, lambda: table(app, "jobs")[0][1] == "held")

    with store_of(load(site.file)) as impatient:
        play(impatient, story)
    other.close()


def test_a_database_that_is_gone_is_an_alarm(site: Site, store: Store) -> None:
    """No order is written where no broker finds it; put back, everything goes on."""
    job_id = site.job()
    file = site.folder / "broker-data" / "broker.db"
    elsewhere = file.with_name("elsewhere.db")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        file.rename(elsewhere)
        await until(pilot, lambda: "THE DATABASE IS GONE" in text(app, "alarms"))
        await pilot.press("h", "enter")
        await until(pilot, lambda: "THE DATABASE IS GONE" in text(app, "said"))
        elsewhere.rename(file)
        await until(pilot, lambda: "GONE" not in text(app, "alarms"))
        assert site.jobs.queries.get(job_id).state is State.QUEUED

    play(store, story)


def test_a_database_that_cannot_be_read_is_an_alarm(site: Site, store: Store) -> None:
    """One line without a traceback, and how old the rows are; it goes away by itself."""
    site.job()

    def rename(one: str, other: str) -> None:
        with site.database.write() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {one} RENAME TO {other}")

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: len(table(app, "jobs")) == 1)
        rename("printers", "others")
        await until(pilot, lambda: "no such table: printers" in text(app, "alarms"))
        assert "What is below is" in text(app, "alarms")
        rename("others", "printers")
        await until(pilot, lambda: "no such table" not in text(app, "alarms"))

    play(store, story)


def test_after_trouble_it_looks_again_soon(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ended without any change of the database stays no alarm."""
    monkeypatch.setattr("broker.cli.top.store_watch.RENEW_S", 3600.0)
    lock = site.folder / "broker-data" / "broker.lock"

    async def story(app: Top, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: "NO BROKER IS RUNNING" in text(app, "whole"))
        lock.mkdir()
        site.job()
        await until(pilot, lambda: "is a folder, and should be a file" in text(app, "alarms"))
        lock.rmdir()
        await until(pilot, lambda: "NO BROKER IS RUNNING" in text(app, "whole"))
        assert len(table(app, "jobs")) == 1

    play(store, story)


@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "Ctrl-C"])
def test_on_a_terminal_it_draws_and_leaves_with_0(site: Site, key: bytes) -> None:
    """24 lines of 80 columns, in a real process; the terminal is left as it was."""
    site.job()
    main, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    before = termios.tcgetattr(child)
    environment = {each: value for each, value in os.environ.items() if each != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "broker.cli.main", "top", "-c", str(site.file)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=environment | {"TERM": "xterm-256color"},
    )
    said = ""
    try:
        while "queued" not in said:
            said += os.read(main, 65536).decode(errors="replace")
        os.write(main, key)
        while "?1049l" not in said:  # back to what was on the screen before
            said += os.read(main, 65536).decode(errors="replace")
        assert process.wait(30) == 0
        assert termios.tcgetattr(child) == before
    finally:
        process.kill()
        process.wait()
        os.close(main)
        os.close(child)
    assert "Traceback" not in said
    assert PATIENT not in said


def test_it_needs_a_terminal(site: Site) -> None:
    """In a pipe it says what to use instead."""
    ended = site.broker("top")
    assert ended.code == 2
    assert "it needs a terminal" in ended.err
