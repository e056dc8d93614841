"""The spool: what it has kept is there, and is what it was."""

from __future__ import annotations

import errno
import os
import resource
import stat
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from broker.model.printers.trouble import CannotStore, SpoolDamaged
from broker.spool.files import Spool, Swept
from broker.spool.lock import SpoolLock
from broker.spool.stored import name_of
from broker.spool.upload import UploadedPixels

PIXELS = bytes(range(256)) * 16
NAME = name_of(PIXELS)
DAY_S = 86_400.0


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """An empty spool."""
    return Spool(tmp_path / "spool")


def _kept(spool: Spool, *contents: bytes) -> list[str]:
    received = [spool.receive([content]) for content in contents]
    spool.keep(received)
    spool.drop(received)
    return [each.name for each in received]


def _wanted_by_none(_: Collection[str]) -> set[str]:
    """No job refers to any of them."""
    return set()


class Rows:
    """What a database says."""

    def __init__(
        self, *referred: str, released: Collection[str] = (), made_of: Collection[str] = ()
    ) -> None:
        self.referred = set(referred)
        self.let_go = set(released)
        self.made_of = set(made_of)
        self.asked: list[int] = []
        """How many names, each time."""

    def spooled(self, names: Collection[str] | None = None) -> set[str]:
        """Those that jobs refer to."""
        assert names is not None
        self.asked.append(len(names))
        return self.referred & set(names)

    def released(self, names: Collection[str]) -> set[str]:
        """Those that retention has released."""
        return self.let_go & set(names)

    def refer_again(self, names: Collection[str]) -> set[str]:
        """Those that films are made of."""
        return self.made_of & set(names)

    def forget_released(self, there: Callable[[str], bool]) -> None:
        """What is over."""
        self.let_go -= {name for name in self.let_go if not there(name)}


def _sweep(spool: Spool, rows: Rows, *, days: float = 0, keep_s: float = 7 * DAY_S) -> Swept:
    """Sweep, `days` days from now."""
    return spool.sweep(rows, now=time.time() + days * DAY_S, keep_s=keep_s)


def _file(tmp_path: Path, name: str) -> Path:
    return tmp_path / "spool" / name[:2] / name


def _arriving(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool" / "incoming").iterdir())


def test_what_is_kept_is_read_back(spool: Spool, tmp_path: Path) -> None:
    """Pixels that came in pieces are one file, named by their hash, and nothing else is left."""
    received = spool.receive([PIXELS[:1000], memoryview(PIXELS)[1000:]])
    assert (received.name, received.length) == (NAME, len(PIXELS))

    spool.keep([received])
    spool.drop([received])

    assert spool.read(NAME) == PIXELS
    assert list(spool.names()) == [NAME]
    assert _arriving(tmp_path) == []


def test_the_files_are_their_owners_alone(spool: Spool, tmp_path: Path) -> None:
    """No other user may read pixels, however open the process's umask is."""
    before = os.umask(0)
    try:
        _kept(spool, PIXELS)
        received = spool.receive([b"more"])
    finally:
        os.umask(before)

    for folder in (tmp_path / "spool", received.path.parent, _file(tmp_path, NAME).parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in (received.path, _file(tmp_path, NAME)):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_was_dropped_is_gone(spool: Spool, tmp_path: Path) -> None:
    """What was never kept leaves nothing behind, and may be dropped twice."""
    received = spool.receive([PIXELS])
    spool.drop([received])
    spool.drop([received])

    assert list(spool.names()) == []
    assert _arriving(tmp_path) == []
    with pytest.raises(SpoolDamaged, match="missing"):
        spool.read(NAME)


def test_equal_pixels_are_one_file(spool: Spool, tmp_path: Path) -> None:
    """The same picture, received twice or kept twice, is there once."""
    one, other = spool.receive([PIXELS]), spool.receive([PIXELS])
    spool.keep([one, other])
    spool.keep([one])
    spool.drop([one, other])

    assert list(spool.names()) == [NAME]
    assert spool.read(NAME) == PIXELS
    assert _arriving(tmp_path) == []


def test_pixels_can_be_kept_again_after_they_were_removed(spool: Spool) -> None:
    """A modality that asks for the same film again finds its pixels while its association lasts."""
    received = spool.receive([PIXELS])
    spool.keep([received])
    assert spool.remove([NAME], _wanted_by_none) == 1

    spool.keep([received])

    assert spool.read(NAME) == PIXELS


def test_an_altered_file_is_noticed(spool: Spool, tmp_path: Path) -> None:
    """One wrong bit, and the file is not printed; the words name it."""
    _kept(spool, PIXELS)
    _file(tmp_path, NAME).write_bytes(PIXELS[:-1] + b"\x00")

    with pytest.raises(SpoolDamaged, match=f"spool file {NAME} was altered"):
        spool.read(NAME)


def test_a_missing_file_is_noticed(spool: Spool) -> None:
    """The words name the file."""
    _kept(spool, PIXELS)
    spool.remove([NAME], _wanted_by_none)
    spool.remove([NAME], _wanted_by_none)

    with pytest.raises(SpoolDamaged, match=f"spool file {NAME} is missing"):
        spool.read(NAME)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("folder", "is not a file"),
        ("fifo", "is not a file"),
        ("loop", r"cannot be read \(too many levels of symbolic links\)"),
        ("dangling", "is missing"),
        ("file for its folder", "is missing"),
        ("empty", "it has 0 bytes, and had 4096"),
        ("one byte", "it has 1 bytes, and had 4096"),
        ("longer", "it has 4097 bytes, and had 4096"),
    ],
)
def test_whatever_lies_in_its_place_is_damage(
    spool: Spool, tmp_path: Path, damage: str, words: str
) -> None:
    """Found when it is opened, before a byte of it is given, and without waiting."""
    file = _file(tmp_path, NAME)
    match damage:
        case "folder":
            file.mkdir()
        case "fifo":
            os.mkfifo(file)
        case "loop":
            file.symlink_to(file)
        case "dangling":
            file.symlink_to(tmp_path / "nothing")
        case "file for its folder":
            file.parent.rmdir()
            file.parent.touch()
        case "empty":
            file.touch()
        case "one byte":
            file.write_bytes(PIXELS[:1])
        case "longer":
            file.write_bytes(PIXELS + b"x")

    with pytest.raises(SpoolDamaged, match=f"spool file {NAME} .*{words}"):
        spool.open(NAME, len(PIXELS))


def test_a_file_that_cannot_be_opened_now_is_not_called_damaged(spool: Spool) -> None:
    """Where the process has too many files open, the film is tried again, not given up."""
    _kept(spool, PIXELS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            spool.open(NAME)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_file_that_the_disk_cannot_read_is_damage(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the disk says is in the words."""
    _kept(spool, PIXELS)

    def refuse(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", refuse)
    with pytest.raises(SpoolDamaged, match=r"cannot be read \(input/output error\)"):
        spool.read(NAME)


def test_kept_means_stable(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Content is flushed before the file gets its name, and then every directory touched."""
    flushed: list[tuple[Path, bool]] = []
    flush = os.fsync

    def watch(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append((path, _file(tmp_path, NAME).exists()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watch)
    received = spool.receive([PIXELS])
    spool.keep([received])

    folder = _file(tmp_path, NAME).parent
    assert flushed == [(received.path, False), (folder, True)]


def test_no_folder_is_made_while_films_come(spool: Spool, tmp_path: Path) -> None:
    """All folders are there and on stable storage from the start: none can be missed later."""
    folders = sorted(each.name for each in (tmp_path / "spool").iterdir() if each.is_dir())

    assert folders == sorted(["incoming", *(f"{number:02x}" for number in range(256))])
    assert list(spool.names()) == []


def test_a_sweep_goes_step_by_step(spool: Spool) -> None:
    """However many orphans there are, each step asks for a few, and lets others keep between."""
    _kept(spool, *(bytes([number % 256, number // 256]) for number in range(450)))
    rows = Rows()

    assert _sweep(spool, rows).aside == 450
    assert rows.asked == [200, 200, 200, 200, 50, 50, 200, 200, 50]
    assert list(spool.names()) == []


def test_a_disk_error_while_keeping_is_told(spool: Spool, tmp_path: Path) -> None:
    """When the second of two files has no place, the first can be removed, unless a job has it."""
    received = [spool.receive([PIXELS]), spool.receive([b"other"])]
    in_the_way = tmp_path / "spool" / received[1].name[:2]
    in_the_way.rmdir()
    in_the_way.write_bytes(b"")

    with pytest.raises(CannotStore, match="Not a directory"):
        spool.keep(received)

    in_the_way.unlink()
    in_the_way.mkdir()
    assert spool.remove([each.name for each in received], lambda _: {NAME}) == 1
    assert list(spool.names()) == [NAME]
    spool.remove([NAME], _wanted_by_none)
    assert list(spool.names()) == []
    spool.keep(received)
    assert sorted(spool.names()) == sorted(each.name for each in received)


def test_a_failed_keep_leaves_what_others_kept(spool: Spool, tmp_path: Path) -> None:
    """Pixels that an earlier job refers to stay, also when a later keep fails."""
    _kept(spool, PIXELS)
    gone = UploadedPixels("00" * 32, 5, tmp_path / "spool" / "incoming" / "gone")

    with pytest.raises(CannotStore, match="removed for room since: it must be set again"):
        spool.keep([spool.receive([PIXELS]), gone])

    assert spool.read(NAME) == PIXELS


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Files of this process cannot grow beyond 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("_small_files")
def test_a_disk_that_takes_no_more_leaves_no_half_file(spool: Spool, tmp_path: Path) -> None:
    """The error reaches the caller, and the space is free again."""
    with pytest.raises(CannotStore, match="File too large"):
        spool.receive([bytes(1000)] * 1000)

    assert _arriving(tmp_path) == []


def test_the_sweep_sets_aside_what_no_job_refers_to(spool: Spool, tmp_path: Path) -> None:
    """Files without a job go, however young, and are all there; referred to ones stay."""
    orphan, wanted = _kept(spool, PIXELS, b"wanted")
    rows = Rows(wanted)

    assert _sweep(spool, rows) == Swept(aside=1)
    assert list(spool.names()) == [wanted]
    assert (tmp_path / "spool" / "orphans" / orphan).read_bytes() == PIXELS
    assert [(each.name, each.size) for each in spool.orphans.found()] == [(NAME, len(PIXELS))]
    assert _sweep(spool, rows) == Swept()


def test_what_was_set_aside_is_kept_for_its_time(spool: Spool) -> None:
    """Not a day less; with no time at all it is removed at once."""
    _kept(spool, PIXELS, b"other")
    _sweep(spool, Rows())

    assert _sweep(spool, Rows(), days=6.9) == Swept()
    assert len(spool.orphans.found()) == 2
    assert _sweep(spool, Rows(), days=7.1) == Swept(expired=2)
    assert spool.orphans.found() == []
    _kept(spool, PIXELS)
    assert _sweep(spool, Rows(), keep_s=0) == Swept(aside=1, expired=1)
    assert spool.orphans.found() == []


@pytest.mark.parametrize("by", ["sweep", "start", "film"])
def test_what_a_job_refers_to_again_comes_back(spool: Spool, by: str) -> None:
    """Its database was put back: the first look brings it back, also after its time."""
    _kept(spool, PIXELS)
    _sweep(spool, Rows())

    match by:
        case "sweep":
            assert _sweep(spool, Rows(NAME), days=8) == Swept(back=1)
        case "start":
            assert spool.bring_back(Rows(NAME)) == 1
        case "film":
            with spool.open(NAME, len(PIXELS)):
                pass
    assert spool.read(NAME) == PIXELS
    assert spool.orphans.found() == []


def test_what_retention_released_is_removed_at_once(spool: Spool) -> None:
    """It is known why no job refers to it; unless one does by now."""
    gone, again = _kept(spool, PIXELS, b"again")
    rows = Rows(again, released={gone, again})

    assert _sweep(spool, rows) == Swept(removed=1)
    assert list(spool.names()) == [again]
    assert spool.orphans.found() == []


def test_what_a_film_is_made_of_stays(spool: Spool) -> None:
    """Also where the row that refers to it was damaged."""
    _kept(spool, PIXELS)

    assert _sweep(spool, Rows(made_of={NAME})) == Swept(restored=1)
    assert spool.read(NAME) == PIXELS


def test_two_of_one_name_are_both_set_aside(spool: Spool, tmp_path: Path) -> None:
    """Which of them is right is not known; a folder in the way goes aside, too."""
    _kept(spool, PIXELS)
    _sweep(spool, Rows())
    _file(tmp_path, NAME).mkdir()
    (_file(tmp_path, NAME) / "other").touch()

    assert _sweep(spool, Rows()) == Swept(aside=1)
    assert len(spool.orphans.found()) == 2
    assert _sweep(spool, Rows(), days=8) == Swept(expired=1)
    assert len(spool.orphans.found()) == 1, "what is in a folder is a person's affair"


def test_room_is_made_of_the_oldest_first(spool: Spool) -> None:
    """As much as is needed, and no more."""
    for number, content in enumerate((b"1" * 100, b"2" * 100, b"3" * 100), start=1):
        _kept(spool, content)
        _sweep(spool, Rows())
        at = time.time() + number  # the file system's clock is coarser than these sweeps
        os.utime(spool.orphans.folder / name_of(content), (at, at))
    first, second, third = spool.orphans.found()

    assert spool.make_room(150, Rows(first.name).spooled) == [second, third]
    assert spool.orphans.found() == [first], "a job refers to it again"
    assert spool.make_room(1000, Rows().spooled) == [first]
    assert spool.make_room(1, Rows().spooled) == []


def test_only_what_this_film_placed_is_taken_back(spool: Spool) -> None:
    """Pixels that lay there before, for a reason that is not known, stay."""
    _kept(spool, PIXELS)
    received = [spool.receive([PIXELS]), spool.receive([b"other"])]
    spool.keep(received)

    assert spool.undo(received, _wanted_by_none) == 1
    assert list(spool.names()) == [NAME]


@pytest.mark.parametrize("trouble", ["backup", "database"])
def test_what_a_refused_film_leaves_behind_is_no_orphan(
    spool: Spool, tmp_path: Path, trouble: str
) -> None:
    """Where it cannot be removed at once, as a backup keeps files or the database does not answer,
    the next sweep that can removes it, unless a job has come to refer to it."""
    received = [spool.receive([PIXELS]), spool.receive([b"other"])]
    spool.keep(received)

    def broken(_: Collection[str]) -> set[str]:
        raise RuntimeError("no database")

    if trouble == "database":
        with pytest.raises(RuntimeError, match="no database"):
            spool.undo(received, broken)
    else:
        with SpoolLock(tmp_path / "spool").keeping():
            assert spool.undo(received, _wanted_by_none) == 0
            assert _sweep(spool, Rows()) == Swept()
    spool.drop(received)
    other = received[1].name

    assert _sweep(spool, Rows(other)) == Swept(removed=1)

    assert list(spool.names()) == [other]
    assert _sweep(spool, Rows()) == Swept(aside=1), "what comes later is as any other file"


def test_the_sweep_waits_for_the_rows(spool: Spool) -> None:
    """A file that a job comes to refer to, between `keep` and its rows, is not swept."""
    _kept(spool, PIXELS)
    asked = threading.Event()

    class Late(Rows):
        def spooled(self, names: Collection[str] | None = None) -> set[str]:
            asked.set()
            return super().spooled(names)

    rows = Late()
    sweep = threading.Thread(target=_sweep, args=(spool, rows))
    with spool.keeping():
        spool.keep([spool.receive([PIXELS])])
        sweep.start()
        assert asked.wait(10)
        rows.referred.add(NAME)
    sweep.join(10)

    assert spool.read(NAME) == PIXELS


def test_an_earlier_life_leaves_nothing_half_received(spool: Spool, tmp_path: Path) -> None:
    """At start whatever was arriving is gone; what was kept stays."""
    _kept(spool, PIXELS)
    spool.receive([b"half"])

    again = Spool(tmp_path / "spool")
    again.clear_incoming()

    assert _arriving(tmp_path) == []
    assert again.read(NAME) == PIXELS


@pytest.mark.parametrize("damage", [b"", PIXELS[:-1], PIXELS[:-1] + b"\xff"])
def test_what_comes_again_heals_what_was_damaged(
    spool: Spool, tmp_path: Path, damage: bytes
) -> None:
    """Success means that the pixels are there, not that a file of their name is."""
    _kept(spool, PIXELS)
    _file(tmp_path, NAME).unlink()
    _file(tmp_path, NAME).write_bytes(damage)

    again = spool.receive([PIXELS])
    spool.keep([again])
    spool.drop([again])

    assert spool.read(NAME) == PIXELS
    assert _arriving(tmp_path) == []


def test_what_is_set_aside_is_never_older_than_its_pixels(spool: Spool) -> None:
    """Where the clock was set back at that moment, it would be due once that is put right."""
    received = spool.receive([b"orphan"])
    spool.keep([received])
    assert _sweep(spool, Rows()).aside == 1
    later = time.time() + 5 * DAY_S
    os.utime(spool.orphans.folder / received.name, (later, later))

    assert _sweep(spool, Rows(), days=7.1).expired == 0
    assert _sweep(spool, Rows(), days=12.1).expired == 1
