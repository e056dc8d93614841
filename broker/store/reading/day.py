"""Films of the last hours, by hour: what modalities sent, and what printers accepted; and what went
wrong at a printer of late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Integer, cast, func, select

from broker.model.day import HOUR_S, HourOfOne
from broker.model.jobs.job import DONE
from broker.store.backend import fixed
from broker.store.database import Database
from broker.store.tables import TROUBLED, attempts, jobs, sendings


@dataclass(frozen=True)
class TroubledAttempt:
    """An attempt on a printer that accepted not every film."""

    job_id: int
    ended_at: float | None
    outcome: str
    words: str


class Day:
    """Questions about the last hours. For any thread, in any process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def received(self, since: float) -> Sequence[HourOfOne]:
        """Films that modalities had accepted since then, by modality and hour from `since`."""
        hour = cast(jobs.c.created_at - since, Integer) // int(HOUR_S)
        with self._database.read() as connection:
            first = _first_since(connection, since)
            statement = (
                select(jobs.c.calling_ae, hour, func.sum(jobs.c.films * jobs.c.copies))
                # From a number on: there is no index of times.
                .where(jobs.c.id >= first, jobs.c.created_at >= since)
                .group_by(jobs.c.calling_ae, hour)
            )
            rows = connection.execute(statement).all()
        return [HourOfOne(name, at, int(films), 0.0) for name, at, films in rows]

    def accepted(
        self, since: float, *, by_modality: bool = False, printer: str = ""
    ) -> Sequence[HourOfOne]:
        """Films that printers accepted since then, or that one alone, by hour, and by printer or
        modality."""
        hour = cast(sendings.c.accepted_at - since, Integer) // int(HOUR_S)
        name = jobs.c.calling_ae if by_modality else sendings.c.printer
        waited = sendings.c.accepted_at - jobs.c.created_at
        statement = (
            select(
                name,
                hour,
                func.sum(sendings.c.copies),
                func.sum(waited),
                func.count(),
                func.max(waited),
            )
            .join(jobs, jobs.c.id == sendings.c.job_id)
            .where(sendings.c.accepted_at >= since, sendings.c.state.in_(fixed(DONE)))
            .group_by(name, hour)
        )
        if printer:
            statement = statement.where(sendings.c.printer == printer)
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [
            HourOfOne(who, at, int(films), max(0.0, sum_s), number, max(0.0, longest))
            for who, at, films, sum_s, number, longest in rows
        ]

    def troubles(self, printer: str, most: int) -> Sequence[TroubledAttempt]:
        """The newest attempts on that printer that did not accept every film, the newest first."""
        statement = (
            select(attempts.c.job_id, attempts.c.ended_at, attempts.c.outcome, attempts.c.words)
            .where(attempts.c.printer == printer, TROUBLED)
            .order_by(attempts.c.id.desc())
            .limit(most)
        )
        with self._database.read() as connection:
            return [TroubledAttempt(*row) for row in connection.execute(statement)]


def _first_since(connection: Connection, since: float) -> int:
    """A number that no job has which came since then, or a lower one; found in some 20 steps, as
    numbers and times rise together. Where the clock was set back, older jobs are found, too."""
    low, high = 0, connection.execute(select(func.max(jobs.c.id))).scalar() or 0
    while low < high:
        middle = (low + high) // 2
        statement = select(jobs.c.created_at).where(jobs.c.id > middle).order_by(jobs.c.id).limit(1)
        at = connection.execute(statement).scalar()
        if at is None or at >= since:
            high = middle
        else:
            low = middle + 1
    return low
