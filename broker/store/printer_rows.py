"""Changes to rows of printers, within a transaction of whoever makes them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Double, bindparam, case, or_, select, update

from broker.model.health import FAILS_FILMS, LEAVES_UNANSWERED
from broker.model.printer import Health
from broker.model.retry import PrinterVerdict
from broker.store.job_rows import ACTIVE
from broker.store.prepared import Prepared
from broker.store.tables import attempts, jobs, printers

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
        reason=case((printers.c.health == Health.UP, ""), else_=printers.c.reason),
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


def require(connection: Connection, name: str) -> None:
    """Make sure that there is a printer of that name; NoSuchPrinter."""
    listed = select(printers.c.name).where(printers.c.removed_at.is_(None))
    known = connection.execute(listed.order_by(printers.c.position)).scalars().all()
    if name not in known:
        raise NoSuchPrinter(name, known)


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
    """Count an accepted film: whatever was wrong with the printer is over, as of now."""
    _CREDIT.change(connection, its_name=name, its_copies=copies, now=now)


def forgive(connection: Connection, name: str, now: float) -> None:
    """Nothing that went wrong there before counts any more: not for the printer, nor for jobs that
    wait."""
    rested = case((printers.c.failures_in_row > 0, now), else_=printers.c.paused_until)
    change(connection, name, failures_in_row=0, paused_until=rested)
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
