"""Refusals: how often the broker said no, by kind. Counted, because each alone is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from broker.model.caller import Caller
from broker.store.database import Database
from broker.store.tables import refusals, refusals_of_callers

_CALLERS = refusals_of_callers


@dataclass(frozen=True)
class Counted:
    """How many refusals of one kind there were, and which peer the last of them met."""

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

MOST_CALLERS = 100
"""Callers of each kind that are counted by themselves: a peer may call itself what it likes."""
FORGOTTEN_S = 86400.0
"""One that was not refused for longer gives way to another, and counts among the others."""
OTHERS = Caller("", "")
"""Those who came when there were MOST_CALLERS already."""


@dataclass(frozen=True)
class CountedOfCaller:
    """Refusals of one kind for one caller."""

    number: int
    first_at: float
    last_at: float
    why: str
    """Of the last one."""

    def __add__(self, later: CountedOfCaller) -> CountedOfCaller:
        return CountedOfCaller(
            self.number + later.number,
            min(self.first_at, later.first_at),
            later.last_at,
            later.why,
        )


OfCallers = dict[tuple[str, Caller], CountedOfCaller]


@dataclass(frozen=True)
class RefusedCaller:
    """How often one caller was refused for one kind of reason."""

    kind: str
    calling_ae: str
    """Empty where none was given, and for the others together."""
    host: str
    """Its address; empty for the others together."""
    number: int
    first_at: float
    last_at: float
    last_why: str


RefusedCallerList = list[RefusedCaller]


class Refusals:
    """The counts, over all lives of the broker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        counted: Mapping[str, Counted],
        of_callers: Mapping[tuple[str, Caller], CountedOfCaller] | None = None,
    ) -> None:
        """Add to the counts, by kind, and by kind and caller."""
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

            for (kind, caller), more in (of_callers or {}).items():
                _add_caller(connection, kind, caller, more)

    def callers(self) -> RefusedCallerList:
        """Who was refused, the most often refused first; those that are not told apart last."""
        order = (_CALLERS.c.host == "", _CALLERS.c.number.desc(), _CALLERS.c.calling_ae)
        with self._database.read() as connection:
            rows = connection.execute(select(_CALLERS).order_by(_CALLERS.c.kind, *order))
            return [RefusedCaller(**row._mapping) for row in rows]

    def list(self) -> RefusalCountList:
        """All kinds, the latest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(refusals).order_by(refusals.c.last_at.desc(), refusals.c.kind)
            )
            return [RefusalCount(**row._mapping) for row in rows]


def _add_caller(connection: Connection, kind: str, caller: Caller, more: CountedOfCaller) -> None:
    """To its row; to that of the others where there are many callers already."""
    if _raised(connection, kind, caller, more):
        return
    if caller != OTHERS and not _room_for_one(connection, kind, more.last_at):
        _add_caller(connection, kind, OTHERS, more)
        return
    connection.execute(
        insert(_CALLERS).values(
            kind=kind,
            calling_ae=caller.ae_title,
            host=caller.address,
            number=more.number,
            first_at=more.first_at,
            last_at=more.last_at,
            last_why=more.why,
        )
    )


def _raised(connection: Connection, kind: str, caller: Caller, more: CountedOfCaller) -> bool:
    """Add to a row; whether there is one."""
    changed = connection.execute(
        update(_CALLERS)
        .where(_is(kind, caller))
        .values(number=_CALLERS.c.number + more.number, last_at=more.last_at, last_why=more.why)
    )
    return changed.rowcount > 0


def _room_for_one(connection: Connection, kind: str, now: float) -> bool:
    """Whether there is room for one more caller; one that is long gone makes it."""
    own = select(_CALLERS).where(_CALLERS.c.kind == kind, _CALLERS.c.host != "")
    rows = connection.execute(own.order_by(_CALLERS.c.last_at)).all()
    if len(rows) < MOST_CALLERS:
        return True
    oldest = rows[0]
    if now - oldest.last_at < FORGOTTEN_S:
        return False
    gone = Caller(oldest.calling_ae, oldest.host)
    connection.execute(delete(_CALLERS).where(_is(kind, gone)))
    counted = CountedOfCaller(oldest.number, oldest.first_at, oldest.last_at, oldest.last_why)
    _add_caller(connection, kind, OTHERS, counted)
    return True


def _is(kind: str, caller: Caller) -> ColumnElement[bool]:
    return and_(
        _CALLERS.c.kind == kind,
        _CALLERS.c.calling_ae == caller.ae_title,
        _CALLERS.c.host == caller.address,
    )
