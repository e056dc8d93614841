"""The log of the database in a running broker: a reader is named, and the log shrinks after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from broker.relay.database_upkeep import AGAIN_S, LogKeeping
from broker.store.write_ahead import WriteAheadLog
from tests.peers.filled_site import FilledSite
from tests.peers.other_process import OtherProcess
from tests.store.test_write_ahead import READS

LIMIT = 200_000
HELD_S = 12.0


class Clock:
    """Turned by the test."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Kept:
    """A log that is kept, with what was noted."""

    def __init__(self, site: FilledSite) -> None:
        self.site = site
        self.clock = Clock()
        self.idle = True
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self.log = WriteAheadLog(site.database, site.file)
        self.keeping = LogKeeping(
            self.log,
            lambda: self.idle,
            lambda event, facts: self.notes.append((event, facts)),
            self.clock,
            held_s=HELD_S,
            limit=LIMIT,
        )

    def films(self, number: int) -> None:
        """`number` films are recorded."""
        for _ in range(number):
            self.site.job("same")

    def round(self, seconds: float = 5.0) -> list[str]:
        """One round, some time later; what was noted by it."""
        self.clock.now += seconds
        before = len(self.notes)
        self.keeping.tend()
        return [event for event, _ in self.notes[before:]]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    """Of a broker's folder."""
    with FilledSite(tmp_path / "site") as made:
        yield Kept(made)


def test_a_reader_that_keeps_the_log_is_named_and_the_log_shrinks_after_it(kept: Kept) -> None:
    """Told once with process, program and size, and again only after minutes; over, it is told."""
    with OtherProcess(READS, str(kept.site.file)) as other:
        assert other.hear() == "reading"
        kept.films(30)
        assert kept.log.size() > LIMIT
        assert [kept.round() for _ in range(3)] == [[], [], []], "a question may take some seconds"

        assert kept.round() == ["database log grows"]
        _, facts = kept.notes[-1]
        ((number, program),) = kept.log.readers().items()
        assert (facts["reader"], facts["program"]) == (number, program)
        assert facts["seconds"] == 15
        assert kept.keeping.state.reader == f"process {number} ({program})"
        assert kept.keeping.state.bytes == kept.log.size()
        assert [kept.round() for _ in range(3)] == [[], [], []]
        assert kept.round(AGAIN_S) == ["database log grows"]

    assert kept.round() == ["database log shrank"]
    assert kept.log.size() == 0
    assert kept.keeping.state.reader == ""
    kept.films(1)
    assert kept.round() == []


def test_while_a_film_is_in_hand_the_log_is_not_cut(kept: Kept) -> None:
    """It is brought into the database all the same, and cut when it is quiet."""
    kept.films(30)
    kept.idle = False

    assert kept.round() == []
    assert kept.log.size() > LIMIT
    assert kept.log.checkpoint().complete

    kept.idle = True
    kept.round()
    assert kept.log.size() == 0


def test_films_are_recorded_while_it_is_kept(kept: Kept) -> None:
    """No writer fails or waits long beside it."""
    stop = threading.Event()

    def tend() -> None:
        while not stop.is_set():
            kept.keeping.tend()

    thread = threading.Thread(target=tend)
    thread.start()
    try:
        kept.films(60)
    finally:
        stop.set()
        thread.join()

    assert len(kept.site.jobs.queries.list()) == 60
