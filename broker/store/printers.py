"""The printers: what the site says of them, what was observed, and what they are busy with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import (
    Connection,
    Double,
    Select,
    and_,
    bindparam,
    case,
    distinct,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from broker.model.films.capabilities import Capability, Lesson
from broker.model.jobs.job import ACTIVE, DONE, FilmState, State
from broker.model.printers.health import FAILS_FILMS, LEAVES_UNANSWERED, WARNING, Observation
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.printers.printer_identity import (
    NEVER_ASKED,
    Identification,
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
)
from broker.model.printers.retry import PrinterVerdict
from broker.model.row_version import FORGET, PrinterPart, changed, of_printer
from broker.store import capabilities as capability_rows
from broker.store.backend import Prepared, fixed
from broker.store.database import Database
from broker.store.stale import Stale
from broker.store.tables import attempts, capabilities, jobs, printers, sendings

# Parameters that are no columns begin with `its_`.
_CREDIT = Prepared(
    update(printers)
    .where(printers.c.name == bindparam("its_name"))
    .values(
        films_accepted=printers.c.films_accepted + bindparam("its_copies"),
        paused_until=case(
            (printers.c.failures_in_row > 0, bindparam("now", type_=Double)),
            else_=printers.c.paused_until,
        ),
        failures_in_row=0,
        bad_checks=0,
        reason=case(
            (and_(printers.c.health == Health.UP, not_(printers.c.reason.startswith(WARNING))), ""),
            else_=printers.c.reason,
        ),
    )
)


class NoSuchPrinter(LookupError):
    """There is no printer of that name. `words` names those that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        there = ", ".join(known) if known else "none; the configuration names none"
        meant = [each for each in known if each.lower() == name.lower()]
        hint = f"; did you mean {meant[0]}?" if meant else ""
        self.words = f"there is no printer {name}; there are: {there}{hint}"
        super().__init__(self.words)


def printer_names(connection: Connection) -> Sequence[str]:
    """Of those of the configuration, in its order."""
    listed = select(printers.c.name).where(printers.c.removed_at.is_(None))
    return connection.execute(listed.order_by(printers.c.position)).scalars().all()


def require(connection: Connection, name: str) -> None:
    """Make sure that there is a printer of that name. Raises: NoSuchPrinter."""
    known = printer_names(connection)
    if name not in known:
        raise NoSuchPrinter(name, known)


def _same(connection: Connection, name: str, command: Duty | str, seen: str) -> None:
    """Raises: Stale: what the command depends on is not what a person saw; none seen is no
    matter."""
    if not seen:
        return
    row = connection.execute(_shown().where(printers.c.name == name)).one()
    refuses = capability_rows.refusals(connection).get(name, ())
    printer = _printer(row._asdict(), Occupation(), refuses)
    version = of_printer(printer)
    if parts := changed(seen, version, command):
        raise Stale(version, name, _now(printer, parts))


def _now(printer: Printer, changed_parts: Collection[PrinterPart]) -> str:
    """How a printer is now, for a person who saw it otherwise in these parts."""
    why = f": {printer.duty_reason}" if printer.duty_reason else ""
    said = [f"{printer.duty}{why}"]
    if PrinterPart.TROUBLE in changed_parts:
        failed = "its last attempt failed" if printer.failures_in_row else "it fails no attempt"
        said += [failed, f"it is known to refuse {_things(len(printer.refuses))}"]
    if PrinterPart.LEARNED in changed_parts:
        said.append(f"{_things(printer.lessons)} learned of it")
    return ", ".join(said)


def _things(number: int) -> str:
    if not number:
        return "nothing"
    return f"{number} things" if number > 1 else "one thing"


def change(connection: Connection, name: str, **values: object) -> None:
    """One that was taken out of the configuration meanwhile is no error, here and below."""
    connection.execute(update(printers).where(printers.c.name == name).values(**values))


def set_health(connection: Connection, name: str, health: Health, now: float) -> None:
    """Set the health, and since when, if it is another."""
    connection.execute(
        update(printers)
        .where(printers.c.name == name, printers.c.health != health)
        .values(health=health, health_since=now)
    )


def blame(connection: Connection, name: str, verdict: PrinterVerdict, now: float) -> None:
    """Write what an attempt that went wrong says of its printer."""
    if verdict.failed:
        change(
            connection,
            name,
            failures=printers.c.failures + 1,
            failures_in_row=printers.c.failures_in_row + 1,
            paused_until=verdict.paused_until,
            reason=verdict.words,
        )
        if verdict.health is not None:
            set_health(connection, name, verdict.health, now)
    elif verdict.paused_until:
        change(connection, name, paused_until=verdict.paused_until)


def credit(connection: Connection, name: str, copies: int, now: float) -> None:
    """Count an accepted film: whatever was wrong with the printer is over, as of now. What it warns
    of stands until it tells otherwise: films come out meanwhile."""
    _CREDIT.change(connection, its_name=name, its_copies=copies, now=now)


def forgive(connection: Connection, name: str, now: float) -> None:
    """Nothing that went wrong there before counts any more: not for the printer, nor for jobs that
    wait; and what it is known to refuse is asked for again, as are how many image boxes it makes,
    and who it is."""
    capability_rows.forget(connection, name, (Lesson.REFUSES, Lesson.IMAGE_BOXES))
    rested = case((printers.c.failures_in_row > 0, now), else_=printers.c.paused_until)
    change(connection, name, failures_in_row=0, paused_until=rested)
    connection.execute(
        update(printers)
        .where(printers.c.name == name, printers.c.identity_answer == IdentityAnswer.SILENT)
        .values(identity_asked_at=None, identity_answer=IdentityAnswer.UNKNOWN)
    )
    failing = or_(
        *(printers.c.reason.startswith(habit) for habit in (FAILS_FILMS, LEAVES_UNANSWERED))
    )
    connection.execute(
        update(printers)
        .where(printers.c.name == name, printers.c.health == Health.DEGRADED, failing)
        .values(health=Health.UP, health_since=now, reason="")
    )
    active = select(jobs.c.id).where(jobs.c.state.in_(ACTIVE))
    struck = select(attempts.c.job_id).where(attempts.c.printer == name, attempts.c.strike)
    connection.execute(
        update(jobs).where(jobs.c.state.in_(ACTIVE), jobs.c.id.in_(struck)).values(not_before=0.0)
    )
    connection.execute(
        update(attempts)
        .where(attempts.c.printer == name, attempts.c.job_id.in_(active))
        .values(strike=False, permanent=False)
    )


RECENT_S = 600.0
"""How far back `Printer.recent` looks."""

PrinterList = list[Printer]


@dataclass(frozen=True)
class Occupation:
    """What a printer is busy with, counted from the jobs."""

    load: int = 0
    claims: int = 0
    recent: int = 0
    moved_at: float | None = None
    asked_at: float | None = None
    accepted_at: float | None = None


def _shown() -> Select[Any]:
    """The columns that `_printer` makes a printer of."""
    own = capabilities.c.printer == printers.c.name
    return select(
        printers,
        select(func.count()).where(own).scalar_subquery().label("lessons"),
        select(func.max(capabilities.c.learned_at))
        .where(own)
        .scalar_subquery()
        .label("learned_at"),
    )


_ALL = Prepared(
    _shown().where(printers.c.removed_at.is_(None)).order_by(printers.c.position, printers.c.name)
)
_LUTS = Prepared(select(printers.c.supports_lut).where(printers.c.removed_at.is_(None)))
_LOADS = Prepared(
    select(jobs.c.printer, func.sum(sendings.c.copies))
    .join(sendings, sendings.c.job_id == jobs.c.id)
    .where(jobs.c.state.in_(fixed(ACTIVE)), jobs.c.printer != "")
    .where(sendings.c.state.not_in(fixed(DONE)))
    .group_by(jobs.c.printer)
)
_CLAIMS = Prepared(
    select(
        jobs.c.printer,
        func.count(distinct(jobs.c.id)),
        func.max(jobs.c.updated_at),
        func.min(sendings.c.asked_at),
    )
    .outerjoin(sendings, and_(sendings.c.job_id == jobs.c.id, sendings.c.state == FilmState.ASKED))
    .where(jobs.c.state == State.PRINTING)
    .group_by(jobs.c.printer)
)
_RECENT = Prepared(
    select(sendings.c.printer, func.sum(sendings.c.copies), func.max(sendings.c.accepted_at))
    .where(sendings.c.accepted_at >= bindparam("since"))
    .group_by(sendings.c.printer)
)


_OF_ADDRESS = [each.name for each in fields(Address)]
_LEARNED_WITH = ("ae_title", "host", "port", "lut_level", "adapt", "omit", "implicit_only")
"""What was learned of a printer was learned with these."""
_SEVERAL = ("adapt", "omit")
"""Fields of an Address that are several words."""
_OBSERVED = [
    each.name
    for each in fields(Printer)
    if each.name in printers.c and each.name not in ("duty", "health")
]
"""What a Printer shows as it stands in its row."""
_LEARNED = ("lessons", "learned_at")
"""What it shows of what was learned of it, where that was asked for."""


class Printers:
    """Every question about printers, and every change to them. For any thread, in any process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def sync(self, addresses: Sequence[Address], *, remove: bool = True) -> None:
        """Make the printers those of the configuration, in its order.

        Duty and health stay; but another host, port or AE title is another printer as far as
        health goes, and a new one is unknown and ready. `remove` takes away those not named: one
        that comes back has the duty that it had, with its reason and its time, and its counters.
        """
        now = self._clock()
        with self._database.write() as connection:
            before = {row.name: row for row in connection.execute(select(printers))}
            for position, address in enumerate(addresses):
                values = {"position": position, **_columns(address)}
                row = before.get(address.name)
                if row is None:
                    values |= _unobserved(now) | _new(now)
                    connection.execute(insert(printers).values(**values))
                    continue
                left = row.removed_at is not None
                if left or (row.ae_title, row.host, row.port) != _peer(address):
                    values |= _unobserved(now)
                if left or any(getattr(row, name) != values[name] for name in _LEARNED_WITH):
                    capability_rows.forget(connection, address.name)
                values["removed_at"] = None
                connection.execute(
                    update(printers).where(printers.c.name == address.name).values(**values)
                )
            if remove:
                names = [address.name for address in addresses]
                gone = printers.c.name.not_in(names) & printers.c.removed_at.is_(None)
                connection.execute(update(printers).where(gone).values(removed_at=now))

    def list(self) -> PrinterList:
        """All printers, in the order of the configuration."""
        with self._database.read() as connection:
            rows = [dict(zip(_ALL.names, row, strict=True)) for row in _ALL.rows(connection)]
            busy = _occupations(connection, self._clock() - RECENT_S)
            refuses = capability_rows.refusals(connection)
        return [
            _printer(row, busy.get(row["name"], Occupation()), refuses.get(row["name"], ()))
            for row in rows
        ]

    def refuse_lut(self) -> bool:
        """Whether there are printers, and none that takes a Presentation LUT or may do so."""
        with self._database.read() as connection:
            found = _LUTS.rows(connection)
        return bool(found) and all(supports is False for (supports,) in found)

    def get(self, name: str) -> Printer:
        """One printer. Raises: NoSuchPrinter."""
        found = self.list()
        for printer in found:
            if printer.name == name:
                return printer
        raise NoSuchPrinter(name, [printer.name for printer in found])

    def set_duty(self, name: str, duty: Duty, reason: str = "", *, seen: str = "") -> None:
        """What the operator wants of it, from now on.

        `seen` is the version (`model.row_version`) that the person saw; empty where none is known.
        Raises: NoSuchPrinter; Stale: when it is another one now.

        Saying the same again without a reason changes nothing, but for `ready`: the person who
        says so has mended it, and waiting jobs that it had refused may try it again.
        """
        with self._database.write() as connection:
            require(connection, name)
            _same(connection, name, duty, seen)
            if duty is Duty.READY:
                forgive(connection, name, self._clock())
            row = connection.execute(select(printers).where(printers.c.name == name)).one()
            if row.duty == duty and not reason:
                return  # said again: the reason given before holds
            change(connection, name, duty=duty, duty_reason=reason, duty_since=self._clock())

    def forget(self, name: str, *, seen: str = "") -> int:
        """Forget all that was learned of what it takes and refuses; how much that was.

        Raises: NoSuchPrinter; Stale: as `set_duty`.
        """
        with self._database.write() as connection:
            require(connection, name)
            _same(connection, name, FORGET, seen)
            return capability_rows.forget(connection, name)

    def observe(
        self, name: str, look: Callable[[Printer], Observation]
    ) -> tuple[Printer, Observation]:
        """Write what a check makes of it as it is now; both. Raises: NoSuchPrinter.

        In one transaction: an attempt may tell more of it at the same time.
        """
        with self._database.write() as connection:
            require(connection, name)
            row = connection.execute(select(printers).where(printers.c.name == name)).one()
            before = _printer(row._asdict(), Occupation())
            observation = look(before)
            self._observed(connection, name, observation)
        return before, observation

    def _observed(self, connection: Connection, name: str, observation: Observation) -> None:
        values: dict[str, object] = {
            "reason": observation.reason,
            "good_checks": observation.good_checks,
            "bad_checks": observation.bad_checks,
            "last_check_at": observation.last_check_at,
        }
        if observation.supports_lut is not None:
            values["supports_lut"] = observation.supports_lut
        if observation.failures_in_row is not None:
            values["failures_in_row"] = observation.failures_in_row
        change(connection, name, **values)
        set_health(connection, name, observation.health, self._clock())

    def identified(
        self, name: str, reply: IdentityReply, peer: Address
    ) -> tuple[PrinterIdentity, PrinterIdentity]:
        """It was asked who it is, at that address, with this reply. What was known before, and what
        is known now. Raises: NoSuchPrinter.
        """
        with self._database.write() as connection:
            require(connection, name)
            row = connection.execute(select(printers).where(printers.c.name == name)).one()
            before = _identification(row._asdict())
            if (row.ae_title, row.host, row.port) != _peer(peer):
                return before.identity, before.identity  # another machine has that name by now
            known = before.after(reply, self._clock())
            change(connection, name, **_of_identification(known))
        return before.identity, known.identity

    def end_waits(self, latest: float) -> int:
        """End pauses that would last beyond this time; how many."""
        late = printers.c.paused_until > latest
        return self._database.change_some(printers, late, paused_until=0.0)


def _columns(address: Address) -> dict[str, object]:
    """An address as it stands in its row."""
    several = {name: ",".join(getattr(address, name)) for name in _SEVERAL}
    return {**asdict(address), **several}


def _peer(address: Address) -> tuple[str, str, int]:
    return address.ae_title, address.host, address.port


def _unobserved(now: float) -> dict[str, object]:
    """Of a printer that was not checked yet."""
    return {
        "health": Health.UNKNOWN,
        "health_since": now,
        "reason": "",
        "good_checks": 0,
        "bad_checks": 0,
        "last_check_at": None,
        "failures_in_row": 0,
        "paused_until": 0.0,
        "supports_lut": None,
        **_of_identification(NEVER_ASKED),
    }


def _of_identification(known: Identification) -> dict[str, object]:
    """As it stands in the printer's row."""
    how = {
        "identity_asked_at": known.asked_at,
        "identity_told_at": known.told_at,
        "identity_answer": known.answer,
    }
    return {**asdict(known.identity), **how}


def _new(now: float) -> dict[str, object]:
    """Of a printer that was not there before."""
    return {
        "duty": Duty.READY,
        "duty_reason": "",
        "duty_since": now,
        "films_accepted": 0,
        "failures": 0,
    }


def _occupations(connection: Connection, since: float) -> dict[str, Occupation]:
    """What each printer is busy with, and how much it has done since then."""
    load = {name: int(count) for name, count in _LOADS.rows(connection)}
    done = {
        name: (int(count), float(at)) for name, count, at in _RECENT.rows(connection, since=since)
    }
    claimed = {name: tuple(rest) for name, *rest in _CLAIMS.rows(connection)}
    names = load.keys() | claimed.keys() | done.keys()
    found = {}
    for name in names:
        claims, moved_at, asked_at = claimed.get(name, (0, None, None))
        recent, accepted_at = done.get(name, (0, None))
        found[name] = Occupation(
            load.get(name, 0), int(claims), recent, moved_at, asked_at, accepted_at
        )
    return found


def _printer(
    row: Mapping[str, Any], busy: Occupation, refuses: tuple[Capability, ...] = ()
) -> Printer:
    address = {name: row[name] for name in _OF_ADDRESS}
    address |= {name: tuple(filter(None, row[name].split(","))) for name in _SEVERAL}
    return Printer(
        address=Address(**address),
        refuses=refuses,
        duty=Duty(row["duty"]),
        health=Health(row["health"]),
        identification=_identification(row),
        load=busy.load,
        claims=busy.claims,
        recent=busy.recent,
        moved_at=busy.moved_at,
        asked_at=busy.asked_at,
        accepted_at=busy.accepted_at,
        **{name: row[name] for name in _OBSERVED},
        **{name: row[name] for name in _LEARNED if name in row},
    )


def _identification(row: Mapping[str, Any]) -> Identification:
    told = PrinterIdentity(**{each.name: row[each.name] for each in fields(PrinterIdentity)})
    answer = IdentityAnswer(row["identity_answer"])
    return Identification(told, row["identity_asked_at"], row["identity_told_at"], answer)
