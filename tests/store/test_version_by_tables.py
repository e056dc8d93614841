"""A database that has lost its version is known by its tables."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from broker.store import schema
from broker.store.database import Database
from broker.store.version_by_tables import shapes, version_by_tables


def test_no_two_versions_have_the_same_tables() -> None:
    """So each is known by them."""
    found = [shape for _, shape in shapes()]
    assert len(found) == len(schema.versions())
    assert all(shape not in found[:at] for at, shape in enumerate(found))


def test_only_a_version_with_the_very_same_tables_is_named(tmp_path: Path) -> None:
    """A column more is that of a version which this broker does not know."""
    file = tmp_path / "broker.db"
    with closing(Database.open(f"sqlite:///{file}")) as database:
        schema.upgrade(database)
        assert version_by_tables(database) == schema.head()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE jobs ADD COLUMN later INTEGER")
        connection.commit()
    with closing(Database.open(f"sqlite:///{file}")) as database:
        assert version_by_tables(database) is None
