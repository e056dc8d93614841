"""What the store needs of a kind of database beside what SQLAlchemy does: `sqlite` has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Insert, Table
from sqlalchemy.engine import URL

from broker.model.spool_fit import DatabaseSeen, Progress

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

    def insert_missing(self, table: Table) -> Insert:
        """An INSERT that leaves out rows whose key is there."""

    def is_busy(self, error: BaseException) -> bool:
        """Whether it says no more than that others were writing."""

    def is_full(self, error: BaseException) -> bool:
        """Whether the disk has no room for what was to be written."""

    def damage(self, error: BaseException) -> str:
        """What the database says of damage; empty when the error is another one."""
