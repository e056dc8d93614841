"""Damage to a database file, as a failing disk does it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from broker.store.database import Database


def damage_table(database: Database, file: Path, table: str) -> None:
    """Overwrite the first page of a table with ones, once everything is in the file."""
    assert database.checkpoint(cut=True, busy_s=5.0).complete
    with database.read() as connection:
        (page,) = connection.execute(
            text("SELECT rootpage FROM sqlite_master WHERE name = :table"), {"table": table}
        ).one()
        (size,) = connection.execute(text("PRAGMA page_size")).one()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xff" * size)
