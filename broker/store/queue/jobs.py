"""Jobs: frozen copies of what was asked for. Each part of the store does one thing to them."""

from __future__ import annotations

from collections.abc import Callable

from broker.store.database import Database
from broker.store.queue.claims import Claims
from broker.store.queue.commands import JobControl
from broker.store.queue.recovery import Recovery
from broker.store.queue.spool_references import SpoolReferences
from broker.store.queue.submission import Submission
from broker.store.reading.queries import JobQueries


class Jobs:
    """The parts, for one database. A caller takes those that it uses."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self.queries = JobQueries(database)
        self.submission = Submission(database, clock)
        self.claims = Claims(database, clock)
        self.commands = JobControl(database, clock)
        self.recovery = Recovery(database, clock, self.queries)
        self.references = SpoolReferences(database)
