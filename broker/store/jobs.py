"""Jobs: frozen copies of what was asked for. Each part of the store does one thing to them."""

from __future__ import annotations

from collections.abc import Callable

from broker.store.claims import Claims
from broker.store.commands import JobControl
from broker.store.database import Database
from broker.store.queries import JobQueries
from broker.store.recovery import Recovery
from broker.store.spool_references import SpoolReferences
from broker.store.submission import Submission


class Jobs:
    """The parts, for one database. A caller takes those that it uses."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.queries = JobQueries(database)
        self.submission = Submission(database, clock)
        self.claims = Claims(database, clock)
        self.commands = JobControl(database, clock)
        self.recovery = Recovery(database, clock, self.queries)
        self.references = SpoolReferences(database)
