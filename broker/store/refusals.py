"""Refusals: how often the broker said no, by kind and caller; and who has printed here.

They are counted, because each alone is nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, insert, select, update

from broker.model.caller import Caller
from broker.store.database import Database
from broker.store.tables import printed_callers, refusals, refusals_of_callers

_CALLERS = refusals_of_callers
_PRINTED = printed_callers


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

MOST_CALLERS = 200
"""Callers of each kind that are counted by themselves: a peer may call itself what it likes."""
MOST_OF_ADDRESS = 40
"""Of them, those at one address; its further AE titles are counted together."""
FORGOTTEN_S = 86400.0
"""One that was not refused for longer gives way to another, and counts among the others."""
OTHERS = Caller("", "")
"""Those who came when there were MOST_CALLERS already."""
MOST_PRINTED = 1000
"""Callers of which it is known that they have printed; those that did not for longest go first."""


@dataclass(frozen=True)
class CountedOfCaller:
    """Refusals of one kind for one caller."""

    number: int
    first_at: float
    last_at: float
    why: str
    """Of the last one, as what is below."""
    called_ae: str = ""
    status: str = ""
    """Of a refused request: 0x0106, and what it stands for."""
    attribute: str = ""
    """Keywords of the attributes that the status names."""

    def __add__(self, later: CountedOfCaller) -> CountedOfCaller:
        return replace(
            later,
            number=self.number + later.number,
            first_at=min(self.first_at, later.first_at),
        )


OfCallers = dict[tuple[str, Caller], CountedOfCaller]


@dataclass(frozen=True)
class RefusedCaller:
    """How often one caller was refused for one kind of reason."""

    kind: str
    calling_ae: str
    """Empty where none was given, for further AE titles of an address and for the others."""
    host: str
    """Its address; empty for the others together."""
    number: int
    first_at: float
    last_at: float
    last_why: str
    last_called_ae: str = ""
    last_status: str = ""
    last_attribute: str = ""
    printed_at: float | None = None
    """When a print request of it was accepted last; of its address, where it gave no AE title."""

    @property
    def unresolved(self) -> bool:
        """Whether it has printed before, and not since it was refused."""
        return self.printed_at is not None and self.printed_at < self.last_at


RefusedCallerList = list[RefusedCaller]


def sort_of_caller(caller: Caller, others: Collection[Caller]) -> Caller:
    """As whom one more caller of a kind is counted, beside those that have a row: itself, the
    further AE titles of its address, or the others of all addresses."""
    named = [each for each in others if each.address == caller.address and each.ae_title]
    if caller.ae_title and len(named) >= MOST_OF_ADDRESS:
        return sort_of_caller(Caller("", caller.address), others)
    if caller not in others and len(others) >= MOST_CALLERS:
        return OTHERS
    return caller


class Refusals:
    """The counts, over all lives of the broker."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        counted: Mapping[str, Counted],
        of_callers: Mapping[tuple[str, Caller], CountedOfCaller] | None = None,
        printed: Mapping[Caller, float] | None = None,
    ) -> None:
        """Add to the counts, by kind, and by kind and caller; and note who has printed when."""
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
            for caller, at in (printed or {}).items():
                _note_printed(connection, caller, at)
            if printed:
                _forget_printed(connection)

    def callers(self, since: float = 0.0) -> RefusedCallerList:
        """Who was refused since then, by kind, the most often refused first; those that are not
        told apart last."""
        order = (_CALLERS.c.host == "", _CALLERS.c.number.desc(), _CALLERS.c.calling_ae)
        with self._database.read() as connection:
            asked = select(_CALLERS).where(_CALLERS.c.last_at >= since)
            rows = connection.execute(asked.order_by(_CALLERS.c.kind, *order)).all()
            printed = _printed(connection) if rows else {}
        return [
            RefusedCaller(**row._mapping, printed_at=printed.get(Caller(row.calling_ae, row.host)))
            for row in rows
        ]

    def list(self) -> RefusalCountList:
        """All kinds, the latest first."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(refusals).order_by(refusals.c.last_at.desc(), refusals.c.kind)
            )
            return [RefusalCount(**row._mapping) for row in rows]


def _add_caller(connection: Connection, kind: str, caller: Caller, more: CountedOfCaller) -> None:
    """To its row; to one that stands for several where there are many callers already."""
    if _raised(connection, kind, caller, more):
        return
    counted_as = caller if caller == OTHERS else _counted_as(connection, kind, caller, more.last_at)
    if counted_as != caller:
        _add_caller(connection, kind, counted_as, more)
        return
    connection.execute(
        insert(_CALLERS).values(
            kind=kind,
            calling_ae=caller.ae_title,
            host=caller.address,
            number=more.number,
            first_at=more.first_at,
            **_last(more),
        )
    )


def _raised(connection: Connection, kind: str, caller: Caller, more: CountedOfCaller) -> bool:
    """Add to a row; whether there is one."""
    changed = connection.execute(
        update(_CALLERS)
        .where(_is(kind, caller))
        .values(number=_CALLERS.c.number + more.number, **_last(more))
    )
    return changed.rowcount > 0


def _last(more: CountedOfCaller) -> dict[str, object]:
    return {
        "last_at": more.last_at,
        "last_why": more.why,
        "last_called_ae": more.called_ae,
        "last_status": more.status,
        "last_attribute": more.attribute,
    }


def _counted_as(connection: Connection, kind: str, caller: Caller, now: float) -> Caller:
    """As whom it is counted. One that is long gone makes room for it; for one that has printed
    here, one that has not does, however lately that one was refused."""
    own = select(_CALLERS).where(_CALLERS.c.kind == kind, _CALLERS.c.host != "")
    rows = connection.execute(own.order_by(_CALLERS.c.last_at)).all()
    known = [Caller(row.calling_ae, row.host) for row in rows]
    found = sort_of_caller(caller, known)
    if found == caller:
        return caller
    knows = connection.execute(select(_PRINTED).where(_is_printed(caller))).first()
    printed = _printed(connection) if knows else {}
    full = len(rows) >= MOST_CALLERS
    for row, each in zip(rows, known, strict=True):
        gives_way = now - row.last_at >= FORGOTTEN_S or (printed and each not in printed)
        if gives_way and (full or each.address == caller.address):
            rest = [other for other in known if other != each]
            if sort_of_caller(caller, rest) == caller:
                _merge(connection, kind, each, row, found)
                return caller
    return found


def _merge(connection: Connection, kind: str, gone: Caller, row: Row[Any], instead: Caller) -> None:
    """Count what one caller had among those that are not told apart."""
    connection.execute(delete(_CALLERS).where(_is(kind, gone)))
    into = Caller("", gone.address) if instead.address == gone.address else OTHERS
    earlier = case((_CALLERS.c.first_at < row.first_at, _CALLERS.c.first_at), else_=row.first_at)
    raised = update(_CALLERS).where(_is(kind, into))
    raised = raised.values(number=_CALLERS.c.number + row.number, first_at=earlier)
    if not connection.execute(raised).rowcount:
        named = {"kind": kind, "calling_ae": into.ae_title, "host": into.address}
        connection.execute(insert(_CALLERS).values(row._asdict() | named))


def _printed(connection: Connection) -> Mapping[Caller, float]:
    """When each caller printed last, and each address as a caller without an AE title."""
    found: dict[Caller, float] = {}
    for row in connection.execute(select(_PRINTED)):
        found[Caller(row.calling_ae, row.host)] = row.last_at
        whole = Caller("", row.host)
        found[whole] = max(row.last_at, found.get(whole, row.last_at))
    return found


def _is_printed(caller: Caller) -> ColumnElement[bool]:
    return and_(_PRINTED.c.calling_ae == caller.ae_title, _PRINTED.c.host == caller.address)


def _note_printed(connection: Connection, caller: Caller, at: float) -> None:
    changed = update(_PRINTED).where(_is_printed(caller)).values(last_at=at)
    if not connection.execute(changed).rowcount:
        connection.execute(
            insert(_PRINTED).values(calling_ae=caller.ae_title, host=caller.address, last_at=at)
        )


def _forget_printed(connection: Connection) -> None:
    """Those that did not print for longest, where there are more than MOST_PRINTED."""
    oldest = select(_PRINTED.c.last_at).order_by(_PRINTED.c.last_at.desc()).offset(MOST_PRINTED)
    last_gone = connection.execute(oldest.limit(1)).scalar_one_or_none()
    if last_gone is not None:
        connection.execute(delete(_PRINTED).where(_PRINTED.c.last_at <= last_gone))


def _is(kind: str, caller: Caller) -> ColumnElement[bool]:
    return and_(
        _CALLERS.c.kind == kind,
        _CALLERS.c.calling_ae == caller.ae_title,
        _CALLERS.c.host == caller.address,
    )
