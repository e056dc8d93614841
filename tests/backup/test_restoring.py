"""Restoring: every film of the backup comes back, and none that may be on paper prints unasked."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command

from broker.backup import restoring
from broker.backup.backup import Manifest, NotABackup, Report, Site, back_up
from broker.backup.restoring import (
    NUMBERS_APART,
    Place,
    Restored,
    RestoreRefused,
    inspect,
    occupied,
    restore,
)
from broker.model.jobs.job import FilmState, State
from broker.model.storage.spool_fit import Progress
from broker.spool.binding import bind, mismatch, read_mark, write_mark
from broker.spool.pins import check_pixels
from broker.spool.stored import place_of
from broker.store import identity, schema, sqlite
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.backup.test_backup import Steps
from tests.peers.earlier_version import back_to
from tests.peers.filled_site import FilledSite

NOW = 1_796_000_000.0
LATER = NOW + 86_400
REASON = "restored from the backup of 2026-11-30 00:53:20 UTC: it may have been printed since"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """Job 1 queued, 2 queued with two films, 3 sent, 4 printing with one film accepted of two and
    the other asked for, 5 held by a person."""
    with FilledSite(tmp_path / "site", lambda: NOW) as made:
        made.job("a")
        made.job("b", "c")
        made.send(made.job("d"))
        made.send(made.job("e", "f"), films=1)
        made.jobs.commands.hold(made.job("g"))
        yield made


@pytest.fixture
def target(site: FilledSite, tmp_path: Path) -> Path:
    """A backup of it."""
    _backed_up(site, tmp_path / "backup")
    return tmp_path / "backup"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty place elsewhere."""
    data_dir = tmp_path / "other" / "broker-data"
    return Place(data_dir, data_dir / "broker.db", lambda: LATER)


def _backed_up(site: FilledSite, target: Path) -> Report:
    return back_up(Site(site.file, site.data_dir / "spool", "1", lambda: NOW), target, Steps())


def _restored(target: Path, place: Place) -> Restored:
    found = inspect(target, place, Steps())
    with occupied(place):
        return restore(found, place, Steps())


def _jobs(place: Place) -> Jobs:
    database = Database.open(f"sqlite:///{place.database}")
    schema.check(database)
    return Jobs(database, lambda: LATER)


def test_everything_comes_back_elsewhere(site: FilledSite, target: Path, place: Place) -> None:
    """Each job with its films and its pixels, in an empty place, private; a broker may start."""
    restored = _restored(target, place)

    jobs = _jobs(place)
    assert [job.id for job in jobs.queries.list()] == [1, 2, 3, 4, 5]
    assert [jobs.queries.request(each) for each in range(1, 6)] == [
        site.jobs.queries.request(each) for each in range(1, 6)
    ]
    assert all(check_pixels(place.spool, name) is None for name in jobs.references.spooled())
    assert restored.copied == len(jobs.references.spooled()) == 7
    assert mismatch(place.spool, place.database) is None
    assert place.database.stat().st_mode & 0o777 == 0o600
    left = {each.name for each in place.data_dir.iterdir()} - {"broker.db-wal", "broker.db-shm"}
    assert left == {"broker.db", "broker.lock", "spool"}


def test_what_may_have_been_printed_since_is_held(target: Path, place: Place) -> None:
    """Every unfinished job is held with the reason, its unprinted films uncertain; what a printer
    had accepted stays so, and so does a finished job."""
    assert _restored(target, place).held == (1, 2, 4, 5)

    jobs = _jobs(place)
    states = {job.id: (job.state, job.reason) for job in jobs.queries.list()}
    assert states == {
        1: (State.HELD, REASON),
        2: (State.HELD, REASON),
        3: (State.SENT, ""),
        4: (State.HELD, REASON),
        5: (State.HELD, f"{REASON}; before that: held by the operator"),
    }
    assert [film.state for film in jobs.queries.films(2)] == [FilmState.UNCERTAIN] * 2
    assert [film.state for film in jobs.queries.films(4)] == [
        FilmState.ACCEPTED,
        FilmState.UNCERTAIN,
    ]
    assert {(each.job_id, each.printer, each.asked_at) for each in jobs.queries.unanswered()} == {
        (1, "", LATER),
        (2, "", LATER),
        (4, "", LATER),
        (5, "", LATER),
    }
    assert jobs.recovery.recover() == [], "nothing is left of attempts of the earlier life"
    assert all(attempt.ended_at for attempt in jobs.queries.attempts(4))


def test_a_film_asked_for_keeps_its_printer(site: FilledSite, tmp_path: Path, place: Place) -> None:
    """Its tray is where to look."""
    claim = site.jobs.claims.claim(1, "oki-1")
    assert claim is not None
    site.jobs.claims.asked(claim, site.jobs.queries.films(1)[0].id)
    _backed_up(site, tmp_path / "late")

    _restored(tmp_path / "late", place)

    assert [each.printer for each in _jobs(place).queries.unanswered() if each.job_id == 1] == [
        "oki-1"
    ]


def test_a_release_flags_what_it_prints(target: Path, place: Place) -> None:
    """Released, each film that may be on paper is remembered as printed again; or, seen on paper,
    it is settled and does not print."""
    _restored(target, place)
    jobs = _jobs(place)

    jobs.commands.release(2)
    jobs.commands.release(1, printed=True)

    assert jobs.queries.get(2).state is State.QUEUED
    assert [each.number for each in jobs.queries.printed_again([2])] == [1, 2]
    assert (jobs.queries.get(1).state, jobs.queries.get(1).films_accepted) == (State.SENT, 1)


def test_job_numbers_are_not_given_again(site: FilledSite, target: Path, place: Place) -> None:
    """Where it is not known how far they had come, they go on with a distance; with the old spool
    in place they go on from its mark."""
    restored = _restored(target, place)
    assert restored.next_number == 5 + NUMBERS_APART + 1

    later = identity.seen(site.database).progress
    assert later is not None
    with FilledSite(place.data_dir.parent.parent / "third") as third:
        third.database.close()
        write_mark(third.data_dir / "spool", later)
        third.file.unlink()
        other = Place(third.data_dir, third.file, lambda: LATER)
        assert _restored(target, other).next_number == 6


def test_the_spool_that_is_in_place_is_used(site: FilledSite, target: Path) -> None:
    """Only the database was lost: what the spool has is not copied, what is damaged there is put
    right, what the backup does not know stays, and the two fit afterwards."""
    progress = identity.seen(site.database).progress
    assert progress is not None
    write_mark(site.data_dir / "spool", progress)
    (later,) = site.names(site.job("later"))
    (hurt,) = site.names(1)
    site.place(hurt).write_bytes(b"")
    site.database.close()
    for each in site.data_dir.glob("broker.db*"):
        each.unlink()
    own = Place(site.data_dir, site.file, lambda: LATER)
    found = inspect(target, own, Steps())

    restored = _restored(target, own)

    assert (len(found.there), found.others, restored.copied) == (6, 1, 1)
    assert check_pixels(site.data_dir / "spool", hurt) is None
    assert site.place(later).exists()
    assert mismatch(own.spool, own.database) is None
    mark = read_mark(own.spool)
    assert mark is not None
    assert mark.changes > progress.changes


def test_the_log_of_a_lost_database_is_set_aside(target: Path, place: Place) -> None:
    """It must not meet another database, and may have rows that are needed."""
    place.data_dir.mkdir(parents=True)
    log = place.data_dir / "broker.db-wal"
    log.write_bytes(b"rows")

    (moved,) = _restored(target, place).set_aside

    assert moved.read_bytes() == b"rows"
    assert _jobs(place).queries.get(1).state is State.HELD


def test_a_database_that_is_there_is_never_replaced(site: FilledSite, place: Place) -> None:
    """The words say how to keep it; a file of 0 bytes counts as one."""
    for each in (Place(site.data_dir, site.file, lambda: LATER), place):
        each.data_dir.mkdir(parents=True, exist_ok=True)
        each.database.touch()
        with pytest.raises(RestoreRefused, match="there is a database already"), occupied(each):
            pass
    assert len(site.jobs.queries.list()) == 5


def test_the_spool_of_another_broker_is_refused(target: Path, place: Place) -> None:
    """Another identity, or none: nothing is mixed."""
    with FilledSite(place.data_dir.parent) as other:
        other.job("x")
        progress = identity.seen(other.database).progress
        other.database.close()
        for each in other.data_dir.glob("broker.db*"):
            each.unlink()
    with pytest.raises(RestoreRefused, match="nothing says to which database"):
        inspect(target, place, Steps())
    assert progress is not None
    write_mark(place.spool, progress)
    with pytest.raises(RestoreRefused, match="belongs to another database"):
        inspect(target, place, Steps())
    (place.spool / "identity").write_bytes(b"x" * 512)
    with pytest.raises(RestoreRefused, match="is damaged"):
        inspect(target, place, Steps())


def test_a_damaged_backup_is_refused_whole(target: Path, place: Place) -> None:
    """One byte of its rows, and nothing is restored."""
    file = target / Manifest.read(target).database
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)

    with pytest.raises(RestoreRefused, match="not what the backup wrote"):
        inspect(target, place, Steps())
    file.unlink()
    with pytest.raises(RestoreRefused, match="is missing"):
        inspect(target, place, Steps())
    with pytest.raises(NotABackup, match="no backup"):
        inspect(place.data_dir, place, Steps())
    assert not place.database.exists()


def test_what_a_backup_lacks_is_found_and_its_jobs_say_so(
    site: FilledSite, target: Path, place: Place
) -> None:
    """One file missing, one of another content: both are named before anything is written."""
    (gone,), (hurt,) = site.names(1), site.names(5)
    place_of(target / "spool", gone).unlink()
    place_of(target / "spool", hurt).write_bytes(b"x" * 512)

    found = inspect(target, place, Steps())

    assert (found.missing, found.damaged) == ((gone,), (hurt,))
    with occupied(place):
        assert restore(found, place, Steps()).lost == (1, 5)
    restored = _jobs(place)
    assert restored.queries.get(1).reason.endswith("print it again at the modality")
    waiting = sum(each.bytes for each in restored.queries.unfinished().values())
    there = [name for name in restored.references.needed() if name not in (gone, hurt)]
    assert waiting == len(there) * 512, "what is missing takes no room"


def test_a_restore_that_breaks_can_be_done_again(target: Path, place: Place) -> None:
    """Broken off at any step there is no database, so no broker starts; the next one completes,
    with the pixels that were copied."""

    def stop() -> None:
        raise KeyboardInterrupt

    for step in ("copying pixels", "holding"):
        found = inspect(target, place, Steps())
        with pytest.raises(KeyboardInterrupt), occupied(place):
            restore(found, place, Steps(step, stop))
        assert not list(place.data_dir.glob("*.db*"))

    restored = _restored(target, place)
    assert (restored.held, restored.copied) == ((1, 2, 4, 5), 0)


def test_a_backup_of_an_earlier_version_gets_the_newest_tables(
    site: FilledSite, tmp_path: Path, place: Place
) -> None:
    """A backup made before an upgrade comes back upgraded."""
    with closing(sqlite3.connect(site.file)) as old:
        for statement in back_to("0005"):
            old.execute(statement)
        old.commit()
    report = _backed_up(site, tmp_path / "old")
    assert (report.manifest.schema, report.manifest.identity) == ("0005", "")

    _restored(tmp_path / "old", place)

    assert _jobs(place).queries.get(1).state is State.HELD
    assert mismatch(place.spool, place.database) is None


def _made_meanwhile(place: Place) -> None:
    """Another command makes a database, as `broker jobs` does in an empty place."""
    with closing(Database.open(f"sqlite:///{place.database}")) as made:
        schema.upgrade(made)


def test_a_database_that_is_made_meanwhile_is_not_replaced(target: Path, place: Place) -> None:
    """While pixels are copied, another command makes one: the restore says so, and leaves it and
    its log; no copy of the backup's database is left."""
    found = inspect(target, place, Steps())
    with pytest.raises(RestoreRefused, match="there is a database already"), occupied(place):
        restore(found, place, Steps("holding", lambda: _made_meanwhile(place)))

    assert _jobs(place).queries.list() == []
    assert not list(place.data_dir.glob("*before-*"))
    assert not list(place.data_dir.glob(".broker.db*"))
    assert read_mark(place.spool) is None


@pytest.mark.parametrize("links", [True, False])
def test_a_database_that_is_made_at_the_last_moment_is_not_replaced(
    target: Path, place: Place, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """Between the last look and the end, on a file system with hard links and on one without: the
    second maker loses, and the spool's mark is as it was."""
    made: list[bytes] = []

    def mark(spool: Path, progress: Progress) -> None:
        write_mark(spool, progress)
        if not made:
            _made_meanwhile(place)
            made.append(place.database.read_bytes())

    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(restoring, "write_mark", mark)
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    found = inspect(target, place, Steps())
    words = "another command has made a database here"
    with pytest.raises(RestoreRefused, match=words), occupied(place):
        restore(found, place, Steps())

    assert place.database.read_bytes() == made[0]
    assert read_mark(place.spool) is None
    place.database.unlink()
    assert _restored(target, place).held == (1, 2, 4, 5)


def _lose_database(site: FilledSite) -> Place:
    """Its files are gone, the spool is there."""
    site.database.close()
    for each in site.data_dir.glob("broker.db*"):
        each.unlink()
    return Place(site.data_dir, site.file, lambda: LATER)


@pytest.fixture
def before_upgrade(site: FilledSite, tmp_path: Path) -> Path:
    """A backup of tables that had no identity; then the broker was upgraded, and took a film."""
    with closing(sqlite3.connect(site.file)) as old:
        for statement in back_to("0005"):
            old.execute(statement)
        old.commit()
    report = _backed_up(site, tmp_path / "before")
    assert (report.manifest.schema, report.manifest.identity) == ("0005", "")
    schema.upgrade(site.database)
    with closing(bind(site.database, identity.count(site.database), site.data_dir / "spool")):
        site.job("later")
    return tmp_path / "before"


def test_a_backup_made_before_an_upgrade_comes_back_beside_its_spool(
    site: FilledSite, before_upgrade: Path
) -> None:
    """It has no identity, and its job numbers agree with the spool's: it is taken for the spool's
    and gets its identity, numbers go on, what may be on paper is held, and that is told."""
    mark = read_mark(site.data_dir / "spool")
    own = _lose_database(site)
    found = inspect(before_upgrade, own, Steps())
    assert (found.by_numbers, len(found.there), found.others) == (True, 7, 1)

    with occupied(own):
        restored = restore(found, own, Steps())

    assert mark is not None
    assert (restored.held, restored.next_number) == ((1, 2, 4, 5), 7)
    assert mismatch(own.spool, own.database) is None
    assert sqlite.seen_in(own.database).progress == read_mark(own.spool)
    after = read_mark(own.spool)
    assert after is not None
    assert (after.identity, after.jobs) == (mark.identity, 6)
    assert after.changes > mark.changes


def test_a_backup_without_identity_that_knows_more_jobs_is_refused(
    site: FilledSite, before_upgrade: Path
) -> None:
    """It is another broker's; the words say what to type, and that is the way on."""
    mark = read_mark(site.data_dir / "spool")
    own = _lose_database(site)
    assert mark is not None
    write_mark(own.spool, replace(mark, jobs=4))
    with pytest.raises(RestoreRefused, match=r"came to job 4, .* to job 5: .*different") as refused:
        inspect(before_upgrade, own, Steps())

    (typed,) = re.findall("`mv ([^ ]*) ([^`]*)`", refused.value.words)
    Path(typed[0]).rename(typed[1])
    assert _restored(before_upgrade, own).copied == 7


@pytest.mark.parametrize("version", ["0006", "0007", "0008"])
def test_a_backup_of_each_earlier_version_comes_back_beside_its_spool(
    site: FilledSite, tmp_path: Path, version: str
) -> None:
    """Its tables name the database, so that it is known to be the spool's."""
    with closing(sqlite3.connect(site.file)) as old:
        for statement in back_to("0005"):
            old.execute(statement)
        old.commit()
    with site.database.write() as connection:
        config = schema._config()
        config.attributes |= {"connection": connection, "report": None}
        command.upgrade(config, version)
    assert _backed_up(site, tmp_path / "before").manifest.schema == version
    schema.upgrade(site.database)
    with closing(bind(site.database, identity.count(site.database), site.data_dir / "spool")):
        site.job("later")
    own = _lose_database(site)
    found = inspect(tmp_path / "before", own, Steps())

    with occupied(own):
        restored = restore(found, own, Steps())

    assert (found.by_numbers, restored.held, restored.next_number) == (False, (1, 2, 4, 5), 7)
    assert mismatch(own.spool, own.database) is None
    assert schema.head() != version
