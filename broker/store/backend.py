"""What the store needs of a kind of database beside what SQLAlchemy does: `sqlite` has it.

Also the statements that are asked or written with every film. SQLAlchemy makes them, once; they run
on the driver's own connection, within a transaction of the Database. SQLAlchemy's own way takes
several times as long as the statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Insert,
    Select,
    String,
    Table,
    TextClause,
    Update,
    literal,
)
from sqlalchemy.engine import URL
from sqlalchemy.sql.dml import ReturningInsert

from broker.model.storage.spool_fit import DatabaseSeen, Progress

BACKEND = "backend"
"""Under this name each connection's `info` has its Backend."""


@dataclass(frozen=True)
class Checkpoint:
    """How far the write-ahead log was brought into the database file, in pages."""

    pages: int
    """In the log."""
    done: int
    """Of these, those that the database file has."""

    @property
    def complete(self) -> bool:
        """Whether the log is needed no longer."""
        return self.done >= self.pages


class Backend(Protocol):
    """One kind of database. Errors are SQLAlchemy's, without parameters: labels of patients are
    among them (promise 10)."""

    def file(self, url: URL) -> Path:
        """The file that the database is in. Raises: ValueError: when the URL names none."""

    def engine(self, url: URL, busy_s: float) -> Engine:
        """Connections that survive a power cut once they have committed (promise 1); each calls
        `begin` of its own. Raises: OSError: when the database cannot be made."""

    def begin(self, connection: Connection, wait_s: float, *, write: bool) -> None:
        """Begin a transaction, after at most `wait_s` seconds; one that may `write` has its turn
        when this returns. Raises: OperationalError: when its turn did not come."""

    def run(self, connection: Connection, sql: str, values: Mapping[str, object]) -> Any:
        """Run a statement on the driver's own connection; the driver's cursor."""

    def rows(self, cursor: Any, sql: str) -> list[tuple[Any, ...]]:
        """All rows of such a cursor."""

    def changes(self, connection: Connection) -> int:
        """Rows that were changed on this connection so far."""

    def count_change(self, connection: Connection, at: float) -> Progress | None:
        """Count one more change of the database; None where it has no row to count in."""

    def progress(self, connection: Connection) -> Progress:
        """How far the database has come, in this transaction."""

    def seen(self, connection: Connection) -> DatabaseSeen:
        """What it says of itself, whatever version its tables have."""

    def checkpoint(self, connection: Connection, *, cut: bool, busy_s: float) -> Checkpoint:
        """Bring the write-ahead log into the database, and with `cut` make it empty."""

    def through_index(self, table: Table, index: str) -> TextClause:
        """The table, read through that index alone, under its own name."""

    def insert_missing(self, table: Table) -> Insert:
        """An INSERT that leaves out rows whose key is there."""

    def is_busy(self, error: BaseException) -> bool:
        """Whether it says no more than that others were writing."""

    def is_full(self, error: BaseException) -> bool:
        """Whether the disk has no room for what was to be written."""

    def damage(self, error: BaseException) -> str:
        """What the database says of damage; empty when the error is another one."""


Row = tuple[Any, ...]
Convert = Callable[[Any], Any]


def fixed(values: Iterable[str]) -> list[ColumnElement[str]]:
    """A list for IN that is part of the statement."""
    return [literal(str(each), String) for each in sorted(values)]


class Prepared:
    """One statement. `columns` are those that an INSERT or UPDATE sets beside what it says itself.

    Its parameters are given by name; its lists are `fixed`. Errors are SQLAlchemy's, and tell no
    parameters.
    """

    def __init__(
        self, statement: Select[Any] | Insert | Update | ReturningInsert[Any], *columns: str
    ) -> None:
        self._statement = statement
        self._columns = columns
        self._sql = ""
        self._backend: Backend
        """That of the first connection, for which the statement is made."""
        self._fixed: dict[str, Any] = {}
        self._converts: list[tuple[int, Convert]] = []
        self.names: tuple[str, ...] = ()
        """Of the columns of its rows, for a SELECT."""
        if isinstance(statement, Select):
            self.names = tuple(statement.selected_columns.keys())

    def rows(self, connection: Connection, **values: object) -> list[Row]:
        """Run it; all that it finds or returns."""
        cursor = self._run(connection, values)
        found = self._backend.rows(cursor, self._sql)
        if self._converts:
            return [self._converted(row) for row in found]
        return found

    def change(self, connection: Connection, **values: object) -> int:
        """Run it; how many rows it changed."""
        return int(self._run(connection, values).rowcount)

    def _run(self, connection: Connection, values: dict[str, object]) -> Any:
        if not self._sql:
            self._prepare(connection)
        return self._backend.run(connection, self._sql, {**self._fixed, **values})

    def _prepare(self, connection: Connection) -> None:
        dialect = connection.dialect
        compiled = self._statement.compile(dialect=dialect, column_keys=list(self._columns) or None)
        given = {each.key: None for each in compiled.binds.values() if each.required}
        known = compiled.construct_params(given)
        self._fixed = {name: value for name, value in known.items() if name not in given}
        if isinstance(self._statement, Select):
            converts = [
                column.type.dialect_impl(dialect).result_processor(dialect, None)
                for column in self._statement.selected_columns
            ]
            self._converts = [(at, each) for at, each in enumerate(converts) if each is not None]
        self._backend = connection.info[BACKEND]
        self._sql = str(compiled)  # last: other threads look at it

    def _converted(self, row: Row) -> Row:
        values = list(row)
        for at, convert in self._converts:
            values[at] = convert(values[at])
        return tuple(values)
