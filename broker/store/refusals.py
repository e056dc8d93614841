"""Refusals: how often the broker said no, by kind. Counted, because each alone is nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from broker.store.database import Database
from broker.store.tables import refusals


@dataclass(frozen=True)
class Refusal:
    """What was refused, how often, and whom the last time."""

    kind: str
    number: int
    first_at: float
    last_at: float
    last_peer: str


RefusalList = list[Refusal]


class Refusals:
    """The counts, over all lives of the broker."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def add(self, counted: Mapping[str, tuple[int, str]]) -> None:
        """Add to the counts: kind -> how many more, and the last peer."""
        now = self._clock()
        with self._database.write() as connection:
            for kind, (number, peer) in counted.items():
                changed = connection.execute(
                    update(refusals)
                    .where(refusals.c.kind == kind)
                    .values(number=refusals.c.number + number, last_at=now, last_peer=peer)
                )
                if not changed.rowcount:
                    connection.execute(
                        insert(refusals).values(
                            kind=kind, number=number, first_at=now, last_at=now, last_peer=peer
                        )
                    )

    def list(self) -> RefusalList:
        """All kinds, the latest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(refusals).order_by(refusals.c.last_at.desc(), refusals.c.kind)
            )
            return [Refusal(**row._mapping) for row in rows]
