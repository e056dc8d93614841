"""Pixels that come in pieces are one file, or none."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.spool.incoming import Incoming, Writer
from broker.spool.naming import name_of

PIECE = bytes(range(256)) * 256


def test_what_was_written_is_named_by_its_hash(tmp_path: Path) -> None:
    """The bytes, their number and their digest, whatever became of the views since."""
    writer = Writer(tmp_path)
    for _ in range(10):
        piece = bytearray(PIECE)
        writer.write(memoryview(piece))
        piece[:] = bytes(len(piece))
    (path,) = tmp_path.iterdir()

    assert writer.finish() == Incoming(name_of(PIECE * 10), len(PIECE) * 10, path)
    assert path.read_bytes() == PIECE * 10


def test_what_is_coming_is_on_the_disk(tmp_path: Path) -> None:
    """None of it is held in memory."""
    writer = Writer(tmp_path)
    for _ in range(40):
        writer.write(PIECE)
    (path,) = tmp_path.iterdir()

    assert path.stat().st_size == 40 * len(PIECE)
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def _write(writer: Writer, pieces: int) -> Incoming:
    for _ in range(pieces):
        writer.write(PIECE)
    return writer.finish()


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
    writer = Writer(tmp_path)

    with pytest.raises(OSError, match="File too large"):
        _write(writer, pieces)
    writer.discard()
    writer.discard()

    assert list(tmp_path.iterdir()) == []
