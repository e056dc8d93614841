"""The schema's versions: which one a database has, and how it gets the newest.

Which versions there are is read from the migrations' file names (`0009_what_it_does.py`): a command
that only looks needs no Alembic, which takes longer to import than the command takes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, column, insert, select, table

from broker.store import identity
from broker.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = table("alembic_version", column("version_num"))


class SchemaTooNew(Exception):
    """The database was made by a later version of the broker. `words` names the remedy."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class SchemaTooOld(Exception):
    """The database waits for `broker db upgrade`."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def upgrade(database: Database, report: Callable[[str], None] | None = None) -> None:
    """Bring the tables to the newest version, in one transaction: all steps or none.

    `report` is told each step as it is done. Two processes may do this at once: the second finds
    nothing left to do. From then on, the database counts its changes.

    Raises: SchemaTooNew: when this broker does not know the database's version.
    """
    if current(database) == head():
        identity.count(database)
        return
    with database.write() as connection:
        _known_revision(connection)
        migrate(connection, "head", report)
    identity.count(database)


def migrate(
    connection: Connection, version: str, report: Callable[[str], None] | None = None
) -> None:
    """Bring the tables from a version that this broker knows to a later one, in the caller's
    transaction."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    config.attributes["report"] = report
    command.upgrade(config, version)


def stamp(database: Database, version: str) -> None:
    """Have the database say that its tables are of that version, where it has lost that."""
    with database.write() as connection:
        connection.execute(insert(_VERSION).values(version_num=version))


def current(database: Database) -> str | None:
    """The version that the database has; None when it has no tables yet."""
    with database.read() as connection:
        return _revision(connection)


def steps(database: Database) -> list[str]:
    """What `upgrade` has to do, in its order and in the words that it reports; none when it is up
    to date.

    Raises: SchemaTooNew: when this broker does not know the database's version.
    """
    from alembic.script import ScriptDirectory

    with database.read() as connection:
        revision = _known_revision(connection)
    scripts = ScriptDirectory.from_config(_config())
    pending = scripts.iterate_revisions("head", revision or "base")
    return [f"{each.revision}: {each.doc}" for each in pending][::-1]


def head() -> str:
    """The newest version: the one that this broker works with."""
    return versions()[-1]


def check(database: Database) -> None:
    """Make sure that the tables are what this broker works with, and count changes from now on.

    Raises: SchemaTooOld, SchemaTooNew: when they are not.
    """
    with database.read() as connection:
        revision = _known_revision(connection)
    if revision is None:
        raise SchemaTooOld("the database has no tables yet: run `broker db upgrade`")
    if revision != head():
        raise SchemaTooOld(
            f"the database has version {revision} of the tables and this broker needs {head()}: "
            "stop the broker, then run `broker db upgrade`"
        )
    identity.count(database)


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, _VERSION.name):
        return None
    # There is one row; more of them make a version that no broker knows.
    return ", ".join(connection.scalars(select(_VERSION.c.version_num))) or None


def _known_revision(connection: Connection) -> str | None:
    """The version that the database has; None when it has no tables yet.

    Raises: SchemaTooNew: when this broker does not know it.
    """
    revision = _revision(connection)
    if revision is not None and revision not in versions():
        raise SchemaTooNew(
            f"the database has version {revision} of the tables, which this broker does not know: "
            "install the version of the broker that made it, or a later one"
        )
    return revision


def versions() -> list[str]:
    """The versions that this broker knows, the newest last.

    Raises: FileNotFoundError: when the installation has no migrations.
    """
    folder = _directory() / "versions"
    found = sorted(file.name.partition("_")[0] for file in folder.glob("[0-9]*_*.py"))
    if not found:
        raise FileNotFoundError(f"no migrations in {folder}")
    return found


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    # Alembic reads its settings with %-interpolation.
    config.set_main_option("script_location", str(_directory()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _directory() -> Path:
    """Where the migrations are: inside the installed package, or beside it in a checkout.

    The package comes first, as a folder of that name beside an installed package is not ours.
    """
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"
