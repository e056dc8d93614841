"""Refusals: how often the broker said no, by kind and caller; and who has printed here.

They are counted, because each alone is nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from broker.model.peers.caller import Caller
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

    def __add__(self, other: CountedOfCaller) -> CountedOfCaller:
        """Both; of the later one, what is of the last."""
        return replace(
            other if other.last_at >= self.last_at else self,
            number=self.number + other.number,
            first_at=min(self.first_at, other.first_at),
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

            of_callers = of_callers or {}
            for kind in dict.fromkeys(kind for kind, _ in of_callers):
                more = {caller: its for (of, caller), its in of_callers.items() if of == kind}
                _OfKind(connection, kind).add(more)
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


class _OfKind:
    """The callers of one kind, within one transaction. What is added to a row is gathered first: in
    a flood of callers that are not told apart there is one change for all of them."""

    def __init__(self, connection: Connection, kind: str) -> None:
        self._connection = connection
        self._kind = kind
        columns = select(_CALLERS.c.calling_ae, _CALLERS.c.host, _CALLERS.c.last_at)
        rows = connection.execute(columns.where(_CALLERS.c.kind == kind, _CALLERS.c.host != ""))
        self._there = {Caller(row.calling_ae, row.host): row.last_at for row in rows}
        """Who has a row, or gets one, and when it was refused last."""
        self._gathered: dict[Caller, CountedOfCaller] = {}
        self._printed: Mapping[Caller, float] | None = None

    def add(self, more: Mapping[Caller, CountedOfCaller]) -> None:
        """These were refused, too."""
        for caller, its in more.items():
            place = caller if caller in self._there else self._place_of(caller, its.last_at)
            if place != OTHERS:
                self._there[place] = its.last_at
            self._gather(place, its)
        for caller, its in self._gathered.items():
            self._write(caller, its)

    def _place_of(self, caller: Caller, now: float) -> Caller:
        """As whom it is counted. One that is long gone makes room for it; for one that has printed
        here, one that has not does, however lately that one was refused."""
        found = sort_of_caller(caller, self._there.keys())
        if found == caller:
            return caller
        if self._printed is None:
            self._printed = _printed(self._connection)
        full = len(self._there) >= MOST_CALLERS
        for each in sorted(self._there, key=self._there.__getitem__):
            gone = now - self._there[each] >= FORGOTTEN_S
            gives_way = gone or (caller in self._printed and each not in self._printed)
            if gives_way and (full or each.address == caller.address):
                rest = self._there.keys() - {each}
                if sort_of_caller(caller, rest) == caller:
                    self._merge(each, found)
                    return caller
        return found

    def _merge(self, gone: Caller, instead: Caller) -> None:
        """Count what one caller had among those that are not told apart."""
        into = Caller("", gone.address) if instead.address == gone.address else OTHERS
        which = _is(self._kind, gone)
        row = self._connection.execute(select(_CALLERS).where(which)).first()
        if row is not None:
            self._connection.execute(delete(_CALLERS).where(which))
            had = CountedOfCaller(
                row.number,
                row.first_at,
                row.last_at,
                row.last_why,
                row.last_called_ae,
                row.last_status,
                row.last_attribute,
            )
            self._gather(into, had)
        del self._there[gone]
        if gone in self._gathered:
            self._gather(into, self._gathered.pop(gone))
        if into != OTHERS:
            self._there.setdefault(into, self._gathered[into].last_at)

    def _gather(self, caller: Caller, its: CountedOfCaller) -> None:
        before = self._gathered.get(caller)
        self._gathered[caller] = its if before is None else before + its

    def _write(self, caller: Caller, its: CountedOfCaller) -> None:
        last = {
            "last_at": its.last_at,
            "last_why": its.why,
            "last_called_ae": its.called_ae,
            "last_status": its.status,
            "last_attribute": its.attribute,
        }
        which = _is(self._kind, caller)
        number = _CALLERS.c.number + its.number
        known = select(_CALLERS.c.first_at, _CALLERS.c.last_at).where(which)
        row = self._connection.execute(known).first()
        if row is None:
            named = {"kind": self._kind, "calling_ae": caller.ae_title, "host": caller.address}
            values = {**named, "number": its.number, "first_at": its.first_at, **last}
            self._connection.execute(insert(_CALLERS).values(values))
            return
        changed = {"number": number, "first_at": min(row.first_at, its.first_at)}
        later = last if its.last_at >= row.last_at else {}
        self._connection.execute(update(_CALLERS).where(which).values({**changed, **later}))


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
