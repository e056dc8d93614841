"""Refusals: how often the broker said no, by kind. Counted, because each alone is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import insert, select, update

from broker.store.database import Database
from broker.store.tables import refusals


@dataclass(frozen=True)
class Counted:
    """So many refusals of one kind, and whom the last of them met."""

    number: int
    first_at: float
    """When the first was heard; seconds since the epoch, as below."""
    last_at: float
    peer: str
    """The calling AE title, or the address of who gave none."""
    address: str = ""
    """`host:port`; empty where it is not known."""
    called_ae: str = ""

    def __add__(self, later: Counted) -> Counted:
        """Both; the later ones met their peer last."""
        return Counted(
            self.number + later.number,
            min(self.first_at, later.first_at),
            later.last_at,
            later.peer,
            later.address,
            later.called_ae,
        )


@dataclass(frozen=True)
class RefusalCount:
    """How often one kind was refused, and whom the last time."""

    kind: str
    number: int
    first_at: float
    last_at: float
    last_peer: str
    last_address: str = ""
    last_called_ae: str = ""


RefusalCountList = list[RefusalCount]


class Refusals:
    """The counts, over all lives of the broker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, counted: Mapping[str, Counted]) -> None:
        """Add to the counts, by kind."""
        with self._database.write() as connection:
            for kind, added in counted.items():
                last = {
                    "last_peer": added.peer,
                    "last_address": added.address,
                    "last_called_ae": added.called_ae,
                    "last_at": added.last_at,
                }
                changed = connection.execute(
                    update(refusals)
                    .where(refusals.c.kind == kind)
                    .values(number=refusals.c.number + added.number, **last)
                )
                if not changed.rowcount:
                    connection.execute(
                        insert(refusals).values(
                            kind=kind, number=added.number, first_at=added.first_at, **last
                        )
                    )

    def list(self) -> RefusalCountList:
        """All kinds, the latest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(refusals).order_by(refusals.c.last_at.desc(), refusals.c.kind)
            )
            return [RefusalCount(**row._mapping) for row in rows]
