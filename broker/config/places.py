"""Where films and rows lie, said once for whoever asks about the disk."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path


def database_file(data_dir: str, url: str) -> Path:
    """The SQLite file of a site with that `broker.data_dir` and `database.url`."""
    named = url.removeprefix("sqlite:///")
    return Path(named) if named else Path(data_dir) / "broker.db"


def fuller(data_dir: str, url: str) -> tuple[Path, int]:
    """The folder, of the spool's and the database's, whose disk has less free, and how many bytes
    that is; OSError."""
    free = {folder: shutil.disk_usage(folder).free for folder in _folders(data_dir, url)}
    folder = min(free, key=lambda each: free[each])
    return folder, free[folder]


@lru_cache(maxsize=8)
def _folders(data_dir: str, url: str) -> tuple[Path, ...]:
    """Mostly one. It is asked for twice with every film."""
    return tuple(dict.fromkeys((Path(data_dir), database_file(data_dir, url).parent)))
