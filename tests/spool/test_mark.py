"""The spool's mark: never ahead of the database, and readable though one write is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from broker.model.storage.spool_fit import Progress
from broker.spool.binding import FILE, RECORD, MarkUnreadable, SpoolMark, read_mark, write_mark
from broker.store.database import DatabaseReplaced


def mark(changes: int, jobs: int = 1) -> Progress:
    """How far a database has come."""
    return Progress("ab" * 16, changes, jobs, 1000.125)


def test_the_latest_is_read_back(tmp_path: Path) -> None:
    """After each change, by whichever process reads; without a mark there is none."""
    assert read_mark(tmp_path) is None
    assert read_mark(tmp_path / "nothing") is None
    using = SpoolMark.begin(tmp_path, mark(1))
    for changes in (1, 2, 3, 4):
        using.advance(mark(changes))
        assert read_mark(tmp_path) == mark(changes)
    using.close()
    assert list(tmp_path.iterdir()) == [tmp_path / FILE]
    assert SpoolMark(tmp_path) is not None
    assert read_mark(tmp_path) == mark(4)


@pytest.mark.parametrize("record", [0, 1])
def test_a_torn_write_leaves_the_other_record(tmp_path: Path, record: int) -> None:
    """One change may be missing then, and none is made up."""
    using = SpoolMark.begin(tmp_path, mark(1))
    using.advance(mark(7))
    using.advance(mark(8))
    content = bytearray((tmp_path / FILE).read_bytes())
    content[record * RECORD + 60] ^= 1
    (tmp_path / FILE).write_bytes(content)

    assert read_mark(tmp_path) == mark(8 if record == 0 else 7)


@pytest.mark.parametrize("content", [b"", b"{}", b"x" * 2 * RECORD, b"\xff" * 2 * RECORD])
def test_damage_to_both_is_told(tmp_path: Path, content: bytes) -> None:
    """It is not taken for a spool without a mark."""
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(MarkUnreadable):
        read_mark(tmp_path)


def test_a_mark_that_was_removed_comes_again(tmp_path: Path) -> None:
    """A running broker knows what stood there."""
    using = SpoolMark.begin(tmp_path, mark(1))
    using.advance(mark(5))
    (tmp_path / FILE).unlink()

    using.keep()

    assert read_mark(tmp_path) == mark(5)
    using.advance(mark(6))
    assert read_mark(tmp_path) == mark(6)


def test_a_disk_that_takes_no_mark_stops_no_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told later, by `keep`; the next one that is taken counts."""
    using = SpoolMark.begin(tmp_path, mark(1))

    def refuse(*_: object) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", refuse)
        using.advance(mark(2))
    assert read_mark(tmp_path) == mark(1)
    with pytest.raises(OSError, match="Input/output error"):
        using.keep()
    using.advance(mark(3))
    using.keep()
    assert read_mark(tmp_path) == mark(3)


def test_after_its_end_it_writes_into_no_other_file(tmp_path: Path) -> None:
    """A late thread commits when the mark is closed, and its number is another file's."""
    using = SpoolMark.begin(tmp_path, mark(1))
    using.close()
    other = tmp_path / "other"
    with other.open("wb+"):
        using.advance(mark(2))
        using.keep()
        using.close()
    assert other.read_bytes() == b""


def test_a_new_mark_takes_the_place_of_the_old_one_whole(tmp_path: Path) -> None:
    """Or not at all: nothing else is left in the spool."""
    write_mark(tmp_path, mark(1))
    write_mark(tmp_path, Progress("cd" * 16, 0, 0, 0.0))

    assert read_mark(tmp_path) == Progress("cd" * 16, 0, 0, 0.0)
    assert list(tmp_path.iterdir()) == [tmp_path / FILE]


@pytest.mark.parametrize("other", [mark(3), Progress("cd" * 16, 9, 1, 0.0)])
def test_a_database_that_is_replaced_beneath_the_broker_is_told(
    tmp_path: Path, other: Progress
) -> None:
    """Before it is committed: what was known stays known, and the next start refuses."""
    using = SpoolMark.begin(tmp_path, mark(1))
    using.advance(mark(7))
    with pytest.raises(DatabaseReplaced, match="and had come to change 7"):
        using.check(other)
    with pytest.raises(DatabaseReplaced):
        using.check(mark(7))
    using.check(mark(8))
    assert read_mark(tmp_path) == mark(7)
