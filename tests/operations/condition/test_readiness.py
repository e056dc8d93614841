"""Ready means that a film would be taken: asked of real brokers with real trouble."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from broker.config.file import load
from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty
from broker.model.printers.trouble import NoPrinters
from broker.operations.condition.alarms import alarms
from broker.operations.condition.readiness import look
from broker.operations.opened import Store, store_of
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.obstacles import problems
from tests.peers.small_disk import Disk, mounted
from tests.peers.speaker import Speaker
from tests.web.print_room import print_room

CONFIG = """
[broker]
host = "127.0.0.1"
port = 0
data_dir = "disk/broker-data"
[retention]
floor_mb = 0
[web]
on = false
[limits]
waiting_jobs = 3
queue_jobs = 3
"""
PRINTER = """
[[printers]]
name = "oki-1"
ae_title = "OKI1"
host = "127.0.0.1"
port = {port}
"""
PATIENCE_S = 30.0


class Room:
    """A broker of its own process with its data on a small disk."""

    def __init__(self, folder: Path, disk: Disk, printer: EmulatedPrinter | None) -> None:
        self.disk = disk
        self.file = folder / "broker.toml"
        more = PRINTER.format(port=printer.address.port) if printer else ""
        self.file.write_text(CONFIG + more)
        self.process = BrokerProcess(self.file)
        self.data = disk.folder / "broker-data"

    def print(self) -> int:
        """A film of a modality; the first status that is a failure, or 0."""
        ct = Speaker(self.process.port)
        try:
            if status := ct.open_session().status:
                return status
            ct.open_film_box()
            return ct.set_image().status or ct.action(FILM_BOX, ct.film_box).status
        finally:
            ct.abort()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """16 MB, empty."""
    with mounted(tmp_path / "disk", 16 << 20) as made:
        yield made


@pytest.fixture
def room(tmp_path: Path, disk: Disk) -> Iterator[Room]:
    """A broker with one printer, which keeps its sheets elsewhere."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "oki-1") as printer:
        made = Room(tmp_path, disk, printer)
        with made.process:
            yield made


@pytest.fixture
def store(room: Room) -> Iterator[Store]:
    """As a command or the page opens it."""
    with store_of(load(room.file)) as opened:
        until(lambda: not problems(opened))
        yield opened


def until(what: Callable[[], bool]) -> None:
    """Return when it is so; asked again and again, as a balancer does."""
    end = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not what():
        assert time.monotonic() < end
        pause.wait(0.05)


def test_a_full_disk(room: Room, store: Store) -> None:
    """Nothing can be written: not ready, and the spool is named; with room again it is ready."""
    room.disk.fill()
    assert room.print() != 0
    said = problems(store)
    assert "the spool cannot be written: no space left on device" in said
    room.disk.empty()
    assert room.print() == 0
    until(lambda: not problems(store))


def test_what_the_broker_leaves_free_counts_and_not_the_file(room: Room) -> None:
    """A file that was changed since the broker read it says nothing of the films that it takes."""
    with store_of(load(room.file)) as before:
        until(lambda: not problems(before))
    room.file.write_text(room.file.read_text().replace("floor_mb = 0", "floor_mb = 1000000"))
    with store_of(load(room.file)) as changed:
        assert problems(changed) == []
    assert room.print() == 0


def test_no_inode_is_left(room: Room, store: Store) -> None:
    """There is room, but for no file."""
    used = sum(1 for _ in room.disk.folder.rglob("*")) + 1
    room.disk.remount(f"nr_inodes={used}")
    assert room.print() == statuses.NO_MEMORY_FOR_IMAGE
    assert "the spool cannot be written: its file system has no inodes left" in problems(store)


def test_a_spool_that_became_read_only(room: Room, store: Store) -> None:
    """Beneath the running broker: an image is refused with 0xC605, and the spool is named."""
    spool = room.data / "spool"
    subprocess.run(["mount", "--bind", spool, spool], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", spool], check=True)
        assert room.print() == statuses.NO_MEMORY_FOR_IMAGE
        assert "the spool cannot be written: read-only file system" in problems(store)
    finally:
        subprocess.run(["umount", spool], check=True)
    assert room.print() == 0
    until(lambda: not problems(store))


def test_a_table_is_missing(room: Room, store: Store) -> None:
    """Modalities hear 0xC602, a balancer hears 503, and the alarm above every table says it."""
    with closing(sqlite3.connect(room.data / "broker.db")) as connection:
        connection.execute("ALTER TABLE sendings RENAME TO away")
        connection.commit()
    assert room.print() == statuses.FILM_BOX_QUEUE_FULL
    said = problems(store)
    assert "the database cannot be written: the database: no such table: sendings" in said
    assert any(
        "FILMS ARE REFUSED: the database cannot be written" in each for each in alarms(store)
    )
    with closing(sqlite3.connect(room.data / "broker.db")) as connection:
        connection.execute("ALTER TABLE away RENAME TO sendings")
        connection.commit()
    assert room.print() == 0
    until(lambda: not problems(store))


@pytest.mark.usefixtures("store")
def test_a_page_of_the_database_is_damaged(room: Room) -> None:
    """The page that the next film's row goes to is noise."""
    assert room.print() == 0
    with closing(sqlite3.connect(room.data / "broker.db")) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'films'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with (room.data / "broker.db").open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x5a" * size)
    with store_of(load(room.file)) as fresh:
        until(lambda: any("malformed" in each for each in problems(fresh)))
        assert not look(fresh).ready


def test_a_stopped_relay(room: Room, store: Store) -> None:
    """It holds its lock, and its port takes connections, but no answer comes."""
    room.process.send(signal.SIGSTOP)
    until(lambda: any("no sign of life" in each for each in problems(store)))
    room.process.send(signal.SIGCONT)
    until(lambda: not problems(store))


def test_a_locked_database(room: Room, store: Store) -> None:
    """A backup, or a shell, that keeps it locked; and one that does so for a moment only."""
    with closing(sqlite3.connect(room.data / "broker.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert problems(store) == ["the database is locked by another program"]
        connection.execute("ROLLBACK")
    assert problems(store) == []


def test_a_full_queue(room: Room, store: Store) -> None:
    """As many jobs as there may be in all are not finished."""
    store.printers.set_duty("oki-1", Duty.MAINT)
    answers = [room.print() for _ in range(4)]
    assert answers[0] == statuses.SUCCESS
    assert answers[-1] == statuses.RESOURCE_LIMITATION
    while len(store.jobs.list({State.QUEUED})) < 3:
        store.submission.add(store.jobs.request(1))
    assert "the queue is full: 3 jobs are not finished (limits.queue_jobs)" in problems(store)


def test_printers_out_of_service_are_said_and_films_are_taken(room: Room, store: Store) -> None:
    """Films are kept: that is ready."""
    store.printers.set_duty("oki-1", Duty.MAINT)
    found = look(store)
    assert found.ready
    assert found.remarks == (
        "no printer takes films now (oki-1 in maint): they are kept until one does",
    )
    assert room.print() == 0


def test_no_printer_at_all(tmp_path: Path, disk: Disk) -> None:
    """Films are refused: not ready, and what to do is said."""
    made = Room(tmp_path, disk, None)
    with made.process, store_of(load(made.file)) as opened:
        until(lambda: problems(opened) == [NoPrinters.words])
        (said,) = alarms(opened)
        assert said.startswith(f"FILMS ARE REFUSED: {NoPrinters.words}; and nothing prints.")


def test_printed_films_that_can_go_are_room(room: Room) -> None:
    """Under the floor, with pixels of finished jobs that go when a film comes: ready, and it is
    true."""
    text = room.file.read_text().replace("floor_mb = 0", "floor_mb = 8")
    assert room.print() == 0
    with store_of(load(room.file)) as opened:
        until(lambda: opened.jobs.list()[0].state is State.SENT)
    room.process.end(signal.SIGTERM)
    room.file.write_text(text)
    with BrokerProcess(room.file) as room.process, store_of(load(room.file)) as opened:
        until(lambda: not problems(opened))
        (kept,) = opened.references.spooled()
        path = room.data / "spool" / kept[:2] / kept
        path.write_bytes(bytes(2 << 20))
        with closing(sqlite3.connect(room.data / "broker.db")) as connection:
            connection.execute(f"UPDATE spooled SET bytes = {2 << 20}")
            connection.commit()
        room.disk.fill(leave=7 << 20)
        assert problems(opened) == []
        assert room.print() == 0
        path.unlink(missing_ok=True)


def test_nothing_is_left_of_a_look(room: Room, store: Store) -> None:
    """No job, no file, no number that a job would have had."""
    for _ in range(3):
        assert look(store).ready
    assert list((room.data / "spool" / "incoming").iterdir()) == []
    assert store.jobs.list() == []
    assert room.print() == 0
    assert [job.id for job in store.jobs.list()] == [1]


def test_the_page_answers_at_once_and_truly(tmp_path: Path) -> None:
    """Locked, and with the relay stopped: 503 with a line for each, as text and as JSON, and no
    answer takes long. `broker check` says the same."""
    with print_room(tmp_path) as site, httpx.Client(timeout=30) as client:

        def answer() -> httpx.Response:
            began = time.monotonic()
            found = client.get(f"{site.url}/readyz")
            took.append(time.monotonic() - began)
            return found

        took: list[float] = []
        until(lambda: answer().status_code == 200)
        took.clear()
        file = tmp_path / "broker-data" / "broker.db"
        with closing(sqlite3.connect(file, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            until(lambda: answer().status_code == 503)
            assert answer().text == "the database is locked by another program\n"
            document = client.get(f"{site.url}/readyz", headers={"Accept": "application/json"})
            assert document.json() == {
                "ready": False,
                "problems": ["the database is locked by another program"],
                "remarks": [],
            }
            checked = command("check", "--json", config=site.config)
            assert checked.returncode == 1
            (films,) = [each for each in json.loads(checked.stdout) if each["name"] == "films"]
            assert films["healthy"] is False
            assert films["words"] == "the database is locked by another program"
            connection.execute("ROLLBACK")
        until(lambda: answer().status_code == 200)
        site.process.send(signal.SIGSTOP)
        until(lambda: "no sign of life" in answer().text)
        site.process.send(signal.SIGCONT)
        until(lambda: answer().status_code == 200)
        assert sorted(took)[len(took) * 9 // 10] < 0.05
        assert max(took) < 1
