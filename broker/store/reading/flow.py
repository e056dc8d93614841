"""How films move through the queue: what waits and since when, what was accepted last, and how the
last attempts ended."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Integer, bindparam, func, select

from broker.model.jobs.job import Outcome, State
from broker.model.printers.standing import Try
from broker.store.backend import Prepared
from broker.store.database import Database
from broker.store.reading.queries import UNMOVED
from broker.store.reading.shown_state import all_in
from broker.store.tables import attempts, jobs, sendings

OUTCOMES = frozenset(Outcome)
LAST_TRIES = 200
"""Attempts that are looked at: what a printer refused before so many others is not of now."""

_QUEUED = Prepared(select(func.count()).where(jobs.c.state == State.QUEUED))
_HELD = Prepared(select(func.count()).select_from(all_in({State.HELD}).subquery()))
_OLDEST = Prepared(UNMOVED)
_UNBOUND = Prepared(UNMOVED.where(jobs.c.pinned == ""))
_ACCEPTED = Prepared(select(func.max(sendings.c.accepted_at)))
_TRIES = Prepared(
    select(
        attempts.c.printer,
        attempts.c.job_id,
        attempts.c.outcome,
        attempts.c.permanent,
        attempts.c.ended_at,
        attempts.c.words,
    )
    .order_by(attempts.c.id.desc())
    .limit(bindparam("most", type_=Integer))
)


@dataclass(frozen=True)
class Flow:
    """What moves, at one moment."""

    waiting: int
    """Jobs that are queued."""
    oldest_at: float | None
    """When the oldest job was made of which nothing comes out; None without one."""
    unbound_at: float | None
    """The same, of jobs that no person has bound to a printer."""
    accepted_at: float | None
    """When a printer last accepted a film; None where the database knows of none."""
    held: int
    """Jobs that are shown as held."""


class FlowQueries:
    """Each answer takes a fixed number of queries. For any thread, in any process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def flow(self) -> Flow:
        """What waits, and what was accepted last."""
        with self._database.read() as connection:
            ((waiting,),) = _QUEUED.rows(connection)
            ((oldest,),) = _OLDEST.rows(connection)
            ((unbound,),) = _UNBOUND.rows(connection)
            ((accepted,),) = _ACCEPTED.rows(connection)
            ((held,),) = _HELD.rows(connection)
        return Flow(int(waiting), oldest, unbound, accepted, int(held))

    def last_tries(self) -> list[Try]:
        """How the last attempts ended that have ended, the latest first."""
        with self._database.read() as connection:
            rows = _TRIES.rows(connection, most=LAST_TRIES)
        return [
            Try(printer, job_id, Outcome(outcome), bool(permanent), ended_at, words)
            for printer, job_id, outcome, permanent, ended_at, words in rows
            if outcome in OUTCOMES and printer and ended_at is not None
        ]
