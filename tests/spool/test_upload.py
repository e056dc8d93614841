"""Pixels that come in pieces are one file, or none."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.model.printers.trouble import CannotStore
from broker.model.storage.disk import MB
from broker.spool.files import Spool, cannot_store
from broker.spool.stored import name_of
from broker.spool.upload import ROOM_STEP, CheckRoom, PixelUpload, UploadedPixels

PIECE = bytes(range(256)) * 256


def begun(folder: Path, size: int, check_room: CheckRoom = lambda _missing: None) -> PixelUpload:
    """An image of `size` bytes that begins to come."""
    return PixelUpload(folder, size, check_room, cannot_store)


def test_what_was_written_is_named_by_its_hash(tmp_path: Path) -> None:
    """The bytes, their number and their digest, whatever became of the views since."""
    upload = begun(tmp_path, 10 * len(PIECE))

    def pieces() -> Iterator[memoryview]:
        for _ in range(10):
            piece = bytearray(PIECE)
            yield memoryview(piece)
            piece[:] = bytes(len(piece))

    upload.fill(pieces())
    (path,) = tmp_path.iterdir()

    found = upload.finish(10 * len(PIECE))
    assert found == UploadedPixels(name_of(PIECE * 10), len(PIECE) * 10, path)
    assert path.read_bytes() == PIECE * 10


@pytest.mark.parametrize("length", [9, 10])
def test_a_padding_byte_is_no_part_of_it(tmp_path: Path, length: int) -> None:
    """The last byte belongs to the pixels only where rows and columns say so."""
    upload = begun(tmp_path, 10)
    upload.fill([memoryview(b"01234"), memoryview(b"5678"), memoryview(b"9")])

    found = upload.finish(length)

    assert found.path.read_bytes() == b"0123456789"[:length]
    assert (found.name, found.length) == (name_of(b"0123456789"[:length]), length)


def test_what_has_not_come_is_no_image(tmp_path: Path) -> None:
    """An image that is shorter than it is said to be is not stored."""
    upload = begun(tmp_path, 10)
    upload.fill([memoryview(b"01234")])

    with pytest.raises(CannotStore, match="5 bytes have come, and 10 were asked for"):
        upload.finish(10)
    upload.discard()
    assert list(tmp_path.iterdir()) == []


def test_what_is_coming_is_on_the_disk(tmp_path: Path) -> None:
    """None of it is held in memory."""
    upload = begun(tmp_path, 50 * len(PIECE))
    upload.fill(memoryview(PIECE) for _ in range(40))
    (path,) = tmp_path.iterdir()

    assert path.stat().st_size == 40 * len(PIECE)
    upload.discard()
    assert list(tmp_path.iterdir()) == []


def test_the_disk_is_looked_at_again_while_a_large_image_comes(tmp_path: Path) -> None:
    """Each ROOM_STEP bytes, for what is still to come: others fill the disk meanwhile."""
    asked: list[int] = []
    upload = begun(tmp_path, 20 * MB, asked.append)

    upload.fill(memoryview(bytes(MB)) for _ in range(20))

    assert ROOM_STEP == 8 * MB
    assert asked == [13 * MB, 5 * MB]
    upload.discard()


def test_an_image_that_no_longer_fits_ends_there(tmp_path: Path) -> None:
    """It is refused before the disk is full, and nothing of it is left."""

    def full(_: int) -> None:
        raise CannotStore("less is free than retention.floor_mb")

    spool = Spool(tmp_path / "spool")
    upload = spool.begin(20 * MB, full, cannot_store)
    came: list[int] = []

    def pieces() -> Iterator[memoryview]:
        for number in range(20):
            came.append(number)
            yield memoryview(bytes(MB))

    with pytest.raises(CannotStore, match="floor_mb"):
        upload.fill(pieces())

    assert len(came) == 8
    upload.discard()
    assert not list((tmp_path / "spool" / "incoming").iterdir())


def test_what_ends_the_pieces_early_ends_the_file(tmp_path: Path) -> None:
    """The error reaches the caller, and nothing is left once it is discarded."""

    def breaks_off() -> Iterator[memoryview]:
        yield memoryview(PIECE)
        raise ConnectionResetError

    upload = begun(tmp_path, 2 * len(PIECE))

    with pytest.raises(ConnectionResetError):
        upload.fill(breaks_off())
    upload.discard()
    assert list(tmp_path.iterdir()) == []


def _upload(upload: PixelUpload, pieces: int) -> None:
    upload.fill(memoryview(PIECE) for _ in range(pieces))
    upload.finish(pieces * len(PIECE))


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Files of this process cannot grow beyond 64 KiB."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("_small_files")
@pytest.mark.parametrize("pieces", [2, 40], ids=["at the end", "on the way"])
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path, pieces: int) -> None:
    """Whenever the disk is noticed to be full; discarding is always possible then."""
    size = pieces * len(PIECE)
    upload = begun(tmp_path, size)

    with pytest.raises(CannotStore, match="pixels cannot be written: File too large"):
        _upload(upload, pieces)
    upload.discard()
    upload.discard()

    assert list(tmp_path.iterdir()) == []
