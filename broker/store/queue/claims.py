"""Claims: taking a job to a printer, and every write while it is there (promises 3 and 4).

Each write of an attempt names its claim's token and changes exactly one row, or it changes nothing
and raises ClaimLost: an attempt that was given up for dead cannot spoil what came after it.

A film that was asked for, not answered for, and printed again may be on paper once more than was
asked for; its job says so as long as it is known.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from broker.model.jobs.job import DONE, HELD_BY_PERSON, UNANSWERED, Claim, FilmState, Outcome, State
from broker.model.printers.retry import BLAMELESS, PrinterVerdict, Settlement
from broker.store import printers as printer_rows
from broker.store.backend import Prepared, fixed
from broker.store.database import Database
from broker.store.reading.duplicates import take_back_unprinted
from broker.store.tables import attempts, jobs, printed_again, sendings


def _remembering(*which: ColumnElement[bool]) -> Insert:
    asked = select(sendings.c.id, sendings.c.printer, sendings.c.asked_at).where(*which)
    columns = ["sending_id", "printer", "asked_at"]
    return insert(printed_again).from_select(columns, asked.order_by(sendings.c.id))


_REMEMBER_ONE = Prepared(
    _remembering(sendings.c.id == bindparam("its_film"), sendings.c.state == FilmState.UNCERTAIN)
)
_REMEMBER_ALL = _remembering(
    sendings.c.job_id == bindparam("its_job"), sendings.c.state.in_(UNANSWERED)
)


def remember(connection: Connection, film_id: int) -> None:
    """Write down which printer an uncertain film was asked of, before it is asked for again."""
    _REMEMBER_ONE.change(connection, its_film=film_id)


def remember_all(connection: Connection, job_id: int) -> None:
    """The same of all films of a job that were asked for and not answered."""
    connection.execute(_REMEMBER_ALL, {"its_job": job_id})


def take_back(connection: Connection, job_id: int, **values: object) -> int:
    """Films that wait to be printed again are, after all, as they were when they were asked for,
    and as `values` say; how many.
    """
    waiting = (
        select(func.max(printed_again.c.id))
        .join(sendings, sendings.c.id == printed_again.c.sending_id)
        .where(sendings.c.job_id == job_id, sendings.c.state == FilmState.WAITING)
        .group_by(sendings.c.id)
    )
    rows = connection.execute(select(printed_again).where(printed_again.c.id.in_(waiting))).all()
    for row in rows:
        asked = {"printer": row.printer, "asked_at": row.asked_at}
        film = update(sendings).where(sendings.c.id == row.sending_id)
        connection.execute(film.values({**asked, **values}))
        connection.execute(delete(printed_again).where(printed_again.c.id == row.id))
    return len(rows)


# Parameters that are no columns begin with `its_`.
_FENCED = and_(
    jobs.c.id == bindparam("its_job"),
    jobs.c.state == State.PRINTING,
    jobs.c.token == bindparam("its_token"),
)
_LINE_UP = Prepared(
    update(jobs).where(jobs.c.id == bindparam("its_job"), jobs.c.state == State.QUEUED),
    "printer",
    "assigned_at",
)
_CLAIM = Prepared(
    update(jobs)
    .where(jobs.c.id == bindparam("its_job"), jobs.c.state == State.QUEUED)
    .where(or_(jobs.c.pinned == "", jobs.c.pinned == bindparam("its_printer")))
    .values(state=State.PRINTING, reason="", command="", attempts=jobs.c.attempts + 1),
    "printer",
    "token",
    "updated_at",
)
_TOUCH = Prepared(update(jobs).where(_FENCED), "updated_at")
_COMMAND = Prepared(select(jobs.c.command).where(_FENCED))
_MOVED = ("state", "reason", "not_before", "assigned_at", "command", "token", "updated_at")
_MOVE = Prepared(update(jobs).where(_FENCED), *_MOVED)
_MOVE_ON = Prepared(update(jobs).where(_FENCED).values(printer=""), *_MOVED)
_COPIES = Prepared(select(sendings.c.copies).where(sendings.c.id == bindparam("its_film")))
_BEGUN = ("job_id", "printer", "began_at", "ended_at", "outcome", "words", "permanent", "strike")
_BEGIN = Prepared(insert(attempts).returning(attempts.c.id), *_BEGUN)
_OPEN = and_(attempts.c.job_id == bindparam("its_job"), attempts.c.ended_at.is_(None))
_OF_NO_PRINTER = Prepared(update(attempts).where(_OPEN), "printer")
_ENDED = ("ended_at", "outcome", "words", "permanent", "strike")
_END = Prepared(update(attempts).where(_OPEN), *_ENDED)


def _film(before: Collection[FilmState], *columns: str) -> Prepared:
    """A change to one film of a job, which must be in one of the states before."""
    which = and_(
        sendings.c.id == bindparam("its_film"),
        sendings.c.job_id == bindparam("its_job"),
        sendings.c.state.in_(fixed(before)),
    )
    return Prepared(update(sendings).where(which), "state", "words", *columns)


_ASKED = _film((FilmState.WAITING, FilmState.UNCERTAIN), "printer", "asked_at", "accepted_at")
_ACCEPTED = _film((FilmState.ASKED,), "accepted_at")
_NOT_PRINTED = _film((FilmState.ASKED,), "printer", "asked_at")
_UNCERTAIN = _film((FilmState.ASKED,))


class ClaimLost(RuntimeError):
    """The job was taken from this attempt. Nothing was written; nothing more may be sent."""


class Claims:
    """What the dispatcher and its attempts write. For any thread, in any process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def line_up(self, lines: Mapping[int, str]) -> None:
        """Line queued jobs up for printers: number of the job -> printer, all in one transaction.

        One that is no longer queued is left alone.
        """
        now = self._clock()
        with self._database.write() as connection:
            for job_id, printer in lines.items():
                _LINE_UP.change(connection, its_job=job_id, printer=printer, assigned_at=now)

    def hold(self, job_id: int, reason: str) -> bool:
        """Hold a queued job that no printer takes; False when it is not queued any more."""
        held = {"state": State.HELD, "reason": reason, "updated_at": self._clock()}
        with self._database.write() as connection:
            queued = update(jobs).where(jobs.c.id == job_id, jobs.c.state == State.QUEUED)
            return bool(connection.execute(queued.values(**held)).rowcount)

    def claim(self, job_id: int, printer: str) -> Claim | None:
        """Take a queued job to a printer and begin an attempt.

        None when it is not queued any more, or was pinned to another printer meanwhile.
        """
        token = secrets.token_hex(16)
        now = self._clock()
        with self._database.write() as connection:
            taken = _CLAIM.change(
                connection,
                its_job=job_id,
                its_printer=printer,
                printer=printer,
                token=token,
                updated_at=now,
            )
            if taken != 1:
                return None
            attempt_id = begin(connection, job_id, printer, now)
        return Claim(job_id=job_id, attempt_id=attempt_id, printer=printer, token=token)

    def asked(self, claim: Claim, film_id: int) -> None:
        """The line: on stable storage before N-ACTION leaves for the printer.

        An uncertain film is printed again by this: that is remembered.
        """
        with self._database.write() as connection:
            remember(connection, film_id)
            self._change_film(
                connection,
                claim,
                film_id,
                _ASKED,
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
            self._change_film(connection, claim, film_id, _ACCEPTED, **values)
            ((copies,),) = _COPIES.rows(connection, its_film=film_id)
            printer_rows.credit(connection, claim.printer, copies, now)

    def not_printed(self, claim: Claim, film_id: int, words: str) -> None:
        """The printer said no: the film was not printed, and waits again."""
        values = {"state": FilmState.WAITING, "printer": "", "asked_at": None, "words": words}
        with self._database.write() as connection:
            self._change_film(connection, claim, film_id, _NOT_PRINTED, **values)

    def uncertain(self, claim: Claim, film_id: int, words: str) -> None:
        """No answer came: the film may be on paper."""
        values = {"state": FilmState.UNCERTAIN, "words": words}
        with self._database.write() as connection:
            self._change_film(connection, claim, film_id, _UNCERTAIN, **values)

    def command(self, claim: Claim) -> str:
        """What a person asked for meanwhile: hold, cancel or nothing. Raises: ClaimLost."""
        with self._database.read() as connection:
            return _command(connection, claim)

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
        printers: bool = True,
    ) -> None:
        """End the attempt, which was no printer's without `printers`, move the job on as settled,
        and blame the printer.

        All at once, so that the next job is not claimed for a printer that has just failed. A
        person's command wins over going back to the queue. Films are left as they are.

        Raises: ClaimLost.
        """
        now = self._clock()
        with self._database.write() as connection:
            command = _command(connection, claim)
            if not printers:
                _OF_NO_PRINTER.change(connection, its_job=claim.job_id, printer="")
            end(connection, claim.job_id, outcome, words, now, permanent=permanent, strike=strike)
            goal = obey(command, settlement)
            move(connection, claim.job_id, claim.token, goal, now, leave=not printers)
            printer_rows.blame(connection, claim.printer, blame, now)

    def _change_film(
        self,
        connection: Connection,
        claim: Claim,
        film_id: int,
        change: Prepared,
        **values: object,
    ) -> None:
        """Change one film of a claimed job."""
        now = self._clock()
        held = _TOUCH.change(
            connection, its_job=claim.job_id, its_token=claim.token, updated_at=now
        )
        changed = change.change(connection, its_film=film_id, its_job=claim.job_id, **values)
        if held != 1 or changed != 1:
            raise _lost(claim.job_id)


def left_to_print(connection: Connection, job_id: int) -> int:
    """How many sendings of the job no printer has accepted."""
    rows = connection.execute(
        select(sendings.c.id).where(sendings.c.job_id == job_id, sendings.c.state.not_in(DONE))
    )
    return len(rows.all())


def _lost(job_id: int) -> ClaimLost:
    return ClaimLost(f"job {job_id} was taken from this attempt")


def _command(connection: Connection, claim: Claim) -> str:
    found = _COMMAND.rows(connection, its_job=claim.job_id, its_token=claim.token)
    if not found:
        raise _lost(claim.job_id)
    return str(found[0][0])


def begin(connection: Connection, job_id: int, printer: str, now: float) -> int:
    """Begin an attempt of the job; its number."""
    ((attempt_id,),) = _BEGIN.rows(
        connection,
        job_id=job_id,
        printer=printer,
        began_at=now,
        ended_at=None,
        outcome="",
        words="",
        permanent=False,
        strike=False,
    )
    return int(attempt_id)


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
    """End the job's running attempt, of which there is one; more where a row was damaged."""
    ended = _END.change(
        connection,
        its_job=job_id,
        ended_at=now,
        outcome=outcome,
        words=words,
        permanent=permanent,
        strike=strike,
    )
    if ended < 1:
        raise _lost(job_id)


def move(
    connection: Connection,
    job_id: int,
    token: str,
    settlement: Settlement,
    now: float,
    *,
    leave: bool = False,
) -> None:
    """Take the job out of `printing`; a queued one is no printer's any more, nor with `leave`."""
    change = _MOVE_ON if leave or settlement.state is State.QUEUED else _MOVE
    moved = change.change(
        connection,
        its_job=job_id,
        its_token=token,
        state=settlement.state,
        reason=settlement.reason,
        not_before=settlement.not_before,
        assigned_at=None,
        command="",
        token="",
        updated_at=now,
    )
    if moved != 1:
        raise _lost(job_id)
    if settlement.state is State.CANCELLED:
        take_back_unprinted(connection, job_id)


def obey(command: str, settlement: Settlement) -> Settlement:
    """A job that would go back to the queue goes where a person wanted it while it was printing."""
    if settlement.state is not State.QUEUED or not command:
        return settlement
    if command == "cancel":
        return Settlement(State.CANCELLED, "cancelled by the operator while printing")
    return Settlement(State.HELD, f"{HELD_BY_PERSON} while printing")
