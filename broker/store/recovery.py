"""Recovery: settling the claims of a broker that is gone (promise 3)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select, update
from sqlalchemy.exc import SQLAlchemyError

from broker.model.job import UNANSWERED, Claim, FilmState, Job, Outcome, State
from broker.model.retry import Settlement, prints_again
from broker.model.trouble import RecordDamaged
from broker.store.claims import ClaimLost, begin, end, left_to_print, move, obey
from broker.store.integrity import damage
from broker.store.job_rows import ROW_DAMAGED, one
from broker.store.missing_pixels import hold_unsettled
from broker.store.reading import JobReading
from broker.store.tables import attempts, jobs, sendings
from broker.store.uncertain_films import remember_all

STOPPED = "the broker stopped"
BROKE_OFF = "the attempt broke off"


class Recovery(JobReading):
    """What is done at start, and for attempts that broke."""

    def recover(
        self,
        on_uncertain: str = "hold",
        *,
        tries: int = 5,
        running: Callable[[], Collection[int]] = tuple,
        why: str = STOPPED,
    ) -> list[Job]:
        """Settle the claims of attempts that are gone, and `why`; the jobs as they are now.

        Jobs in `running` are left alone: it must name a job from before its claim is written, and
        is asked when no claim can be written. A film that was asked for is uncertain: its job is
        held, or with `reprint` sent again, until `tries` are used up or a person wants it
        otherwise. A job without such a film goes back to the queue; one with nothing left to print
        was sent. The same holds for one whose attempt has no row: the database was damaged, or
        restored.
        """
        if not self.list({State.PRINTING}):
            return []  # the usual case, and it keeps no writer waiting
        now = self._clock()
        with self._database.write() as connection:
            alive = running()
            printing = (
                select(jobs.c.id, jobs.c.token, jobs.c.printer, jobs.c.wish, jobs.c.updated_at)
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
                self._as_far_as_it_goes(step)

    def _as_far_as_it_goes(self, step: Callable[[Connection], object]) -> None:
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
    again = prints_again(on_uncertain, tries, one(connection, row.id).strikes, row.wish)
    said = f"{why} after asking {row.printer}"
    asked = _settle_asked(connection, row.id, said, again=again)
    left = left_to_print(connection, row.id)
    outcome, settlement = _recovered(asked, left, why, said, again=again)
    # Printing it again may put one more copy on paper: that counts.
    end(connection, row.id, outcome, why, now, strike=bool(asked) and again)
    move(connection, row.id, row.token, obey(row.wish, settlement), now)


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
