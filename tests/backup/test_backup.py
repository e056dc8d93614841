"""The backup: rows of one moment with their pixels, whole at any time."""

from __future__ import annotations

import os
import stat
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.backup.backup import BackupRefused, Manifest, Report, Site, back_up
from broker.spool.pins import check_pixels
from broker.spool.stored import place_of
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from broker.store.queue.retention import Retention, Terms
from tests.peers.filled_site import FilledSite
from tests.peers.other_process import OtherProcess

NOW = 1_796_000_000.0
DAY_S = 86_400.0


class Steps:
    """Watches a backup, and does something at one of its steps."""

    def __init__(self, at: str = "", do: Callable[[], None] = lambda: None) -> None:
        self._at, self._do = at, do
        self.words: list[str] = []

    def begin(self, words: str, _total: int) -> None:
        """The next part begins."""
        self.words.append(words)
        if self._at and words.startswith(self._at):
            self._do()

    def reached(self, done: int) -> None:
        """So much of it is done."""
        assert done >= 0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """Two queued jobs and a sent one, four films."""
    with FilledSite(tmp_path / "site", lambda: NOW) as made:
        made.job("a")
        made.job("b", "c")
        made.send(made.job("d"))
        yield made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where the backup goes."""
    return tmp_path / "backup"


def _backed_up(site: FilledSite, target: Path, watcher: Steps | None = None) -> Report:
    source = Site(site.file, site.data_dir / "spool", "1.2.3", lambda: NOW)
    return back_up(source, target, watcher or Steps())


def _jobs(target: Path, tmp_path: Path) -> Jobs:
    """The jobs of a backup, opened as a copy."""
    copy = tmp_path / "copy.db"
    copy.write_bytes((target / Manifest.read(target).database).read_bytes())
    return Jobs(Database.open(f"sqlite:///{copy}"), lambda: NOW)


def _swept(site: FilledSite) -> int:
    return site.spool.sweep(site.jobs.references, now=NOW, keep_s=DAY_S).removed


def _files(target: Path) -> set[str]:
    return {each.name for each in (target / "spool").glob("??/*")}


def test_a_backup_has_every_row_and_every_file(
    site: FilledSite, target: Path, tmp_path: Path
) -> None:
    """What was accepted before it is in it, pixels checked; the manifest counts it."""
    report = _backed_up(site, target)

    found = report.manifest
    assert found == Manifest.read(target)
    assert found.jobs == {"queued": 2, "sent": 1}
    assert (found.films, found.files, report.copied) == (4, 4, 4)
    assert (found.missing, found.damaged, found.broker) == ((), (), "1.2.3")
    assert _jobs(target, tmp_path).queries.list() == site.jobs.queries.list()
    assert _files(target) == site.jobs.references.spooled()
    assert all(check_pixels(target / "spool", name) is None for name in _files(target))


def test_a_backup_is_one_file_that_is_read_without_a_log(site: FilledSite, target: Path) -> None:
    """It is readable from a folder that is read-only; what a copy that was killed has left beside
    it does not get into the next."""
    target.mkdir()
    (target / "backup.lock").touch()
    (target / ".database.partial-journal").write_bytes(b"journal of another copy")

    found = _backed_up(site, target).manifest

    header = (target / found.database).read_bytes()[:100]
    assert header[18:20] == b"\x01\x01", "no write-ahead log"
    left = {each.name for each in target.iterdir()}
    assert left == {"manifest.json", "backup.lock", "spool", found.database}


def test_pixels_that_are_set_aside_are_backed_up(site: FilledSite, target: Path) -> None:
    """The spool brings them back when they are needed, so they are not missing."""
    (name,) = site.names(1)
    site.spool.orphans.set_aside(site.place(name))

    assert _backed_up(site, target).manifest.missing == ()
    assert check_pixels(target / "spool", name) is None


def test_a_backup_is_its_owners_alone(site: FilledSite, target: Path) -> None:
    """Labels of patients are in it: no other account may read it, whatever the umask is."""
    before = os.umask(0)
    try:
        _backed_up(site, target)
    finally:
        os.umask(before)

    for each in (target, *target.rglob("*")):
        wanted = 0o700 if each.is_dir() else 0o600
        assert stat.S_IMODE(each.stat().st_mode) == wanted, each


def test_the_next_backup_copies_only_what_is_new(site: FilledSite, target: Path) -> None:
    """Files of the backup before are left as they are; what no row refers to goes."""
    _backed_up(site, target)
    kept = {each: each.stat().st_mtime_ns for each in (target / "spool").glob("??/*")}
    site.job("e")
    Retention(site.database, lambda: NOW).remove(Terms(NOW + 1, 0))

    report = _backed_up(site, target)

    assert (report.copied, report.removed) == (1, 1)
    assert _files(target) == site.jobs.references.spooled()
    assert all(each.stat().st_mtime_ns == at for each, at in kept.items() if each.exists())
    assert len(list(target.glob("*.db"))) == 1


def test_a_backup_that_breaks_leaves_the_one_before(
    site: FilledSite, target: Path, tmp_path: Path
) -> None:
    """Broken off at any step, the folder still has the whole earlier backup, and the next works."""
    first = _backed_up(site, target).manifest
    files = _files(target)
    new = site.job("e")

    def stop() -> None:
        raise KeyboardInterrupt

    for step in ("copying the database", "copying pixels", "writing it"):
        with pytest.raises(KeyboardInterrupt):
            _backed_up(site, target, Steps(step, stop))

        assert Manifest.read(target) == first
        assert [job.id for job in _jobs(target, tmp_path).queries.list()] == [1, 2, 3]
        assert files <= _files(target)
    assert _backed_up(site, target).manifest.jobs == {"queued": 3, "sent": 1}
    assert set(site.names(new)) <= _files(target)


def test_a_killed_backup_leaves_nothing_that_stays(site: FilledSite, target: Path) -> None:
    """SIGKILL while it copies: the folder has no backup yet, and the next one cleans it up."""
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from broker.backup.backup import Site, back_up
        class Stuck:
            def begin(self, words, total):
                pass
            def reached(self, done):
                if (Path(sys.argv[3]) / "spool").exists():
                    print("copied", flush=True)
                    sys.stdin.readline()
        site = Site(Path(sys.argv[1]), Path(sys.argv[2]), "1", lambda: 1.0)
        back_up(site, Path(sys.argv[3]), Stuck())
        """
    )
    with OtherProcess(program, str(site.file), str(site.data_dir / "spool"), str(target)) as other:
        assert other.hear() == "copied"
        pinned = site.data_dir / "spool" / "pinned"
        _swept(site)
        assert list(pinned.glob("*/*")), "it still runs"
        other.kill()
    _swept(site)
    assert not list(pinned.iterdir())
    (target / "spool" / "ab").mkdir(exist_ok=True)
    (target / "spool" / "ab" / ".partial-1").write_bytes(b"half")

    report = _backed_up(site, target)

    assert report.manifest.files == 4
    assert _files(target) == site.jobs.references.spooled()
    assert not (target / ".database.partial").exists()


def test_films_taken_meanwhile_do_not_disturb_it(
    site: FilledSite, target: Path, tmp_path: Path
) -> None:
    """What comes while the rows are copied is not in it; the copy is of one moment."""
    _backed_up(site, target, Steps("copying the database", lambda: site.job("later") and None))

    assert [job.id for job in _jobs(target, tmp_path).queries.list()] == [1, 2, 3]


def test_unfinished_jobs_keep_their_pixels_while_they_are_copied(
    site: FilledSite, target: Path
) -> None:
    """A job that is sent and stripped by retention meanwhile is in the backup with its pixels."""
    (name,) = site.names(1)

    def retain() -> None:
        site.send(1)
        Retention(site.database, lambda: NOW).remove(Terms(NOW + 1, 0))
        assert _swept(site) == 2, "the backup keeps no file from being removed"

    report = _backed_up(site, target, Steps("copying the database", retain))

    assert report.manifest.missing == ()
    assert check_pixels(target / "spool", name) is None
    assert (report.forgotten, report.manifest.files) == (1, 3), "job 3 was finished before"
    assert not list((site.data_dir / "spool" / "pinned").iterdir())


def test_room_is_made_while_a_backup_copies(site: FilledSite, target: Path) -> None:
    """What finished jobs keep can go, so that no film is refused; what is pinned frees nothing
    before it is copied."""
    (waiting,), (kept,) = site.names(1), site.names(3)

    def shed() -> None:
        assert site.spool.freed_by(kept) == 512
        assert site.spool.remove([kept], lambda _: set()) == 1
        assert site.spool.freed_by(waiting) == site.spool.freed_by(waiting, printed=True) == 0

    report = _backed_up(site, target, Steps("copying the database", shed))

    assert report.manifest.missing == (kept,), "its job did not lose it by retention"
    assert site.spool.freed_by(waiting) == 512


def test_a_pinned_file_that_was_put_right_is_copied(site: FilledSite, target: Path) -> None:
    """A film that comes again replaces what was damaged; the pin has the damaged one."""
    (name,) = site.names(1)
    site.place(name).write_bytes(b"x" * 512)

    report = _backed_up(
        site, target, Steps("copying the database", lambda: site.film("a") and None)
    )

    assert report.manifest.damaged == ()
    assert check_pixels(target / "spool", name) is None


def test_finished_jobs_may_lose_their_pixels_meanwhile(
    site: FilledSite, target: Path, tmp_path: Path
) -> None:
    """Retention that removed a finished job's pixels during the backup is no damage: the copy says
    that they are removed, and no patient's label stays with it."""
    (name,) = site.names(3)

    def retain() -> None:
        Retention(site.database, lambda: NOW).remove(Terms(NOW + 1, 0))
        site.place(name).unlink()

    report = _backed_up(site, target, Steps("copying the database", retain))

    assert (report.manifest.missing, report.forgotten) == ((), 1)
    copied = _jobs(target, tmp_path)
    assert copied.queries.get(3).pixels_removed_at == NOW
    assert "FilmSessionLabel" not in copied.queries.session(3)
    assert name not in copied.references.spooled()


@pytest.mark.parametrize("damage", ["gone", "altered", "empty", "folder"])
def test_pixels_that_are_missing_or_damaged_are_told(
    site: FilledSite, target: Path, damage: str
) -> None:
    """The rest is in the backup, and the manifest names what is not."""
    (name,) = site.names(1)
    place = site.place(name)
    content = place.read_bytes()
    place.unlink()
    match damage:
        case "altered":
            place.write_bytes(content[:-1] + b"\0")
        case "empty":
            place.touch()
        case "folder":
            place.mkdir()

    found = _backed_up(site, target).manifest

    assert (found.missing, found.damaged) == (((name,), ()) if damage == "gone" else ((), (name,)))
    assert found.files == 3
    assert name not in _files(target)


def test_a_good_copy_outlives_the_damage_of_the_spool(site: FilledSite, target: Path) -> None:
    """Pixels that an earlier backup has are not lost with the spool's."""
    _backed_up(site, target)
    (name,) = site.names(1)
    site.place(name).write_bytes(b"")

    found = _backed_up(site, target).manifest

    assert (found.missing, found.damaged, found.files) == ((), (), 4)
    assert check_pixels(target / "spool", name) is None


def test_a_cut_copy_is_made_anew(site: FilledSite, target: Path) -> None:
    """A file of the backup that has another length than its film says is copied again."""
    _backed_up(site, target)
    (name,) = site.names(1)
    place_of(target / "spool", name).write_bytes(b"")

    assert _backed_up(site, target).copied == 1
    assert check_pixels(target / "spool", name) is None


def test_a_damaged_database_replaces_no_backup(site: FilledSite, target: Path) -> None:
    """The last good rows stay: a backup of damage would take the way back away."""
    first = _backed_up(site, target).manifest
    site.database.close()
    size = site.file.stat().st_size
    with site.file.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))

    with pytest.raises(BackupRefused, match="damaged"):
        _backed_up(site, target)

    assert Manifest.read(target) == first


def test_a_folder_of_something_else_is_not_touched(site: FilledSite, target: Path) -> None:
    """A folder that is no backup, or has another format, gets nothing."""
    target.mkdir()
    (target / "thesis.txt").write_text("chapter 1")
    with pytest.raises(BackupRefused, match="no backup"):
        _backed_up(site, target)
    (target / "manifest.json").write_text('{"kind": "something", "format": 1}')
    with pytest.raises(BackupRefused, match="something"):
        _backed_up(site, target)

    assert sorted(each.name for each in target.iterdir()) == ["manifest.json", "thesis.txt"]


def test_two_backups_at_once_are_one_too_many(site: FilledSite, target: Path) -> None:
    """The second is refused while the first is written."""

    def again() -> None:
        with pytest.raises(BackupRefused, match="another backup"):
            _backed_up(site, target)

    steps = Steps("copying pixels", again)
    _backed_up(site, target, steps)

    assert "copying pixels" in steps.words
