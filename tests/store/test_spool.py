"""The spool: what it has kept is there, and is what it was."""

from __future__ import annotations

import os
import resource
import stat
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from broker.model.trouble import CannotStore, SpoolDamaged
from broker.store.naming import name_of
from broker.store.spool import Incoming, Spool

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


def _nobody(_: Collection[str]) -> set[str]:
    """No job refers to any of them."""
    return set()


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
    """Nobody else may read pixels, however open the process's umask is."""
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
    assert spool.remove([NAME], _nobody) == 1

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
    spool.remove([NAME], _nobody)
    spool.remove([NAME], _nobody)

    with pytest.raises(SpoolDamaged, match=f"spool file {NAME} is missing"):
        spool.read(NAME)


def test_a_file_that_cannot_be_read_is_not_called_damaged(spool: Spool, tmp_path: Path) -> None:
    """What the disk says now may pass: the film is tried again, not given up."""
    _file(tmp_path, NAME).mkdir()

    with pytest.raises(IsADirectoryError):
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
    asked: list[int] = []

    def referenced(names: Collection[str]) -> set[str]:
        asked.append(len(names))
        return set()

    assert spool.sweep(referenced) == 450
    assert asked == [200, 200, 200, 200, 50, 50]
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
    spool.remove([NAME], _nobody)
    assert list(spool.names()) == []
    spool.keep(received)
    assert sorted(spool.names()) == sorted(each.name for each in received)


def test_a_failed_keep_leaves_what_others_kept(spool: Spool, tmp_path: Path) -> None:
    """Pixels that an earlier job refers to stay, also when a later keep fails."""
    _kept(spool, PIXELS)
    gone = Incoming("00" * 32, 5, tmp_path / "spool" / "incoming" / "gone")

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
    with pytest.raises(OSError, match="File too large"):
        spool.receive(bytes(1000) for _ in range(1000))

    assert _arriving(tmp_path) == []


def test_a_modality_that_breaks_off_leaves_no_half_file(spool: Spool, tmp_path: Path) -> None:
    """What ends the chunks early ends the file."""

    def breaks_off() -> Iterator[bytes]:
        yield PIXELS
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        spool.receive(breaks_off())

    assert _arriving(tmp_path) == []


def test_the_sweep_takes_what_nobody_refers_to(spool: Spool) -> None:
    """Files without a job go, however young; referred to ones stay."""
    _orphan, wanted = _kept(spool, b"orphan", b"wanted")

    assert spool.sweep(lambda _: {wanted}) == 1
    assert list(spool.names()) == [wanted]
    assert spool.sweep(lambda _: {wanted}) == 0


def test_the_sweep_waits_for_the_rows(spool: Spool) -> None:
    """A file that a job comes to refer to, between `keep` and its rows, is not swept."""
    _kept(spool, PIXELS)
    rows: set[str] = set()
    asked = threading.Event()

    def referenced(_: Collection[str]) -> set[str]:
        asked.set()
        return set(rows)

    sweep = threading.Thread(target=spool.sweep, args=(referenced,))
    with spool.keeping():
        spool.keep([spool.receive([PIXELS])])
        sweep.start()
        assert asked.wait(10)
        rows.add(NAME)
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
