"""Statements that are asked or written with every film.

SQLAlchemy makes them, once; they run on the driver's own connection, within a transaction of the
Database. SQLAlchemy's own way takes several times as long as the statement itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Insert, Select, String, Update, literal
from sqlalchemy.sql.dml import ReturningInsert

from broker.store.backend import BACKEND, Backend

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
