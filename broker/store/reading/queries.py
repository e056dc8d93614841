"""Questions about jobs. Each takes a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
)

from broker.model.films.film import Attributes, Film
from broker.model.jobs.job import (
    ACTIVE,
    DONE,
    FINISHED,
    HELD_BY_PERSON,
    UNANSWERED,
    UNFINISHED,
    Attempt,
    FilmState,
    Job,
    Level,
    Outcome,
    PrintRequest,
    Sending,
    State,
    collation,
)
from broker.model.peers.caller import Caller, Waiting, spellings
from broker.model.printers.trouble import RecordDamaged
from broker.store.backend import Prepared, fixed
from broker.store.database import Database
from broker.store.reading.duplicates import HELD, Twin, later_twins
from broker.store.reading.job_rows import (
    ALTERED,
    FEW,
    JOB_ALTERED,
    JobList,
    NoSuchJob,
    digest_of,
    digest_of_job,
    film_of,
    known,
    one,
    request_of,
    session_of,
    several,
    shown,
    whole,
)
from broker.store.reading.shown_state import (
    KNOWN,
    NO_TURN,
    all_in,
    damaged_in,
    numbers_in,
    state_of,
)
from broker.store.tables import attempts, films, jobs, printed_again, sendings, spooled

FILM_STATES = frozenset(FilmState)
FilmList = list[Sending]
AttemptList = list[Attempt]


_EARLIER = jobs.alias("earlier")
_QUEUED = select(jobs.c.id).where(jobs.c.state == State.QUEUED)
_WAITING = (
    shown()
    .where(
        jobs.c.state == State.QUEUED,
        # Others are damaged, and must not stand in the place of one that can be printed.
        ~NO_TURN,
        ~select(_EARLIER.c.id)
        .where(_EARLIER.c.film_session == jobs.c.film_session)
        .where(_EARLIER.c.state.in_(fixed(ACTIVE)))
        .where(_EARLIER.c.id < jobs.c.id)
        .exists(),
    )
    .order_by(jobs.c.priority_rank, jobs.c.id)  # the clock may be set back
)
_OVERTAKING = (
    select(_EARLIER.c.id, jobs.c.id)
    .join(jobs, jobs.c.film_session == _EARLIER.c.film_session)
    .where(_EARLIER.c.id.in_(all_in([State.HELD])), jobs.c.id > _EARLIER.c.id)
    .where(jobs.c.state.in_((State.QUEUED, State.PRINTING, State.SENT, State.PRINTED)))
    .order_by(_EARLIER.c.id, jobs.c.id)
)
_SESSION_PRINTERS = Prepared(
    select(jobs.c.film_session, sendings.c.printer)
    .join(sendings, jobs.c.id == sendings.c.job_id)
    .where(
        jobs.c.film_session.in_(select(jobs.c.film_session).where(jobs.c.state == State.QUEUED)),
        sendings.c.state.in_(fixed(DONE)),
    )
    .order_by(sendings.c.id)
)
_FRONT = Prepared(_WAITING.limit(bindparam("front", type_=Integer)))
_CONTENT = Prepared(
    select(films.c.number, films.c.content, films.c.digest).where(
        films.c.job_id == bindparam("its_job")
    )
)
_SENDINGS = Prepared(
    select(sendings)
    .where(sendings.c.job_id == bindparam("its_job"))
    .order_by(sendings.c.pass_number, sendings.c.number)
)
_ASKED_FOR = Prepared(
    select(jobs.c.session, jobs.c.level, jobs.c.films, jobs.c.copies, jobs.c.digest).where(
        jobs.c.id == bindparam("its_job")
    )
)
_SESSION = Prepared(select(jobs.c.session).where(jobs.c.id == bindparam("its_job")))


_BEGAN = (
    select(func.coalesce(func.max(attempts.c.began_at), 0.0))
    .where(attempts.c.job_id == jobs.c.id)
    .scalar_subquery()
)
_MOVES = (
    select(sendings.c.id)
    .where(sendings.c.job_id == jobs.c.id, sendings.c.accepted_at >= _BEGAN)
    .exists()
)
_HELD = (
    select(jobs.c.id)
    .where(jobs.c.id.in_(all_in([State.HELD])), ~jobs.c.reason.startswith(HELD_BY_PERSON))
    .order_by(jobs.c.id)
)
UNMOVED = select(func.min(jobs.c.created_at)).where(
    or_(jobs.c.state == State.QUEUED, and_(jobs.c.state == State.PRINTING, ~_MOVES))
)
_PLACE = func.rtrim(jobs.c.peer, "0123456789")
"""The peer without its port: SQLite knows no search from the end."""
_UNFINISHED = Prepared(
    select(jobs.c.calling_ae, _PLACE, func.count(), func.sum(func.coalesce(jobs.c.bytes, 0)))
    .where(jobs.c.state.in_(fixed(UNFINISHED)))
    .group_by(jobs.c.calling_ae, _PLACE)
)
_WAITING_FILES = (
    select(jobs.c.calling_ae, spooled.c.name, func.max(spooled.c.bytes).label("bytes"))
    .join(jobs, jobs.c.id == spooled.c.job_id)
    .where(jobs.c.state.in_(UNFINISHED))
    .where(_PLACE.in_(bindparam("places", expanding=True)))
    .group_by(jobs.c.calling_ae, spooled.c.name)
)


@dataclass(frozen=True)
class Unanswered:
    """A film that a printer was asked for, and has not answered for: it may be on paper."""

    job_id: int
    number: int
    printer: str
    asked_at: float | None
    state: FilmState = field(default=FilmState.UNCERTAIN, kw_only=True, compare=False)
    """`asked` while the attempt that asked waits for the answer."""


@dataclass(frozen=True)
class PrintedAgain(Unanswered):
    """One time that a film was let print again without an answer."""

    waits: bool
    """It was not asked for again since: it may be on paper, but not twice."""


PrintedAgainList = list[PrintedAgain]


def _listed(
    connection: Connection,
    states: Collection[State] | None,
    limit: int | None = None,
    newest_first: bool = False,
) -> JobList:
    """Jobs by number, see `JobQueries.list`."""
    order = jobs.c.id.desc() if newest_first else jobs.c.id
    statement = shown().order_by(order).limit(limit)
    if states is not None:
        some = all_in(states)
        if limit is not None:
            # `limit` of each state, which the index gives at once: the rest need not be sorted.
            first = [_first(numbers_in(each), limit, order) for each in sorted(states)]
            some = union_all(*first, *damaged_in(states))
        statement = statement.where(jobs.c.id.in_(some))
    return several(connection, statement, statement.with_only_columns(jobs.c.id))


def _first(found: Select[tuple[int]], limit: int, *order: ColumnElement[Any]) -> Select[tuple[int]]:
    """The first jobs that a search finds, in that order."""
    return select(found.order_by(*order).limit(limit).subquery().c.id)


def finished_lately(since: float, most: int) -> Select[Any]:
    """The jobs that finished since then, those that finished last first. The index of ends gives
    `most` of each state."""
    order = (jobs.c.updated_at.desc(), jobs.c.id.desc())
    found = (numbers_in(each).where(jobs.c.updated_at >= since) for each in sorted(FINISHED))
    some = union_all(*(_first(each, most, *order) for each in found))
    return shown().where(jobs.c.id.in_(some)).order_by(*order).limit(most)


class JobQueries:
    """Each answer is of one moment. For any thread, in any process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: int) -> Job:
        """One job. Raises: NoSuchJob."""
        with self._database.read() as connection:
            return one(connection, job_id)

    def list(
        self,
        states: Collection[State] | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> JobList:
        """Jobs by number, those in the given states only; `limit` takes the first of that order."""
        with self._database.read() as connection:
            return _listed(connection, states, limit, newest_first)

    def overview(self, since: float, most: int) -> tuple[JobList, JobList]:
        """Jobs that are not finished, by number; and the `most` that finished last, of those that
        finished since then, the last first. One that finishes meanwhile is in one of the two."""
        lately = finished_lately(since, most)
        with self._database.read() as connection:
            unfinished = _listed(connection, UNFINISHED)
            finished = several(connection, lately, lately.with_only_columns(jobs.c.id))
        return unfinished, finished

    def waiting(self, limit: int | None = None) -> JobList:
        """Queued jobs in the order in which to claim them: the most urgent, then the oldest first.

        A job stays out while an earlier one of its film session is queued or printing: films of
        one film session come in order. One that may not begin yet (`not_before`) is among them;
        one whose row is damaged is not. `limit` takes the first of that order.
        """
        with self._database.read() as connection:
            if limit is None:
                return several(connection, _WAITING, _QUEUED)
            return whole(connection, _FRONT.rows(connection, front=limit), _QUEUED)

    def films(self, job_id: int) -> FilmList:
        """The job's films in the order of sending, pass by pass.

        Raises: NoSuchJob. RecordDamaged: when what is written of a film cannot be read.
        """
        found, _ = self._films(job_id)
        return found

    def whole_films(self, job_id: int) -> FilmList:
        """The same, each being what was accepted, and as many as were.

        Raises: NoSuchJob. RecordDamaged: when what is written of a film, or of the job, was
        altered.
        """
        found, digests = self._films(job_id)
        self._check_asked_for(job_id, found)
        for film in {each.number: each for each in found}.values():
            digest = digests[film.number]
            images = (box.image for box in film.film.image_boxes if box.image is not None)
            # Films of early versions have no digest.
            whole = not digest or digest == digest_of(film.film)
            if not whole or not all(image.consistent for image in images):
                raise _damaged(film.number)
        return found

    def _check_asked_for(self, job_id: int, found: FilmList) -> None:
        """Make sure that film session, copies and passes are what was asked for."""
        with self._database.read() as connection:
            rows = _ASKED_FOR.rows(connection, its_job=known(job_id))
        if not rows:
            raise NoSuchJob(job_id)
        session, level, films, copies, digest = rows[0]
        # Jobs of earlier versions have no digest.
        whole = level in KNOWN["level"] and digest in ("", digest_of_job(session, level, copies))
        if whole:
            passes, each = collation(Level(level), films, copies)
            wanted = [(turn + 1, film + 1, each) for turn in range(passes) for film in range(films)]
            whole = wanted == [(film.pass_number, film.number, film.copies) for film in found]
        if not whole:
            raise RecordDamaged(JOB_ALTERED)

    def _films(self, job_id: int) -> tuple[FilmList, Mapping[int, str]]:
        """The films, and the digest of each by its number."""
        content: dict[int, Film] = {}
        digests: dict[int, str] = {}
        with self._database.read() as connection:
            written = _CONTENT.rows(connection, its_job=known(job_id))
            rows = _SENDINGS.rows(connection, its_job=job_id)
            if not rows:
                _exists(connection, job_id)
                raise RecordDamaged(JOB_ALTERED)  # a job has at least one film
        for number, text, digest in written:
            digests[number] = digest
            content[number] = film_of(number, text)
        named = [dict(zip(_SENDINGS.names, row, strict=True)) for row in rows]
        for row in named:
            if row["number"] not in content or row["state"] not in FILM_STATES:
                raise _damaged(row["number"])
        return [_sending(row, content) for row in named], digests

    def unanswered(self) -> Sequence[Unanswered]:
        """Films asked for and not answered, of all printing and held jobs, in their order."""
        statement = (
            select(*(sendings.c[each.name] for each in fields(Unanswered)))
            .join(jobs, jobs.c.id == sendings.c.job_id)
            .where(jobs.c.id.in_(all_in((State.PRINTING, State.HELD))))
            .where(sendings.c.state.in_(UNANSWERED))
            .order_by(sendings.c.id)
        )
        with self._database.read() as connection:
            rows = connection.execute(statement).all()
        return [Unanswered(*row[:-1], state=FilmState(row[-1])) for row in rows]

    def came_again(self) -> Mapping[int, Twin]:
        """Held jobs whose films came again since: number of the job -> the first that has them."""
        with self._database.read() as connection:
            return later_twins(connection, HELD)

    def overtaken(self) -> Mapping[int, Sequence[int]]:
        """Held jobs that their film session goes on without: number -> the later jobs of it."""
        found: dict[int, list[int]] = defaultdict(list)
        with self._database.read() as connection:
            for held, later in connection.execute(_OVERTAKING):
                found[held].append(later)
        return found

    def reprints(self, job_ids: Collection[int]) -> Mapping[int, int]:
        """Of these jobs those that were printed again: number -> the newest job that does it, and
        is not cancelled."""
        statement = (
            select(jobs.c.reprint_of, func.max(jobs.c.id))
            .where(jobs.c.state != State.CANCELLED)
            .group_by(jobs.c.reprint_of)
        )
        if len(job_ids) <= FEW:
            statement = statement.where(jobs.c.reprint_of.in_(job_ids))
        else:
            statement = statement.where(jobs.c.reprint_of.is_not(None))
        with self._database.read() as connection:
            return {row[0]: row[1] for row in connection.execute(statement)}

    def attempts(self, job_id: int) -> AttemptList:
        """The job's attempts, the oldest first. Raises: NoSuchJob."""
        with self._database.read() as connection:
            _exists(connection, job_id)
            rows = connection.execute(
                select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.id)
            ).all()
        return [
            Attempt(
                id=row.id,
                job_id=row.job_id,
                printer=row.printer,
                began_at=row.began_at,
                ended_at=row.ended_at,
                outcome=Outcome(row.outcome) if row.outcome else None,
                words=row.words,
            )
            for row in rows
        ]

    def session(self, job_id: int) -> Attributes:
        """What was asked for of the film session. Raises: NoSuchJob."""
        with self._database.read() as connection:
            found = _SESSION.rows(connection, its_job=known(job_id))
        if not found:
            raise NoSuchJob(job_id)
        return session_of(found[0][0])

    def request(self, job_id: int) -> PrintRequest:
        """What was asked for, equal to what was added. Raises: NoSuchJob."""
        with self._database.read() as connection:
            return request_of(connection, job_id)

    def session_printers(self) -> dict[str, str]:
        """Film session -> the printer that accepted its latest film, for the queued jobs' sessions.

        Film sessions of which nothing was accepted yet are left out.
        """
        with self._database.read() as connection:
            # The latest comes last, and stays.
            return dict(_SESSION_PRINTERS.rows(connection))

    def numbers(self) -> Mapping[State, int]:
        """How many jobs are in each state that there are some in."""
        statement = select(jobs.c.state, func.count()).group_by(jobs.c.state)
        with self._database.read() as connection:
            found: dict[State, int] = defaultdict(int)
            for state, number in connection.execute(statement):
                found[state_of(state)] += number
            held = connection.execute(select(func.count()).where(NO_TURN)).scalar_one()
        if held:
            found[State.QUEUED] -= held
            found[State.HELD] += held
        return {state: number for state, number in found.items() if number}

    def printed_again(self, job_ids: Collection[int]) -> PrintedAgainList:
        """Of these jobs: each time that a film was let print again without an answer."""
        statement = (
            select(
                sendings.c.job_id,
                sendings.c.number,
                printed_again.c.printer,
                printed_again.c.asked_at,
                sendings.c.state == FilmState.WAITING,
            )
            .join(sendings, sendings.c.id == printed_again.c.sending_id)
            .order_by(printed_again.c.id)
        )
        if len(job_ids) <= FEW:
            statement = statement.where(sendings.c.job_id.in_(job_ids))
        with self._database.read() as connection:
            found = [PrintedAgain(*row) for row in connection.execute(statement)]
        return [each for each in found if each.job_id in job_ids]

    def held_by_broker(self) -> Sequence[int]:
        """The numbers of held jobs, in their order, but for those that a person held."""
        with self._database.read() as connection:
            return list(connection.execute(_HELD).scalars())

    def oldest_unmoved(self) -> float | None:
        """When the oldest job was made that is queued, or is being tried and has had no film
        accepted by this try; None without one. A job whose tries fail is no younger than one that
        waits.
        """
        with self._database.read() as connection:
            found: float | None = connection.execute(UNMOVED).scalar()
        return found

    def unfinished(self) -> dict[Caller, Waiting]:
        """How much each caller has in the queue that is not finished. Pixels that several of its
        jobs refer to are counted with each."""
        found: dict[Caller, Waiting] = {}
        with self._database.read() as connection:
            rows = _UNFINISHED.rows(connection)
        for calling_ae, place, number, size in rows:
            caller = Caller.of(calling_ae, place)
            found[caller] = found.get(caller, Waiting()) + Waiting(number, size)
        return found

    def waiting_bytes(self, caller: Caller) -> tuple[int, int]:
        """Bytes of the pixels that unfinished jobs of the caller refer to, and those of its
        address, each file counted once."""
        places = [f"{spelling}:" for spelling in spellings(caller.address)]
        with self._database.read() as connection:
            rows = connection.execute(_WAITING_FILES, {"places": places}).all()
        of_address = {row.name: row.bytes or 0 for row in rows}
        own = sum(row.bytes or 0 for row in rows if row.calling_ae == caller.ae_title)
        return own, sum(of_address.values())


def _damaged(number: object) -> RecordDamaged:
    return RecordDamaged(f"film {number}: {ALTERED}")


def _exists(connection: Connection, job_id: int) -> None:
    which = jobs.c.id == known(job_id)
    if connection.execute(select(jobs.c.id).where(which)).first() is None:
        raise NoSuchJob(job_id)


def _sending(row: Mapping[str, Any], content: Mapping[int, Film]) -> Sending:
    state = FilmState(row["state"])
    return Sending(**{**row, "state": state}, film=content[row["number"]])
