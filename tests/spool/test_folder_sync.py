"""Folders are put on stable storage; where a file system cannot do that, it is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from broker.spool.stored import sync_folder


def test_what_cannot_be_synced_is_an_error_but_for_backups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool needs it; a backup's folder is synced where that can be. Other errors are told."""
    sync_folder(tmp_path)
    number = errno.EINVAL

    def refuse(_descriptor: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", refuse)
    sync_folder(tmp_path, where_possible=True)
    with pytest.raises(OSError, match="no"):
        sync_folder(tmp_path)
    number = errno.EIO
    with pytest.raises(OSError, match="no"):
        sync_folder(tmp_path, where_possible=True)
