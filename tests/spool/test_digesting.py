"""The digest of a file that is being written is that of its content, or an error."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.model.storage.disk import MB
from broker.spool.stored import name_of
from broker.spool.upload import LARGE, SYNC_STEP, Digest

CONTENT = random.Random(1).randbytes(SYNC_STEP + 3 * MB + 1)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """An empty file, open for writing and reading."""
    descriptor = os.open(tmp_path / "pixels", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def _write(file: int, digest: Digest, content: bytes, piece: int) -> None:
    for at in range(0, len(content), piece):
        part = content[at : at + piece]
        os.write(file, part)
        digest.wrote(part)


@pytest.mark.parametrize("piece", [1 << 17, 65530, 3 * MB])
@pytest.mark.parametrize("size", [0, 1, LARGE - 1, LARGE, LARGE + 1, len(CONTENT)])
def test_it_is_the_digest_of_all_that_was_written(file: int, size: int, piece: int) -> None:
    """Whatever the size, whatever the pieces; and no thread is left."""
    digest = Digest(file)
    _write(file, digest, CONTENT[:size], piece)

    assert digest.hexdigest() == name_of(CONTENT[:size])
    assert "digest" not in {thread.name for thread in threading.enumerate()}


def test_what_was_abandoned_leaves_no_thread(file: int) -> None:
    """The file may be closed at once."""
    digest = Digest(file)
    _write(file, digest, CONTENT, 1 << 17)

    digest.abandon()

    assert "digest" not in {thread.name for thread in threading.enumerate()}


def test_what_cannot_be_read_again_is_an_error(file: int) -> None:
    """A file that was cut has no digest, and no thread waits for ever."""
    digest = Digest(file)
    _write(file, digest, CONTENT[: 2 * MB], 1 << 17)
    os.ftruncate(file, 0)
    os.write(file, b"")
    digest.wrote(CONTENT[2 * MB : 4 * MB])

    with pytest.raises(OSError, match="what was written is not there"):
        digest.hexdigest()


def test_without_a_thread_it_is_digested_as_it_comes(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A system that has no thread left costs time, and no film."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    digest = Digest(file)
    _write(file, digest, CONTENT, 1 << 17)

    assert digest.hexdigest() == name_of(CONTENT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ended_early_gives_no_name(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels under a name that is not their content's would be found out when they are printed."""

    def fail(*_: object) -> int:
        raise MemoryError

    digest = Digest(file)
    monkeypatch.setattr(os, "preadv", fail)
    _write(file, digest, CONTENT, 1 << 17)

    with pytest.raises(OSError, match="what was written was not read again"):
        digest.hexdigest()
