"""Operator commands: what a person may do to a job, in which state, and what to do instead
(promise 12)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, bindparam, func, select, update

from broker.model.jobs.job import (
    ACTIVE,
    FINISHED,
    HELD_BY_PERSON,
    SETTLED,
    UNANSWERED,
    FilmState,
    Job,
    Priority,
    State,
)
from broker.model.jobs.reprint import ReprintChoice, UnfitChoice, altered, old_medium_words
from broker.model.printable import one_line
from broker.model.printers.trouble import PRINT_AGAIN
from broker.model.row_version import of_job
from broker.store.capabilities import ask_anew
from broker.store.database import Database
from broker.store.printers import printer_names, require
from broker.store.queue.claims import left_to_print, remember_all, take_back
from broker.store.queue.recovery import hold_damaged_one
from broker.store.queue.submission import insert_job
from broker.store.reading.duplicates import later_twin, printed_again_as, take_back_unprinted
from broker.store.reading.job_rows import (
    JOB_ALTERED,
    NoSuchJob,
    combinations_from_json,
    digest_of,
    known,
    lacks_parts,
    level_lost,
    one,
    request_of,
)
from broker.store.reading.shown_state import KNOWN, shown_state
from broker.store.stale import Stale
from broker.store.tables import attempts, jobs, sendings

_UNANSWERED = (
    select(sendings.c.number)
    .where(sendings.c.job_id == bindparam("its_job"), sendings.c.state.in_(UNANSWERED))
    .distinct()
    .order_by(sendings.c.number)
)
_LATEST_REPRINT = (
    select(jobs.c.id, jobs.c.created_at)
    .where(jobs.c.reprint_of == bindparam("its_job"), jobs.c.state != State.CANCELLED)
    .order_by(jobs.c.id.desc())
    .limit(1)
)


class NotAllowed(RuntimeError):
    """The job is in a state in which this cannot be done. `words` names job, state and remedy."""

    def __init__(self, job_id: int, state: State, remedy: str) -> None:
        self.words = f"job {job_id} is {state}: {remedy}"
        super().__init__(self.words)


class PrintedAgainLately(NotAllowed):
    """The same job was printed again moments ago: a person is asked whether once more is meant.
    `asks` is the question."""

    def __init__(self, job_id: int, state: State, reprint: Reprint, now: float) -> None:
        since = f"it was printed again as job {reprint.job_id}, {reprint.age(now)} ago"
        self.asks = f"Job {job_id}: {since}. Print it once more?"
        super().__init__(
            job_id, state, f"{since}; `broker jobs reprint {job_id} --again` prints it once more"
        )


AS_IT_WAS = ReprintChoice()
REPRINTED_S = 60.0
"""A second reprint of a job within this time is asked about: mostly it is a second click."""


@dataclass(frozen=True)
class Reprint:
    """The newest job that prints another one again."""

    job_id: int
    created_at: float

    def age(self, now: float) -> str:
        """Seconds since it was queued."""
        return f"{max(0, round(now - self.created_at))} s"


class JobControl:
    """What operator commands write. For any thread, in any process.

    `seen` is the version of the job (`model.row_version`) that the person saw; empty where none is
    known. All raise: NoSuchJob, NotAllowed; Stale: when the version is another one now.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def hold(self, job_id: int, reason: str = HELD_BY_PERSON, *, seen: str = "") -> None:
        """Put a job where only a person moves it; one that is printing goes there before its
        next film.
        """
        with self._database.write() as connection:
            state = self._lock(connection, job_id, seen)
            if state is State.PRINTING:
                self._change(connection, job_id, command="hold")
            elif state is State.QUEUED:
                self._change(
                    connection,
                    job_id,
                    state=State.HELD,
                    reason=reason,
                    printer="",
                    assigned_at=None,
                )
            elif state is State.HELD:
                remedy = f"`broker jobs release {job_id}` lets it print"
                raise NotAllowed(job_id, state, remedy)
            else:
                raise _finished(job_id, state)

    def release(self, job_id: int, *, printed: bool = False, seen: str = "") -> None:
        """Let a held job print again, as if it had never failed.

        While it is printing, takes back a hold or a cancel that the attempt has not obeyed yet. Its
        uncertain films are printed again; with `printed` a person has seen them on paper, and those
        that wait since a person let them print again. A job with nothing left to print is sent.
        """
        with self._database.write() as connection:
            state = self._lock(connection, job_id, seen)
            if state in FINISHED:
                raise _finished(job_id, state)
            if state is State.PRINTING and _commanded(connection, job_id):
                self._change(connection, job_id, command="")
                return
            if state is not State.HELD:
                raise NotAllowed(job_id, state, "only a held job can be released; nothing to do")
            _check_parts(connection, job_id, printed=printed)
            unanswered_films = _uncertain(connection, job_id)
            settled = _settle_printed(connection, job_id, self._clock()) if printed else 0
            if printed and not settled:
                raise NotAllowed(
                    job_id,
                    state,
                    "it has no uncertain film, so nothing is released; "
                    f"`broker jobs cancel {job_id}` if it is not wanted, "
                    f"`broker jobs release {job_id}` prints it",
                )
            if unanswered_films and not printed:
                _print_again(connection, job_id)
            if left_to_print(connection, job_id):
                self._requeue(connection, job_id, state=State.QUEUED, printer="", assigned_at=None)
            else:
                self._begin_anew(connection, job_id, state=State.SENT)

    def cancel(self, job_id: int, *, seen: str = "") -> None:
        """Give a job up; one that is printing is given up before its next film."""
        with self._database.write() as connection:
            state = self._lock(connection, job_id, seen)
            if state in FINISHED:
                raise _finished(job_id, state)
            if state is State.PRINTING:
                self._change(connection, job_id, command="cancel")
                return
            if state is State.QUEUED:
                self._change(connection, job_id, printer="", assigned_at=None)
            self._change(
                connection, job_id, state=State.CANCELLED, reason="cancelled by the operator"
            )
            take_back_unprinted(connection, job_id)

    def move(self, job_id: int, printer: str, *, seen: str = "") -> None:
        """Queue a job for one printer and no other, or with "" for any. Raises: NoSuchPrinter."""
        with self._database.write() as connection:
            state = self._lock(connection, job_id, seen)
            if printer:
                require(connection, printer)
            if state in FINISHED:
                raise _finished(job_id, state)
            if state is State.PRINTING:
                remedy = f"`broker jobs hold {job_id}` first, then move it"
                raise NotAllowed(job_id, state, remedy)
            if state is State.HELD and _uncertain(connection, job_id):
                raise NotAllowed(
                    job_id,
                    state,
                    "it has films that may be on paper already; "
                    f"`broker jobs release {job_id}` first, and say whether they are",
                )
            if state is State.HELD:
                _check_parts(connection, job_id)
            if not left_to_print(connection, job_id):
                raise NotAllowed(
                    job_id,
                    state,
                    "a printer has accepted all its films; "
                    f"`broker jobs reprint {job_id}` prints them again",
                )
            begin = self._requeue if state is State.HELD else self._begin_anew
            begin(
                connection,
                job_id,
                state=State.QUEUED,
                pinned=printer,
                avoided="",
                printer="",
                assigned_at=None,
            )

    def priority(
        self, job_id: int, priority: Priority, *, first: bool = False, seen: str = ""
    ) -> None:
        """Change how urgent a job is; with `first` it goes before all that wait now."""
        with self._database.write() as connection:
            state = self._lock(connection, job_id, seen)
            if state in FINISHED:
                raise _finished(job_id, state)
            if state is State.PRINTING:
                raise NotAllowed(job_id, state, "its turn has come; nothing to do")
            rank = _front(connection) if first else priority.rank
            self._change(connection, job_id, priority=priority, priority_rank=rank)

    def reprint(
        self,
        job_id: int,
        choice: ReprintChoice = AS_IT_WAS,
        *,
        again: bool = False,
        seen: str = "",
        sheets: int | None = None,
    ) -> int:
        """Queue a copy of a job, all its films and copies unless others are chosen; the number of
        the new job.

        `again`: though it was printed again within the last REPRINTED_S; `sheets`: films times
        copies, at most.
        Raises: PrintedAgainLately: when it was, and this is not said; UnfitChoice; NoSuchPrinter.
        """
        with self._database.write() as connection:
            state = self._lock(connection, job_id, seen)
            if state in ACTIVE:
                raise NotAllowed(
                    job_id,
                    state,
                    f"it has yet to be printed; wait, or `broker jobs cancel {job_id}` first",
                )
            now = self._clock()
            latest = latest_reprint(connection, job_id)
            if latest is not None and not again and 0 <= now - latest.created_at < REPRINTED_S:
                raise PrintedAgainLately(job_id, state, latest, now)
            # A film session of its own: it waits for nothing, and any printer will do.
            request = replace(request_of(connection, job_id), film_session=uuid.uuid4().hex)
            removed = select(jobs.c.pixels_removed_at, jobs.c.pixels_removed_why)
            at, why = connection.execute(removed.where(jobs.c.id == job_id)).one()
            if at is not None:
                early = ", as room was needed for new films" if why else ""
                raise NotAllowed(
                    job_id,
                    state,
                    f"its pixels have been removed since{early}; print it at the modality",
                )
            remarks = list(filter(None, [choice.of_job(job_id), old_medium_words(request, choice)]))
            request = altered(request, choice, sheets)
            digests = [digest_of(film) for film in request.films]
            unanswered = connection.execute(_UNANSWERED, {"its_job": job_id}).scalars().all()
            unanswered_films = [each for each in unanswered if choice.has(each)]
            if unanswered_films:
                several = "films" if len(unanswered_films) > 1 else "film"
                which = ", ".join(map(str, unanswered_films))
                remarks.append(f"{several} {which} of job {job_id} may be on paper, too")
            values = {"reprint_of": job_id, "remark": "; ".join(remarks)}
            values |= _where(connection, job_id, choice)
            new = insert_job(connection, request, digests, now, **values)
            if state is State.HELD:
                # A person who sees it there must not let it print, too.
                told = func.trim(jobs.c.remark + f"; {printed_again_as(new, choice.films)}", "; ")
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(remark=told))
            return new

    def _lock(self, connection: Connection, job_id: int, seen: str) -> State:
        """The state of a job, which stays so until the transaction ends.

        Raises: NoSuchJob; Stale: when its version is not the one that was seen.
        """
        state = lock(connection, job_id)
        if seen:
            job, reprint = one(connection, job_id), latest_reprint(connection, job_id)
            films = connection.execute(_UNANSWERED, {"its_job": job_id}).scalars().all()
            version = of_job(job, films, reprint.job_id if reprint else None)
            if version != seen:
                raise Stale(version, f"job {job_id}", _now(job, reprint, self._clock()))
        if state is State.HELD:
            hold_damaged_one(connection, job_id, self._clock())
        return state

    def _begin_anew(self, connection: Connection, job_id: int, **values: object) -> None:
        """Change a job, and forget its earlier attempts' strikes and delays. What printers were
        seen to refuse of it is asked for again: a person wants it tried."""
        asked = connection.execute(select(jobs.c.asks).where(jobs.c.id == job_id)).scalar_one()
        ask_anew(connection, combinations_from_json(asked), str(values.get("pinned", "")))
        latest = connection.execute(
            select(func.max(attempts.c.id)).where(attempts.c.job_id == job_id)
        ).scalar()
        self._change(
            connection,
            job_id,
            reason="",
            not_before=0.0,
            strikes_after=latest or 0,
            **values,
        )

    def _requeue(self, connection: Connection, job_id: int, **values: object) -> None:
        """The same of a held job, which says from then on what came meanwhile."""
        self._begin_anew(connection, job_id, **values, **_flag(connection, job_id))

    def _change(self, connection: Connection, job_id: int, **values: object) -> None:
        connection.execute(
            update(jobs).where(jobs.c.id == job_id).values(updated_at=self._clock(), **values)
        )


def _check_parts(connection: Connection, job_id: int, *, printed: bool = False) -> None:
    """Raises: NotAllowed: when a held job's rows are damaged so that it cannot be printed; where
    its films are `printed`, when some of them are missing."""
    if lacks_parts(connection, job_id) or (not printed and level_lost(connection, job_id)):
        raise NotAllowed(
            job_id,
            State.HELD,
            f"{JOB_ALTERED}, so it cannot be printed; `broker jobs cancel {job_id}`, "
            f"then {PRINT_AGAIN}",
        )


def lock(connection: Connection, job_id: int) -> State:
    """The state of a job, which stays so until the transaction ends. Raises: NoSuchJob."""
    words = select(*(jobs.c[name] for name in KNOWN))
    row = connection.execute(words.where(jobs.c.id == known(job_id)).with_for_update()).first()
    if row is None:
        raise NoSuchJob(job_id)
    # A damaged one is shown as held, and is a held one's to release or cancel.
    return shown_state(dict(row._mapping))


_MADE = select(sendings.c.printer).where(sendings.c.printer != "").distinct()


def _where(connection: Connection, job_id: int, choice: ReprintChoice) -> dict[str, str]:
    """The columns that say which printers a reprint may go to.

    Raises: NoSuchPrinter; UnfitChoice: no printer is left.
    """
    if choice.printer:
        require(connection, choice.printer)
    if not choice.elsewhere:
        return {"pinned": choice.printer}
    made = connection.execute(_MADE.where(sendings.c.job_id == job_id)).scalars().all()
    there = printer_names(connection)
    if choice.printer in made or not set(there) - set(made):
        others = f"there is no printer but {', '.join(there)}"
        raise UnfitChoice(f"{choice.printer or others}: it made job {job_id}")
    return {"pinned": choice.printer, "avoided": ",".join(sorted(made))}


def _front(connection: Connection) -> int:
    """A rank before those of all jobs that wait, and below those of the priorities."""
    waiting = jobs.c.state.in_((State.QUEUED, State.HELD))
    least = connection.execute(select(func.min(jobs.c.priority_rank)).where(waiting)).scalar()
    return min(least or 0, 0) - 1


def latest_reprint(connection: Connection, job_id: int) -> Reprint | None:
    """The newest job that prints this one again; None where there is none, or it was cancelled."""
    row = connection.execute(_LATEST_REPRINT, {"its_job": job_id}).one_or_none()
    return None if row is None else Reprint(*row)


def _now(job: Job, reprint: Reprint | None, now: float) -> str:
    """How a job is now, for a person who saw it otherwise."""
    said = f"{job.state} on {job.printer}" if job.state is State.PRINTING else str(job.state)
    if job.reason and job.state is State.HELD:
        said += f" ({one_line(job.reason)})"
    if reprint is not None:
        said += f", and was printed again as job {reprint.job_id}, {reprint.age(now)} ago"
    return said


def _finished(job_id: int, state: State) -> NotAllowed:
    after_all = "after all" if state is State.CANCELLED else "again"
    return NotAllowed(job_id, state, f"`broker jobs reprint {job_id}` prints it {after_all}")


def _flag(connection: Connection, job_id: int) -> Mapping[str, object]:
    """What a job that goes on says of an equal film that came while it was held."""
    twin = later_twin(connection, job_id)
    row = connection.execute(
        select(jobs.c.duplicate_of, jobs.c.remark).where(jobs.c.id == job_id)
    ).one()
    if twin is None or twin.words in row.remark:
        return {}
    return {
        "duplicate_of": row.duplicate_of or twin.job_id,
        "remark": "; ".join(filter(None, (row.remark, twin.words))),
    }


def _uncertain(connection: Connection, job_id: int) -> bool:
    found = connection.execute(
        select(sendings.c.id)
        .where(sendings.c.job_id == job_id, sendings.c.state.in_(UNANSWERED))
        .limit(1)
    )
    return found.first() is not None


def _commanded(connection: Connection, job_id: int) -> bool:
    """Whether a person asked for something that the attempt has not obeyed yet."""
    return bool(connection.execute(select(jobs.c.command).where(jobs.c.id == job_id)).scalar())


def _settle_printed(connection: Connection, job_id: int, now: float) -> int:
    """A person has seen the films that may be on paper; how many."""
    values = {"state": FilmState.ACCEPTED, "accepted_at": now, "words": SETTLED}
    unanswered = and_(sendings.c.job_id == job_id, sendings.c.state.in_(UNANSWERED))
    uncertain = connection.execute(update(sendings).where(unanswered).values(**values)).rowcount
    return uncertain + take_back(connection, job_id, **values)


def _print_again(connection: Connection, job_id: int) -> None:
    """A person has not seen the films that may be on paper, and wants them printed."""
    remember_all(connection, job_id)
    waiting = {"state": FilmState.WAITING, "printer": "", "asked_at": None, "words": ""}
    unanswered = and_(sendings.c.job_id == job_id, sendings.c.state.in_(UNANSWERED))
    connection.execute(update(sendings).where(unanswered).values(**waiting))
