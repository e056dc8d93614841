"""Pixels are read in pieces, and never wrong to the last one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.model.printers.trouble import SpoolDamaged
from broker.spool.stored import PIECE, Stored, name_of

CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A spool file of four pieces."""
    path = tmp_path / name_of(CONTENT)
    path.write_bytes(CONTENT)
    return path


def _until_damaged(pieces: Iterator[bytes]) -> int:
    """Bytes that come before it is noticed that they are others."""
    given: list[bytes] = []
    with pytest.raises(SpoolDamaged, match="was altered: its content is not what it was"):
        given.extend(pieces)
    return sum(map(len, given))


def test_a_file_is_read_in_pieces(path: Path) -> None:
    """All of it, no piece larger than was said, as often as it is asked for."""
    with Stored(path) as stored:
        pieces = list(stored)
        again = list(stored)

    assert stored.length == len(CONTENT)
    assert b"".join(pieces) == CONTENT
    assert [len(piece) for piece in pieces] == [PIECE] * 4
    assert again == pieces


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1])
def test_files_of_any_size(tmp_path: Path, size: int) -> None:
    """Whatever the last piece is, it is there."""
    path = tmp_path / name_of(CONTENT[:size])
    path.write_bytes(CONTENT[:size])

    with Stored(path) as stored:
        assert b"".join(stored) == CONTENT[:size]


@pytest.mark.parametrize("at", [0, len(CONTENT) // 2, len(CONTENT) - 1])
def test_an_altered_file_never_comes_to_its_end(path: Path, at: int) -> None:
    """Wherever the wrong bit is, the last piece is not given."""
    changed = bytearray(CONTENT)
    changed[at] ^= 1
    path.write_bytes(changed)

    with Stored(path) as stored:
        assert _until_damaged(iter(stored)) == len(CONTENT) - PIECE


@pytest.mark.parametrize("change", ["removed", "altered", "cut short", "longer"])
def test_a_file_that_changes_while_it_is_read(path: Path, change: str) -> None:
    """Removed or longer does no harm: what was opened is there. Anything else is noticed."""
    with Stored(path) as stored:
        pieces = iter(stored)
        first = next(pieces)
        match change:
            case "removed":
                path.unlink()
            case "longer":
                path.write_bytes(CONTENT + b"more")
            case "altered":
                path.write_bytes(CONTENT[:-1] + b"\x00")
            case "cut short":
                path.write_bytes(CONTENT[: PIECE * 2])
        if change in ("removed", "longer"):
            assert first + b"".join(pieces) == CONTENT
        else:
            assert _until_damaged(pieces) < len(CONTENT) - PIECE


def test_a_file_that_is_missing_or_none(tmp_path: Path) -> None:
    """The words name it, and why."""
    (tmp_path / "folder").mkdir()

    with pytest.raises(SpoolDamaged, match="spool file nothing is missing"):
        Stored(tmp_path / "nothing")
    with pytest.raises(SpoolDamaged, match="spool file folder is not a file"):
        Stored(tmp_path / "folder")
