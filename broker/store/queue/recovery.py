"""Recovery: claims of a broker that is gone are settled, and jobs that cannot print are held.

Promise 3: a film that was asked for is uncertain, whatever has happened since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update
from sqlalchemy.exc import SQLAlchemyError

from broker.model.jobs.job import (
    DONE,
    UNANSWERED,
    UNFINISHED,
    Claim,
    FilmState,
    Job,
    Outcome,
    Priority,
    State,
)
from broker.model.printers.retry import Settlement, prints_again
from broker.model.printers.trouble import PRINT_AGAIN, RecordDamaged
from broker.store.database import Database, damage
from broker.store.queue.claims import ClaimLost, begin, end, left_to_print, move, obey, remember_all
from broker.store.reading.job_rows import JOB_ALTERED, ROW_DAMAGED, NoSuchJob, one
from broker.store.reading.queries import JobQueries
from broker.store.reading.shown_state import DAMAGED
from broker.store.tables import attempts, jobs, sendings, spooled

STOPPED = "the broker stopped"
BROKE_OFF = "the attempt broke off"


_REFERRING = (
    select(spooled.c.job_id, spooled.c.name)
    .join(jobs, jobs.c.id == spooled.c.job_id)
    .where(jobs.c.state.in_(UNFINISHED))
    .order_by(spooled.c.job_id)
)


class Recovery:
    """What is done at start, for attempts that broke off, and where rows or pixels are lost."""

    def __init__(self, database: Database, clock: Callable[[], float], queries: JobQueries) -> None:
        self._database = database
        self._clock = clock
        self._queries = queries

    def recover(
        self,
        on_uncertain: str = "hold",
        *,
        tries: int = 5,
        running: Callable[[], Collection[int]] = tuple,
        why: str = STOPPED,
    ) -> list[Job]:
        """Settle the claims of attempts that are gone, and `why`; the jobs as they are now.

        Jobs in `running` stay as they are: it must name a job before its claim is written, and is
        asked when no claim can be written. A film that was asked for is uncertain: its job is
        held, or with `reprint` sent again, until `tries` are used up or a person wants it
        otherwise. A job without such a film goes back to the queue; one with nothing left to print
        was sent. The same holds for one whose attempt has no row: the database was damaged, or
        restored.
        """
        if not self._queries.list({State.PRINTING}):
            return []  # the usual case, and it keeps no writer waiting
        now = self._clock()
        with self._database.write() as connection:
            alive = running()
            printing = (
                select(jobs.c.id, jobs.c.token, jobs.c.printer, jobs.c.command, jobs.c.updated_at)
                .where(jobs.c.state == State.PRINTING)
                .order_by(jobs.c.id)
            )
            abandoned = [row for row in connection.execute(printing) if row.id not in alive]
            for row in abandoned:
                try:
                    with connection.begin_nested():
                        _settle(connection, row, on_uncertain, tries, why, now)
                except (ClaimLost, RecordDamaged) as error:
                    # One job whose rows contradict each other must not keep the others.
                    hold_unsettled(connection, [row.id], now, f"{ROW_DAMAGED} ({error})")
            return [one(connection, row.id) for row in abandoned]

    def hold_claimed(self, claim: Claim, reason: str) -> None:
        """Hold a job in place of its attempt, as the database is damaged where it is kept.

        A film that was asked for is uncertain. Where that cannot be written, the job alone is held:
        it must not be tried again and again.

        Raises:
            ClaimLost: it was taken from this attempt.
            SQLAlchemyError, DatabaseBusy: nothing of it can be written.
        """
        now = self._clock()
        settlement = Settlement(State.HELD, reason)
        try:
            with self._database.write() as connection:
                said = f"the database was damaged after asking {claim.printer}"
                asked = _settle_asked(connection, claim.job_id, said, again=False)
                outcome = Outcome.UNCERTAIN if asked else Outcome.UNAVAILABLE
                end(connection, claim.job_id, outcome, reason, now)
                move(connection, claim.job_id, claim.token, settlement, now)
        except SQLAlchemyError as error:
            if not damage(error):
                raise
            with self._database.write() as connection:
                move(connection, claim.job_id, claim.token, settlement, now)
            # As much of the rest as can be written, each by itself.
            for step in (
                lambda connection: end(connection, claim.job_id, Outcome.UNCERTAIN, reason, now),
                lambda connection: _settle_asked(connection, claim.job_id, reason, again=False),
            ):
                self._unless_damaged(step)

    def hold_without_pixels(self, there: Callable[[str], bool]) -> list[int]:
        """Hold each job that has a film left to print whose pixels are not `there`, by their name;
        the numbers of those that were not held for it before.

        A job that is held for another reason keeps that, too; one that is printing is left alone.
        One whose films cannot be read is held, too, with those words.
        """
        with self._database.read() as connection:
            rows = connection.execute(_REFERRING).all()
        gone = {name for name in {row.name for row in rows} if not there(name)}
        found: dict[int, str] = {}
        for job_id in sorted({row.job_id for row in rows if row.name in gone}):
            try:
                left = [film for film in self._queries.films(job_id) if film.state not in DONE]
            except NoSuchJob:
                found[job_id] = f"{JOB_ALTERED}; {PRINT_AGAIN}"  # of its films no row is left
                continue
            except RecordDamaged as error:
                found[job_id] = f"{error}; {PRINT_AGAIN}"
                continue
            films = {film.number for film in left if not gone.isdisjoint(film.film.spooled)}
            if films:
                found[job_id] = _reason(sorted(films))
        if not found:
            return []
        with self._database.write() as connection:
            return [
                job_id
                for job_id, reason in found.items()
                if _hold_without_pixels(connection, job_id, reason, self._clock())
            ]

    def hold_damaged(self) -> list[int]:
        """Hold each job whose state is none that there is, and each queued one with such a level or
        priority, so that it is seen among those that are held; their numbers.

        What a damaged state was is not known: it may have been printing. A damaged priority becomes
        MED, so that the job prints once a person has released it.
        """
        with self._database.read() as connection:
            found = _damaged(connection)
        if found:
            with self._database.write() as connection:
                _hold_damaged(connection, found, found, self._clock())
        return sorted(found)

    def end_waits(self, latest: float) -> int:
        """End the waits of queued jobs that would last beyond this time; how many."""
        late = and_(jobs.c.state == State.QUEUED, jobs.c.not_before > latest)
        return self._database.change_some(jobs, late, not_before=0.0)

    def _unless_damaged(self, step: Callable[[Connection], object]) -> None:
        """Do it, unless the database is damaged there. Raises: SQLAlchemyError, DatabaseBusy."""
        try:
            with self._database.write() as connection:
                step(connection)
        except SQLAlchemyError as error:
            if not damage(error):
                raise


def _settle(
    connection: Connection,
    row: Row[Any, Any, Any, Any, Any],
    on_uncertain: str,
    tries: int,
    why: str,
    now: float,
) -> None:
    """Settle the claim in that row of `jobs`; an attempt whose row is missing gets one.

    Raises: ClaimLost, RecordDamaged: when its rows contradict each other.
    """
    running = select(attempts.c.id).where(
        attempts.c.job_id == row.id, attempts.c.ended_at.is_(None)
    )
    if connection.execute(running.limit(1)).first() is None:
        begin(connection, row.id, row.printer, row.updated_at)
    again = prints_again(on_uncertain, tries, one(connection, row.id).strikes, row.command)
    said = f"{why} after asking {row.printer}"
    asked = _settle_asked(connection, row.id, said, again=again)
    left = left_to_print(connection, row.id)
    outcome, settlement = _recovered(asked, left, why, said, again=again)
    # Printing it again may put one more copy on paper: that counts.
    end(connection, row.id, outcome, why, now, strike=bool(asked) and again)
    move(connection, row.id, row.token, obey(row.command, settlement), now)


def _settle_asked(connection: Connection, job_id: int, said: str, *, again: bool) -> list[int]:
    """Settle the films asked for and not answered; their numbers."""
    unanswered = and_(
        sendings.c.job_id == job_id,
        sendings.c.state.in_(UNANSWERED),
    )
    numbers = connection.execute(
        select(sendings.c.number).where(unanswered).distinct().order_by(sendings.c.number)
    )
    asked = list(numbers.scalars())
    values: dict[str, object] = {"words": said}
    if again:
        remember_all(connection, job_id)
        values |= {"state": FilmState.WAITING, "printer": "", "asked_at": None}
    else:
        values |= {"state": FilmState.UNCERTAIN}
    connection.execute(update(sendings).where(unanswered).values(**values))
    return asked


def _recovered(
    asked: Sequence[int], left: int, why: str, said: str, *, again: bool
) -> tuple[Outcome, Settlement]:
    """How an abandoned attempt ended, and where its job goes."""
    if not left:
        return Outcome.ACCEPTED, Settlement(State.SENT, "")
    if not asked:
        return Outcome.UNAVAILABLE, Settlement(State.QUEUED, why)
    if again:
        return Outcome.UNCERTAIN, Settlement(State.QUEUED, why)
    films = ", ".join(f"film {number}" for number in asked)
    return Outcome.UNCERTAIN, Settlement(State.HELD, f"{films}: uncertain, {said}")


def hold_damaged_one(connection: Connection, job_id: int, now: float) -> None:
    """The same as `Recovery.hold_damaged` of one job that is shown as held, before a person's
    command on it."""
    _hold_damaged(connection, [job_id], _damaged(connection, jobs.c.id == job_id), now)


def _damaged(connection: Connection, *which: ColumnElement[bool]) -> dict[int, str]:
    """The jobs that are shown as held because of damage to their row, with that reason."""
    found: dict[int, str] = {}
    for column, damaged in DAMAGED.items():
        for job_id in connection.execute(select(jobs.c.id).where(damaged, *which)).scalars():
            found.setdefault(job_id, f"{ROW_DAMAGED} ({column})")
    return found


def _hold_damaged(
    connection: Connection, job_ids: Collection[int], found: Mapping[int, str], now: float
) -> None:
    """Hold those that were found; a damaged priority of any of these jobs becomes MED."""
    for job_id, why in found.items():
        hold_unsettled(connection, [job_id], now, why)
    lost = jobs.c.id.in_(job_ids) & jobs.c.priority.not_in(list(Priority))
    usual = {"priority": Priority.MED, "priority_rank": Priority.MED.rank}
    connection.execute(update(jobs).where(lost).values(**usual))


def hold_unsettled(connection: Connection, job_ids: Collection[int], now: float, why: str) -> None:
    """Hold these jobs, and end what may be running of them.

    A film that was asked for is uncertain (promise 3), and no attempt stays open: the job can be
    claimed again once a person has released it. A late writer finds its claim gone (promise 4).
    """
    running = attempts.c.job_id.in_(job_ids) & attempts.c.ended_at.is_(None)
    ended = {"ended_at": now, "outcome": Outcome.UNCERTAIN, "words": why}
    connection.execute(update(attempts).where(running).values(**ended))
    asked = sendings.c.job_id.in_(job_ids) & (sendings.c.state == FilmState.ASKED)
    uncertain = {"state": FilmState.UNCERTAIN, "words": why}
    connection.execute(update(sendings).where(asked).values(**uncertain))
    held = {"state": State.HELD, "reason": why, "token": "", "command": "", "updated_at": now}
    connection.execute(update(jobs).where(jobs.c.id.in_(job_ids)).values(**held))


def _reason(films: Sequence[int]) -> str:
    several = len(films) > 1
    whose = f"films {', '.join(map(str, films))}: their" if several else f"film {films[0]}: its"
    return f"{whose} pixels are missing; {PRINT_AGAIN}"


def _hold_without_pixels(connection: Connection, job_id: int, reason: str, now: float) -> bool:
    """Hold a job that is not printing; whether it was not held for missing pixels before."""
    row = connection.execute(select(jobs.c.state, jobs.c.reason).where(jobs.c.id == job_id)).first()
    if row is None or row.state not in (State.QUEUED, State.HELD):
        return False
    if row.state == State.HELD and row.reason.endswith(PRINT_AGAIN):
        return False
    kept = row.reason if row.state == State.HELD else ""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state=State.HELD,
            reason="; ".join(filter(None, (kept, reason))),
            printer="",
            assigned_at=None,
            updated_at=now,
        )
    )
    return True
