"""Leftovers: the log files that a lost database has left beside its place."""

from __future__ import annotations

from pathlib import Path

_SUFFIXES = ("-wal", "-shm", "-journal")


def left_beside(database: Path) -> list[Path]:
    """The log files beside that place. A new database there must not meet them: SQLite would apply
    them to it, or remove them."""
    names = [f"{database.name}{suffix}" for suffix in _SUFFIXES]
    return [each for name in names if (each := database.with_name(name)).exists()]


def set_aside(database: Path, now: float) -> list[Path]:
    """Give them other names, which end in `now` (seconds since the epoch); those.

    Raises: OSError.
    """
    moved = []
    for each in left_beside(database):
        other = each.with_name(f"{each.name}.before-{int(now)}")
        each.rename(other)
        moved.append(other)
    return moved
