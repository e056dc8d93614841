"""Claims: taking a job to a printer, and every write while it is there (promises 3 and 4).

Each write of an attempt names its claim's token and changes exactly one row, or it changes nothing
and raises ClaimLost: an attempt that was given up for dead cannot spoil what came after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, bindparam, insert, select, update

from broker.model.job import DONE, Claim, FilmState, Outcome, State
from broker.model.retry import BLAMELESS, PrinterVerdict, Settlement
from broker.store import printer_rows
from broker.store.doubts import remember
from broker.store.reading import JobReading
from broker.store.tables import attempts, jobs, sendings

# Written with every film, so made once. Parameters that are no columns begin with `its_`.
_FENCED = and_(
    jobs.c.id == bindparam("its_job"),
    jobs.c.state == State.PRINTING,
    jobs.c.token == bindparam("its_token"),
)
_CLAIM = (
    update(jobs)
    .where(jobs.c.id == bindparam("its_job"), jobs.c.state == State.QUEUED)
    .where(jobs.c.pinned.in_(["", bindparam("its_printer")]))
    .values(state=State.PRINTING, reason="", wish="", attempts=jobs.c.attempts + 1)
)
_TOUCH = update(jobs).where(_FENCED)
_WISH = select(jobs.c.wish).where(_FENCED)
_FILM = update(sendings).where(
    sendings.c.id == bindparam("its_film"),
    sendings.c.job_id == bindparam("its_job"),
    sendings.c.state.in_(bindparam("its_states", expanding=True)),
)
_COPIES = select(sendings.c.copies).where(sendings.c.id == bindparam("its_film"))
_BEGIN = insert(attempts).returning(attempts.c.id)
_END = update(attempts).where(
    attempts.c.job_id == bindparam("its_job"), attempts.c.ended_at.is_(None)
)


class ClaimLost(RuntimeError):
    """The job was taken from this attempt. Nothing was written; nothing more may be sent."""


class Claims(JobReading):
    """What the dispatcher and its attempts write."""

    def line_up(self, lines: Mapping[int, str]) -> None:
        """Line queued jobs up for printers: number of the job -> printer, all in one transaction.

        One that is no longer queued is left alone.
        """
        now = self._clock()
        with self._database.write() as connection:
            for job_id, printer in lines.items():
                connection.execute(
                    update(jobs)
                    .where(jobs.c.id == job_id, jobs.c.state == State.QUEUED)
                    .values(printer=printer, assigned_at=now)
                )

    def claim(self, job_id: int, printer: str) -> Claim | None:
        """Take a queued job to a printer and begin an attempt.

        None when it is not queued any more, or was pinned to another printer meanwhile.
        """
        token = secrets.token_hex(16)
        now = self._clock()
        with self._database.write() as connection:
            taken = connection.execute(
                _CLAIM,
                {
                    "its_job": job_id,
                    "its_printer": printer,
                    "printer": printer,
                    "token": token,
                    "updated_at": now,
                },
            )
            if taken.rowcount != 1:
                return None
            attempt_id = _begin(connection, job_id, printer, now)
        return Claim(job_id=job_id, attempt_id=attempt_id, printer=printer, token=token)

    def asked(self, claim: Claim, film_id: int) -> None:
        """The line: on stable storage before N-ACTION leaves for the printer."""
        self._film(
            claim,
            film_id,
            (FilmState.WAITING, FilmState.UNCERTAIN),
            state=FilmState.ASKED,
            printer=claim.printer,
            asked_at=self._clock(),
            accepted_at=None,
            words="",
        )

    def accepted(self, claim: Claim, film_id: int, words: str = "") -> None:
        """The printer took the film; `words` are its warnings. Its copies are counted for it."""
        now = self._clock()
        values = {"state": FilmState.ACCEPTED, "accepted_at": now, "words": words}
        with self._database.write() as connection:
            self._change_film(connection, claim, film_id, (FilmState.ASKED,), **values)
            copies = connection.execute(_COPIES, {"its_film": film_id}).scalar_one()
            printer_rows.credit(connection, claim.printer, copies, now)

    def not_printed(self, claim: Claim, film_id: int, words: str) -> None:
        """The printer said no: the film was not printed, and waits again."""
        self._film(
            claim,
            film_id,
            (FilmState.ASKED,),
            state=FilmState.WAITING,
            printer="",
            asked_at=None,
            words=words,
        )

    def uncertain(self, claim: Claim, film_id: int, words: str) -> None:
        """No answer came: the film may be on paper."""
        self._film(claim, film_id, (FilmState.ASKED,), state=FilmState.UNCERTAIN, words=words)

    def wish(self, claim: Claim) -> str:
        """What a person asked for meanwhile: hold, cancel or nothing; ClaimLost."""
        with self._database.read() as connection:
            return _wish(connection, claim)

    def finish(
        self,
        claim: Claim,
        outcome: Outcome,
        words: str,
        *,
        permanent: bool = False,
        strike: bool = False,
        settlement: Settlement,
        blame: PrinterVerdict = BLAMELESS,
    ) -> None:
        """End the attempt, move the job on as settled, and blame the printer; ClaimLost.

        All at once, so that the next job is not claimed for a printer that has just failed. A
        person's wish wins over going back to the queue. Films are left as they are.
        """
        now = self._clock()
        fence = fence_of(claim.job_id, claim.token)
        with self._database.write() as connection:
            wish = _wish(connection, claim)
            end(connection, claim.job_id, outcome, words, now, permanent=permanent, strike=strike)
            move(connection, fence, obey(wish, settlement), now)
            printer_rows.blame(connection, claim.printer, blame, now)

    def _film(
        self, claim: Claim, film_id: int, before: Sequence[FilmState], **values: object
    ) -> None:
        with self._database.write() as connection:
            self._change_film(connection, claim, film_id, before, **values)

    def _change_film(
        self,
        connection: Connection,
        claim: Claim,
        film_id: int,
        before: Sequence[FilmState],
        **values: object,
    ) -> None:
        """Change one film of a claimed job, which must be in one of the states before.

        One that is in doubt is printed again by being changed: that is remembered.
        """
        fence = {"its_job": claim.job_id, "its_token": claim.token}
        held = connection.execute(_TOUCH, {**fence, "updated_at": self._clock()})
        which = {"its_film": film_id, "its_job": claim.job_id, "its_states": before}
        if FilmState.UNCERTAIN in before:
            remember(connection, film_id)
        changed = connection.execute(_FILM, {**which, **values})
        if held.rowcount != 1 or changed.rowcount != 1:
            raise _lost(claim.job_id)


def left_to_print(connection: Connection, job_id: int) -> int:
    """How many sendings of the job no printer has accepted."""
    rows = connection.execute(
        select(sendings.c.id).where(sendings.c.job_id == job_id, sendings.c.state.not_in(DONE))
    )
    return len(rows.all())


def fence_of(job_id: int, token: str) -> ColumnElement[bool]:
    """The one job row that a claim may change, while the claim holds."""
    return and_(jobs.c.id == job_id, jobs.c.state == State.PRINTING, jobs.c.token == token)


def _lost(job_id: int) -> ClaimLost:
    return ClaimLost(f"job {job_id} was taken from this attempt")


def _wish(connection: Connection, claim: Claim) -> str:
    fence = {"its_job": claim.job_id, "its_token": claim.token}
    row = connection.execute(_WISH, fence).one_or_none()
    if row is None:
        raise ClaimLost("the job was taken from this attempt")
    return str(row.wish)


def _begin(connection: Connection, job_id: int, printer: str, now: float) -> int:
    attempt = {
        "job_id": job_id,
        "printer": printer,
        "began_at": now,
        "ended_at": None,
        "outcome": "",
        "words": "",
        "permanent": False,
        "strike": False,
    }
    return int(connection.execute(_BEGIN, attempt).scalar_one())


def end(
    connection: Connection,
    job_id: int,
    outcome: Outcome,
    words: str,
    now: float,
    *,
    permanent: bool = False,
    strike: bool = False,
) -> None:
    """End the job's running attempt, of which there is one."""
    values = {
        "ended_at": now,
        "outcome": outcome,
        "words": words,
        "permanent": permanent,
        "strike": strike,
    }
    ended = connection.execute(_END, {"its_job": job_id, **values})
    if ended.rowcount != 1:
        raise _lost(job_id)


def move(
    connection: Connection, fence: ColumnElement[bool], settlement: Settlement, now: float
) -> None:
    """Take the job out of `printing`; a queued one is no printer's any more."""
    values: dict[str, object] = {
        "state": settlement.state,
        "reason": settlement.reason,
        "not_before": settlement.not_before,
        "assigned_at": None,
        "wish": "",
        "token": "",
        "updated_at": now,
    }
    if settlement.state is State.QUEUED:
        values["printer"] = ""
    moved = connection.execute(update(jobs).where(fence).values(**values))
    if moved.rowcount != 1:
        raise ClaimLost("the job was taken from this attempt")


def obey(wish: str, settlement: Settlement) -> Settlement:
    """A job that would go back to the queue goes where a person wanted it while it was printing."""
    if settlement.state is not State.QUEUED or not wish:
        return settlement
    if wish == "cancel":
        return Settlement(State.CANCELLED, "cancelled by the operator while printing")
    return Settlement(State.HELD, "held by the operator while printing")
