"""A database as an earlier version of the broker has left it."""

from __future__ import annotations

import functools
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command

from broker.store import schema
from broker.store.database import Database


@functools.cache
def back_to(version: str) -> Sequence[str]:
    """Statements that take back what later versions have added to the tables, and say so. Those
    versions only add, or what they took away is of no use."""
    now, then = _made_by("head"), _made_by(version)
    gone = [name for name in now if name not in then]
    indexes = [name for name in gone if now[name] is None]
    tables = [name for name in gone if now[name] is not None]
    columns = [
        f"ALTER TABLE {name} DROP COLUMN {column}"
        for name, found in now.items()
        for column in found or ()
        if name in then and column not in (then[name] or ())
    ]
    return (
        *(f"DROP INDEX {name}" for name in indexes),
        *(f"DROP TABLE {name}" for name in tables),
        *columns,
        f"UPDATE alembic_version SET version_num = '{version}'",
    )


def _made_by(version: str) -> Mapping[str, Sequence[str] | None]:
    """The tables of a new database of that version with their columns, and its indexes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "broker.db"
        with (
            closing(Database.open(f"sqlite:///{file}")) as database,
            database.write() as connection,
        ):
            config = schema._config()
            config.attributes |= {"connection": connection, "report": None}
            command.upgrade(config, version)
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute(
                "SELECT type, name FROM sqlite_master WHERE type IN ('table', 'index') "
                "AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            return {
                name: [each[1] for each in connection.execute(f"PRAGMA table_info({name})")]
                if kind == "table"
                else None
                for kind, name in found
            }
