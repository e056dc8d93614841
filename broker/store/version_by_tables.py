"""Which version a database has, by its tables: for one that can no longer say so itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, inspect

from broker.store import schema
from broker.store.database import Database

Shape = Mapping[str, tuple[frozenset[str], frozenset[str]]]
"""Each table with its columns and its indexes, by their names."""


def version_by_tables(database: Database) -> str | None:
    """The version whose tables, columns and indexes are exactly those of the database; None where
    that is no version or several."""
    with database.read() as connection:
        there = _shape(connection)
    found = [version for version, shape in shapes() if shape == there]
    return found[0] if len(found) == 1 else None


def shapes() -> Iterator[tuple[str, Shape]]:
    """What each version that this broker knows has, the oldest first: the migrations make it in a
    database of its own."""
    with (
        TemporaryDirectory() as folder,
        closing(Database.open(f"sqlite:///{Path(folder) / 'versions.db'}")) as made,
        made.write() as connection,
    ):
        for version in schema.versions():
            schema.migrate(connection, version)
            yield version, _shape(connection)


def _shape(connection: Connection) -> Shape:
    asked = inspect(connection)
    return {
        table: (
            frozenset(str(each["name"]) for each in asked.get_columns(table)),
            frozenset(str(each["name"]) for each in asked.get_indexes(table)),
        )
        for table in asked.get_table_names()
    }
