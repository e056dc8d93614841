"""Making room beside films that come: never from under one that was taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import Level, PrintRequest
from broker.model.storage.disk import Room
from broker.relay.upkeep import Shedder
from broker.spool.files import Spool
from broker.store import schema
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from broker.store.queue.retention import Retention

SIZE = 1000


@dataclass
class Site:
    """A spool and its jobs, with as much room as the test says."""

    jobs: Jobs
    spool: Spool
    free: int = 0
    budget: int = 0
    damage: str = ""
    notes: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    shedder: Shedder = field(init=False)

    def take(self, content: bytes) -> int:
        """A film comes, and is taken as the intake takes it; the number of its job."""
        received = self.spool.receive([content])
        image = Image(received.name, received.length, 1, SIZE, 8, 8, "MONOCHROME2")
        film = Film({}, (ImageBox(1, {}, image),))
        with self.spool.keeping():
            self.spool.keep([received])
            number = self.jobs.submission.add(
                PrintRequest("CT1", "BROKER", "10.0.0.9:1", "s", Level.FILM_BOX, {}, (film,))
            )
        self.spool.drop([received])
        return number

    def done(self, content: bytes) -> int:
        """A film that came, and whose job is finished."""
        number = self.take(content)
        self.jobs.commands.cancel(number)
        return number

    def make_room(self, need: int) -> None:
        """`need` bytes are missing, until as many were freed."""
        before = self._bytes()
        self.shedder.make_room(lambda _: need - (before - self._bytes()), partly=True)

    def taken(self) -> int:
        """Bytes of what is kept, and of what was set aside."""
        return self._bytes() + sum(each.size for each in self.spool.orphans.found())

    def _bytes(self) -> int:
        return sum(self.spool.size(name) for name in self.spool.names())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Without any job."""
    database = Database.open(f"sqlite:///{tmp_path}/broker.db", busy_s=0.2)
    schema.upgrade(database)
    spool = Spool(tmp_path / "spool")
    made = Site(Jobs(database, lambda: 1000.0), spool)
    made.shedder = Shedder(
        Retention(database, lambda: 1000.0),
        made.jobs.references,
        spool,
        room=lambda: Room(made.free, 0),
        budget=lambda: made.budget,
        note=lambda event, facts: made.notes.append((event, facts)),
        damage=lambda: made.damage,
    )
    yield made
    database.close()


def _content(number: int) -> bytes:
    return number.to_bytes(2, "little") * (SIZE // 2)


def test_films_that_come_meanwhile_keep_their_pixels(site: Site) -> None:
    """The same content again and again, while its earlier jobs are finished and shed: a film that
    was taken finds its pixels, always."""
    over = threading.Event()

    def shed() -> None:
        while not over.is_set():
            site.make_room(100 * SIZE)

    shedding = [threading.Thread(target=shed) for _ in range(2)]
    for each in shedding:
        each.start()
    waiting = []
    for number in range(150):
        job = site.take(_content(number % 3))
        if number % 2:
            site.jobs.commands.cancel(job)
        else:
            waiting.append(job)
    over.set()
    for each in shedding:
        each.join()

    assert any(event == "pixels shed" for event, _ in site.notes) or len(waiting) == 75
    for job in waiting:
        (film,) = site.jobs.queries.films(job)
        assert all(len(site.spool.read(name)) == SIZE for name in film.film.spooled)


def test_what_could_not_be_removed_goes_the_next_time(site: Site) -> None:
    """While films are kept without a pause: the job has no pixels any more, and its file goes
    later, though no job refers to it then."""
    site.done(_content(1))
    with _keeping(site.spool):
        site.make_room(SIZE)
    assert site.jobs.queries.get(1).pixels_removed_why == "room"
    assert len(list(site.spool.names())) == 1

    site.make_room(SIZE)
    assert list(site.spool.names()) == []


@contextmanager
def _keeping(spool: Spool) -> Iterator[None]:
    """Meanwhile another thread keeps a film."""
    inside, leave = threading.Event(), threading.Event()

    def keep() -> None:
        with spool.keeping():
            inside.set()
            assert leave.wait(30)

    thread = threading.Thread(target=keep)
    thread.start()
    assert inside.wait(30)
    try:
        yield
    finally:
        leave.set()
        thread.join()


def test_the_budget_counts_each_file_once(site: Site) -> None:
    """Three films of one content are one file; what an unfinished job needs counts not at all."""
    for number in (1, 1, 1, 2, 3):
        site.done(_content(number))
    site.take(_content(3))
    site.free, site.budget = 1 << 40, 2 * SIZE
    site.shedder.make_spare_room()
    assert site.notes == []

    site.budget = SIZE
    site.shedder.make_spare_room()
    assert [job.pixels_removed_why for job in site.jobs.queries.list()] == ["budget"] * 3 + [
        "",
        "",
        "",
    ]
    assert len(list(site.spool.names())) == 2


@pytest.mark.parametrize(("of_one", "need", "first_left"), [(1, 230, 231), (3, 76, 229)])
def test_much_is_found_at_once(site: Site, of_one: int, need: int, first_left: int) -> None:
    """Room for one film is made of many small ones, over several pages of jobs, and of no more;
    also where several jobs have one file."""
    for number in range(250):
        site.done(_content(number // of_one))
    site.make_room(need * SIZE)
    left = [job.id for job in site.jobs.queries.list() if job.pixels_removed_at is None]
    assert left == list(range(first_left, 251))


def test_what_was_set_aside_goes_only_for_a_film(site: Site) -> None:
    """Reprints go first; then, so that a film need not be refused, as many orphans as it takes,
    the oldest first, and none where even all would not do."""
    site.done(_content(1))
    aside = [site.spool.receive([_content(number)]) for number in (2, 3)]
    for each in aside:
        with site.spool.keeping():
            site.spool.keep([each])
        site.spool.drop([each])
        site.spool.sweep(site.jobs.references, now=1000.0, keep_s=1e9)
    oldest, newest = (each.name for each in site.spool.orphans.found())

    def room(need: int) -> list[str]:
        before = site.taken()
        site.shedder.make_room(lambda _: need - (before - site.taken()))
        return [each.name for each in site.spool.orphans.found()]

    assert room(SIZE) == [oldest, newest]
    assert room(SIZE) == [newest]
    assert room(2 * SIZE) == [newest]
    assert [event for event, _ in site.notes] == ["pixels shed", "orphans removed"]


def test_nothing_more_goes_while_nothing_can_be_removed(site: Site) -> None:
    """As while a backup keeps the spool: jobs are stripped once, and not for each film that comes;
    what was set aside stays."""
    for number in range(10):
        site.done(_content(number))
    received = [site.spool.receive([_content(50)])]
    site.spool.keep(received)
    site.spool.drop(received)
    site.spool.sweep(site.jobs.references, now=1000.0, keep_s=86400.0)
    assert len(site.spool.orphans.found()) == 1

    with _keeping(site.spool):
        for _ in range(3):
            site.shedder.make_room(lambda _: SIZE)

    stripped = [job for job in site.jobs.queries.list() if job.pixels_removed_at is not None]
    assert len(stripped) == 1
    assert len(site.spool.orphans.found()) == 1
    assert len(list(site.spool.names())) == 10

    site.shedder.make_room(lambda _: SIZE - (10 * SIZE - site.taken() + SIZE))
    assert len(list(site.spool.names())) == 9, "what was stripped then is enough"
    assert sum(job.pixels_removed_at is not None for job in site.jobs.queries.list()) == 1


def test_nothing_goes_while_the_database_is_known_to_be_damaged(site: Site) -> None:
    """What it does not refer to may be needed: neither reprints nor what was set aside go, for room
    or for the budget, and the film is refused where there is none."""
    site.done(_content(1))
    received = [site.spool.receive([_content(50)])]
    site.spool.keep(received)
    site.spool.drop(received)
    site.spool.sweep(site.jobs.references, now=1000.0, keep_s=86400.0)
    site.damage, site.budget, site.free = "database disk image is malformed", 1, 7

    assert site.shedder.make_room(lambda _: 2 * SIZE) == Room(7, 0)
    site.make_room(SIZE)
    site.shedder.make_spare_room()

    assert site.taken() == 2 * SIZE
    assert site.jobs.queries.get(1).pixels_removed_at is None
